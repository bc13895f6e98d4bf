// Package cluster finds which classes a classifier confuses, from nothing but
// its predictions (Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section
// 5.2): an online k-means over the columns of the covariance matrix of the
// predictions, or over the predictions themselves. No label is needed.
//
//	rows of probabilities → Moments → Columns → Fit or Choose → Partition or Nearest → Coverage
//	rows of probabilities → Reservoir → Stream                → Holding              → Coverage
//
// # Invariants
//
// Predictions are read as a stream and never kept. What comes out depends on
// the rows, their order and the seed alone: neither on GOMAXPROCS, nor on how
// the rows were cut into batches.
package cluster

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kdonnx/kdonnx/student/kernel"
)

const (
	// MaxExact is the largest number of classes whose second moments are kept
	// as they are: 48 MiB.
	MaxExact = 2048
	// SketchSize is the number of random projections that stand for a column
	// where there are more classes.
	SketchSize = 512

	block = 256 // rows that are summed in float32 before the float64 total takes them
	grain = 1 << 15
)

// ErrNoConfusion says that every prediction was exactly 0 or 1.
var ErrNoConfusion = errors.New("every prediction is exactly 0 or 1, so that nothing is confused: expected probabilities between, as a temperature above 1 gives of logits")

// Moments are the second moments of predictions, S = Σ_i p_i p_iᵀ, in one pass
// over the rows. Off the diagonal S_jk is the expected confusion of j and k: how
// often two draws from the prediction of the same row are j and k.
//
// Up to MaxExact classes S is kept, in 12·C² bytes: products of block rows are
// summed in float32 by kernel.Gemm, blocks in float64. For more classes a sketch
// Y = S·Ω is kept instead, Ω (C, d) of random signs over √d (Achlioptas 2003,
// database-friendly random projections), accumulated as Σ_i p_i (Ωᵀp_i)ᵀ, in
// 16·C·d bytes, and the diagonal of S beside it. By the lemma of Johnson and
// Lindenstrauss distances between columns are those of S to a relative √(1/2d),
// 3 % for d = SketchSize: about one deviation, so that 10 % is rare. 15,000
// classes take 120 MiB in place of 2.5 GiB. Everything that Columns needs is
// linear in S but for the lengths of columns, which a sketch keeps as it keeps
// distances.
type Moments struct {
	c, d    int       // classes; columns of y, c where exact
	omega   []float32 // (c, d); nil where exact
	y       []float64 // (c, d): S, or S·Ω
	square  []float64 // (c) diagonal of S
	sum     []float64 // (c)
	mixed   float64   // Σ_i Σ_{j≠k} p_ij p_ik
	rows    int
	pending []float32 // up to block rows that are not in y yet
	product []float32 // (c, d) of one block
	shadow  []float32 // (block, d) p·Ω
}

// NewMoments is for classes; sketch is d, or 0 for what MaxExact says. seed
// draws Ω.
func NewMoments(classes, sketch int, seed uint64) (*Moments, error) {
	if classes < 2 {
		return nil, fmt.Errorf("got %d classes, expected at least 2: one class cannot be confused", classes)
	}
	if sketch < 0 {
		return nil, fmt.Errorf("got a sketch of %d, expected at least 0", sketch)
	}
	if sketch == 0 && classes > MaxExact {
		sketch = SketchSize
	}
	m := &Moments{c: classes, d: classes, square: make([]float64, classes), sum: make([]float64, classes)}
	if sketch > 0 {
		m.d = sketch
		m.omega = make([]float32, classes*sketch)
		m.shadow = make([]float32, block*sketch)
		rng, one := rand.New(rand.NewPCG(seed, 0x6f6d656761)), float32(1/math.Sqrt(float64(sketch)))
		for i := range m.omega {
			m.omega[i] = one
			if rng.Uint32()&1 == 0 {
				m.omega[i] = -one
			}
		}
	}
	m.y, m.product = make([]float64, m.c*m.d), make([]float32, m.c*m.d)
	m.pending = make([]float32, 0, block*classes)
	return m, nil
}

// Add takes rows of probabilities, (N, C). A row that is no distribution is
// named by its number in the stream, from 0.
func (m *Moments) Add(p []float32) error {
	for ; len(p) > 0; p = p[m.c:] {
		row := p[:m.c]
		if err := check(row, m.rows); err != nil {
			return err
		}
		var sum, squares float64
		for k, v := range row {
			x := float64(v)
			m.sum[k] += x
			m.square[k] += x * x
			sum += x
			squares += x * x
		}
		m.mixed += math.Max(0, sum*sum-squares)
		m.rows++
		if m.pending = append(m.pending, row...); len(m.pending) == cap(m.pending) {
			m.flush()
		}
	}
	return nil
}

// check refuses a row that is no distribution.
func check(row []float32, at int) error {
	var sum float64
	for k, v := range row {
		if !(v >= 0 && v <= 1+1e-3) {
			return fmt.Errorf("row %d: the probability of class %d is %v, expected 0 to 1", at, k, v)
		}
		sum += float64(v)
	}
	if math.Abs(sum-1) > 1e-3 {
		return fmt.Errorf("row %d: probabilities sum to %.6g, expected 1", at, sum)
	}
	return nil
}

// flush puts the pending rows into y.
func (m *Moments) flush() {
	n := len(m.pending) / m.c
	right := m.pending
	if m.omega != nil {
		kernel.Gemm(false, false, n, m.d, m.c, 1, m.pending, m.c, m.omega, m.d, 0, m.shadow, m.d)
		right = m.shadow
	}
	kernel.Gemm(true, false, m.c, m.d, n, 1, m.pending, m.c, right, m.d, 0, m.product, m.d)
	kernel.Parallel(len(m.y), grain, func(lo, hi int) {
		for i, v := range m.product[lo:hi] {
			m.y[lo+i] += float64(v)
		}
	})
	m.pending = m.pending[:0]
}

// Rows is the number of rows so far.
func (m *Moments) Rows() int { return m.rows }

// Mass is the mean prediction, (C).
func (m *Moments) Mass() []float64 {
	mass := make([]float64, m.c)
	for k, s := range m.sum {
		mass[k] = s / float64(max(1, m.rows))
	}
	return mass
}

// Confusion is S/n, (C, C) with the diagonal 0: how often two draws from a
// prediction are j and k. It is nil of a sketch.
func (m *Moments) Confusion() []float64 {
	if m.omega != nil {
		return nil
	}
	m.flush()
	s := make([]float64, len(m.y))
	for i, v := range m.y {
		if i%(m.c+1) != 0 {
			s[i] = v / float64(max(1, m.rows))
		}
	}
	return s
}
