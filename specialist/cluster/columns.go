package cluster

import (
	"errors"
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Metric says what of the moments the points are that k-means sees: the
// distance between two classes is that between their points.
type Metric string

const (
	// Confusion takes the columns of S off the diagonal, what each class is
	// confused with. In place of the diagonal stands the length of the rest, so
	// that two classes that are confused with one another alone have the same
	// column, and each column is then as long as 1, so that what is seldom
	// confused is told apart by what it is confused with and not by how seldom.
	// The default; docs/design.md, section 9, has the evidence.
	Confusion Metric = "confusion"
	// Covariance takes the columns of the covariance matrix S/n − μμᵀ as they
	// are, as the paper does. Its diagonal, the variance of each class, is far
	// larger than the rest where the classifier is mostly sure.
	Covariance Metric = "covariance"
)

// Points are n points of d values, (N, D). Of names whose each is, for columns
// its class.
type Points struct {
	D  int
	X  []float32
	Of []int
}

// Len is the number of points.
func (p *Points) Len() int { return len(p.Of) }

// At is point i, (D).
func (p *Points) At(i int) []float32 { return p.X[i*p.D : (i+1)*p.D] }

// Columns are the points of all classes whose column is not 0; idle are the
// others: never predicted, or under Confusion never beside another. They are
// like nothing, so that no cluster has them.
func (m *Moments) Columns(metric Metric) (points *Points, idle []int, err error) {
	m.flush()
	switch {
	case metric != Confusion && metric != Covariance:
		return nil, nil, fmt.Errorf("got metric %q, expected %s or %s", metric, Confusion, Covariance)
	case m.rows == 0:
		return nil, nil, errors.New("got no predictions, expected at least 1 row")
	case m.mixed == 0:
		return nil, nil, ErrNoConfusion
	}
	offset := make([]float64, m.d) // μᵀΩ
	mass := m.Mass()
	for k, mu := range mass {
		for i := range offset {
			offset[i] += mu * m.projection(k, i)
		}
	}
	columns, long := make([]float32, m.c*m.d), make([]float64, m.c)
	kernel.Parallel(m.c, max(1, grain/m.d), func(lo, hi int) {
		column := make([]float64, m.d)
		for k := lo; k < hi; k++ {
			for i := range column {
				v := m.y[k*m.d+i] / float64(m.rows)
				if metric == Covariance {
					column[i] = v - mass[k]*offset[i]
				} else {
					column[i] = v - m.square[k]/float64(m.rows)*m.projection(k, i)
				}
			}
			if metric == Confusion {
				m.unit(column, k)
			}
			long[k] = length(column)
			for i, v := range column {
				columns[k*m.d+i] = float32(v)
			}
		}
	})
	points = &Points{D: m.d}
	for k := range m.c {
		// A column of less than rounding is 0: that of a class with always the
		// same probability.
		if long[k] <= 1e-7*m.square[k]/float64(m.rows) {
			idle = append(idle, k)
			continue
		}
		points.Of = append(points.Of, k)
		points.X = append(points.X, columns[k*m.d:(k+1)*m.d]...)
	}
	return points, idle, nil
}

// projection is Ω, the identity where the moments are exact.
func (m *Moments) projection(k, i int) float64 {
	switch {
	case m.omega != nil:
		return float64(m.omega[k*m.d+i])
	case k == i:
		return 1
	}
	return 0
}

// unit puts the length of column k, whose diagonal is out, in place of the
// diagonal and makes it as long as 1. One that is all rounding becomes 0.
func (m *Moments) unit(column []float64, k int) {
	if m.omega == nil {
		column[k] = 0 // but for rounding it is
	}
	l := length(column)
	if l <= 1e-7*m.square[k]/float64(m.rows) {
		clear(column)
		return
	}
	for i := range column {
		column[i] += l * m.projection(k, i)
	}
	l = length(column)
	for i := range column {
		column[i] /= l
	}
}

func length(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}
