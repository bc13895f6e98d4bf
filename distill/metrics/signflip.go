package metrics

import "math"

// exactFlips bounds the work of counting signs out: pairs times the sum of
// their sizes. Above, there are so many that the normal approximation is good.
const exactFlips = 1 << 28

// SignFlip is the randomisation test of paired differences (Fisher 1935, The
// Design of Experiments, §21): between equal models every difference is as
// likely to have the other sign. k is, for each row, on how many more seeds the
// second model answers it rightly than the first. P is the two-sided
// probability of a sum as far from 0 as that of k, or farther, over all signs.
// With one seed it is McNemar's exact test.
//
// OnlyA and OnlyB are the rows on which the one, or the other, is right more
// often, RankA and RankB by how much in all.
func SignFlip(k []int) Paired {
	p := Paired{Rows: len(k)}
	var sizes []int
	squares := 0.0
	for _, d := range k {
		switch {
		case d > 0:
			p.OnlyB++
			p.RankB += float64(d)
		case d < 0:
			p.OnlyA++
			p.RankA -= float64(d)
		default:
			continue
		}
		sizes = append(sizes, max(d, -d))
		squares += float64(d) * float64(d)
	}
	total := p.RankA + p.RankB
	switch {
	case p.RankA == p.RankB:
		p.P = 1
	case float64(len(sizes))*total <= exactFlips:
		p.P = signedRanks(sizes, int(min(p.RankA, p.RankB)))
	default: // sums are a step of 2 apart, half of which is continuity's
		p.P = math.Erfc(max(0, math.Abs(p.RankB-p.RankA)-1) / math.Sqrt(2*squares))
	}
	return p
}
