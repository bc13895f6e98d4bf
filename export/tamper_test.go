package export

import (
	"context"
	"encoding/binary"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// find is the first node of that op.
func find(t *testing.T, g *onnx.Graph, op string) *onnx.Node {
	t.Helper()
	i := slices.IndexFunc(g.Nodes, func(n *onnx.Node) bool { return n.OpType == op })
	if i < 0 {
		t.Fatalf("no %s in the graph", op)
	}
	return g.Nodes[i]
}

// change puts f(old values) into the initializer called name.
func change(t *testing.T, g *onnx.Graph, name string, f func(v []float32)) {
	t.Helper()
	c := g.Initializer(name)
	if c == nil {
		t.Fatalf("no initializer %q", name)
	}
	v, err := c.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	f(v)
	for i := range v {
		binary.LittleEndian.PutUint32(c.Data[4*i:], math.Float32bits(v[i]))
	}
}

// swapRows exchanges the first two of rows of width values.
func swapRows(v []float32, width int) {
	for j := range width {
		v[j], v[width+j] = v[width+j], v[j]
	}
}

// TestTampered plants the faults of an exporter, one at a time, and requires
// that each is seen and that nothing is written.
func TestTampered(t *testing.T) {
	image := models.Input{Shape: []int{1, 12, 12}, Scale: []float32{1.0 / 255}}
	mlp := zooCase{"mlp", "mlp:24,24?norm=1", models.Input{Shape: []int{20}, Scale: []float32{1.0 / 255}, Shift: ramp(20, -1, 0)}}
	cnn := zooCase{"cnn", "cnn:6,6?hidden=16&norm=1", image}
	nhwc := zooCase{"cnn", "cnn:6", models.Input{Shape: []int{12, 12, 3}, NHWC: true, Scale: []float32{0.01, 0.02, 0.03}}}
	students := map[string]*student.Student{}
	for _, c := range []struct {
		name string
		of   zooCase
		how  func(t *testing.T, m *onnx.Model)
	}{
		{"square weight transposed", mlp, func(t *testing.T, m *onnx.Model) {
			change(t, m.Graph, "fc2.weight", func(v []float32) {
				for i := range 24 {
					for j := range i {
						v[i*24+j], v[j*24+i] = v[j*24+i], v[i*24+j]
					}
				}
			})
		}},
		{"transB of a square weight forgotten", mlp, func(t *testing.T, m *onnx.Model) {
			for _, n := range m.Graph.Nodes {
				if n.OpType == "Gemm" && n.Inputs[1] == "fc2.weight" {
					n.Attr("transB").I = 0
				}
			}
		}},
		{"bias of the head dropped", mlp, func(t *testing.T, m *onnx.Model) {
			head := m.Graph.Nodes[len(m.Graph.Nodes)-1]
			head.Inputs = head.Inputs[:2]
		}},
		{"bias of a convolution dropped", nhwc, func(t *testing.T, m *onnx.Model) {
			n := find(t, m.Graph, "Conv")
			n.Inputs = n.Inputs[:2]
		}},
		{"beta of Gemm", mlp, func(t *testing.T, m *onnx.Model) {
			m.Graph.Nodes[len(m.Graph.Nodes)-1].Attr("beta").F = 0.5
		}},
		{"epsilon of another framework", mlp, func(t *testing.T, m *onnx.Model) {
			find(t, m.Graph, "BatchNormalization").Attr("epsilon").F = 1e-3
		}},
		{"epsilon in a cnn", cnn, func(t *testing.T, m *onnx.Model) {
			find(t, m.Graph, "BatchNormalization").Attr("epsilon").F = 1e-3
		}},
		{"running mean off by 1 %", mlp, func(t *testing.T, m *onnx.Model) {
			change(t, m.Graph, "norm1.running_mean", func(v []float32) {
				for i := range v {
					v[i] *= 1.01
				}
			})
		}},
		{"mean and variance exchanged", cnn, func(t *testing.T, m *onnx.Model) {
			n := find(t, m.Graph, "BatchNormalization")
			n.Inputs[3], n.Inputs[4] = n.Inputs[4], n.Inputs[3]
		}},
		{"two classes exchanged", mlp, func(t *testing.T, m *onnx.Model) {
			change(t, m.Graph, "fc3.weight", func(v []float32) { swapRows(v, 24) })
			change(t, m.Graph, "fc3.bias", func(v []float32) { swapRows(v, 1) })
		}},
		{"scale 1/256 for 1/255", mlp, func(t *testing.T, m *onnx.Model) {
			change(t, m.Graph, "input_scale", func(v []float32) { v[0] = 1.0 / 256 })
		}},
		{"scale of another channel", nhwc, func(t *testing.T, m *onnx.Model) {
			change(t, m.Graph, "input_scale", func(v []float32) { swapRows(v, 1) })
		}},
		{"scale after the shift", mlp, func(t *testing.T, m *onnx.Model) {
			mul, add := find(t, m.Graph, "Mul"), find(t, m.Graph, "Add")
			mul.OpType, add.OpType = "Add", "Mul"
			mul.Inputs[1], add.Inputs[1] = add.Inputs[1], mul.Inputs[1]
		}},
		{"height and width exchanged", nhwc, func(t *testing.T, m *onnx.Model) {
			find(t, m.Graph, "Transpose").Attr("perm").Ints = []int64{0, 3, 2, 1}
		}},
		{"flattened channels last", cnn, func(t *testing.T, m *onnx.Model) {
			n := find(t, m.Graph, "Flatten")
			i := slices.Index(m.Graph.Nodes, n)
			m.Graph.Nodes = slices.Insert(m.Graph.Nodes, i, &onnx.Node{Name: "turn", OpType: "Transpose",
				Inputs: []string{n.Inputs[0]}, Outputs: []string{"turned"}, Attrs: []*onnx.Attr{onnx.IntsAttr("perm", 0, 2, 3, 1)}})
			n.Inputs[0] = "turned"
		}},
		{"axis of Flatten", cnn, func(t *testing.T, m *onnx.Model) {
			find(t, m.Graph, "Flatten").Attr("axis").I = 2
		}},
		{"kernel turned round", cnn, func(t *testing.T, m *onnx.Model) {
			change(t, m.Graph, "conv1.weight", func(v []float32) {
				for i := 0; i < len(v); i += 9 {
					slices.Reverse(v[i : i+9])
				}
			})
		}},
		{"Relu left out", mlp, func(t *testing.T, m *onnx.Model) { find(t, m.Graph, "Relu").OpType = "Identity" }},
		{"one weight off by 1 %", mlp, func(t *testing.T, m *onnx.Model) {
			change(t, m.Graph, "fc3.weight", func(v []float32) { v[3] *= 1.01 })
		}},
		{"an operator that is none", mlp, func(t *testing.T, m *onnx.Model) { find(t, m.Graph, "Relu").OpType = "Rectify" }},
		{"another width", mlp, func(t *testing.T, m *onnx.Model) {
			m.Graph.Inputs[0].Shape[1].Value = 21
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := students[c.of.spec]
			if st == nil {
				st = trained(t, c.of)
				for _, p := range st.Params() { // biases that count
					for i := range p.Data {
						if p.Trainable && len(p.Dims) == 1 {
							p.Data[i] += 0.05 * float32(1+i%3)
						}
					}
				}
				students[c.of.spec] = st
			}
			const n = 64
			x := rows(n, size(c.of.in.Shape), 12)
			data := mustBytes(t, st)
			dir := t.TempDir()
			write := func(file string, data []byte) (Parity, error) {
				return prove(context.Background(), filepath.Join(dir, file), data, st, x, n, Options{})
			}
			m, err := onnx.Parse("student.onnx", data, onnx.ReadOptions{Weights: true})
			if err != nil {
				t.Fatal(err)
			}
			c.how(t, m)
			tampered, err := onnx.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			p, err := write("tampered.onnx", tampered)
			faulttest.Want(t, err, fault.Parity, "tampered.onnx")
			if p.Within {
				t.Errorf("parity says %s", p)
			}
			wantEmpty(t, dir)
			if _, err := write("student.onnx", data); err != nil {
				t.Errorf("and untouched: %v", err)
			}
		})
	}
}

// TestNotFinite requires that a weight or statistic without a value is refused
// by name before ONNX Runtime sees it.
func TestNotFinite(t *testing.T) {
	c := zooCase{"mlp", "mlp:8?norm=1", models.Input{Shape: []int{6}, Scale: []float32{0.5}}}
	for _, name := range []string{"fc2.weight", "norm1.running_var", "fc1.bias"} {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			st := trained(t, c)
			i := slices.IndexFunc(st.Params(), func(p student.Param) bool { return p.Name == name })
			st.Params()[i].Data[3] = float32(v)
			dir := t.TempDir()
			path := filepath.Join(dir, "student.onnx")
			_, err := Write(context.Background(), st, path, rows(2, 6, 1), 2, Options{})
			faulttest.Want(t, err, fault.Parity, path, name, "element 3")
			faulttest.Want(t, WriteUnverified(st, filepath.Join(dir, "s.unverified.onnx"), nil), fault.Parity, name)
			wantEmpty(t, dir)
		}
	}
}
