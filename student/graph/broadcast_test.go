package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/kernel"
)

// naive is where operand s of out's shape out has the value at position i.
func naive(out, s []int, i int) int {
	at, ahead := 0, 1
	for k := range out {
		d, e := fromEnd(out, k), fromEnd(s, k)
		if e > 1 {
			at += i % d * ahead
		}
		ahead *= e
		i /= d
	}
	return at
}

// TestBroadcast compares rows, units and sums with index arithmetic value by
// value, for shapes large enough to be cut, and wants the same bits from one
// goroutine and from many.
func TestBroadcast(t *testing.T) {
	for _, c := range []struct{ out, a, b []int }{
		{[]int{}, []int{}, []int{1, 1}},
		{[]int{7}, []int{7}, []int{1}},
		{[]int{5, 7}, []int{5, 7}, []int{5, 7}},
		{[]int{100000}, []int{100000}, []int{1}},
		{[]int{3, 40000}, []int{3, 1}, []int{40000}},
		{[]int{3, 40001}, []int{3, 40001}, []int{3, 1}},
		{[]int{600, 129}, []int{600, 129}, []int{129}},
		{[]int{600, 129}, []int{600, 129}, []int{600, 1}},
		{[]int{5, 16, 33, 35}, []int{5, 16, 33, 35}, []int{16, 1, 1}},
		{[]int{5, 16, 33, 35}, []int{5, 16, 33, 35}, []int{5, 16, 1, 1}},
		{[]int{5, 16, 33, 35}, []int{5, 1, 33, 1}, []int{16, 1, 35}},
		{[]int{2, 3, 4, 5, 6}, []int{2, 1, 4, 1, 6}, []int{3, 1, 5, 1}},
		{[]int{1, 3, 1, 5}, []int{3, 1, 5}, []int{1, 1, 1, 5}},
	} {
		t.Run(fmt.Sprint(c.out, c.a, c.b), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 1))
			b := newBroadcast(c.out, c.a, c.b)
			n := product(c.out)
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			next := 0
			for u := range b.units() {
				from, to, row, part := b.unit(u)
				if from != next || to <= from {
					t.Fatalf("unit %d is %d to %d, expected it to begin at %d", u, from, to, next)
				}
				next = to
				for op, s := range [][]int{c.a, c.b} {
					at := b.at(op, row, part)
					for i := from; i < to; i++ {
						if got, want := at+(i-from)*b.steps[op], naive(c.out, s, i); got != want {
							t.Fatalf("value %d reads operand %d at %d, want %d", i, op, got, want)
						}
					}
				}
			}
			if next != n {
				t.Fatalf("units end at %d of %d", next, n)
			}
			for op, s := range [][]int{c.a, c.b} {
				checkReduction(t, b, op, c.out, s, x)
			}
		})
	}
}

func checkReduction(t *testing.T, b *broadcast, op int, out, s []int, x []float32) {
	want, size := make([]float64, product(s)), make([]float64, product(s))
	for i, v := range x {
		at := naive(out, s, i)
		want[at] += float64(v)
		size[at] += math.Abs(float64(v))
	}
	sum := func(procs int) []float32 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		got := make([]float32, len(want))
		newReduction(b, op, func(_ []float32, from, to, _, _ int) []float32 { return x[from:to] }).run(got)
		return got
	}
	one, many := sum(1), sum(5)
	for i, v := range one {
		if !(math.Abs(float64(v)-want[i]) <= 1e-7*math.Abs(want[i])+1e-12*size[i]) {
			t.Fatalf("sum %d of operand %d is %g, want %g", i, op, v, want[i])
		}
		if math.Float32bits(v) != math.Float32bits(many[i]) {
			t.Fatalf("sum %d of operand %d is %g, with 5 goroutines %g", i, op, v, many[i])
		}
	}
}

// TestLongSumAlone has a row whose sum, in float64, depends on its order: it
// must not depend on the rows beside it.
func TestLongSumAlone(t *testing.T) {
	const n = 64 * kernel.Grain
	axes := onnx.Int64Tensor("axes", []int64{1}, []int64{2})
	g, err := Import(model(dynamic, []int64{1, n}, []*onnx.Tensor{axes}, node("ReduceSum", "x axes", "y")), "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 2*n)
	for i := range 64 {
		x[i*kernel.Grain] = []float32{1e30, 1, -1e30, 1}[i%4] * float32(1+i/4)
	}
	var got [2]float32
	for i := range got {
		p, err := g.NewPlan(i+1, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Forward(x[:(i+1)*n])
		got[i] = p.Output(0)[0]
	}
	if got[0] != got[1] {
		t.Errorf("a row sums to %g, with another beside it to %g", got[0], got[1])
	}
}
