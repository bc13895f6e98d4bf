package graph

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// layers are weights by name for nets of images with 3 channels that become 5.
func layers(rng *rand.Rand) []*onnx.Tensor {
	draw := func(name string, lo, hi float64, dims ...int64) *onnx.Tensor {
		n := int64(1)
		for _, d := range dims {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(lo + (hi-lo)*rng.Float64())
		}
		return onnx.FloatTensor(name, dims, v)
	}
	return []*onnx.Tensor{
		draw("w", -0.5, 0.5, 5, 3, 3, 3), draw("v", -0.5, 0.5, 5, 5, 1, 1), draw("b", -1, 1, 5),
		draw("s", 0.5, 2, 5), draw("o", -0.5, 1, 5), draw("m", -0.3, 0.3, 5), draw("q", 0.5, 2, 5),
		onnx.FloatTensor("zero", nil, []float32{0}), onnx.FloatTensor("six", nil, []float32{1.5}),
	}
}

// TestFused holds plans with joined nodes to those without, in training and
// inference: outputs and every gradient.
func TestFused(t *testing.T) {
	conv := node("Conv", "x w", "c", onnx.IntsAttr("pads", 1, 1, 1, 1))
	biased := node("Conv", "x w b", "c", onnx.IntsAttr("pads", 1, 1, 1, 1))
	norm := node("BatchNormalization", "c s o m q", "n")
	for name, c := range map[string]struct {
		nodes        []*onnx.Node
		train, infer []string // titles of the joined plans
	}{
		"rectified": {[]*onnx.Node{conv, norm, node("Relu", "n", "y")},
			[]string{"ToChannelsLast", "Conv", "BatchNormalization+Relu", "ToChannelsFirst"}, []string{"ToChannelsLast", "Conv+Relu", "ToChannelsFirst"}},
		"plain": {[]*onnx.Node{conv, node("BatchNormalization", "c s o m q", "y")},
			[]string{"ToChannelsLast", "Conv", "BatchNormalization", "ToChannelsFirst"}, []string{"ToChannelsLast", "Conv", "ToChannelsFirst"}},
		"capped": {[]*onnx.Node{biased, norm, node("Clip", "n zero six", "y")},
			[]string{"ToChannelsLast", "Conv", "BatchNormalization+Clip", "ToChannelsFirst"}, []string{"ToChannelsLast", "Conv+Clip", "ToChannelsFirst"}},
		"residual": {[]*onnx.Node{biased, norm, node("Relu", "n", "r"), node("Conv", "r v", "d"), node("BatchNormalization", "d s o m q", "e"), node("Add", "e r", "a"), node("Relu", "a", "y")},
			[]string{"ToChannelsLast", "Conv", "BatchNormalization+Relu", "Conv", "BatchNormalization+Add+Relu", "ToChannelsFirst"},
			[]string{"ToChannelsLast", "Conv+Relu", "Conv+Relu", "ToChannelsFirst"}},
		"linear residual": {[]*onnx.Node{conv, norm, node("Conv", "n v", "d"), node("BatchNormalization", "d s o m q", "e"), node("Add", "n e", "y")},
			[]string{"ToChannelsLast", "Conv", "BatchNormalization", "Conv", "BatchNormalization+Add", "ToChannelsFirst"},
			[]string{"ToChannelsLast", "Conv", "Conv", "ToChannelsFirst"}},
		"sum": {[]*onnx.Node{conv, node("Conv", "c v", "d"), node("Add", "c d", "a"), node("Relu", "a", "y")},
			[]string{"ToChannelsLast", "Conv", "Conv", "AddRelu", "ToChannelsFirst"}, []string{"ToChannelsLast", "Conv", "Conv", "AddRelu", "ToChannelsFirst"}},
		"convolution": {[]*onnx.Node{biased, node("Relu", "c", "y")},
			[]string{"ToChannelsLast", "Conv", "Relu", "ToChannelsFirst"}, []string{"ToChannelsLast", "Conv+Relu", "ToChannelsFirst"}},
		"computed scale": {[]*onnx.Node{conv, node("Identity", "s", "t"), node("BatchNormalization", "c t o m q", "y")},
			[]string{"ToChannelsLast", "Conv", "Identity", "BatchNormalization", "ToChannelsFirst"}, []string{"ToChannelsLast", "Conv", "Identity", "BatchNormalization", "ToChannelsFirst"}},
		"read twice": {[]*onnx.Node{conv, norm, node("Relu", "n", "r"), node("Mul", "n r", "y")},
			[]string{"ToChannelsLast", "Conv", "BatchNormalization", "Relu", "Mul", "ToChannelsFirst"}, []string{"ToChannelsLast", "Conv", "Relu", "Mul", "ToChannelsFirst"}},
	} {
		m := model(dynamic, []int64{3, 6, 5}, layers(rand.New(rand.NewPCG(2, 9))), c.nodes...)
		m.Metadata = []onnx.Entry{{Key: FrozenKey, Value: "zero,six"}}
		g, err := Import(m, name)
		if err != nil {
			t.Fatal(err)
		}
		g.TrackInputs()
		for _, training := range []bool{true, false} {
			got, titles := results(t, g, training, true)
			want, _ := results(t, g, training, false)
			expected := c.infer
			if training {
				expected = c.train
			}
			if !slices.Equal(titles, expected) {
				t.Errorf("%s, training %v: the plan is %q, want %q", name, training, titles, expected)
			}
			for i := range want {
				for j, v := range want[i] {
					if d := math.Abs(float64(got[i][j] - v)); !(d <= 2e-5*(1+math.Abs(float64(v)))) {
						t.Errorf("%s, training %v: value %d of result %d is %g, want %g", name, training, j, i, got[i][j], v)
						break
					}
				}
			}
		}
	}
}

// results gives the output of a plan for 4 rows and in training the gradients
// of the input and of the parameters, and the titles of the plan's nodes.
func results(t *testing.T, g *Graph, training, join bool) (got [][]float32, titles []string) {
	t.Helper()
	const n = 4
	var grads Gradients
	if training {
		grads = g.NewGradients()
	}
	p, err := g.newPlan(n, grads, join)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, g.Inputs[0].Shape.Size(n))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for range 2 { // the second pass must not see the first
		p.Forward(x)
		got = [][]float32{slices.Clone(p.Output(0))}
		if training {
			dy := p.OutputGrad(0)
			for i := range dy {
				dy[i] = float32(i%7) - 2.5
			}
			p.Backward()
			got = append(got, slices.Clone(p.InputGrad(0)))
			for _, grad := range grads {
				got = append(got, slices.Clone(grad))
			}
		}
	}
	for i := range p.steps {
		titles = append(titles, p.steps[i].node.title())
	}
	return got, titles
}

// TestOutputGradKept fills the gradient of an output once and expects two
// backward passes to agree: an op that works in place must leave it alone.
func TestOutputGradKept(t *testing.T) {
	g, err := Import(model(dynamic, []int64{6}, []*onnx.Tensor{floats("w", 6, 4)}, node("MatMul", "x w", "z"), node("Relu", "z", "y")), "kept.onnx")
	if err != nil {
		t.Fatal(err)
	}
	grads := g.NewGradients()
	p, err := g.NewPlan(3, grads)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 18)
	for i := range x {
		x[i] = float32(i%5) - 2
	}
	p.Forward(x)
	dy := p.OutputGrad(0)
	for i := range dy {
		dy[i] = float32(i) - 5.5
	}
	given := slices.Clone(dy)
	p.Backward()
	if !slices.Equal(dy, given) {
		t.Errorf("the gradient of the output is %v after the pass, was %v", dy, given)
	}
}
