package kernel

import (
	"math"
	"testing"
)

// TestSoftmaxExtremes holds the log domain's promise: finite for any logits,
// and right against float64.
func TestSoftmaxExtremes(t *testing.T) {
	big := float32(3e38)
	for _, x := range [][]float32{
		{1e4, -1e4, 0}, {big, -big, big}, {5, 5, 5}, {0, float32(math.Copysign(0, -1)), 1e-40},
		{float32(math.Inf(-1)), 0, 1}, {-1e4, -1e4 + 1, -1e4 - 1},
	} {
		p, l := make([]float32, 3), make([]float32, 3)
		Softmax(p, x, 0, 3, 1)
		LogSoftmax(l, x, 0, 3, 1)
		top, sum, total := math.Inf(-1), 0.0, 0.0
		for _, v := range x {
			top = max(top, float64(v))
		}
		for _, v := range x {
			sum += math.Exp(float64(v) - top)
		}
		for i, v := range x {
			want := math.Exp(float64(v)-top) / sum
			if !(math.Abs(float64(p[i])-want) <= 1e-7) {
				t.Errorf("softmax(%v)[%d] is %g, want %g", x, i, p[i], want)
			}
			log := float64(v) - top - math.Log(sum)
			if d := math.Abs(float64(l[i]) - log); !(d <= 1e-6*(1+math.Abs(log))) && float32(log) != l[i] {
				t.Errorf("log softmax(%v)[%d] is %g, want %g", x, i, l[i], log)
			}
			total += float64(p[i])
		}
		if !(math.Abs(total-1) <= 1e-6) {
			t.Errorf("softmax(%v) sums to %g", x, total)
		}
	}
}
