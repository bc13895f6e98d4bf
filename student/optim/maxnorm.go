package optim

import (
	"math"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Units says how the incoming weights of units lie in a parameter: it is
// (Outer, Fan, Inner), and the weights of one unit are the Fan values of one
// outer and one inner index.
type Units struct{ Outer, Fan, Inner int }

// MaxNorm holds the incoming weights of every unit within a ball: after each
// update a vector longer than the limit is shortened to it (Hinton et al.
// 2012, arXiv 1207.0580; Srivastava et al. 2014, section 5.1).
type MaxNorm struct {
	limit float64
	tasks []normTask
	run   func(lo, hi int)
}

// normTask is a block of units of one parameter.
type normTask struct {
	w          []float32 // (rows, fan) when inner is 1, else (fan, inner) of one outer index
	fan, inner int
	lo, hi     int       // rows, or columns
	sums       []float64 // by column
	factor     []float32 // by column
}

// NewMaxNorm prepares the constraint for those of params that have Units.
func NewMaxNorm(params []Param, limit float64) *MaxNorm {
	c := &MaxNorm{limit: limit}
	for _, p := range params {
		u := p.Units
		if len(p.Data) == 0 || u.Outer*u.Fan*u.Inner != len(p.Data) {
			continue
		}
		block := max(1, pieceSize/u.Fan)
		if u.Inner == 1 {
			for lo := 0; lo < u.Outer; lo += block {
				c.tasks = append(c.tasks, normTask{w: p.Data, fan: u.Fan, inner: 1, lo: lo, hi: min(u.Outer, lo+block)})
			}
			continue
		}
		block = max(16, block)
		for o := range u.Outer {
			w := p.Data[o*u.Fan*u.Inner : (o+1)*u.Fan*u.Inner]
			for lo := 0; lo < u.Inner; lo += block {
				hi := min(u.Inner, lo+block)
				c.tasks = append(c.tasks, normTask{w, u.Fan, u.Inner, lo, hi, make([]float64, hi-lo), make([]float32, hi-lo)})
			}
		}
	}
	c.run = func(lo, hi int) {
		for i := lo; i < hi; i++ {
			c.tasks[i].apply(c.limit)
		}
	}
	return c
}

// Apply shortens what is too long.
func (c *MaxNorm) Apply() { kernel.Parallel(len(c.tasks), 1, c.run) }

func (t *normTask) apply(limit float64) {
	if t.inner == 1 {
		for r := t.lo; r < t.hi; r++ {
			row := t.w[r*t.fan : (r+1)*t.fan]
			if f := shrink(kernel.SumSquares(row), limit); f != 1 {
				kernel.MulScalar(row, row, f)
			}
		}
		return
	}
	clear(t.sums)
	for k := range t.fan {
		for j, v := range t.w[k*t.inner+t.lo : k*t.inner+t.hi] {
			t.sums[j] += float64(float64(v) * float64(v))
		}
	}
	any := false
	for j, s := range t.sums {
		t.factor[j] = shrink(s, limit)
		any = any || t.factor[j] != 1
	}
	for k := 0; any && k < t.fan; k++ {
		row := t.w[k*t.inner+t.lo : k*t.inner+t.hi]
		kernel.Mul(row, row, t.factor)
	}
}

// shrink is the factor that brings a vector with that sum of squares to the
// limit, or 1.
func shrink(squares, limit float64) float32 {
	if squares <= limit*limit {
		return 1
	}
	return float32(limit / math.Sqrt(squares))
}
