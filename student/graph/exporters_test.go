package graph_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
	"github.com/kdonnx/kdonnx/student/graph/exporters"
)

// TestExporters imports every idiom, sees who trains, takes training steps
// that change the loss, and imports what it exports: the same outputs, with
// the same parameters.
func TestExporters(t *testing.T) {
	for _, c := range exporters.All() {
		t.Run(c.Name, func(t *testing.T) {
			g, err := graph.Import(c.Model, c.Name)
			if err != nil {
				t.Fatal(err)
			}
			if got := trained(g); !slices.Equal(got, c.Trained) {
				t.Errorf("%q train, want %q", got, c.Trained)
			}
			want := fmt.Sprintf("(N, %d)", c.Classes)
			if got := g.Outputs[0].Shape.String(); got != want {
				t.Errorf("output is %s, want %s", got, want)
			}
			learns(t, g, c)
			m := g.Model()
			again, err := graph.Import(m, "again.onnx")
			if err != nil {
				t.Fatal(err)
			}
			if got := trained(again); !slices.Equal(sorted(got), sorted(c.Trained)) {
				t.Errorf("after a round trip %q train, want %q", got, c.Trained)
			}
			for _, n := range []int{1, 3} {
				if a, b := infer(t, g, c, n), infer(t, again, c, n); !slices.Equal(a, b) {
					t.Errorf("batch %d: the exported model computes otherwise: %v, want %v", n, b, a)
				}
			}
			twice, err := onnx.Marshal(again.Model())
			first, err2 := onnx.Marshal(m)
			if err != nil || err2 != nil || string(twice) != string(first) {
				t.Errorf("a second export differs (%v, %v)", err, err2)
			}
		})
	}
}

func trained(g *graph.Graph) []string {
	var names []string
	for _, p := range g.Params {
		if p.Role == graph.Trained {
			names = append(names, p.Name)
		}
	}
	return names
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// feed is n rows of data, or of token ids.
func feed(c exporters.Idiom, n int) []float32 {
	for _, d := range c.Row {
		n *= d
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(float64(3 * i)))
		if c.Ids > 0 {
			x[i] = float32(i * 7 % c.Ids)
		}
	}
	return x
}

func infer(t *testing.T, g *graph.Graph, c exporters.Idiom, n int) []float32 {
	t.Helper()
	p, err := g.NewPlan(n, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Forward(feed(c, n))
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(p.Output(0))
}

// learns takes gradient steps on L = Σ y²/2 and expects every weight to move
// and L to fall.
func learns(t *testing.T, g *graph.Graph, c exporters.Idiom) {
	t.Helper()
	grads := g.NewGradients()
	p, err := g.NewPlan(4, grads)
	if err != nil {
		t.Fatal(err)
	}
	x := feed(c, 4)
	var losses []float64
	for range 5 {
		p.Forward(x)
		sum := 0.0
		for i, v := range p.Output(0) {
			sum += float64(v) * float64(v)
			p.OutputGrad(0)[i] = v
		}
		losses = append(losses, sum)
		p.Backward()
		p.Commit()
		for i, grad := range grads {
			norm := 0.0
			for k, v := range grad {
				g.Params[i].Data[k] -= 1e-3 * v
				norm += math.Abs(float64(v))
			}
			if grad != nil && norm == 0 {
				t.Errorf("%s has no gradient", g.Params[i].Name)
			}
		}
	}
	if !(losses[4] < losses[0]) && !strings.Contains(c.Name, "training") { // dropout masks are random
		t.Errorf("losses %v do not fall", losses)
	}
}

// TestExportIsPlain expects what export promises of a model whose shape was
// computed: no node of that computation is left but for what the batch needs.
func TestExportIsPlain(t *testing.T) {
	for _, c := range exporters.All() {
		g, err := graph.Import(c.Model, c.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range g.Model().Graph.Nodes {
			needs := strings.Contains(c.Name, "token") || strings.Contains(c.Name, "embeddings") // Expand to the batch
			switch {
			case !needs && slices.Contains([]string{"Shape", "Range", "ReduceProd", "Where", "Equal"}, n.OpType):
				t.Errorf("%s: node %q of the shape arithmetic is left", c.Name, n.Name)
			case n.Attr("training_mode") != nil || (n.OpType == "Dropout" || n.OpType == "BatchNormalization") && len(n.Outputs) > 1:
				t.Errorf("%s: node %q is in training mode", c.Name, n.Name)
			}
		}
	}
}
