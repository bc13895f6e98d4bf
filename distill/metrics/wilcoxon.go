package metrics

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// exactPairs is the largest number of pairs that Wilcoxon's P is counted out
// for; above, the normal approximation is good to a few per cent of P.
const exactPairs = 60

// Wilcoxon compares two models by their errors on the same rows, each at least
// 0, with the signed-rank test (Wilcoxon 1945): the differences are ranked by
// size, equal ones sharing their mean rank, and between equal models the rank
// of a difference is as likely to count for the one as for the other. Rows on
// which both do equally well are left out.
//
// OnlyA and OnlyB are the rows on which the one is nearer, RankA and RankB the
// sums of their ranks. P is two-sided: of all signs where there are at most 60
// such rows, and else by the normal approximation with a correction for ties
// and continuity. It panics when a and b do not have the same length.
func Wilcoxon(a, b []float64) Paired {
	if len(a) != len(b) {
		panic(fmt.Sprintf("metrics: Wilcoxon needs the same rows of both models, got %d and %d", len(a), len(b)))
	}
	p := Paired{Rows: len(a)}
	var d []float64 // positive where b is nearer
	for i := range a {
		if a[i] != b[i] {
			d = append(d, a[i]-b[i])
		}
	}
	slices.SortFunc(d, func(x, y float64) int { return cmp.Compare(math.Abs(x), math.Abs(y)) })
	var twice []int // ranks times two, which are whole
	ties := 0.0     // Σ (t³ − t)
	for lo := 0; lo < len(d); {
		hi := lo
		for hi < len(d) && math.Abs(d[hi]) == math.Abs(d[lo]) {
			hi++
		}
		t := float64(hi - lo)
		ties += t*t*t - t
		for _, x := range d[lo:hi] {
			twice = append(twice, lo+1+hi)
			if x > 0 {
				p.OnlyB++
				p.RankB += float64(lo+1+hi) / 2
			} else {
				p.OnlyA++
				p.RankA += float64(lo+1+hi) / 2
			}
		}
		lo = hi
	}
	if len(d) <= exactPairs {
		p.P = signedRanks(twice, int(2*min(p.RankA, p.RankB)))
		return p
	}
	n := float64(len(d))
	sigma := math.Sqrt(n*(n+1)*(2*n+1)/24 - ties/48)
	z := max(0, math.Abs(p.RankA-n*(n+1)/4)-0.5) / sigma
	p.P = math.Erfc(z / math.Sqrt2)
	return p
}

// signedRanks is the probability that the ranks of one side sum to at most
// least, or to as much of the other, when each rank's side is a coin's.
func signedRanks(ranks []int, least int) float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	ways := make([]float64, total+1) // share of all signs, by sum
	ways[0] = 1
	top := 0 // largest sum of the ranks so far
	for _, r := range ranks {
		top += r
		for s := top; s >= 0; s-- {
			ways[s] /= 2
			if s >= r {
				ways[s] += ways[s-r] / 2
			}
		}
	}
	tail := 0.0
	for s := 0; s <= least; s++ {
		tail += ways[s]
	}
	return min(1, 2*tail)
}
