package dataset

import (
	"context"
	"math"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Stats gives the mean and the population standard deviation of each channel
// of images over all pixels, or of each feature of a table. It reads all rows
// once, and does not depend on the number of cores.
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
	seen := 0.0
	err = Batches(ctx, src, nil, 256, func(_ []int, b *Batch) error {
		n := float64(len(b.X) / c)
		for k := range c {
			sum := 0.0
			for i := k; i < len(b.X); i += c {
				sum += float64(b.X[i])
			}
			here, squares := sum/n, 0.0
			for i := k; i < len(b.X); i += c {
				d := float64(b.X[i]) - here
				squares += float64(d * d)
			}
			// Chan, Golub and LeVeque 1983: join two samples.
			d := here - centre[k]
			m2[k] += squares + float64(d*d*seen)*n/(seen+n)
			centre[k] += float64(d*n) / (seen + n)
		}
		seen += n
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for k := range c {
		mean, std = append(mean, float32(centre[k])), append(std, float32(math.Sqrt(m2[k]/seen)))
	}
	return mean, std, nil
}
