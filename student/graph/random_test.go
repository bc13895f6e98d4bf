package graph

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/student/graph/randomnets"
)

// TestRandomNets holds plans of nets drawn at random, in training and
// inference, to plans of the same nets in which every node stands by itself,
// ops that take any order work in ONNX's, and no gradient is written in place.
func TestRandomNets(t *testing.T) {
	for seed := range uint64(400) {
		g, plain := randomNet(t, seed), randomNet(t, seed)
		for _, n := range plain.Nodes {
			op := *n.Op
			op.GradInPlace = false
			if op.Layout == AnyOrder {
				op.Layout = Natural
			}
			n.Op = &op
		}
		for _, training := range []bool{true, false} {
			want, _ := draw(t, plain, 3, training, false)
			got, names := draw(t, g, 3, training, true)
			for i := range want {
				size := 1.0
				for _, v := range want[i] {
					size = max(size, math.Abs(float64(v)))
				}
				for j, v := range want[i] {
					if d := math.Abs(float64(got[i][j] - v)); got[i][j] != v && !(d <= 1e-4*size) {
						t.Errorf("net %d, training %v: value %d of %s is %g, want %g", seed, training, j, names[i], got[i][j], v)
						break
					}
				}
			}
			cores := runtime.GOMAXPROCS(5)
			more, _ := draw(t, g, 3, training, true)
			runtime.GOMAXPROCS(cores)
			for i := range got {
				if !slices.Equal(got[i], more[i]) {
					t.Errorf("net %d, training %v: %s has other bits on other cores", seed, training, names[i])
				}
			}
		}
		alone, names := draw(t, g, 1, false, true)
		among, _ := draw(t, g, 3, false, true)
		for i := range alone {
			if row := among[i][:len(alone[i])]; !slices.Equal(row, alone[i]) {
				t.Errorf("net %d: the first row of %s has other bits alone than among others", seed, names[i])
			}
		}
	}
}

func randomNet(t *testing.T, seed uint64) *Graph {
	t.Helper()
	g, err := Import(randomnets.Draw(seed), "random.onnx")
	if err != nil {
		t.Fatalf("net %d: %v", seed, err)
	}
	g.TrackInputs()
	return g
}

// draw gives the outputs of a plan of n rows, and in training the gradients of
// the input and the parameters, with their names. The plan has run before with
// other weights.
func draw(t *testing.T, g *Graph, n int, training, join bool) (got [][]float32, names []string) {
	t.Helper()
	var grads Gradients
	if training {
		grads = g.NewGradients()
	}
	scale := func(by float32) {
		for _, p := range g.Params {
			if p.Role == Trained {
				for i := range p.Data {
					p.Data[i] *= by
				}
			}
		}
	}
	scale(2)
	p, err := g.newPlan(n, grads, join)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	x := make([]float32, g.Inputs[0].Shape.Size(n))
	for pass := range 2 {
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		if pass == 1 {
			rng = rand.New(rand.NewPCG(7, 8))
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			scale(0.5)
			p.Prepare()
		}
		p.Forward(x)
		for k := range g.Outputs {
			if dy := p.OutputGrad(k); training && dy != nil {
				for i := range dy {
					dy[i] = float32(i%7) - 2.5
				}
			}
		}
		if pass == 1 {
			for k, v := range g.Outputs {
				got, names = append(got, slices.Clone(p.Output(k))), append(names, "output "+v.Name)
			}
		}
		if training {
			p.Backward()
		}
	}
	if training {
		got, names = append(got, slices.Clone(p.InputGrad(0))), append(names, "the input's gradient")
		for i, grad := range grads {
			if grad != nil {
				got, names = append(got, slices.Clone(grad)), append(names, "the gradient of "+g.Params[i].Name)
			}
		}
	}
	return got, names
}
