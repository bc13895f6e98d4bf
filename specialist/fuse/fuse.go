// Package fuse joins what a generalist and several specialists say of a row to
// one distribution: section 5.4 of Hinton, Vinyals and Dean (2015, arXiv
// 1503.02531).
//
// # The problem
//
// The generalist has a distribution p^g over C classes. Specialist m has one
// over the classes of its set S^m and one dustbin, p^m_d, that stands for all
// others. With A the active specialists, find the distribution q over the C
// classes that minimises
//
//	F(q) = KL(p^g ‖ q) + Σ_{m∈A} KL(p^m ‖ q),
//
// where in term m the masses of q outside S^m are summed to Q_m. With
//
//	a_k = p^g_k + Σ_{m∈A: k∈S^m} p^m_k   what is said of class k itself,
//	s_k = Σ_{m∈A: k∉S^m} p^m_d / Q_m     what the dustbins that hold it add,
//	N   = 1 + |A|,
//
// the derivative of F by q_k is −(a_k/q_k + s_k). F is convex, and q is its
// minimum if and only if the KKT conditions hold: a_k/q_k + s_k = N where
// q_k > 0, and ≤ N where q_k = 0. N is the multiplier of Σq = 1, since
// Σ_k q_k (a_k/q_k + s_k) = N for every q.
//
// # Groups
//
// Classes that lie in the same sets share s_k, so that at the minimum they keep
// the proportions of their a_k, which are known. What has to be found is one
// mass a group of classes, and every method here works on these few masses, in
// float64. Where a whole group has a_k = 0 its mass is shared out evenly: the
// limit of a generalist that gives each of its classes the same little mass.
//
// # Certificate
//
// The KKT residual of q is max_k (a_k/q_k + s_k) − N over the classes (without
// a_k/q_k where a_k = 0): 0 at the minimum and above it elsewhere. As F is
// convex it bounds, in nats, how far F(q) is above the minimum; and since the
// mean of a_k/q_k + s_k under q is N, it bounds q_k·|a_k/q_k + s_k − N| too.
package fuse

import (
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Method is how the minimum is found.
type Method string

// The methods.
const (
	EM      Method = "em" // expectation-maximisation, the default
	Descent Method = "gd" // gradient descent on logits, the paper's
)

// A method is done where |a_k/q_k + s_k − N| is at most Tolerance and at most
// Closeness·a_k/q_k + Rounding. The first bounds the KKT residual. The second bounds
// the relative error of q_k, which a small residual leaves open where next to
// nothing is said of several classes and F is all but flat.
const (
	Tolerance = 1e-10
	Closeness = 1e-6
	Rounding  = 1e-14 // of a_k/q_k + s_k in float64
)

// Result tells how a row was solved.
type Result struct {
	Residual float64 // KKT residual of q, before it was rounded to float32; see the package
	Steps    int     // of the method, and of Newton's method behind EM
}

// Solver fuses rows. It owns all memory that a row needs, and is for one
// goroutine at a time.
type Solver struct {
	method  Method
	classes int
	sets    [][]int

	a       []float64 // (C), see the package
	group   []int     // (C), the group of each class
	within  []int     // by group: how many of its classes lie in the set at hand
	split   []int     // by group: where these go
	active  []bool    // by specialist
	problem problem
}

// New makes a Solver of rows over so many classes, for specialists whose sets
// are given as ascending indices of classes.
func New(method Method, classes int, sets [][]int) (*Solver, error) {
	if method != EM && method != Descent {
		return nil, fault.New(fault.Usage, "", "solver", "got %q, expected %s or %s", method, EM, Descent)
	}
	if classes < 1 {
		return nil, fault.New(fault.Input, "", "classes", "got %d, expected at least 1", classes)
	}
	s := &Solver{
		method: method, classes: classes, a: make([]float64, classes), group: make([]int, classes),
		within: make([]int, classes), split: make([]int, classes), active: make([]bool, len(sets)),
	}
	for m, set := range sets {
		for i, k := range set {
			if k < 0 || k >= classes || i > 0 && k <= set[i-1] {
				return nil, fault.New(fault.Input, "", fmt.Sprintf("set %d", m), "got class %d, expected ascending ones from 0 to %d", k, classes-1)
			}
		}
		if len(set) == 0 {
			return nil, fault.New(fault.Input, "", fmt.Sprintf("set %d", m), "is empty, expected at least one class")
		}
		s.sets = append(s.sets, slices.Clone(set))
	}
	// The most groups that a row can have are those of all sets.
	s.problem.size = make([]int, classes)
	groups := s.whole()
	for m := range s.sets {
		groups = s.refine(m, groups, nil)
	}
	s.problem.room(groups, len(sets))
	return s, nil
}

// Solve puts into q, (C), the distribution that joins the generalist's, (C), with
// those of the active specialists: active[i] is the index of a specialist and
// said[i] its probabilities, those of its set's classes in their order and the
// dustbin's last. Each distribution is taken in proportion to its sum.
//
// Without an active specialist q is the generalist's distribution to the bit.
// A specialist whose set holds all classes has a dustbin without a class: what
// it gives it is left out, and the rest scaled to 1. An input that is no
// distribution, or an active specialist that there is not or twice, is an error
// of kind Input that names it.
func (s *Solver) Solve(q, generalist []float32, active []int, said [][]float32) (Result, error) {
	if len(q) != s.classes || len(said) != len(active) {
		return Result{}, fault.New(fault.Input, "", "fuse", "got room for %d classes and %d specialists' probabilities, expected %d and %d", len(q), len(said), s.classes, len(active))
	}
	scale, err := distribution(generalist, s.classes)
	if err != nil {
		return Result{}, fault.New(fault.Input, "", "generalist", "%w", err)
	}
	if len(active) == 0 {
		copy(q, generalist)
		return Result{}, nil
	}
	for k, v := range generalist {
		s.a[k] = float64(v) * scale
	}
	p := &s.problem
	p.live, p.total = 0, 1+float64(len(active))
	groups := s.whole()
	defer s.silence(active)
	for i, m := range active {
		if m < 0 || m >= len(s.sets) || s.active[m] {
			return Result{}, fault.New(fault.Input, "", fmt.Sprintf("active specialist %d", m), "is not one of %d, or is active twice", len(s.sets))
		}
		s.active[m] = true
		if groups, err = s.add(m, said[i], groups); err != nil {
			return Result{}, fault.New(fault.Input, "", fmt.Sprintf("specialist %d", m), "%w", err)
		}
	}
	p.groups = groups
	clear(p.a[:groups])
	for k, g := range s.group {
		p.a[g] += s.a[k]
	}
	r := p.solve(s.method)
	for k, g := range s.group {
		if p.a[g] > 0 {
			q[k] = float32(p.q[g] * (s.a[k] / p.a[g]))
		} else {
			q[k] = float32(p.q[g] / float64(p.size[g]))
		}
	}
	return r, nil
}

// silence forgets who was active.
func (s *Solver) silence(active []int) {
	for _, m := range active {
		if m >= 0 && m < len(s.active) {
			s.active[m] = false
		}
	}
}

// add joins what specialist m says of its classes to a, and its dustbin to the
// problem. A dustbin without mass pulls at nothing.
func (s *Solver) add(m int, said []float32, groups int) (int, error) {
	set := s.sets[m]
	scale, err := distribution(said, len(set)+1)
	if err != nil {
		return 0, err
	}
	dustbin := float64(said[len(set)]) * scale
	if len(set) == s.classes && dustbin > 0 {
		var rest float64
		for _, v := range said[:len(set)] {
			rest += float64(v)
		}
		if rest == 0 {
			return 0, fmt.Errorf("has all its mass in a dustbin without a class, since its set holds all")
		}
		scale, dustbin = 1/rest, 0
	}
	for i, k := range set {
		s.a[k] += float64(said[i]) * scale
	}
	if dustbin == 0 {
		return groups, nil
	}
	p := &s.problem
	groups = s.refine(m, groups, p)
	p.p[p.live] = dustbin
	p.live++
	return groups, nil
}

// distribution wants n probabilities that sum to 1, as far as float32 can, and
// gives the factor that makes them do so.
func distribution(p []float32, n int) (scale float64, err error) {
	if len(p) != n {
		return 0, fmt.Errorf("has %d probabilities, expected %d", len(p), n)
	}
	var sum float64
	for k, v := range p {
		if !(v >= 0 && v <= math.MaxFloat32) {
			return 0, fmt.Errorf("probability %d is %v, expected a finite number from 0", k, v)
		}
		sum += float64(v)
	}
	if math.Abs(sum-1) > 1e-3 {
		return 0, fmt.Errorf("probabilities sum to %.6g, expected 1", sum)
	}
	return 1 / sum, nil
}
