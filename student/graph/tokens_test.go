package graph

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func embedding(t *testing.T) *Graph {
	t.Helper()
	m := model(dynamic, []int64{2}, []*onnx.Tensor{onnx.FloatTensor("e", []int64{3, 1}, []float32{10, 20, 30})},
		node("Gather", "e x", "g"), node("Flatten", "g", "y"))
	m.Graph.Inputs[0].DType = onnx.Int64
	g, err := Import(m, "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestTokens looks rows up by rounded ids, counts those below 0 from the end,
// and keeps the type of the input.
func TestTokens(t *testing.T) {
	g := embedding(t)
	g.TrackInputs()
	grads := g.NewGradients()
	p, err := g.NewPlan(2, grads)
	if err != nil {
		t.Fatal(err)
	}
	p.Forward([]float32{0, 1.9, -1, 2.4})
	if want := []float32{10, 30, 30, 30}; !slices.Equal(p.Output(0), want) || p.Err() != nil {
		t.Errorf("y is %v, want %v (%v)", p.Output(0), want, p.Err())
	}
	copy(p.OutputGrad(0), []float32{1, 2, 4, 8})
	p.Backward()
	if want := []float32{1, 0, 14}; !slices.Equal(grads[0], want) {
		t.Errorf("de is %v, want %v", grads[0], want)
	}
	if p.InputGrad(0) != nil {
		t.Error("ids have a gradient")
	}
	if in := g.Model().Graph.Inputs[0]; in.DType != onnx.Int64 || g.Inputs[0].DType() != onnx.Int64 {
		t.Errorf("the input is of %v, want int64", in.DType)
	}
}

// TestTokensOutOfRange expects an error of the pass that names node, index and
// range, and none of the next pass.
func TestTokensOutOfRange(t *testing.T) {
	p, err := embedding(t).NewPlan(2, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []float32{3, -4, 2.6, 1e30, float32(math.Inf(-1)), float32(math.NaN())} {
		p.Forward([]float32{0, 1, bad, 2})
		err := p.Err()
		if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "index 2 is") || !strings.Contains(err.Error(), "-3 to 2") || !strings.Contains(err.Error(), "Gather") {
			t.Errorf("%g: %v", bad, err)
		}
	}
	if p.Forward([]float32{0, 1, 2, -3}); p.Err() != nil {
		t.Errorf("good ids after bad ones: %v", p.Err())
	}
}

// TestSplitUnused has outputs that are left out and that nothing reads.
func TestSplitUnused(t *testing.T) {
	n := node("Split", "a", "p _ r", onnx.IntAttr("axis", 1))
	n.Outputs[1] = ""
	m := model(dynamic, []int64{3}, []*onnx.Tensor{onnx.FloatTensor("w", []int64{3}, []float32{1, 2, 3})}, node("Mul", "x w", "a"), n, node("Relu", "p", "y"))
	_, p, grads := training(t, m, 1)
	p.Forward([]float32{5, 6, 7})
	p.OutputGrad(0)[0] = 2
	p.Backward()
	if want := []float32{10, 0, 0}; p.Output(0)[0] != 5 || !slices.Equal(grads[0], want) {
		t.Errorf("y is %v, dw %v, want 5 and %v", p.Output(0), grads[0], want)
	}
}

// TestOpsets takes the newest and the oldest and says what is known of others.
func TestOpsets(t *testing.T) {
	for _, v := range []int64{MinOpset - 1, MinOpset, 24, MaxOpset, MaxOpset + 1} {
		m := model(dynamic, []int64{4}, nil, node("Relu", "x", "y"))
		m.Opsets[0].Version = v
		_, err := Import(m, "m.onnx")
		if known := v >= MinOpset && v <= MaxOpset; known != (err == nil) || !known && !strings.Contains(err.Error(), "7 to 26") {
			t.Errorf("opset %d: %v", v, err)
		}
	}
}
