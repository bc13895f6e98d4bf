package export

import (
	"math"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
)

// compare adds rows of native outputs z and ONNX Runtime's outputs r, both
// (n, c); first is the number of the first row. A NaN or Inf on either side
// is outside any tolerance and counts as the largest finite difference, which
// JSON can say.
func (p *Parity) compare(z, r []float32, c, first int) {
	for i := 0; i*c < len(z); i++ {
		zi, ri := z[i*c:(i+1)*c], r[i*c:(i+1)*c]
		diff, largest, finite := difference(zi, ri)
		allowed := p.Tolerance.Abs + p.Tolerance.Rel*largest
		excess := diff / allowed
		switch {
		case !finite:
			diff, excess = math.MaxFloat64, math.Inf(1)
			p.MaxRel = math.MaxFloat64
		case diff == 0:
			excess = 0 // of 0/0 too
		case largest > 0:
			p.MaxRel = math.Max(p.MaxRel, diff/largest)
		}
		p.MaxAbs = math.Max(p.MaxAbs, diff)
		if excess > p.excess {
			p.excess, p.Worst = excess, first+i
		}
		if p.flipped(zi, ri) {
			p.Flips++
		}
		if !finite || diff > allowed {
			p.Outside++
		}
	}
}

// flipped tells whether two rows of outputs answer differently.
func (p *Parity) flipped(z, r []float32) bool {
	if p.task != dataset.MultiLabel {
		return metrics.Argmax(z) != metrics.Argmax(r)
	}
	for j := range z {
		if metrics.Yes(z[j]) != metrics.Yes(r[j]) {
			return true
		}
	}
	return false
}

// difference is max_j |z_j − r_j| and max_j |z_j|; finite says that every
// value of both is.
func difference(z, r []float32) (diff, largest float64, finite bool) {
	finite = true
	for j := range z {
		a, b := float64(z[j]), float64(r[j])
		d := math.Abs(a - b)
		finite = finite && d <= math.MaxFloat64 // Inf−Inf is NaN
		diff = math.Max(diff, d)
		largest = math.Max(largest, math.Abs(a))
	}
	return diff, largest, finite
}
