package dataset

import "math"

// resizer resizes images bilinearly with half-pixel centres. When it shrinks,
// the triangle is widened by the scale, so that no pixel is skipped
// (antialiasing); the weights of one output sum to 1.
type resizer struct {
	h, w, oh, ow int
	rows, cols   []taps // (oh), (ow)
}

// taps are the inputs from first on that one output weighs.
type taps struct {
	first   int
	weights []float32
}

func newResizer(h, w, oh, ow int) *resizer {
	return &resizer{h, w, oh, ow, bilinear(h, oh), bilinear(w, ow)}
}

// bilinear computes the weights from n inputs to m outputs: output i is
// centred at (i+½)·n/m − ½, and input j weighs max(0, 1 − |j − centre|/s) with
// s = max(1, n/m), normalised.
func bilinear(n, m int) []taps {
	scale := float64(n) / float64(m)
	support := max(1, scale)
	out := make([]taps, m)
	for i := range out {
		centre := (float64(i)+0.5)*scale - 0.5
		first := max(0, int(math.Floor(centre-support))+1)
		last := min(n-1, int(math.Ceil(centre+support))-1)
		sum := 0.0
		for j := first; j <= last; j++ {
			sum += 1 - math.Abs(float64(j)-centre)/support
		}
		out[i].first = first
		for j := first; j <= last; j++ {
			out[i].weights = append(out[i].weights, float32((1-math.Abs(float64(j)-centre)/support)/sum))
		}
	}
	return out
}

// scratch is the number of floats that apply needs for c channels.
func (z *resizer) scratch(c int) int { return z.h * z.ow * c }

// apply resizes src (h, w, c) into dst (oh, ow, c) by way of tmp (h, ow, c).
func (z *resizer) apply(dst, src, tmp []float32, c int) {
	for y := range z.h {
		row := src[y*z.w*c:]
		for x, t := range z.cols {
			for k := range c {
				var sum float32
				for j, wt := range t.weights {
					sum += float32(wt * row[(t.first+j)*c+k])
				}
				tmp[(y*z.ow+x)*c+k] = sum
			}
		}
	}
	n := z.ow * c
	for y, t := range z.rows {
		out := dst[y*n : (y+1)*n]
		clear(out)
		for j, wt := range t.weights {
			for i, v := range tmp[(t.first+j)*n : (t.first+j+1)*n] {
				out[i] += float32(wt * v)
			}
		}
	}
}
