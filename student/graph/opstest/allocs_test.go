//go:build !race

// The race detector makes pools forget at random.

package opstest

import "testing"

// TestStepsAllocateNothing runs a training step of every row again and again.
func TestStepsAllocateNothing(t *testing.T) {
	for _, c := range Rows() {
		r, err := c.newRun(5, Plain)
		if err != nil {
			t.Fatal(err)
		}
		p, err := r.g.NewPlan(5, r.g.NewGradients())
		if err != nil {
			t.Fatal(err)
		}
		var inputs [][]float32
		for _, i := range r.feed {
			inputs = append(inputs, toFloat32(r.values[i].Data))
		}
		step := func() {
			p.Forward(inputs...)
			p.Backward()
			p.Commit()
		}
		if n := testing.AllocsPerRun(3, step); n != 0 {
			t.Errorf("%s/%s: a step allocates %g times", c.Op, c.Name, n)
		}
	}
}
