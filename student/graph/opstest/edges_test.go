package opstest

import (
	"fmt"
	"math"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// TestEdges holds ops to what they do where their pieces meet, which finite
// differences cannot see: the output and the gradient for dy = 1.
func TestEdges(t *testing.T) {
	inf := math.Inf(1)
	negZero := math.Copysign(0, -1)
	constant := func(v float64) Input { return Input{Kind: Const, Shape: graph.Shape{1}, Values: []float64{v}} }
	for _, c := range []struct {
		op    string
		attrs []*onnx.Attr
		x     []float64
		more  []Input
		y, dx []float64
	}{
		{op: "PRelu", x: []float64{0, negZero, -2, 3, -inf}, more: []Input{constant(0.25)},
			y: []float64{0, 0, -0.5, 3, -inf}, dx: []float64{1, 1, 0.25, 1, 0.25}},
		{op: "LeakyRelu", attrs: attrs(onnx.FloatAttr("alpha", 0.5)), x: []float64{0, negZero, -2}, y: []float64{0, 0, -1}, dx: []float64{1, 1, 0.5}},
		{op: "Relu", x: []float64{0, negZero, -2, 3}, y: []float64{0, 0, 0, 3}, dx: []float64{0, 0, 0, 1}},
		{op: "Elu", attrs: attrs(onnx.FloatAttr("alpha", 2)), x: []float64{0, 1, -inf, inf}, y: []float64{0, 1, -2, inf}, dx: []float64{2, 1, 0, 1}},
		{op: "ThresholdedRelu", x: []float64{1, 1.5, 0, -3}, y: []float64{0, 1.5, 0, 0}, dx: []float64{0, 1, 0, 0}},
		{op: "HardSwish", x: []float64{-3, 3, -4, 4, 0}, y: []float64{0, 3, 0, 4, 0}, dx: []float64{0, 1, 0, 1, 0.5}},
		{op: "HardSigmoid", attrs: attrs(onnx.FloatAttr("alpha", 0.25)), x: []float64{-2, 2, -9, 9, 0}, y: []float64{0, 1, 0, 1, 0.5}, dx: []float64{0, 0, 0, 0, 0.25}},
		{op: "Abs", x: []float64{0, negZero, -1, 1}, y: []float64{0, 0, 1, 1}, dx: []float64{0, 0, -1, 1}},
		{op: "Clip", x: []float64{-1, 1, 0.5}, more: []Input{scalar(-1), scalar(1)}, y: []float64{-1, 1, 0.5}, dx: []float64{0, 0, 1}},
		{op: "Exp", x: []float64{-inf, 0, -200}, y: []float64{0, 1, 0}, dx: []float64{0, 1, 0}},
		{op: "Softplus", x: []float64{-inf, inf, 200, -200}, y: []float64{0, inf, 200, 0}, dx: []float64{0, 1, 1, 0}},
		{op: "Gelu", x: []float64{-inf, 0, 30, -30}, y: []float64{0, 0, 30, 0}, dx: []float64{0, 0.5, 1, 0}},
		{op: "Swish", x: []float64{-inf, 0, 200, -200}, y: []float64{0, 0, 200, 0}, dx: []float64{0, 0.5, 1, 0}},
		{op: "Mish", x: []float64{-inf, 200, -200}, y: []float64{0, 200, 0}, dx: []float64{0, 1, 0}},
		{op: "Max", x: []float64{1, 2, 3}, more: []Input{constant(2)}, y: []float64{2, 2, 3}, dx: []float64{0, 1, 1}},
		{op: "Min", x: []float64{1, 2, 3}, more: []Input{constant(2)}, y: []float64{1, 2, 2}, dx: []float64{1, 1, 0}},
		{op: "Pow", x: []float64{0, -2, 3}, more: []Input{scalar(2)}, y: []float64{0, 4, 9}, dx: []float64{0, -4, 6}},
		{op: "Pow", x: []float64{0, -2, 3}, more: []Input{scalar(3)}, y: []float64{0, -8, 27}, dx: []float64{0, 12, 27}},
		{op: "Pow", x: []float64{0, -2, 3}, more: []Input{scalar(0)}, y: []float64{1, 1, 1}, dx: []float64{0, 0, 0}},
		{op: "ReduceMax", attrs: attrs(onnx.IntsAttr("axes", 1)), x: []float64{5, 7, 7, 1}, y: []float64{7}, dx: []float64{0, 1, 0, 0}},
		{op: "ReduceMin", attrs: attrs(onnx.IntsAttr("axes", 1)), x: []float64{5, 1, 7, 1}, y: []float64{1}, dx: []float64{0, 1, 0, 0}},
		{op: "ReduceL2", attrs: attrs(onnx.IntsAttr("axes", 1)), x: []float64{0, 0, 0}, y: []float64{0}, dx: []float64{0, 0, 0}},
	} {
		t.Run(fmt.Sprint(c.op, c.x), func(t *testing.T) {
			in := Input{Kind: Data, Shape: graph.Shape{graph.Batch, len(c.x)}, Values: c.x}
			row := Case{Op: c.op, Attrs: c.attrs, Inputs: append([]Input{in}, c.more...)}
			r, err := row.newRun(1, Plain)
			if err != nil {
				t.Fatal(err)
			}
			p, err := r.g.NewPlan(1, r.g.NewGradients())
			if err != nil {
				t.Fatal(err)
			}
			p.Forward(toFloat32(c.x))
			for i := range p.OutputGrad(0) {
				p.OutputGrad(0)[i] = 1
			}
			p.Backward()
			for i, want := range c.y {
				if got := p.Output(0)[i]; got != float32(want) {
					t.Errorf("y[%d] is %g, want %g", i, got, want)
				}
			}
			for i, want := range c.dx {
				if got := p.InputGrad(0)[i]; got != float32(want) {
					t.Errorf("dx[%d] is %g, want %g", i, got, want)
				}
			}
		})
	}
}
