package dataset

import (
	"context"
	"math"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Stats gives the mean and the population standard deviation of each channel
// of images over all pixels, or of each feature of a table, over the values
// that are not missing; both are 0 where all are. It reads all rows once, and
// does not depend on the number of cores.
func Stats(ctx context.Context, src Source) (mean, std []float32, err error) {
	spec := src.Spec()
	c := spec.Size()
	if spec.Image {
		c = spec.Shape[2]
	}
	if src.Len() == 0 {
		return nil, nil, fault.New(fault.Input, "", "", "no rows to take statistics of")
	}
	centre, m2 := make([]float64, c), make([]float64, c) // m2 = Σ(x−centre)²
	seen := make([]float64, c)
	err = Batches(ctx, src, nil, 256, func(_ []int, b *Batch) error {
		for k := range c {
			n, sum := 0.0, 0.0
			for i := k; i < len(b.X); i += c {
				if x := float64(b.X[i]); !spec.Missing || x == x {
					sum += x
					n++
				}
			}
			if n == 0 {
				continue
			}
			here, squares := sum/n, 0.0
			for i := k; i < len(b.X); i += c {
				if d := float64(b.X[i]) - here; !spec.Missing || d == d {
					squares += float64(d * d)
				}
			}
			// Chan, Golub and LeVeque 1983: join two samples.
			d := here - centre[k]
			m2[k] += squares + float64(d*d*seen[k])*n/(seen[k]+n)
			centre[k] += float64(d*n) / (seen[k] + n)
			seen[k] += n
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for k := range c {
		mean, std = append(mean, float32(centre[k])), append(std, float32(math.Sqrt(m2[k]/max(1, seen[k]))))
	}
	return mean, std, nil
}
