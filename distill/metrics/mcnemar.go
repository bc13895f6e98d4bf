package metrics

import (
	"fmt"
	"math"
)

// Paired is the outcome of two models on the same rows.
type Paired struct {
	Rows  int     `json:"rows"`
	OnlyA int     `json:"only_a"` // rows that only the first model answers rightly, or on which it is nearer
	OnlyB int     `json:"only_b"` // rows that only the second does, or on which that is nearer
	P     float64 `json:"p"`      // two-sided probability of a split as uneven as this, or more, between equal models

	RankA float64 `json:"rank_a,omitempty"` // of Wilcoxon: the sum of the ranks of OnlyA
	RankB float64 `json:"rank_b,omitempty"` // of OnlyB
}

// McNemar compares two models by whether each answered each row rightly. Only
// the rows on which they differ count: between equal models their number on
// one side is binomial with probability ½ (McNemar 1947, in the exact form):
//
//	P = min(1, 2·Σ_{i≤k} C(n, i)/2ⁿ),  n = OnlyA + OnlyB, k = min(OnlyA, OnlyB)
//
// It panics when a and b do not have the same length.
func McNemar(a, b []bool) Paired {
	if len(a) != len(b) {
		panic(fmt.Sprintf("metrics: McNemar needs the same rows of both models, got %d and %d", len(a), len(b)))
	}
	p := Paired{Rows: len(a)}
	for i := range a {
		switch {
		case a[i] && !b[i]:
			p.OnlyA++
		case b[i] && !a[i]:
			p.OnlyB++
		}
	}
	p.P = signTest(p.OnlyA, p.OnlyB)
	return p
}

// signTest is the exact two-sided P. The largest term of the sum comes from
// log-gamma; each next one is C(n, i−1) = C(n, i)·i/(n−i+1).
func signTest(a, b int) float64 {
	n, k := a+b, min(a, b)
	if a == b {
		return 1
	}
	lg := func(x int) float64 { v, _ := math.Lgamma(float64(x) + 1); return v }
	term := math.Exp(lg(n) - lg(k) - lg(n-k) - float64(n)*math.Ln2)
	sum := 0.0
	for i := k; i >= 0 && term > sum*1e-17; i-- {
		sum += term
		term *= float64(i) / float64(n-i+1)
	}
	return min(1, 2*sum)
}
