package export

import "math"

// compareNumbers is compare of numbers with units of their own: z of the
// student and r of ONNX Runtime, both (n, c). Differences are measured in
// deviations of z's column from its mean, so that a tolerance means the same
// in any unit:
//
//	|Δz_k| ≤ (Abs + Rel·max(1, |z_k − mean_k|/dev_k))·dev_k + 2⁻²¹·|z_k|
//
// The last term is what float32 cannot tell apart where numbers are far larger
// than their deviation.
func (p *Parity) compareNumbers(z, r []float32, c int) {
	const rounding = 1.0 / (1 << 21)
	mean, dev := columnStats(z, c)
	for i := 0; i*c < len(z); i++ {
		diff, excess, finite := 0.0, 0.0, true
		for k := range c {
			a, b := float64(z[i*c+k]), float64(r[i*c+k])
			d, from := math.Abs(a-b), math.Abs(a-mean[k])/dev[k]
			finite = finite && d <= math.MaxFloat64
			diff = max(diff, d/dev[k])
			p.MaxRel = max(p.MaxRel, d/dev[k]/max(1, from))
			if d > 0 {
				excess = max(excess, d/((p.Tolerance.Abs+p.Tolerance.Rel*max(1, from))*dev[k]+rounding*math.Abs(a)))
			}
		}
		if !finite {
			diff, excess, p.MaxRel = math.MaxFloat64, math.Inf(1), math.MaxFloat64
		}
		p.MaxAbs = max(p.MaxAbs, diff)
		if excess > p.excess {
			p.excess, p.Worst = excess, i
		}
		if excess > 1 {
			p.Outside++
		}
	}
}

// columnStats are mean and deviation of the finite values of each of c columns;
// where all are the same, the deviation is their size, 1 at least.
func columnStats(z []float32, c int) (mean, dev []float64) {
	mean, dev = make([]float64, c), make([]float64, c)
	for k := range c {
		n, around := 0.0, 0.0
		for i := k; i < len(z); i += c {
			v := float64(z[i])
			if v-v != 0 {
				continue
			}
			n++
			from := v - mean[k]
			mean[k] += from / n
			around += from * (v - mean[k])
		}
		if dev[k] = math.Sqrt(around / max(1, n)); !(dev[k] > 0) {
			dev[k] = max(1, math.Abs(mean[k]))
		}
	}
	return mean, dev
}
