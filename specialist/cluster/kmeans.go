package cluster

import (
	"math"
	"math/rand/v2"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// KMeans is MacQueen's online k-means (1967, Some methods for classification
// and analysis of multivariate observations): a point moves the nearest centre
// by 1/count of the way to it. A point that is met again may leave for another
// cluster by the same rule, so that every centre is the mean of its points at
// any time. Nearest means cheapest, as in Hartigan and Wong's algorithm (1979):
// the centre that holds a point has come nearer by that alone, and without
// allowing for it small clusters keep what is not theirs.
type KMeans struct {
	D       int
	Centres []float64 // (K, D)
	Count   []int     // (K) points of each
	Of      []int32   // (N) cluster of each point, −1 before it was met

	dist []float64 // (K) what the point at hand costs in each
}

// newKMeans has no centre yet.
func newKMeans(n, d int) *KMeans {
	c := &KMeans{D: d, Of: make([]int32, n)}
	for i := range c.Of {
		c.Of[i] = -1
	}
	return c
}

// K is the number of clusters.
func (c *KMeans) K() int { return len(c.Count) }

// Centre is that of cluster m, (D).
func (c *KMeans) Centre(m int) []float64 { return c.Centres[m*c.D : (m+1)*c.D] }

// open begins a cluster at point i.
func (c *KMeans) open(i int, x []float32) {
	c.Of[i] = int32(c.K())
	for _, v := range x {
		c.Centres = append(c.Centres, float64(v))
	}
	c.Count, c.dist = append(c.Count, 1), append(c.dist, 0)
}

// Visit lets point i, x (D), go where it adds least to the sum of squared
// distances and tells whether it went. Among equals it stays, else takes the
// first; the last point of a cluster never leaves it.
func (c *KMeans) Visit(i int, x []float32) bool {
	old := int(c.Of[i])
	if old >= 0 && c.Count[old] == 1 {
		return false
	}
	to := c.cheapest(x, old)
	if to == old {
		return false
	}
	if old >= 0 {
		c.Count[old]--
		shift(c.Centre(old), x, -1/float64(c.Count[old]))
	}
	c.Count[to]++
	shift(c.Centre(to), x, 1/float64(c.Count[to]))
	c.Of[i] = int32(to)
	return true
}

// shift moves centre by rate of the way to x.
func shift(centre []float64, x []float32, rate float64) {
	for j, v := range x {
		centre[j] += rate * (float64(v) - centre[j])
	}
}

// cheapest is the cluster whose sum of squares x, which is in cluster old or in
// none, raises least: by n/(n+1)·d² where it joins n points whose centre is at
// distance d, and by n/(n−1)·d² where it is one of n.
func (c *KMeans) cheapest(x []float32, old int) int {
	kernel.Parallel(c.K(), max(1, grain/c.D), func(lo, hi int) {
		for m := lo; m < hi; m++ {
			n := float64(c.Count[m])
			if c.dist[m] = squared(x, c.Centre(m)) * n / (n + 1); m == old {
				c.dist[m] *= (n + 1) / (n - 1)
			}
		}
	})
	m := max(0, old)
	for to, d := range c.dist {
		if d < c.dist[m] {
			m = to
		}
	}
	return m
}

// squared is ‖x − y‖², summed in four lanes.
func squared[T float32 | float64](x []float32, y []T) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		a, b := float64(x[i])-float64(y[i]), float64(x[i+1])-float64(y[i+1])
		c, d := float64(x[i+2])-float64(y[i+2]), float64(x[i+3])-float64(y[i+3])
		s0 += a * a
		s1 += b * b
		s2 += c * c
		s3 += d * d
	}
	for ; i < len(x); i++ {
		a := float64(x[i]) - float64(y[i])
		s0 += a * a
	}
	return s0 + s1 + s2 + s3
}

// seed opens up to k clusters by k-means++ (Arthur and Vassilvitskii 2007), the
// greedy one: of a few points, each drawn with a probability proportional to its
// squared distance to the centres so far, the one that leaves the least sum of
// them. There are fewer where fewer points differ.
func (c *KMeans) seed(p *Points, k int, rng *rand.Rand) {
	n, trials := p.Len(), 2+int(math.Log(float64(k)))
	near, tried, best := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range near {
		near[i] = math.Inf(1)
	}
	at, left := rng.IntN(n), 0.0
	c.open(at, p.At(at))
	left = closer(near, near, p, at)
	for c.K() < k && left > 0 {
		least := math.Inf(1)
		for range trials {
			i := draw(near, left, rng)
			if sum := closer(tried, near, p, i); sum < least {
				at, least = i, sum
				tried, best = best, tried
			}
		}
		c.open(at, p.At(at))
		near, best, left = best, near, least
	}
}

// closer puts into dst the least of near and the squared distance to point at,
// and adds them up.
func closer(dst, near []float64, p *Points, at int) (sum float64) {
	x := p.At(at)
	kernel.Parallel(p.Len(), max(1, grain/p.D), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			dst[i] = min(near[i], squared(p.At(i), x))
		}
	})
	for _, d := range dst {
		sum += d
	}
	return sum
}

// draw is a position with a probability proportional to its weight; the weights
// sum to total, above 0.
func draw(weight []float64, total float64, rng *rand.Rand) (at int) {
	left := rng.Float64() * total
	for i, w := range weight {
		if w == 0 {
			continue
		}
		if at = i; left < w {
			break
		}
		left -= w
	}
	return at
}
