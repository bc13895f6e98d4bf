package graph

import (
	"math"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// TestPicksInAnyOrder has the ops that pick values between two convolutions
// that change nothing, where plans work channels-last, and alone.
func TestPicksInAnyOrder(t *testing.T) {
	one := func(name string, c int) *onnx.Tensor {
		w := make([]float32, c*c)
		for i := range c {
			w[i*c+i] = 1
		}
		return onnx.FloatTensor(name, []int64{int64(c), int64(c), 1, 1}, w)
	}
	ints := func(name string, v ...int64) *onnx.Tensor { return onnx.Int64Tensor(name, []int64{int64(len(v))}, v) }
	for name, c := range map[string]struct {
		nodes []*onnx.Node
		out   int // channels
	}{
		"slice":    {[]*onnx.Node{node("Slice", "a from to axes", "b")}, 2},
		"pad":      {[]*onnx.Node{node("Pad", "a pads", "b", onnx.StringAttr("mode", "reflect"))}, 6},
		"split":    {[]*onnx.Node{node("Split", "a sizes", "p q", onnx.IntAttr("axis", 1)), node("Concat", "q p", "b", onnx.IntAttr("axis", 1))}, 4},
		"split W":  {[]*onnx.Node{node("Split", "a", "p q r", onnx.IntAttr("axis", 3)), node("Sub", "p r", "b")}, 4},
		"identity": {[]*onnx.Node{node("Identity", "a", "b")}, 4},
	} {
		inits := []*onnx.Tensor{ints("from", 1, 0), ints("to", 3, 2), ints("axes", 1, 3), ints("pads", 0, 1, 1, 0, 0, 1, 0, 2), ints("sizes", 1, 3), one("w4", 4), one("w", c.out)}
		var results [][]float32
		for _, around := range []bool{false, true} {
			nodes := slices.Concat([]*onnx.Node{node("Identity", "x", "a")}, c.nodes, []*onnx.Node{node("Identity", "b", "y")})
			if around {
				nodes[0], nodes[len(nodes)-1] = node("Conv", "x w4", "a"), node("Conv", "b w", "y")
			}
			g, err := Import(model(dynamic, []int64{4, 5, 3}, inits, nodes...), "m.onnx")
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			g.TrackInputs()
			p, err := g.NewPlan(2, g.NewGradients())
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			x := make([]float32, 120)
			for i := range x {
				x[i] = float32(i)
			}
			p.Forward(x)
			for i := range p.OutputGrad(0) {
				p.OutputGrad(0)[i] = float32(math.Sin(float64(i)))
			}
			p.Backward()
			results = append(results, slices.Concat(p.Output(0), p.InputGrad(0)))
		}
		if !slices.Equal(results[0], results[1]) {
			t.Errorf("%s: between convolutions %v, alone %v", name, results[1], results[0])
		}
	}
}

// TestComputedWeights has the weight of a convolution come from a node.
func TestComputedWeights(t *testing.T) {
	for _, op := range []string{"Conv", "ConvTranspose"} {
		var results [][]float32
		for _, name := range []string{"w", "v"} {
			nodes := []*onnx.Node{node("Identity", "w", "v"), node(op, "x "+name, "y")}
			_, p, grads := training(t, model(dynamic, []int64{3, 4, 5}, []*onnx.Tensor{floats("w", 3, 3, 2, 3)}, nodes...), 2)
			x := make([]float32, 120)
			for i := range x {
				x[i] = float32(i % 11)
			}
			p.Forward(x)
			for i := range p.OutputGrad(0) {
				p.OutputGrad(0)[i] = float32(i % 7)
			}
			p.Backward()
			results = append(results, slices.Concat(p.Output(0), grads[0]))
		}
		if !slices.Equal(results[0], results[1]) {
			t.Errorf("%s: with a computed weight %v, else %v", op, results[1], results[0])
		}
	}
}
