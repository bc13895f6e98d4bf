package opstest

import (
	"math"
	"runtime"
	"testing"

	"github.com/kdonnx/kdonnx/student/graph"
)

// step is one training step of a row on its own values, with the gradients
// that it leaves.
func (r *run) step(t *testing.T) (step func(), p *graph.Plan, grads graph.Gradients) {
	t.Helper()
	grads = r.g.NewGradients()
	p, err := r.g.NewPlan(r.batch, grads)
	if err != nil {
		t.Fatalf("%s/%s: %v", r.Op, r.Name, err)
	}
	p.SetRandom(7, 3)
	var inputs [][]float32
	for _, i := range r.feed {
		inputs = append(inputs, toFloat32(r.values[i].Data))
	}
	dy := p.OutputGrad(0)
	return func() {
		p.Forward(inputs...)
		for i := range dy {
			dy[i] = float32(i%7) - 2.5
		}
		p.Backward()
	}, p, grads
}

// steadyBatch is enough rows of a batch for several pieces of parallel work.
const steadyBatch = 67

// TestSteadySteps expects that a training step allocates nothing and gives the
// same bits on one core and on several.
func TestSteadySteps(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range Rows() {
		r, err := c.newRun(steadyBatch, Plain)
		if err != nil {
			t.Fatal(err)
		}
		step, p, grads := r.step(t)
		if n := testing.AllocsPerRun(5, step); n > 0 {
			t.Errorf("%s/%s: a step allocates %g times", c.Op, c.Name, n)
		}
		bits := func(procs int) (list []uint32) {
			runtime.GOMAXPROCS(procs)
			step()
			for _, values := range append(r.collect(p, grads), p.Output(0)) {
				for _, v := range values {
					list = append(list, math.Float32bits(v))
				}
			}
			return list
		}
		one, four := bits(1), bits(4)
		for i := range one {
			if one[i] != four[i] {
				t.Errorf("%s/%s: other bits on four cores", c.Op, c.Name)
				break
			}
		}
	}
}
