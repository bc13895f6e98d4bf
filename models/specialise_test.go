package models

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// heads are classifiers of 4 classes of rows of 3 numbers, or images of 2×2×3,
// with biases that differ, by what they end in.
func heads(t *testing.T) map[string]*onnx.Model {
	all := endings(t)
	delete(all, "a Mul, and a constant of that name") // is refused
	mlp := func() *onnx.Model {
		m, err := Build("mlp:5", Input{Name: "x", Shape: []int{3}}, 4, 1)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := mlp() // (in, classes) by a MatMul
	last := m.Graph.Nodes[len(m.Graph.Nodes)-1]
	w, err := m.Graph.Initializer(last.Inputs[1]).Float32s()
	if err != nil {
		t.Fatal(err)
	}
	turned := make([]float32, len(w))
	for i, v := range w {
		turned[i%5*4+i/5] = v
	}
	m.Graph.Initializers = append(m.Graph.Initializers, onnx.FloatTensor("turned", []int64{5, 4}, turned))
	bias := last.Inputs[2]
	*last = onnx.Node{OpType: "MatMul", Inputs: []string{last.Inputs[0], "turned"}, Outputs: []string{"product"}}
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: "Add", Inputs: []string{bias, "product"}, Outputs: []string{m.Graph.Outputs[0].Name}})
	all["a MatMul and an Add"] = m

	m, err = Build("cnn:2", Input{Name: "x", Shape: []int{3, 2, 2}}, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Nodes, m.Graph.ValueInfo = nil, nil
	kernel, offsets := make([]float32, 12), []float32{0.5, -1, 0, 2}
	for i := range kernel {
		kernel[i] = float32(math.Sin(float64(3 * i)))
	}
	m.Graph.Initializers = []*onnx.Tensor{onnx.FloatTensor("kernel", []int64{4, 3, 1, 1}, kernel), onnx.FloatTensor("offsets", []int64{4, 1, 1}, offsets)}
	m.Graph.Nodes = []*onnx.Node{
		{OpType: "Conv", Inputs: []string{"x", "kernel"}, Outputs: []string{"c"}, Attrs: []*onnx.Attr{onnx.IntsAttr("kernel_shape", 1, 1)}},
		{OpType: "Add", Inputs: []string{"c", "offsets"}, Outputs: []string{"o"}},
		{OpType: "GlobalAveragePool", Inputs: []string{"o"}, Outputs: []string{"p"}},
		{OpType: "Flatten", Inputs: []string{"p"}, Outputs: []string{m.Graph.Outputs[0].Name}, Attrs: []*onnx.Attr{onnx.IntAttr("axis", 1)}},
	}
	all["a Conv and a pool"] = m
	for _, m := range all { // biases that differ
		if last := m.Graph.Nodes[len(m.Graph.Nodes)-1]; last.OpType == "Gemm" && len(last.Inputs) == 3 {
			b := m.Graph.Initializer(last.Inputs[2])
			i := slices.Index(m.Graph.Initializers, b)
			m.Graph.Initializers[i] = onnx.FloatTensor(b.Name, b.Dims, []float32{0.1, 1, -2, 0.3})
		}
	}
	return all
}

// logits are what m gives some rows, as logits, (n, classes): of a softmax its
// logarithm.
func logits(t *testing.T, name string, m *onnx.Model, x []float32, n int) []float32 {
	t.Helper()
	s, err := student.FromModel(m, name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	z := make([]float32, n*s.Classes())
	if err := s.Predict(context.Background(), x, n, z); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if at := producer(m.Graph, m.Graph.Outputs[0].Name); m.Graph.Nodes[at].OpType == "Softmax" {
		for i, v := range z {
			z[i] = float32(math.Log(float64(v)))
		}
	}
	return z
}

// TestSpecialise: of every ending the rows of the set stay what they were
// relative to one another, and the dustbin is the tangent of the others' true
// logit: equal to it where h = 0, and nowhere above.
func TestSpecialise(t *testing.T) {
	for name, m := range heads(t) {
		for _, set := range [][]int{{0}, {1, 3}, {0, 1, 2}} {
			size := 3
			if len(m.Graph.Inputs[0].Shape) == 4 {
				size = 12
			}
			const n = 40
			x := make([]float32, n*size)
			for i := range x[size:] { // the first row is all 0, where h = 0
				x[size+i] = float32(3 * math.Sin(float64(i*i)))
			}
			own := copyOf(t, m)
			if err := Specialise(own, set); err != nil {
				t.Fatalf("%s %v: %v", name, set, err)
			}
			c := len(set) + 1
			z, got := logits(t, name, m, x, n), logits(t, name, own, x, n)
			if len(got) != n*c {
				t.Fatalf("%s %v: %d outputs", name, set, len(got)/n)
			}
			for i := range n {
				others := math.Inf(-1)
				for k := range 4 {
					if !slices.Contains(set, k) {
						others = logAdd(others, float64(z[i*4+k]))
					}
				}
				first := float64(got[i*c]) - float64(z[i*4+set[0]]) // a softmax moves all logits of a row
				for j, k := range set {
					if d := float64(got[i*c+j]) - float64(z[i*4+k]) - first; !(math.Abs(d) < 1e-4) {
						t.Errorf("%s %v: row %d: class %d is off by %g", name, set, i, k, d)
					}
				}
				below := others - (float64(got[i*c+c-1]) - first)
				switch {
				case !(below > -1e-4):
					t.Errorf("%s %v: row %d: the dustbin is %g above the others together", name, set, i, -below)
				case i == 0 && !(below < 1e-4):
					t.Errorf("%s %v: the dustbin is %g below the others where h = 0, expected to touch", name, set, below)
				case len(set) == 3 && !(below < 1e-4):
					t.Errorf("%s %v: row %d: the dustbin of one class is %g below it", name, set, i, below)
				}
			}
		}
	}
}

func logAdd(a, b float64) float64 {
	return max(a, b) + math.Log1p(math.Exp(-math.Abs(a-b)))
}

func copyOf(t *testing.T, m *onnx.Model) *onnx.Model {
	t.Helper()
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	c, err := onnx.Parse("copy", data, onnx.ReadOptions{Weights: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSpecialiseNear: with logits of moderate spread a specialist that has not
// been trained answers nearly as the generalist does, its others summed.
func TestSpecialiseNear(t *testing.T) {
	m, err := Build("mlp:16", Input{Name: "x", Shape: []int{6}}, 10, 3)
	if err != nil {
		t.Fatal(err)
	}
	const n = 200
	x := make([]float32, n*6)
	for i := range x {
		x[i] = float32(math.Sin(float64(i * i)))
	}
	set := []int{2, 5, 7}
	own := copyOf(t, m)
	if err := Specialise(own, set); err != nil {
		t.Fatal(err)
	}
	z, got := logits(t, "generalist", m, x, n), logits(t, "specialist", own, x, n)
	apart := 0.0
	for i := range n {
		p, q := softmax(z[i*10:(i+1)*10]), softmax(got[i*4:(i+1)*4])
		rest := 1.0
		for j, k := range set {
			rest -= p[k]
			apart += p[k] * math.Log(p[k]/q[j]) / n
		}
		apart += rest * math.Log(rest/q[3]) / n
	}
	if !(apart < 0.02) {
		t.Errorf("KL of the generalist's aggregated answer from the untrained specialist's is %.4f nats", apart)
	}
}

func softmax(z []float32) []float64 {
	p, sum := make([]float64, len(z)), 0.0
	for i, v := range z {
		p[i] = math.Exp(float64(v))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func TestSpecialiseRefuses(t *testing.T) {
	build := func() *onnx.Model { return endings(t)["a Gemm with a bias"] }
	for _, set := range [][]int{{}, {0, 1, 2, 3}, {4}, {-1}, {1, 1}, {2, 1}} {
		if err := Specialise(build(), set); fault.KindOf(err) != fault.Usage {
			t.Errorf("%v: %v", set, err)
		}
	}
	for want, change := range map[string]func(m *onnx.Model, last *onnx.Node){
		"(Relu)": func(m *onnx.Model, last *onnx.Node) {
			last.Outputs[0] = "inner"
			m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: "Relu", Inputs: []string{"inner"}, Outputs: []string{m.Graph.Outputs[0].Name}})
		},
		"(Gemm)": func(m *onnx.Model, last *onnx.Node) { last.Inputs[1] = "x" },
		"adds no constant": func(m *onnx.Model, last *onnx.Node) {
			last.Outputs[0] = "inner"
			m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: "Add", Inputs: []string{"inner", "inner"}, Outputs: []string{m.Graph.Outputs[0].Name}})
		},
		"comes from no node": func(m *onnx.Model, last *onnx.Node) { last.Outputs[0] = "elsewhere" },
		"one output":         func(m *onnx.Model, last *onnx.Node) { m.Graph.Outputs[0].Shape = m.Graph.Outputs[0].Shape[:1] },
		`domain "mine"`:      func(m *onnx.Model, last *onnx.Node) { last.Domain = "mine" },
	} {
		m := build()
		change(m, m.Graph.Nodes[len(m.Graph.Nodes)-1])
		err := Specialise(m, []int{1, 2})
		if fault.KindOf(err) != fault.Input || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
