package report

import (
	"math"
	"strconv"
)

// px is a length of a figure; it prints with one digit after the point.
type px float64

func (p px) String() string {
	if !finite(float64(p)) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(float64(p)*10)/10, 'f', -1, 64)
}

// tick is one mark of an axis.
type tick struct {
	Value float64
	At    px
	Label string
}

// axis maps the values Lo to Hi to the pixels From to To.
type axis struct {
	Lo, Hi   float64
	From, To float64
	Log      bool
	Name     string
	Ticks    []tick
}

// at is the place of x.
func (a axis) at(x float64) px {
	lo, hi := a.Lo, a.Hi
	if a.Log {
		x, lo, hi = math.Log(x), math.Log(lo), math.Log(hi)
	}
	return px(a.From + (x-lo)/(hi-lo)*(a.To-a.From))
}

// placed puts the axis and its ticks between two pixels.
func (a axis) placed(from, to px, name string) axis {
	a.From, a.To, a.Name = float64(from), float64(to), name
	for i := range a.Ticks {
		a.Ticks[i].At = a.at(a.Ticks[i].Value)
	}
	return a
}

// inside narrows the axis to lo..hi and drops the ticks outside.
func (a axis) inside(lo, hi float64) axis {
	var kept []tick
	for _, t := range a.Ticks {
		if t.Value >= lo && t.Value <= hi {
			kept = append(kept, t)
		}
	}
	a.Lo, a.Hi, a.Ticks = lo, hi, kept
	return a
}

// niceStep is the step 1, 2 or 5 times a power of ten that cuts span into at
// most n parts.
func niceStep(span float64, n int) float64 {
	raw := span / float64(n)
	ten := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*ten >= raw*(1-1e-9) {
			return m * ten
		}
	}
	return 10 * ten
}

// linear makes an axis from a nice number at or below lo to one at or above
// hi, in at most n+1 steps, none smaller than least.
func linear(lo, hi float64, n int, least float64, label func(x, step float64) string) axis {
	if !finite(lo) || !finite(hi) || lo > hi {
		lo, hi = 0, 1
	}
	if size := math.Max(math.Abs(lo), math.Abs(hi)); hi-lo <= 1e-6*size || hi == lo {
		pad := math.Max(size/10, least)
		if pad == 0 {
			pad = 1
		}
		lo, hi = lo-pad, hi+pad
	}
	step := math.Max(niceStep(hi-lo, n), least)
	first, last := math.Floor(lo/step+1e-9), math.Ceil(hi/step-1e-9)
	a := axis{Lo: first * step, Hi: last * step}
	for k := first; k <= last; k++ {
		a.Ticks = append(a.Ticks, tick{Value: k * step, Label: label(k*step, step)})
	}
	return a
}

// logarithmic makes an axis of positive numbers between 1, 2 or 5 times powers
// of ten, with ticks at these, or at whole powers alone when there are many.
func logarithmic(lo, hi float64) axis {
	var nice []float64
	from, to := 0, 0
	for d := math.Floor(math.Log10(lo)) - 1; d <= math.Log10(hi)+1; d++ {
		for _, f := range []float64{1, 2, 5} {
			v := f * math.Pow(10, d)
			if v <= lo*(1+1e-9) {
				from = len(nice)
			}
			if v < hi*(1-1e-9) {
				to = len(nice) + 1
			}
			nice = append(nice, v)
		}
	}
	to = max(to, from+1)
	a := axis{Log: true, Lo: nice[from], Hi: nice[to]}
	decades := math.Log10(a.Hi / a.Lo)
	every := int(math.Max(1, math.Ceil(decades/7)))
	for i := from; i <= to; i++ {
		if decades > 2.5 && i%(3*every) != 0 {
			continue
		}
		a.Ticks = append(a.Ticks, tick{Value: nice[i], Label: power(nice[i])})
	}
	return a
}

// power is the label of 1, 2 or 5 times a power of ten.
func power(x float64) string {
	if x >= 1e-3 && x < 1e5 {
		return general(x)
	}
	return scientific(x, 2)
}

// decimals is the label of x with the digits that step needs.
func decimals(x, step float64) string {
	if math.Abs(x) < step/2 {
		return "0"
	}
	if math.Abs(x) >= 1e6 || step < 1e-6 {
		return general(x)
	}
	digits := int(math.Max(0, -math.Floor(math.Log10(step)+1e-9)))
	return minus(strconv.FormatFloat(x, 'f', digits, 64))
}

// percents is decimals of a share.
func percents(x, step float64) string { return decimals(100*x, 100*step) + " %" }
