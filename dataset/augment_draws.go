package dataset

import (
	"math"
	"math/rand/v2"
	"sync"
)

// draws are the random numbers of one row in one pass. They use no function
// whose bits depend on features of the processor: math.Exp is one.
type draws struct{ pcg rand.PCG }

// start makes d the draws number stream of a row. Neighbouring seeds, passes
// and rows have nothing in common.
func (d *draws) start(seed uint64, pass, row, stream int) {
	h := mix64(seed + 0x6175676d656e74) // apart from what else the seed is used for
	h = mix64(h + uint64(pass))
	d.pcg.Seed(mix64(h+uint64(row)), mix64(h^mix64(uint64(row)))+uint64(stream))
}

// mix64 is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix64(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a whole number from 0 to n-1, for n far below 2³².
func (d *draws) below(n int) int { return int(d.pcg.Uint64() >> 32 * uint64(n) >> 32) }

// within is a whole number from -n to n.
func (d *draws) within(n int) int { return d.below(2*n+1) - n }

// unit is in [0, 1).
func (d *draws) unit() float64 { return float64(d.pcg.Uint64()>>11) * 0x1p-53 }

// around is in [-w, w).
func (d *draws) around(w float64) float64 { return float64(w * (2*d.unit() - 1)) }

// beta draws from Beta(a, a) by the symmetric one-liner of Devroye 1996
// ("Random variate generation in one line of code"), which has Bailey's
// t variate of 2a degrees of freedom inside:
//
//	½·(1 + s/√(1 + 1/((U^(−1/a) − 1)·cos²(2πV)))), s = ±1 the sign of cos(2πV)
func (d *draws) beta(a float64) float64 {
	u := 1 - d.unit() // in (0, 1]
	c := math.Cos(2 * math.Pi * d.unit())
	w := float64((math.Exp2(-math.Log2(u)/a) - 1) * float64(c*c))
	b := 0.5 * (1 + math.Copysign(1/math.Sqrt(1+1/w), c))
	return min(max(b, 0), 1)
}

// normals is the standard normal distribution in 2¹² points of equal
// probability, scaled to variance 1: the most distant is 3.5 deviations out.
// As fine as 8-bit pixels need, and four to a random word.
var normals = sync.OnceValue(func() *[1 << 12]float32 {
	var points [1 << 12]float64
	squares := 0.0
	for i := range points {
		points[i] = math.Erfinv((2*float64(i)+1)/float64(len(points)) - 1)
		squares += float64(points[i] * points[i])
	}
	var t [1 << 12]float32
	for i, p := range points {
		t[i] = float32(p / math.Sqrt(squares/float64(len(points))))
	}
	return &t
})

// normal is from the standard normal distribution, see normals.
func (d *draws) normal() float32 { return normals()[d.pcg.Uint64()>>52] }
