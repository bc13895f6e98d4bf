// Package recalibrate finds what to add to a classifier's logits so that the
// mass it predicts of a class, the mean over rows of softmax(z + b), is a
// prior: the recovery of classes that a transfer set lacks (Hinton, Vinyals and
// Dean 2015, arXiv 1503.02531, section 3), which needs no label.
//
// The biases b of the classes S with priors π minimise the convex
//
//	F(b) = mean_i log Σ_j exp(z_ij + b_j) − Σ_{k∈S} π_k b_k
//
// whose gradient is mass minus prior: F is smooth, and where every prior is
// above 0 and leaves the other classes something it has exactly one minimum.
// It is the dual of the problem that iterative scaling and Sinkhorn's iteration
// solve; Newton's method needs far fewer passes over the rows.
//
// # Invariants
//
// Sums run in float64 in the order of the rows, so that a result depends on
// nothing but the logits. A Solution comes with its residual, which certifies
// it; without one there is an error.
package recalibrate

import (
	"fmt"
	"math"
	"slices"
)

// Tolerance is how far a mass of a Solution may be from its prior.
const Tolerance = 1e-9

// maxRounds bounds Newton's steps and rounds of single classes.
const maxRounds = 200

// Solution says what to add to the logits of every class, and that it does
// what it should.
type Solution struct {
	Bias     []float64 // (C) what to add; 0 of the classes that were not named
	Before   []float64 // (C) mean mass without it
	After    []float64 // (C) mean mass with it
	Residual float64   // largest |mass − prior| of the named classes
	Rounds   int       // passes of Newton's method, or over single classes
}

// Mass is the mean over the rows of softmax(z), z is (N, c). A logit may be
// −Inf, probability 0, where the row has another.
func Mass(z []float32, c int) ([]float64, error) {
	if err := check(z, c, true); err != nil {
		return nil, err
	}
	return mass(z, c, make([]float64, c)), nil
}

// Solve finds the biases of classes, positions in a row of z (N, c), at which
// the mean mass of each is its prior; prior has one number for each of classes.
// Where classes are all c of them the priors must sum to 1, and the biases sum
// to 0; else the sum is below 1 and what is left goes to the others, whose
// logits stay as they are.
func Solve(z []float32, c int, classes []int, prior []float64) (*Solution, error) {
	if err := check(z, c, false); err != nil {
		return nil, err
	}
	if err := CheckPrior(c, classes, prior); err != nil {
		return nil, err
	}
	free := classes
	if len(classes) == c { // one bias is redundant: that of the last class stays 0 until the end
		free = classes[:c-1]
	}
	p := newProblem(z, c, free, prior[:len(free)])
	s := &Solution{Before: mass(z, c, make([]float64, c)), Bias: make([]float64, c)}
	b, err := p.solve(s)
	if err != nil {
		return nil, err
	}
	var mean float64
	for i, k := range free {
		s.Bias[k] = b[i]
		mean += b[i] / float64(c)
	}
	if len(classes) == c {
		for k := range s.Bias {
			s.Bias[k] -= mean
		}
	}
	s.After = mass(z, c, s.Bias)
	s.Residual = 0
	for i, k := range classes {
		s.Residual = math.Max(s.Residual, math.Abs(s.After[k]-prior[i]))
	}
	return s, nil
}

// check refuses logits that have no softmax, and where none may be −Inf these
// too: no bias gives their class any mass.
func check(z []float32, c int, infinite bool) error {
	if c < 2 || len(z) == 0 || len(z)%c != 0 {
		return fmt.Errorf("got %d logits of %d classes, expected rows of at least 2 classes", len(z), c)
	}
	finite := false
	for i, v := range z {
		f := float64(v)
		inf := math.IsInf(f, -1)
		finite = finite && i%c > 0 || !inf
		if last := i%c == c-1; math.IsNaN(f) || math.IsInf(f, 1) || inf && (!infinite || last && !finite) {
			return fmt.Errorf("logit of row %d, class %d is %v, expected a finite number", i/c, i%c, v)
		}
	}
	return nil
}

// CheckPrior refuses priors, of so many classes of c, that no bias could reach.
func CheckPrior(c int, classes []int, prior []float64) error {
	if len(classes) == 0 || len(prior) != len(classes) {
		return fmt.Errorf("got %d priors of %d classes, expected one for each of at least 1", len(prior), len(classes))
	}
	var sum float64
	for i, k := range classes {
		if k < 0 || k >= c || slices.Contains(classes[:i], k) {
			return fmt.Errorf("got class %d of %v, expected different numbers from 0 to %d", k, classes, c-1)
		}
		if p := prior[i]; !(p > 0 && p < 1) {
			return fmt.Errorf("prior of class %d is %v, expected a number above 0 and below 1: no bias gives a class all or nothing", k, p)
		}
		sum += prior[i]
	}
	switch {
	case len(classes) == c && math.Abs(sum-1) > Tolerance:
		return fmt.Errorf("priors of all %d classes sum to %.6g, expected 1", c, sum)
	case len(classes) < c && sum >= 1:
		return fmt.Errorf("priors of %d of %d classes sum to %.6g, expected less than 1: the others must have something left", len(classes), c, sum)
	}
	return nil
}

// mass is the mean over the rows of softmax(z + b).
func mass(z []float32, c int, b []float64) []float64 {
	m, q, n := make([]float64, c), make([]float64, c), float64(len(z)/c)
	for ; len(z) > 0; z = z[c:] {
		for k := range q {
			q[k] = float64(z[k]) + b[k]
		}
		lse := logSumExp(q)
		for k, t := range q {
			m[k] += math.Exp(t-lse) / n
		}
	}
	return m
}

// logSumExp is log Σ exp(t), −Inf of nothing.
func logSumExp(t []float64) float64 {
	top := math.Inf(-1)
	for _, v := range t {
		top = math.Max(top, v)
	}
	if math.IsInf(top, -1) {
		return top
	}
	var sum float64
	for _, v := range t {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum)
}
