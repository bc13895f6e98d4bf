package export

import "math"

// standardise puts numbers z of the student and r of ONNX Runtime, both (n, c),
// into deviations of z from its means, each column its own: so that a
// tolerance means the same whatever their units. A difference of a few units
// in the last place is none, for numbers may be far larger than their
// deviation.
func standardise(z, r []float32, c int) {
	const rounding = 1.0 / (1 << 21)
	for k := range c {
		n, mean, around := 0.0, 0.0, 0.0
		for i := k; i < len(z); i += c {
			n++
			from := float64(z[i]) - mean
			mean += from / n
			around += float64(from * (float64(z[i]) - mean))
		}
		deviation := math.Sqrt(around / max(1, n))
		if !(deviation > 0) {
			deviation = max(1, math.Abs(mean))
		}
		for i := k; i < len(z); i += c {
			a, b := float64(z[i]), float64(r[i])
			if math.Abs(a-b) <= rounding*math.Abs(a) {
				b = a
			}
			z[i], r[i] = float32((a-mean)/deviation), float32((b-mean)/deviation)
		}
	}
}
