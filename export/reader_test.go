package export

import (
	"context"
	"fmt"
	"strings"
	"testing"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/x/gorgonnx"
	"gorgonia.org/tensor"

	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// readElsewhere runs a model in onnx-go with the gorgonia backend, which
// shares no code with this module and is no ONNX Runtime either.
func readElsewhere(data []byte, shape []int, x []float32) (z []float32, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	backend := gorgonnx.NewGraph()
	m := onnxgo.NewModel(backend)
	if err := m.UnmarshalBinary(data); err != nil {
		return nil, err
	}
	if err := m.SetInput(0, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))); err != nil {
		return nil, err
	}
	if err := backend.Run(); err != nil {
		return nil, err
	}
	out, err := m.GetOutputTensors()
	if err != nil {
		return nil, err
	}
	if len(out) != 1 {
		return nil, fmt.Errorf("%d outputs", len(out))
	}
	return out[0].Data().([]float32), nil
}

// withoutRatio leaves the ratio input out of each Dropout: onnx-go knows the
// operator of opset 7 with one input, and ignores it.
func withoutRatio(t *testing.T, data []byte) []byte {
	t.Helper()
	m, err := onnx.Parse("student.onnx", data, onnx.ReadOptions{Weights: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range m.Graph.Nodes {
		if n.OpType == "Dropout" {
			n.Inputs = n.Inputs[:1]
		}
	}
	if data, err = onnx.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestIndependentReader requires that a runtime in pure Go reads what is
// exported, and agrees. It takes the dynamic batch axis as it is. It cannot
// normalise batches of flat rows, nor leave out dropout with a ratio input,
// and has no LayerNormalization and no Clip with inputs; these limits are held
// here, so that a change of one is seen. Of a row alone it normalises in place
// what a pre-activation net adds again later: WRN is not asked.
func TestIndependentReader(t *testing.T) {
	agreed := map[string]int{}
	for _, c := range zoo() {
		if strings.HasPrefix(c.spec, "wrn") {
			continue
		}
		st := ofZoo(t, c)
		data := mustBytes(t, st)
		for _, n := range []int{1, 3} {
			shape := append([]int{n}, c.in.Shape...)
			x := rows(n, size(c.in.Shape), 17)
			native := make([]float32, n*classes)
			if err := st.Predict(context.Background(), x, n, native); err != nil {
				t.Fatal(err)
			}
			file := data
			if strings.Contains(c.spec, "dropout") {
				if _, err := readElsewhere(data, shape, rows(n, size(c.in.Shape), 17)); err == nil {
					t.Errorf("%s: onnx-go takes Dropout with a ratio now", c.name)
				}
				file = withoutRatio(t, data)
			}
			got, err := readElsewhere(file, shape, x)
			if strings.HasPrefix(c.spec, "transformer") || strings.HasPrefix(c.spec, "mobilenetv2") {
				if err == nil {
					t.Errorf("%s: onnx-go reads it now", c.name)
				}
				continue
			}
			if strings.HasPrefix(c.spec, "mlp") && strings.Contains(c.spec, "norm=1") {
				if err == nil || !strings.Contains(err.Error(), "not implemented") {
					t.Errorf("%s: onnx-go says %v to BatchNormalization of (N, C)", c.name, err)
				}
				continue
			}
			if err != nil || len(got) != len(native) {
				t.Errorf("%s: batch %d: %d values, %v", c.name, n, len(got), err)
				continue
			}
			p := Parity{Tolerance: DefaultTolerance}
			if p.compare(native, got, classes, 0); p.Outside != 0 || p.Flips != 0 {
				t.Errorf("%s: batch %d: %+v", c.name, n, p)
			}
			a, err := models.Find(c.spec)
			if err != nil {
				t.Fatal(err)
			}
			agreed[a.Name]++
		}
	}
	for _, arch := range []string{"mlp", "linear", "cnn", "lenet", "resnetD"} {
		if agreed[arch] == 0 {
			t.Errorf("no %s was read", arch)
		}
	}
}
