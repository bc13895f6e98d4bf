package graph

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// The tests of ONNX's backends as Debian packages them: in each folder a
// model.onnx and test_data_set_*/{input,output}_*.pb.
const (
	backendPackage = "libonnx-testdata"
	backendData    = "/usr/share/libonnx-testdata/data"
	backendSkips   = "testdata/backend_skips.txt"
	backendCount   = 932 // tests below node in version 1.12.0, which backend_skips.txt is of
)

// backendTests are the folders of tests. Those below real are whole networks,
// of which the package has the data but not the models.
var backendTests = []string{"node", "simple", "pytorch-converted", "pytorch-operator"}

// The tolerances that ONNX's own runner takes are 1e-3 and 1e-7.
const (
	backendRelative = 1e-4
	backendAbsolute = 1e-6
)

// TestBackend runs every test of the ONNX backend suite whose ops are all ops
// of a student, in inference. Those in backend_skips.txt must fail as is said
// there, the others must pass. Of another version of the suite the values are
// checked, but whatever a student refuses is let be.
func TestBackend(t *testing.T) {
	if _, err := os.Stat(backendData); err != nil {
		t.Skipf("the ONNX backend tests are not installed: apt-get install %s, or make testdata", backendPackage)
	}
	skips, err := readSkips(backendSkips)
	if err != nil {
		t.Fatal(err)
	}
	nodes, _ := filepath.Glob(filepath.Join(backendData, "node", "test_*"))
	strict := len(nodes) == backendCount
	passed, others := 0, 0
	skipped, entered := map[string]int{}, map[string]int{}
	for _, folder := range backendTests {
		dirs, err := filepath.Glob(filepath.Join(backendData, folder, "test_*"))
		if err != nil || len(dirs) == 0 {
			t.Fatalf("%s has no tests in %s (%v)", backendPackage, folder, err)
		}
		for _, dir := range dirs {
			name := folder + "/" + filepath.Base(dir)
			m, err := onnx.Read(filepath.Join(dir, "model.onnx"), onnx.ReadOptions{Weights: true})
			if err != nil && strict {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil || !inOps(m) {
				others++
				continue
			}
			old := modernise(m)
			how, err := backendTest(m, dir)
			skip, listed := skips[name]
			delete(skips, name)
			switch {
			case err != nil && !strict && fault.KindOf(err) == fault.Input:
				skipped["refused in another version of the suite"]++
			case err == nil && listed && strict:
				t.Errorf("%s: passes, but is listed as a skip: %s", name, skip.reason)
			case err == nil:
				passed++
				entered[how+old]++
			case !listed:
				t.Errorf("%s: %v", name, err)
			case !strings.Contains(err.Error(), skip.error):
				t.Errorf("%s: listed with %q, but: %v", name, skip.error, err)
			default:
				skipped[skip.reason]++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(skips)) {
		if strict {
			t.Errorf("%s is listed as a skip, but is no test whose ops a student has", name)
		}
	}
	total := 0
	for _, n := range skipped {
		total += n
	}
	t.Logf("%d passed, %d skipped, %d need ops that a student lacks", passed, total, others)
	for _, list := range []map[string]int{entered, skipped} {
		for _, why := range slices.Sorted(maps.Keys(list)) {
			t.Logf("%5d %s", list[why], why)
		}
	}
}

// modernise has a model of an opset before the first one of students read as
// of that: the ops changed between the two only in attributes that a student
// refuses or, like is_test, need not know.
func modernise(m *onnx.Model) string {
	for i, o := range m.Opsets {
		if o.Domain == "" && o.Version < MinOpset {
			m.Opsets[i].Version = MinOpset
			return fmt.Sprintf(", read as of opset %d", MinOpset)
		}
	}
	return ""
}

// inOps tells whether a student has every op of the model.
func inOps(m *onnx.Model) bool {
	return !slices.ContainsFunc(m.Graph.Nodes, func(n *onnx.Node) bool {
		return opName(n) != "Constant" && (ops[n.OpType] == nil || opName(n) != n.OpType)
	})
}

// A backendSkip says why a test cannot pass, and what the error must contain.
type backendSkip struct{ reason, error string }

// readSkips reads names of tests below lines "reason: …" and "error: …", which
// hold until the next ones.
func readSkips(path string) (map[string]backendSkip, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	skips, now := map[string]backendSkip{}, backendSkip{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "reason: "):
			now = backendSkip{reason: line[len("reason: "):]}
		case strings.HasPrefix(line, "error: "):
			now.error = line[len("error: "):]
		default:
			if _, twice := skips[line]; twice || now.reason == "" || now.error == "" {
				return nil, fmt.Errorf("%s: %s is listed twice, or without a reason and an error", path, line)
			}
			skips[line] = now
		}
	}
	return skips, lines.Err()
}

// backendTest runs all data sets of one test and says how its inputs entered.
func backendTest(m *onnx.Model, dir string) (how string, err error) {
	sets, err := filepath.Glob(filepath.Join(dir, "test_data_set_*"))
	if err != nil || len(sets) == 0 {
		return "", fmt.Errorf("has no data (%v)", err)
	}
	for _, set := range sets {
		inputs, err := tensors(set, "input")
		if err != nil {
			return "", err
		}
		want, err := tensors(set, "output")
		if err != nil {
			return "", err
		}
		if how, err = backendSet(m, inputs, want); err != nil {
			return "", err
		}
	}
	return how, nil
}

// tensors reads kind_0.pb, kind_1.pb, … of a folder.
func tensors(dir, kind string) ([]*onnx.Tensor, error) {
	var list []*onnx.Tensor
	for i := 0; ; i++ {
		path := filepath.Join(dir, fmt.Sprintf("%s_%d.pb", kind, i))
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		t, err := onnx.ParseTensor(filepath.Base(path), data)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
}

// backendSet tries the first input as data with its first axis as batch and
// the others as initializers, then more inputs as data, then none; and where a
// student does not give all outputs, the first one alone. Only a refusal leads
// to the next try: a wrong value is an error at once.
func backendSet(m *onnx.Model, inputs, want []*onnx.Tensor) (how string, err error) {
	var refusal error
	for k := range len(inputs) + 1 {
		fed := (k + 1) % (len(inputs) + 1)
		for outputs := len(want); outputs > 0; outputs = min(1, outputs-1) {
			p, g, err := backendPlan(m, inputs, fed, outputs)
			if err != nil {
				refusal = cmp.Or(refusal, err)
				continue
			}
			how = fmt.Sprintf("with %d inputs as data", min(fed, 2))
			if outputs < len(want) {
				how += ", the first output alone"
			}
			return how, backendCompare(p, g, want[:outputs])
		}
	}
	return "", refusal
}

// backendPlan imports the model with its first inputs as data and runs it.
func backendPlan(m *onnx.Model, inputs []*onnx.Tensor, fed, outputs int) (*Plan, *Graph, error) {
	c := clone(m)
	c.Graph.Outputs = c.Graph.Outputs[:min(outputs, len(c.Graph.Outputs))]
	i := 0
	var data []*onnx.Tensor
	c.Graph.Inputs = slices.DeleteFunc(c.Graph.Inputs, func(v *onnx.Value) bool {
		if m.Graph.Initializer(v.Name) != nil || i == len(inputs) {
			return false
		}
		t := *inputs[i]
		t.Name = v.Name
		if i++; i <= fed {
			data = append(data, &t)
			return false
		}
		c.Graph.Initializers = append(c.Graph.Initializers, &t)
		return true
	})
	g, err := Import(c, "model.onnx")
	if err != nil {
		return nil, nil, err
	}
	batch := 1
	if len(data) > 0 && len(data[0].Dims) > 0 {
		batch = int(data[0].Dims[0])
	}
	p, err := g.NewPlan(batch, nil)
	if err != nil {
		return nil, nil, err
	}
	var feed [][]float32
	for i, t := range data {
		x, err := t.Float32s()
		if err != nil {
			return nil, nil, err
		}
		if len(x) != g.Inputs[i].Shape.Size(batch) {
			return nil, nil, fmt.Errorf("input %d has %d values, expected %v", i, len(x), g.Inputs[i].Shape)
		}
		feed = append(feed, x)
	}
	p.Forward(feed...)
	return p, g, nil
}

// backendCompare compares shapes and values with those of the test.
func backendCompare(p *Plan, g *Graph, want []*onnx.Tensor) error {
	for i, t := range want {
		w, err := t.Float32s()
		if err != nil || t.DType != onnx.Float32 {
			return fmt.Errorf("output %d is %v, expected float32 (%v)", i, t.DType, err)
		}
		var dims []int64
		for _, d := range g.Outputs[i].Shape.At(p.Batch) {
			dims = append(dims, int64(d))
		}
		if !slices.Equal(dims, t.Dims) {
			return fmt.Errorf("output %d has shape %v, want %v", i, dims, t.Dims)
		}
		for j, v := range p.Output(i) {
			x, y := float64(v), float64(w[j])
			if x != y && !(math.IsNaN(x) && math.IsNaN(y)) && !(math.Abs(x-y) <= backendAbsolute+backendRelative*math.Abs(y)) {
				return fmt.Errorf("output %d[%d] is %g, want %g", i, j, x, y)
			}
		}
	}
	return nil
}

// TestBackendSees gives a test a wrong value, a wrong shape, and a list of
// skips without its reason.
func TestBackendSees(t *testing.T) {
	m := model(dynamic, []int64{2}, nil, node("Relu", "x", "y"))
	in := []*onnx.Tensor{onnx.FloatTensor("x", []int64{2, 2}, []float32{1, -2, 3, -4})}
	right := onnx.FloatTensor("y", []int64{2, 2}, []float32{1, 0, 3, 0})
	if _, err := backendSet(m, in, []*onnx.Tensor{right}); err != nil {
		t.Error(err)
	}
	for want, y := range map[string]*onnx.Tensor{
		"output 0[2] is 3, want 3.0625": onnx.FloatTensor("y", []int64{2, 2}, []float32{1, 0, 3.0625, 0}),
		"want [4]":                      onnx.FloatTensor("y", []int64{4}, []float32{1, 0, 3, 0}),
		"expected float32":              onnx.Int64Tensor("y", []int64{4}, []int64{1, 0, 3, 0}),
	} {
		if _, err := backendSet(m, in, []*onnx.Tensor{y}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	list := filepath.Join(t.TempDir(), "skips.txt")
	for _, text := range []string{"node/a\n", "reason: r\nnode/a\n", "reason: r\nerror: e\nnode/a\nnode/a\n"} {
		if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readSkips(list); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}
