package metrics

import (
	"math"

	"github.com/kdonnx/kdonnx/dataset"
)

// RowScores takes one measure of a model apart by rows, so that its standard
// error and the difference between two models on the same rows have one too.
// The measure is accuracy, micro-F1 or R² (the mean over targets); of rows
// without any label the agreement of classes. Make it by NewRowScores.
type RowScores struct {
	task         dataset.Task
	c            int
	right, agree []float64 // of classes: 1 where the label, or the teacher's answer, is met
	hits, counts []float64 // of labels: 2·TP and 2·TP + FP + FN of each row
	squares      []float64 // of numbers (N, C): squared errors, NaN where the value is not known
	values       []float64 // (N, C) these values
}

// NewRowScores is for a model with so many outputs.
func NewRowScores(task dataset.Task, outputs int) *RowScores {
	return &RowScores{task: task, c: outputs}
}

// Add takes in rows that a Scorer of the task has accepted.
func (s *RowScores) Add(r Rows) {
	for i := range r.count(s.c) {
		lo, hi := i*s.c, (i+1)*s.c
		switch s.task {
		case dataset.MultiLabel:
			s.addLabels(r, lo, hi)
		case dataset.Regression:
			for k := lo; k < hi; k++ {
				e := float64(r.Out[k]) - float64(r.value(k))
				s.squares, s.values = append(s.squares, e*e), append(s.values, float64(r.value(k)))
			}
		default:
			answer := Argmax(r.Out[lo:hi])
			if r.Labels != nil && r.Labels[i] != Unlabelled {
				s.right = append(s.right, one(answer == int(r.Labels[i])))
			}
			if r.Teacher != nil {
				s.agree = append(s.agree, one(answer == Argmax(r.Teacher[lo:hi])))
			}
		}
	}
}

func (s *RowScores) addLabels(r Rows, lo, hi int) {
	hit, count, known := 0.0, 0.0, false
	for k := lo; k < hi; k++ {
		v := r.value(k)
		if v != v {
			continue
		}
		known = true
		yes := Yes(r.Out[k])
		hit += 2 * one(yes && v == 1)
		count += one(yes) + one(v == 1)
	}
	if known {
		s.hits, s.counts = append(s.hits, hit), append(s.counts, count)
	}
}

// Values are one number a row whose mean is the measure. That of accuracy is
// exact; micro-F1 and 1 − R², ratios of sums A/B, are linearised as
// A/B + (a − (A/B)·b)/mean(b), the delta method. Rows
// without what is needed are left out, in the same way for every model. They
// are nil where there are none. r is what the Scorer makes of the same rows.
func (s *RowScores) Values(r Result) []float64 {
	switch {
	case s.task == dataset.MultiLabel:
		return ratio(s.hits, s.counts)
	case s.task == dataset.Regression && r.Regression != nil:
		return s.explained(r.Regression.PerTarget)
	}
	if len(s.right) > 0 {
		return s.right
	}
	return s.agree
}

// explained are the values whose mean is R², of rows that know at least one
// target. targets are those of the Result.
func (s *RowScores) explained(targets []Target) []float64 {
	used, r2 := 0, 0.0
	for _, t := range targets {
		if t.Known > 0 {
			used++
			r2 += t.R2
		}
	}
	var v []float64
	for lo := 0; lo < len(s.squares); lo += s.c {
		sum, known := 0.0, false
		for k, t := range targets {
			e := s.squares[lo+k]
			if e != e {
				continue
			}
			known = true
			if around := t.Std * t.Std * float64(t.Known); around > 0 { // e² and (y−ȳ)² are the terms of a ratio
				from := s.values[lo+k] - t.Mean
				sum += (e - float64((1-t.R2)*from*from)) / around
			}
		}
		if known {
			v = append(v, sum)
		}
	}
	for i := range v {
		v[i] = (r2 - v[i]*float64(len(v))) / float64(max(used, 1))
	}
	return v
}

// ratio linearises Σa/Σb.
func ratio(a, b []float64) []float64 {
	sumA, sumB := 0.0, 0.0
	for i := range a {
		sumA += a[i]
		sumB += b[i]
	}
	v := make([]float64, len(a))
	if sumB == 0 {
		return v
	}
	f, mean := sumA/sumB, sumB/float64(len(b))
	for i := range v {
		v[i] = f + (a[i]-f*b[i])/mean
	}
	return v
}

// MeanSE is the mean of v and its standard error, the deviation (with n − 1)
// over √n; 0 of fewer than two.
func MeanSE(v []float64) (mean, se float64) {
	mean, sd := MeanSD(v)
	return mean, sd / math.Sqrt(float64(max(1, len(v))))
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
