package optim

import (
	"math"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Clipper measures gradients and clips their values, on all cores.
type Clipper struct {
	params  []Param
	limit   float32 // of a value; 0: none
	raw     []float64
	clipped []float64 // by span, as raw
	*pieces
}

// NewClipper prepares for params; limit is the largest magnitude that a value
// of the gradient may keep, 0 for any.
func NewClipper(params []Param, limit float64) *Clipper {
	c := &Clipper{params: params, limit: float32(limit)}
	c.pieces = newPieces(sizesOf(params), c.measure)
	c.raw, c.clipped = make([]float64, len(c.spans)), make([]float64, len(c.spans))
	return c
}

// Clip brings every value of the gradients into ±limit and gives the global
// norm √Σg², in float64, as it was and as it is. Both are NaN or Inf when a
// gradient was, and the first alone tells.
func (c *Clipper) Clip() (before, after float64) {
	c.each()
	var raw, clipped float64
	for i := range c.raw {
		raw += c.raw[i]
		clipped += c.clipped[i]
	}
	return math.Sqrt(raw), math.Sqrt(clipped)
}

func (c *Clipper) measure(i int) {
	s := c.spans[i]
	g := c.params[s.param].Grad[s.lo:s.hi]
	c.raw[i] = kernel.SumSquares(g)
	c.clipped[i] = c.raw[i]
	if c.limit > 0 {
		kernel.Clamp(g, c.limit)
		c.clipped[i] = kernel.SumSquares(g)
	}
}

// ClipScale is the factor that brings a gradient of the given global norm to
// at most limit (Pascanu et al. 2013, arXiv 1211.5063); a limit of 0 is none.
func ClipScale(norm, limit float64) float32 {
	if limit <= 0 || norm <= limit {
		return 1
	}
	return float32(limit / norm)
}
