package loss

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

func init() {
	Register(Entry{
		Name:  "regression",
		Task:  dataset.Regression,
		Doc:   "α·MSE(z, v) + β·MSE(z, V), in deviations of the targets",
		Lacks: []string{"temperature"},
		New:   func(s Settings) (Loss, error) { return NewRegression(s) },
	})
	Register(Entry{
		Name:  "regression-huber",
		Task:  dataset.Regression,
		Doc:   "the same with Huber's loss of --huber-delta, which outliers pull less: r²/2 up to δ, δ·(|r| − δ/2) beyond",
		Lacks: []string{"temperature"},
		New:   func(s Settings) (Loss, error) { return NewHuber(s) },
	})
}

// DefaultDelta is where Huber's loss goes from a parabola to lines, in
// deviations of a target, unless Settings say otherwise.
const DefaultDelta = 1.0

// Regression is the distance of C numbers z from the teacher's v and from the
// true V, with s_c the scale of each:
//
//	L = α·1/C·Σ_c m((z_c − v_c)/s_c) + β·1/C·Σ_c m((z_c − V_c)/s_c)
//	∂L/∂z_c = [α·m'((z_c − v_c)/s_c) + β·m'((z_c − V_c)/s_c)] / (s_c·C·N)
//
// where m is r² (mean squared error), or Huber's function of δ (Huber 1964).
// Both terms are means over targets and batch. A value V_c that is NaN is not
// known and adds 0. There is no temperature: numbers have no scale to soften.
// The gradients of Terms are those with respect to z_c/s_c, which know no units.
type Regression struct {
	weighting
	delta float64 // of Huber; 0: squares
	scale []float32
}

// NewRegression makes the loss with squares.
func NewRegression(s Settings) (*Regression, error) {
	w, err := s.weighting()
	if err != nil {
		return nil, err
	}
	for c, v := range s.Scale {
		if !(v > 0 && v <= math.MaxFloat32) {
			return nil, fault.New(fault.Input, "", fmt.Sprintf("target %d", c), "got a scale of %v, expected a finite number above 0", v)
		}
	}
	return &Regression{weighting: w, scale: s.Scale}, nil
}

// NewHuber makes the loss with Huber's function.
func NewHuber(s Settings) (*Regression, error) {
	if s.Delta == 0 {
		s.Delta = DefaultDelta
	}
	if !(s.Delta >= 1e-3 && s.Delta <= 1e3) {
		return nil, usage("--huber-delta", s.Delta, "a number in [0.001, 1000], in deviations of a target")
	}
	l, err := NewRegression(s)
	if err != nil {
		return nil, err
	}
	l.delta = s.Delta
	return l, nil
}

// Name is "regression" or "regression-huber".
func (l *Regression) Name() string {
	if l.delta > 0 {
		return "regression-huber"
	}
	return "regression"
}

// Formula is the loss with α, β and δ filled in.
func (l *Regression) Formula() string {
	m, delta := "MSE", ""
	if l.delta > 0 {
		m, delta = "Huber", "δ = "+number(l.delta)
	}
	return l.formula(m+"(z, v)", m+"(z, V)", "in deviations of the targets, mean over targets and batch", delta)
}

// Eval implements Loss. It panics when there are scales, and not C of them.
func (l *Regression) Eval(b Batch, grad []float32) Terms {
	b.mustFit(grad)
	if l.scale != nil && len(l.scale) != b.C {
		panic(fmt.Sprintf("loss: %d scales for %d targets", len(l.scale), b.C))
	}
	var sum Terms
	for i, z := range b.Student {
		s, g, h := 1.0, 0.0, 0.0
		if l.scale != nil {
			s = float64(l.scale[i%b.C])
		}
		if b.Teacher != nil {
			m, d := l.distance((float64(z) - float64(b.Teacher[i])) / s)
			sum.Soft += m
			g = float64(l.alpha * d)
			sum.SoftGradient += float64(g * g)
		}
		if v := b.value(i); v == v {
			m, d := l.distance((float64(z) - float64(v)) / s)
			sum.Hard += m
			h = float64(l.beta * d)
			sum.HardGradient += float64(h * h)
		}
		if grad != nil {
			grad[i] = float32((g + h) / s / float64(b.C) / float64(b.N))
		}
	}
	if b.N > 0 {
		sum.Soft /= float64(b.N) * float64(b.C)
		sum.Hard /= float64(b.N) * float64(b.C)
	}
	sum.SoftGradient, sum.HardGradient = rootMean(sum.SoftGradient, b.N)/float64(b.C), rootMean(sum.HardGradient, b.N)/float64(b.C)
	sum.Total = float64(l.alpha*sum.Soft) + float64(l.beta*sum.Hard)
	return sum
}

// distance is m(r) and its slope.
func (l *Regression) distance(r float64) (m, slope float64) {
	switch {
	case l.delta == 0:
		return float64(r * r), 2 * r
	case math.Abs(r) <= l.delta:
		return float64(r*r) / 2, r
	}
	return float64(l.delta * (math.Abs(r) - l.delta/2)), math.Copysign(l.delta, r)
}
