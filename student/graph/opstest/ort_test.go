//go:build cgo && linux

package opstest

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// A departure is a row that ONNX Runtime cannot confirm: why, and what its
// error, or that of the comparison, contains.
type departure struct{ reason, error string }

// departures are those rows by op/name.
var departures = map[string]departure{}

func init() {
	for _, c := range rows["Swish"] {
		departures["Swish/"+c.Name] = departure{"ONNX Runtime 1.29.0 has no kernel for it", "Could not find an implementation for Swish(24)"}
	}
}

// TestONNXRuntime runs every row in ONNX Runtime and compares its outputs with
// the student's. The rows of one opset are one model: opening a session costs
// more than running a row.
func TestONNXRuntime(t *testing.T) {
	if _, err := ort.Find(""); err != nil {
		t.Fatalf("%v: this test needs ONNX Runtime: make test installs it and runs it", err)
	}
	seen := map[string]bool{}
	opsets := map[int64][]Case{}
	for _, c := range Rows() {
		name := c.Op + "/" + c.Name
		d, ok := departures[name]
		if !ok {
			opsets[c.Opset] = append(opsets[c.Opset], c)
			continue
		}
		seen[name] = true
		if err := beside([]Case{c}, 5, nil); err == nil || !strings.Contains(err.Error(), d.error) {
			t.Errorf("%s: listed as %q with %q, but: %v", name, d.reason, d.error, err)
		}
	}
	for name := range departures {
		if !seen[name] {
			t.Errorf("%s is listed, but is no row", name)
		}
	}
	for _, opset := range slices.Sorted(maps.Keys(opsets)) {
		for _, batch := range []int{1, 5} {
			if err := beside(opsets[opset], batch, nil); err != nil {
				t.Errorf("opset %d, batch %d: %v", opset, batch, err)
			}
		}
	}
	t.Logf("%d rows, of which %d are listed as departures", len(Rows()), len(departures))
}

// TestONNXRuntimeSees spoils one weight of the student.
func TestONNXRuntimeSees(t *testing.T) {
	c := find(t, "Gemm", "square")
	err := beside([]Case{find(t, "Relu", "image"), c}, 5, func(w []float32) { w[0] *= 1.01 })
	if err == nil || !strings.Contains(err.Error(), "Gemm/square: output") {
		t.Errorf("a weight wrong by 1 %% was not seen: %v", err)
	}
}

// beside runs rows of one opset in both and gives the first few differences;
// spoil, if any, changes the student's parameters.
func beside(cases []Case, batch int, spoil func(w []float32)) error {
	var runs []*run
	for _, c := range cases {
		r, err := c.newRun(batch, Plain)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", c.Op, c.Name, err)
		}
		runs = append(runs, r)
	}
	want, err := runtimeOutputs(runs)
	if err != nil {
		return err
	}
	var wrong []string
	for _, r := range runs {
		if spoil != nil {
			for _, p := range r.g.Params {
				spoil(p.Data)
			}
		}
		outputs := max(r.Outputs, 1)
		err := r.agrees(want[:outputs])
		want = want[outputs:]
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s/%s: %v", r.Op, r.Name, err))
		}
	}
	if wrong != nil {
		return fmt.Errorf("%d rows differ from ONNX Runtime: %s", len(wrong), strings.Join(wrong[:min(5, len(wrong))], "; "))
	}
	return nil
}

// runtimeOutputs is what ONNX Runtime gives for each run, copied.
func runtimeOutputs(runs []*run) ([]ort.Value, error) {
	data, err := onnx.Marshal(joinedModel(runs))
	if err != nil {
		return nil, err
	}
	session, err := ort.OpenBytes("rows.onnx", data, ort.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var values []ort.Value
	for _, r := range runs {
		for _, i := range r.feed {
			var shape []int64
			for _, d := range r.values[i].Dims {
				shape = append(shape, int64(d))
			}
			v := ort.Float32(shape, toFloat32(r.values[i].Data))
			if r.Inputs[i].Kind == Ids {
				v.DType, v.Data = onnx.Int64, nil
				for _, id := range r.values[i].Data {
					v.Data = binary.LittleEndian.AppendUint64(v.Data, uint64(int64(id)))
				}
			}
			values = append(values, v)
		}
	}
	out, err := session.Run(context.Background(), values)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Data, out[i].Shape = slices.Clone(out[i].Data), slices.Clone(out[i].Shape)
	}
	return out, nil
}

// joinedModel is the models of all runs side by side in one graph; the name of
// a node says its row.
func joinedModel(runs []*run) *onnx.Model {
	all := &onnx.Model{IRVersion: 8, Opsets: runs[0].model.Opsets, Graph: &onnx.Graph{Name: "rows"}}
	for i, r := range runs {
		prefixed := func(name string) string {
			if name == "" {
				return ""
			}
			return fmt.Sprintf("%d.%s", i, name)
		}
		g := r.model.Graph
		for _, n := range g.Nodes {
			c := *n
			c.Name, c.Inputs, c.Outputs = "", nil, nil
			if n.OpType == r.Op {
				c.Name = prefixed(r.Op + "/" + r.Name)
			}
			for _, in := range n.Inputs {
				c.Inputs = append(c.Inputs, prefixed(in))
			}
			for _, out := range n.Outputs {
				c.Outputs = append(c.Outputs, prefixed(out))
			}
			all.Graph.Nodes = append(all.Graph.Nodes, &c)
		}
		for _, t := range g.Initializers {
			c := *t
			c.Name = prefixed(t.Name)
			all.Graph.Initializers = append(all.Graph.Initializers, &c)
		}
		for _, v := range g.Inputs {
			c := *v
			c.Name = prefixed(v.Name)
			all.Graph.Inputs = append(all.Graph.Inputs, &c)
		}
		for _, v := range g.Outputs {
			c := *v
			c.Name = prefixed(v.Name)
			all.Graph.Outputs = append(all.Graph.Outputs, &c)
		}
	}
	return all
}

// agrees compares the student's outputs in inference with want.
func (r *run) agrees(want []ort.Value) error {
	p, err := r.g.NewPlan(r.batch, nil)
	if err != nil {
		return err
	}
	var inputs [][]float32
	for _, i := range r.feed {
		inputs = append(inputs, toFloat32(r.values[i].Data))
	}
	p.Forward(inputs...)
	for k, want := range want {
		if got, shape := fmt.Sprint(r.g.Outputs[k].Shape.At(r.batch)), fmt.Sprint(want.Shape); got != shape {
			return fmt.Errorf("output %d has shape %s, want %s", k, got, shape)
		}
		values, err := want.Float32s()
		if err != nil {
			return err
		}
		exact := make([]float64, len(values))
		for i, v := range values {
			exact[i] = float64(v)
		}
		if err := compare("output", p.Output(k), exact); err != nil {
			return err
		}
	}
	return nil
}
