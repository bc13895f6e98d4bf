package dataset

import (
	"context"
	"math"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Summary is what the values of a source look like: for images one number a
// channel over all pixels, for tables one a feature.
type Summary struct {
	Mean, Std []float32 // Std is that of the population
	Min, Max  []float32
}

// Stats gives the mean and the population standard deviation of each channel
// of images, or of each feature of a table.
func Stats(ctx context.Context, src Source) (mean, std []float32, err error) {
	s, err := Summarize(ctx, src)
	return s.Mean, s.Std, err
}

// Summarize reads all rows once. Its result does not depend on the number of
// cores.
func Summarize(ctx context.Context, src Source) (Summary, error) {
	spec := src.Spec()
	c := spec.Size()
	if spec.Image {
		c = spec.Shape[2]
	}
	if src.Len() == 0 {
		return Summary{}, fault.New(fault.Input, "", "", "no rows to take statistics of")
	}
	s := Summary{make([]float32, c), make([]float32, c), make([]float32, c), make([]float32, c)}
	mean, m2 := make([]float64, c), make([]float64, c) // m2 = Σ(x−mean)²
	seen := 0.0
	err := Batches(ctx, src, nil, 256, func(_ []int, b *Batch) error {
		n := float64(len(b.X) / c)
		for k := range c {
			sum, lo, hi := 0.0, b.X[k], b.X[k]
			for i := k; i < len(b.X); i += c {
				v := b.X[i]
				sum += float64(v)
				lo, hi = min(lo, v), max(hi, v)
			}
			here, squares := sum/n, 0.0
			for i := k; i < len(b.X); i += c {
				d := float64(b.X[i]) - here
				squares += float64(d * d)
			}
			// Chan, Golub and LeVeque 1983: join two samples.
			d := here - mean[k]
			m2[k] += squares + float64(d*d*seen)*n/(seen+n)
			mean[k] += float64(d*n) / (seen + n)
			if seen == 0 {
				s.Min[k], s.Max[k] = lo, hi
			}
			s.Min[k], s.Max[k] = min(s.Min[k], lo), max(s.Max[k], hi)
		}
		seen += n
		return nil
	})
	if err != nil {
		return Summary{}, err
	}
	for k := range c {
		s.Mean[k], s.Std[k] = float32(mean[k]), float32(math.Sqrt(m2[k]/seen))
	}
	return s, nil
}
