package optim

import (
	"fmt"
	"testing"
)

// BenchmarkStep is what a step costs beside forward and backward, on the
// 2.4 million parameters of 784-1200-1200-10.
func BenchmarkStep(b *testing.B) {
	var params []Param
	var live []Slot
	for i, d := range [][]int{{1200, 784}, {1200}, {1200, 1200}, {1200}, {10, 1200}, {10}} {
		p := Param{Name: fmt.Sprint(i), Dims: d}
		n := d[0]
		if len(d) > 1 {
			n *= d[1]
			p.Units = Units{d[0], d[1], 1}
		}
		p.Data, p.Grad = make([]float32, n), make([]float32, n)
		for j := range p.Data {
			p.Data[j], p.Grad[j] = float32(j%17)/100, float32(j%13)/1e4
		}
		params, live = append(params, p), append(live, Slot{p.Name, p.Data})
	}
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	clip, both := NewClipper(params, 0), NewClipper(params, 1)
	run("norm", func() { clip.Clip() })
	run("norm and clip", func() { both.Clip() })
	for _, name := range List() {
		o, err := New(name, Settings{WeightDecay: 1e-4})
		if err != nil {
			b.Fatal(err)
		}
		o.Bind(params)
		run(name, func() { o.Step(1, 1e-12, 0.5) })
	}
	norm, mean := NewMaxNorm(params, 1e6), NewAverage(live, 0.999)
	run("max norm", norm.Apply)
	run("average", func() { mean.Update(1) })
}
