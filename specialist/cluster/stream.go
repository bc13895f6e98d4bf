package cluster

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// reservoirBytes bounds the rows of a Reservoir.
const reservoirBytes = 128 << 20

// Reservoir is a uniform sample of a stream of predictions (Vitter 1985,
// algorithm R), for seeding: as many as 4,096, and about 128 MiB at most. The
// point of a prediction is the root of each probability, so that the distance
// between two is that of Hellinger: a mass of 0.01 beside a sure answer then
// tells as it should, where in the probabilities themselves it is lost.
type Reservoir struct {
	points Points
	size   int
	met    int
	rng    *rand.Rand
}

// NewReservoir is of predictions of classes.
func NewReservoir(classes int, seed uint64) *Reservoir {
	size := max(64, min(4096, reservoirBytes/4/max(1, classes)))
	return &Reservoir{points: Points{D: classes}, size: size, rng: rand.New(rand.NewPCG(seed, 0x726573))}
}

// Add takes rows of probabilities, (N, C).
func (r *Reservoir) Add(p []float32) {
	for d := r.points.D; len(p) > 0; p = p[d:] {
		at := r.met
		if at < r.size {
			r.points.X, r.points.Of = append(r.points.X, p[:d]...), append(r.points.Of, at)
		} else {
			at = r.rng.IntN(r.met + 1)
		}
		if at < r.size {
			roots(r.points.At(at), p)
			r.points.Of[at] = r.met
		}
		r.met++
	}
}

// roots puts the roots of the first probabilities into x.
func roots(x, p []float32) {
	for k := range x {
		x[k] = float32(math.Sqrt(float64(p[k])))
	}
}

// Points are the sample; Of says which row of the stream each is.
func (r *Reservoir) Points() *Points { return &r.points }

// Stream clusters all rows: sample is how those of the reservoir are, and every
// row that each gives is met in turn, until a pass moves none or passes are
// over. each calls f with the numbers and probabilities of rows, (N) and (N, C),
// each row once a pass. Beside the centres there are 4 bytes a row.
func (r *Reservoir) Stream(ctx context.Context, sample *KMeans, passes int, each func(pass int, f func(rows []int, p []float32) error) error) (*KMeans, error) {
	c := newKMeans(r.met, r.points.D)
	c.Centres, c.Count, c.dist = slices.Clone(sample.Centres), slices.Clone(sample.Count), slices.Clone(sample.dist)
	for i, row := range r.points.Of {
		c.Of[row] = sample.Of[i]
	}
	x := make([]float32, c.D)
	for pass := range passes {
		moved := false
		err := each(pass, func(rows []int, p []float32) error {
			for i, row := range rows {
				if row < 0 || row >= r.met {
					return fmt.Errorf("row %d was not among the %d before", row, r.met)
				}
				roots(x, p[i*c.D:])
				if c.Visit(row, x) {
					moved = true
				}
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
		if !moved {
			break
		}
	}
	return c, nil
}
