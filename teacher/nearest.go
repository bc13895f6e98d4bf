package teacher

import (
	"math"

	"github.com/kdonnx/kdonnx/dataset"
)

const (
	// meanSide is the side that larger images are shrunk to before their means
	// are taken.
	meanSide = 32
	// maxMeans bounds the values of all means.
	maxMeans = 1 << 23
)

// nearestMean is what a classifier says that knows nothing but the mean row of
// each class, with the features of a table in their standard deviations: the
// labelled rows at even places are its training rows, those at odd ones it is
// asked about. It is what a teacher must beat. guess is -1 where it was not
// asked; nil says that the rows are too few or too large to ask.
func nearestMean(x []float32, spec dataset.Spec, classes int, labels []int32) (guess []int32) {
	x, size := smaller(x, spec, len(labels))
	var learnt, asked []int
	count := make([]float64, classes)
	k := 0
	for r, y := range labels {
		if y < 0 || int(y) >= classes {
			continue
		}
		if k++; k%2 == 0 {
			asked = append(asked, r)
		} else {
			learnt = append(learnt, r)
			count[y]++
		}
	}
	mean, present := make([][]float64, classes), 0
	for _, n := range count {
		if n > 0 {
			present++
		}
	}
	if present < 2 || len(learnt) < 4*present || present*size > maxMeans {
		return nil
	}
	weight := weights(x, size, learnt, spec.Image)
	for _, r := range learnt {
		y := labels[r]
		if mean[y] == nil {
			mean[y] = make([]float64, size)
		}
		for i, v := range x[r*size : (r+1)*size] {
			if v == v { // a missing one counts as the mean of all, 0 with these weights
				mean[y][i] += (float64(v) - weight.mean[i]) / count[y]
			}
		}
	}
	guess = make([]int32, len(labels))
	for r := range guess {
		guess[r] = -1
	}
	for _, r := range asked {
		least := math.Inf(1)
		for y, m := range mean {
			if m == nil {
				continue
			}
			d := 0.0
			for i, v := range x[r*size : (r+1)*size] {
				if v == v {
					off := float64(v) - weight.mean[i] - m[i]
					d += off * off * weight.of[i]
				}
			}
			if d < least || guess[r] < 0 {
				guess[r], least = int32(y), d
			}
		}
	}
	return guess
}

// smaller shrinks images larger than meanSide, of which the means need no more.
func smaller(x []float32, spec dataset.Spec, n int) ([]float32, int) {
	if !spec.Image || spec.Shape[0] <= meanSide && spec.Shape[1] <= meanSide {
		return x, spec.Size()
	}
	pipe, err := dataset.Preprocess{Layout: dataset.NHWC, Resize: []int{min(meanSide, spec.Shape[0]), min(meanSide, spec.Shape[1])}}.Compile(spec)
	if err != nil {
		return x, spec.Size()
	}
	out := make([]float32, n*pipe.OutSize())
	pipe.Apply(out, x, n)
	return out, pipe.OutSize()
}

// weighing is the mean of each feature, and what a square of its difference counts.
type weighing struct{ mean, of []float64 }

// weights are 1 for pixels and 1/variance for the features of a table, by the
// given rows.
func weights(x []float32, size int, rows []int, image bool) weighing {
	w := weighing{make([]float64, size), make([]float64, size)}
	if image {
		for i := range w.of {
			w.of[i] = 1
		}
		return w
	}
	for i := range size {
		n, squares := 0.0, 0.0
		for _, r := range rows {
			if v := float64(x[r*size+i]); v == v {
				n++
				d := v - w.mean[i]
				w.mean[i] += d / n
				squares += d * (v - w.mean[i])
			}
		}
		if squares > 0 {
			w.of[i] = n / squares
		}
	}
	return w
}
