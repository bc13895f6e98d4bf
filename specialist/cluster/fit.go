package cluster

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
)

const (
	restarts  = 10 // seedings of which the tightest clusters are kept
	maxPasses = 50 // over the points; most need fewer than ten
)

// Fit clusters points in at most k clusters, fewer where fewer points differ:
// of ten seedings the clusters with the least sum of squared distances to their
// centres, which is returned. Each passes over the points in an order of its
// own until none moves.
func Fit(ctx context.Context, p *Points, k int, seed uint64) (best *KMeans, inertia float64, err error) {
	if k < 1 || p.Len() == 0 {
		return nil, 0, fmt.Errorf("got %d clusters of %d points, expected at least 1 of each", k, p.Len())
	}
	inertia = math.Inf(1)
	for r := range restarts {
		c, err := fitOnce(ctx, p, k, rand.New(rand.NewPCG(seed, uint64(r))))
		if err != nil {
			return nil, 0, err
		}
		var sum float64
		for i := range p.Len() {
			sum += squared(p.At(i), c.Centre(int(c.Of[i])))
		}
		if best == nil || sum < inertia {
			best, inertia = c, sum
		}
		if k == 1 || k >= p.Len() {
			break
		}
	}
	return best, inertia, nil
}

// fitOnce is one seeding and its passes.
func fitOnce(ctx context.Context, p *Points, k int, rng *rand.Rand) (*KMeans, error) {
	c := newKMeans(p.Len(), p.D)
	c.seed(p, min(k, p.Len()), rng)
	for range maxPasses {
		moved := false
		for _, i := range rng.Perm(p.Len()) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if c.Visit(i, p.At(i)) {
				moved = true
			}
		}
		if !moved {
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
