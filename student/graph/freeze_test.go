package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func freezable(t *testing.T) *Graph {
	t.Helper()
	m := model(dynamic, []int64{4}, []*onnx.Tensor{floats("body/0.weight", 4, 4), floats("body/1.weight", 4, 4), floats("head.weight", 4, 4), floats("head.bias", 4)},
		node("MatMul", "x body/0.weight", "a"), node("MatMul", "a body/1.weight", "b"), node("Gemm", "b head.weight head.bias", "y"))
	g, err := Import(m, "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestFreeze freezes by patterns: no gradients, and the export remembers.
func TestFreeze(t *testing.T) {
	for _, c := range []struct {
		patterns []string
		left     string
	}{
		{[]string{"body*"}, "head.weight, head.bias"},
		{[]string{"*.weight"}, "head.bias"},
		{[]string{"body/?.weight", "head.b*"}, "head.weight"},
		{[]string{"head.bias", "head.*"}, "body/0.weight, body/1.weight"},
		{[]string{"body/[1-9].weight"}, "body/0.weight, head.weight, head.bias"},
		{[]string{"*"}, "none"},
	} {
		g := freezable(t)
		if err := g.Freeze(c.patterns...); err != nil {
			t.Fatal(err)
		}
		again, err := Import(g.Model(), "again.onnx")
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range []*Graph{g, again} {
			if got := h.trainedNames(); got != c.left {
				t.Errorf("%q leaves %s, want %s", c.patterns, got, c.left)
			}
			for i, grad := range h.NewGradients() {
				if trains := slices.Contains(strings.Split(c.left, ", "), h.Params[i].Name); (grad != nil) != trains {
					t.Errorf("%q: %s has a gradient: %v", c.patterns, h.Params[i].Name, grad != nil)
				}
			}
		}
		if c.left == "none" {
			continue
		}
		if _, err := g.NewPlan(2, g.NewGradients()); err != nil {
			t.Error(err)
		}
	}
}

func TestFreezeRefuses(t *testing.T) {
	for pattern, want := range map[string]string{
		"tail*": "body/0.weight, body/1.weight, head.weight, head.bias",
		"[":     "malformed",
	} {
		g := freezable(t)
		err := g.Freeze("head.bias", pattern)
		if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), pattern) {
			t.Errorf("%q: %v does not say %q", pattern, err, want)
		}
		if got := g.trainedNames(); !strings.Contains(got, "head.bias") {
			t.Errorf("%q: a refused Freeze leaves %s", pattern, got)
		}
	}
}
