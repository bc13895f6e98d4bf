package cluster

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// silhouetteSample is the largest number of points that silhouettes are taken
// of, and among.
const silhouetteSample = 2000

// silhouette measures clusters by Rousseeuw's coefficient (1987, Silhouettes: a
// graphical aid to the interpretation and validation of cluster analysis): for a
// point with mean distance a to the others of its cluster and b to those of the
// next, (b − a)/max(a, b); 0 of one that is alone.
type silhouette struct {
	points []int     // a sample, where there are many
	dist   []float32 // (n, n) between them
}

func newSilhouette(p *Points, seed uint64) *silhouette {
	s := &silhouette{points: make([]int, p.Len())}
	for i := range s.points {
		s.points[i] = i
	}
	if len(s.points) > silhouetteSample {
		s.points = rand.New(rand.NewPCG(seed, 0x73696c)).Perm(p.Len())[:silhouetteSample]
		slices.Sort(s.points)
	}
	n := len(s.points)
	s.dist = make([]float32, n*n)
	kernel.Parallel(n, max(1, grain/(n*p.D)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for j := range n {
				s.dist[i*n+j] = float32(math.Sqrt(squared(p.At(s.points[i]), p.At(s.points[j]))))
			}
		}
	})
	return s
}

// mean is that of the points; −1 where there is one cluster, which is next to
// none.
func (s *silhouette) mean(c *KMeans) float64 {
	if c.K() < 2 {
		return -1
	}
	n, total := len(s.points), 0.0
	sum, count := make([]float64, c.K()), make([]int, c.K())
	for _, j := range s.points {
		count[c.Of[j]]++
	}
	for i, at := range s.points {
		clear(sum)
		for j, other := range s.points {
			sum[c.Of[other]] += float64(s.dist[i*n+j])
		}
		own := int(c.Of[at])
		if count[own] < 2 {
			continue
		}
		a, b := sum[own]/float64(count[own]-1), math.Inf(1)
		for m, d := range sum {
			if m != own && count[m] > 0 {
				b = min(b, d/float64(count[m]))
			}
		}
		if worse := max(a, b); worse > 0 && !math.IsInf(b, 1) {
			total += (b - a) / worse
		}
	}
	return total / float64(n)
}
