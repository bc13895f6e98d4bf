package cluster

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kdonnx/kdonnx/student/kernel"
)

const (
	maxRestarts = 10 // seedings of which the tightest clusters are kept
	minRestarts = 2
	work        = 1e9 // points × centres × values that all restarts pass over at once, about
	maxPasses   = 20  // over the points; most need fewer than ten
)

// Fit clusters points in at most k clusters, fewer where fewer points differ:
// of ten seedings, of large problems fewer, the clusters with the least sum of
// squared distances to their centres, which is returned. Each passes over the
// points in an order of its own until none moves.
func Fit(ctx context.Context, p *Points, k int, seed uint64) (best *KMeans, inertia float64, err error) {
	if k < 1 || p.Len() == 0 {
		return nil, 0, fmt.Errorf("got %d clusters of %d points, expected at least 1 of each", k, p.Len())
	}
	n := max(minRestarts, min(maxRestarts, int(work/float64(p.Len()*min(k, p.Len())*p.D))))
	if k == 1 || k >= p.Len() {
		n = 1
	}
	tries, sums, errs := make([]*KMeans, n), make([]float64, n), make([]error, n)
	kernel.Parallel(n, 1, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			tries[r], errs[r] = fitOnce(ctx, p, k, rand.New(rand.NewPCG(seed, uint64(r))))
			if errs[r] == nil {
				sums[r] = tries[r].inertia(p)
			}
		}
	})
	inertia = math.Inf(1)
	for r, c := range tries {
		if errs[r] != nil {
			return nil, 0, errs[r]
		}
		if sums[r] < inertia {
			best, inertia = c, sums[r]
		}
	}
	return best, inertia, nil
}

// inertia is the sum of squared distances to the centres.
func (c *KMeans) inertia(p *Points) (sum float64) {
	for i := range p.Len() {
		sum += squared(p.At(i), c.Centre(int(c.Of[i])))
	}
	return sum
}

// fitOnce seeds twice as many clusters, passes over the points, merges what is
// nearest and passes until no point moves: among many clusters a seeding that
// draws k at once leaves out some and halves others, which no single point can
// mend.
func fitOnce(ctx context.Context, p *Points, k int, rng *rand.Rand) (*KMeans, error) {
	c := newKMeans(p.Len(), p.D)
	c.seed(p, min(2*k, p.Len()), rng)
	for pass := range maxPasses {
		moved := false
		for _, i := range rng.Perm(p.Len()) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if c.Visit(i, p.At(i)) {
				moved = true
			}
		}
		if pass == 0 {
			c.merge(k, func(int, int) bool { return true })
		} else if !moved {
			break
		}
	}
	return c, nil
}

// Score is how well k clusters part the points.
type Score struct {
	K          int     `json:"k"`
	Silhouette float64 `json:"silhouette"`
}

// Choose fits every k from lo to hi and keeps the one with the largest mean
// silhouette, the smallest of equals.
func Choose(ctx context.Context, p *Points, lo, hi int, seed uint64) (best *KMeans, scores []Score, err error) {
	s := newSilhouette(p, seed)
	top := math.Inf(-1)
	for k := lo; k <= hi; k++ {
		c, _, err := Fit(ctx, p, k, seed)
		if err != nil {
			return nil, nil, err
		}
		if k > lo && c.K() < k { // fewer points differ
			break
		}
		v := s.mean(c)
		scores = append(scores, Score{c.K(), v})
		if v > top {
			best, top = c, v
		}
	}
	return best, scores, nil
}
