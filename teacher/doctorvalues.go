package teacher

import (
	"fmt"
	"math"
	"slices"
)

const (
	weakFit   = 0.2  // R² below which a regression is doubted
	mendedFit = 0.3  // R² that a line through the outputs must reach
	fitGain   = 0.1  // and add
	ratesOff  = 0.25 // share of the rows by which a label is given too often
)

// ofValues adds what numbers show, and tells whether another preprocessing may
// do better.
func (d *Diagnosis) ofValues(c *Contract, s *answered) (doubt bool) {
	l, k := s.l, c.Classes
	var still []int
	for j := range k {
		if l.n > 1 && steady(s.z, l.n, k, j) {
			still = append(still, j)
		}
	}
	switch {
	case len(still) == k && l.n > 1:
		d.add(Problem, "constant", "the input may not reach the graph, or be far out of range: see --teacher-input and --input", "every one of %d rows gets the same output", l.n)
	case len(still) > 0:
		d.add(Note, "constant", "a student learns nothing from them", "%d of its %d values are the same for every row: %s", len(still), k, listClasses(c, l.spec, still))
	}
	truth := l.targetsOf(c)
	v := judgeValues(s.z, l.n, k, truth)
	if !v.known {
		return false
	}
	d.R2 = &v.accuracy
	zero := 0.0
	for j := range k {
		if f := fitLine(s.z, truth, l.n, k, j); f.mends() {
			d.add(Problem, "units", "it looks to be in other units than the rows' targets: bring one of them to the other's, a student learns the teacher's",
				"%s: R² is %.3g, and %.3f for %.4g·output %+.4g", className(c, l.spec, j), f.as, f.fitted, f.slope, f.offset)
			zero++
		}
	}
	said := fmt.Sprintf("R² is %.3f on %d rows, and always saying the mean has 0", v.accuracy, d.Labelled)
	switch {
	case v.accuracy <= 0:
		d.add(Problem, "accuracy", "", useless+"%s", said)
		return zero == 0
	case v.accuracy < weakFit:
		d.add(Warning, "accuracy", "", "%s", said)
		return zero == 0
	}
	d.add(Fine, "accuracy", "", "%s", said)
	if d.Labelled < fewLabels {
		d.add(Note, "few labels", "more labelled rows would tell", "R² of %d rows is a rough guess", d.Labelled)
	}
	return false
}

// steady tells whether value j is the same for all rows of z, (n, k), but for
// rounding.
func steady(z []float32, n, k, j int) bool {
	for r := 1; r < n; r++ {
		if _, apart := differ(z[r*k+j:r*k+j+1], z[j:j+1]); apart {
			return false
		}
	}
	return true
}

// line is what the rows' values are of a teacher's: slope·output + offset.
type line struct {
	slope, offset float64
	as, fitted    float64 // R² of the outputs as they are, and of the line
	rows          int
}

// mends tells whether the line is clearly better than the outputs.
func (f line) mends() bool {
	return f.rows >= 8 && f.fitted >= mendedFit && f.fitted-f.as > fitGain
}

// fitLine fits truth, (n, k), NaN where unknown, by the outputs z of value j,
// in least squares.
func fitLine(z, truth []float32, n, k, j int) line {
	var f line
	var mx, my, xx, yy, xy, off float64
	for r := range n {
		x, y := float64(z[r*k+j]), float64(truth[r*k+j])
		if y != y {
			continue
		}
		f.rows++
		w := float64(f.rows)
		dx, dy := x-mx, y-my
		mx, my = mx+dx/w, my+dy/w
		xx, yy, xy = xx+dx*(x-mx), yy+dy*(y-my), xy+dx*(y-my)
		off += (y - x) * (y - x)
	}
	if xx <= 0 || yy <= 0 {
		return line{}
	}
	f.slope = xy / xx
	f.offset = my - f.slope*mx
	f.as, f.fitted = 1-off/yy, xy*xy/(xx*yy)
	return f
}

// ofLabels adds what logits of labels each on their own show, and tells whether
// another preprocessing may do better.
func (d *Diagnosis) ofLabels(c *Contract, s *answered) (doubt bool) {
	l, k := s.l, c.Classes
	truth := l.targetsOf(c)
	v := judgeLabels(s.z, l.n, k, truth)
	saturated := 0.0
	for _, x := range s.z {
		if p := 1 / (1 + math.Exp(-math.Abs(float64(x)))); p > sureOfOne {
			saturated += 1 / float64(len(s.z))
		}
	}
	d.Sure, d.Saturated = &v.sure, &saturated
	var still, never, off []int
	for j := range k {
		if l.n > 1 && steady(s.z, l.n, k, j) {
			still = append(still, j)
			continue
		}
		given, on, known := 0, 0, 0
		for r := range l.n {
			if truth != nil && truth[r*k+j] == truth[r*k+j] {
				known++
				if s.z[r*k+j] > 0 {
					given++
				}
				if truth[r*k+j] > 0.5 {
					on++
				}
			}
		}
		switch {
		case on >= enoughRows && given == 0:
			never = append(never, j)
		case known >= fewLabels && math.Abs(float64(given-on)) > ratesOff*float64(known):
			off = append(off, j)
		}
	}
	switch {
	case len(still) == k && l.n > 1:
		d.add(Problem, "constant", "the input may not reach the graph, or be far out of range: see --teacher-input and --input", "every one of %d rows gets the same output", l.n)
	case len(still) > 0:
		d.add(Warning, "constant", "a student learns nothing from them", "%d of its %d labels get the same score for every row: %s", len(still), k, listClasses(c, l.spec, still))
	}
	if len(never) > 0 {
		d.add(Warning, "classes never given", "a student will hardly learn them from its soft targets: a larger --beta weighs the labels more", "of %d rows it gives none the labels %s, which rows have", l.n, listClasses(c, l.spec, never))
	}
	if len(off) > 0 {
		d.add(Note, "rates", "its scores may be of other classes, or its threshold another than one half", "it gives %s much more or less often than the rows have them", listClasses(c, l.spec, off))
	}
	if saturated > 0.9 && c.Kind != Labels {
		d.add(Note, "saturation", "a higher --temperature brings out how near the others are", "%s of its scores are more than 99.9 %% sure", share(saturated))
	}
	if len(v.right) == 0 {
		return false
	}
	chance := commonest(truth, k)
	d.Accuracy, d.Guessing = &v.accuracy, &chance
	said := fmt.Sprintf("right on %s of %d labels of %d rows, and always saying the commoner of each on %s", share(v.accuracy), len(v.right), d.Labelled, share(chance))
	level := Fine
	switch {
	case v.accuracy <= chance && d.Labelled < fewLabels:
		level = Warning
	case v.accuracy <= chance:
		level = Problem
		said = useless + said
	}
	d.add(level, "accuracy", "", "%s", said)
	return slices.Contains([]Level{Warning, Problem}, level)
}
