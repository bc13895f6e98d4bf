package metrics

import (
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Regression is what a Result adds where C numbers are predicted. In the
// Result itself Agreement is R² against the teacher's numbers, and what is
// about classes is 0.
type Regression struct {
	NumberScores
	TeacherRMSE float64  `json:"teacher_rmse"` // root of the mean squared distance from the teacher
	PerTarget   []Target `json:"per_target"`
}

// NumberScores are means over the targets, as they have units of their own.
type NumberScores struct {
	RMSE float64 `json:"rmse"` // root mean squared error
	MAE  float64 `json:"mae"`  // mean absolute error
	R2   float64 `json:"r2"`   // 1 − Σ(error²)/Σ((y−ȳ)²)
}

// Target is one number that is predicted.
type Target struct {
	NumberScores
	Known int     `json:"known"` // rows where it is known
	Mean  float64 `json:"mean"`  // of the known values
	Std   float64 `json:"std"`   // their deviation

	// Points are values with their prediction, evenly from the rows in order:
	// at most maxPoints, of the first maxDrawn targets.
	Points [][2]float32 `json:"points,omitempty"`
}

const (
	maxPoints = 512
	maxDrawn  = 8
)

// numberScorer is the Scorer of Regression.
type numberScorer struct {
	n, labelled, compared int
	truth, teacher        []distance // by target
	points                []points
}

// distance sums how far predictions are from values, and how far these are
// from their mean (Welford 1962).
type distance struct {
	n            int
	squares, sum float64
	mean, around float64
}

func (d *distance) add(z, v float32) {
	e := float64(z) - float64(v)
	d.n++
	d.squares += float64(e * e)
	d.sum += math.Abs(e)
	from := float64(v) - d.mean
	d.mean += from / float64(d.n)
	d.around += float64(from * (float64(v) - d.mean))
}

// scores of no rows are 0. Where every value is the same, R² is 1 when every
// prediction is right, and else 0.
func (d *distance) scores() (s NumberScores) {
	if d.n == 0 {
		return s
	}
	s.RMSE, s.MAE = math.Sqrt(d.squares/float64(d.n)), d.sum/float64(d.n)
	switch {
	case d.around > 0:
		s.R2 = 1 - d.squares/d.around
	case d.squares == 0:
		s.R2 = 1
	}
	return s
}

// points keeps pairs evenly: every stride-th of those so far.
type points struct {
	seen, stride int
	kept         [][2]float32
}

func (p *points) add(v, z float32) {
	if p.stride == 0 {
		p.stride = 1
	}
	if p.seen%p.stride == 0 {
		if len(p.kept) == maxPoints {
			half := p.kept[:0]
			for i := 0; i < maxPoints; i += 2 {
				half = append(half, p.kept[i])
			}
			p.kept, p.stride = half, 2*p.stride
		}
		if p.seen%p.stride == 0 {
			p.kept = append(p.kept, [2]float32{v, z})
		}
	}
	p.seen++
}

func newNumberScorer(targets int) (*numberScorer, error) {
	if targets < 1 {
		return nil, fault.New(fault.Usage, "", "targets", "got %d, want at least 1", targets)
	}
	return &numberScorer{truth: make([]distance, targets), teacher: make([]distance, targets), points: make([]points, min(targets, maxDrawn))}, nil
}

// Score implements Scorer.
func (s *numberScorer) Score(r Rows) error {
	c := len(s.truth)
	n := r.count(c)
	for i, z := range r.Out {
		for _, part := range []struct {
			is    string
			v     float32
			maybe bool
		}{{"prediction", z, false}, {"teacher's number", at(r.Teacher, i), r.Teacher == nil}, {"value", r.value(i), true}} {
			if math.IsInf(float64(part.v), 0) || part.v != part.v && !part.maybe {
				return fault.New(fault.Input, "", fmt.Sprintf("row %d", s.n+i/c), "got %s %v for target %d, want a finite number", part.is, part.v, i%c)
			}
		}
	}
	for i := range n {
		known := false
		for k := range c {
			z, v := r.Out[i*c+k], r.value(i*c+k)
			if r.Teacher != nil {
				s.teacher[k].add(z, r.Teacher[i*c+k])
			}
			if v == v {
				known = true
				s.truth[k].add(z, v)
				if k < len(s.points) {
					s.points[k].add(v, z)
				}
			}
		}
		if known {
			s.labelled++
		}
		if r.Teacher != nil {
			s.compared++
		}
	}
	s.n += n
	return nil
}

// nan is a value that is not known.
var nan = float32(math.NaN())

// at is v[i], or NaN where there is no v.
func at(v []float32, i int) float32 {
	if v == nil {
		return nan
	}
	return v[i]
}

// Result implements Scorer.
func (s *numberScorer) Result() Result {
	m := &Regression{PerTarget: make([]Target, len(s.truth))}
	r := Result{Task: dataset.Regression, N: s.n, Labelled: s.labelled, Compared: s.compared, Regression: m}
	known := 0
	for k := range s.truth {
		d := &s.truth[k]
		t := &m.PerTarget[k]
		t.NumberScores, t.Known, t.Mean = d.scores(), d.n, d.mean
		if d.n > 0 {
			known++
			t.Std = math.Sqrt(d.around / float64(d.n))
		}
		if k < len(s.points) {
			t.Points = append([][2]float32(nil), s.points[k].kept...)
		}
		m.RMSE += t.RMSE
		m.MAE += t.MAE
		m.R2 += t.R2
		beside := s.teacher[k].scores()
		r.Agreement += beside.R2 / float64(len(s.truth))
		m.TeacherRMSE += beside.RMSE / float64(len(s.truth))
	}
	for _, sum := range []*float64{&m.RMSE, &m.MAE, &m.R2} {
		*sum /= float64(max(known, 1))
	}
	return r
}

// WithoutPoints is r without what is there to be drawn.
func (r Result) WithoutPoints() Result {
	if r.Regression == nil {
		return r
	}
	m := *r.Regression
	m.PerTarget = slices.Clone(m.PerTarget)
	for k := range m.PerTarget {
		m.PerTarget[k].Points = nil
	}
	r.Regression = &m
	return r
}

// AbsoluteErrors appends to dst, for each row with a known value in order, the
// mean over these of |prediction − value|/scale: the form that Wilcoxon takes.
// scale (C) makes targets of different units comparable.
func AbsoluteErrors(dst []float64, r Rows, scale []float64) []float64 {
	c := len(scale)
	for i := range r.count(c) {
		sum, known := 0.0, 0
		for k := range c {
			if v := r.value(i*c + k); v == v {
				sum += math.Abs(float64(r.Out[i*c+k])-float64(v)) / scale[k]
				known++
			}
		}
		if known > 0 {
			dst = append(dst, sum/float64(known))
		}
	}
	return dst
}

// CorrectLabels appends to dst, for each row with a known label in order,
// whether out answers all of these rightly: the form that McNemar takes.
func CorrectLabels(dst []bool, r Rows, labels int) []bool {
	for i := range r.count(labels) {
		right, known := true, false
		for k := i * labels; k < (i+1)*labels; k++ {
			if v := r.value(k); v == v {
				known = true
				right = right && Yes(r.Out[k]) == (v == 1)
			}
		}
		if known {
			dst = append(dst, right)
		}
	}
	return dst
}
