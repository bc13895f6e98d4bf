package teacher

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
)

const (
	fewLabels  = 100  // fewer labelled rows say little
	mostly     = 0.5  // of the rows, to speak of a teacher's habit
	coarse     = 256  // numbers that 8 bits tell apart
	badlySure  = 0.1  // expected calibration error that is worth a word
	wronglySet = 0.5  // the same, where the scores can hardly be logits
	useful     = 0.5  // accuracy below which a teacher is doubted
	closerLook = 0.9  // accuracy below which other preprocessings are tried
	gainful    = 0.02 // accuracy that another preprocessing must add
)

// ofFinite adds whether all rows got finite targets. bad are rows that were
// left out to find the contract at all, or nil.
func (d *Diagnosis) ofFinite(ctx context.Context, t *Teacher, src dataset.Source, l *look, s *answered, bad *noneFinite) {
	var rows []int
	for _, r := range s.bad {
		rows = append(rows, l.rows[r])
	}
	if len(rows) == 0 && bad == nil {
		d.add(Fine, "finite", "", "every output is a finite number")
		return
	}
	n := len(rows)
	if bad != nil {
		for _, r := range bad.rows {
			if !slices.Contains(rows, r) {
				rows = append(rows, r)
			}
		}
	}
	advice := "kdonnx targets stops at such a row: leave it out, or mend the model"
	if b, err := rowOf(ctx, src, slices.Min(rows)); err == nil && slices.ContainsFunc(b.X, func(v float32) bool { return v != v }) {
		advice = "that row has missing values: leave such rows out, fill them in, or put an imputer before the model"
	}
	if t.strange != "" {
		advice = fmt.Sprintf("the teacher gives the label %q, which few rows get: name it by --class-map", clip(t.strange))
	}
	d.add(Problem, "finite", advice, "%s", t.sayBad(ctx, src, rows, max(n, len(rows)), max(l.n, n)))
}

// sayBad names the first of rows of src whose output is not finite.
func (t *Teacher) sayBad(ctx context.Context, src dataset.Source, rows []int, n, of int) string {
	first := slices.Min(rows)
	_, at := dataset.Origin(src, first)
	where := fmt.Sprintf("row %d", at)
	if t.rows != "" {
		where += " of " + t.rows
	}
	if b, err := rowOf(ctx, src, first); err == nil {
		where += fmt.Sprintf(" (%v)", b.ID(0))
	}
	return fmt.Sprintf("the output of %d of %d rows is not finite (NaN or infinite), the first %s", n, of, where)
}

// ofContract adds what the contract warns of, where nothing else will.
func (d *Diagnosis) ofContract(c *Contract) {
	for _, w := range c.Warnings {
		switch {
		case strings.HasPrefix(w, useless) || strings.Contains(w, onlyHard):
		case strings.HasPrefix(w, mixedUp):
			said, advice, _ := strings.Cut(w, ": --class-map ")
			if advice != "" {
				advice = "--class-map " + advice
			}
			d.add(Problem, "class order", advice, "%s", said)
		default:
			d.add(Warning, "contract", "", "%s", w)
		}
	}
}

// ofClasses adds what logits of classes show, and tells whether another
// preprocessing may do better.
func (d *Diagnosis) ofClasses(c *Contract, s *answered, temperature float64) (doubt bool) {
	l := s.l
	g := readSigns(s.z, l.n, c.Classes, l.y)
	d.Sure, d.Saturated = &g.sure, &g.saturated
	if g.labelled > 0 {
		d.ECE = &g.ece
		doubt = d.ofAccuracy(c, s, g)
		for _, x := range g.confused {
			d.Confused = append(d.Confused, Confused{className(c, l.spec, x.label), className(c, l.spec, x.given), x.rows})
		}
	}
	hard := d.ofVariety(c, s, g)
	wrong := d.count(Problem) > 0 // how sure it is of that does not matter
	if !wrong && c.Kind != Labels && !hard && !g.constant {
		d.ofTemperature(g, temperature)
		if g.labelled >= 2*fewLabels {
			d.ofCalibration(s, g)
		}
		if g.smooth > 0 {
			d.add(Warning, "label smoothing", "use a low --temperature (1 to 2) and a teacher trained without it if there is one (Müller, Kornblith and Hinton 2019; Chandrasegaran et al. 2022)",
				"it looks trained with label smoothing of about %.2g: nearly all rows are equally sure, and the rest is shared evenly, so it does not say what a row resembles", g.smooth)
		}
	}
	d.ofCoverage(c, s, g)
	if c.Classes == 2 && !wrong {
		d.add(Note, "few classes", "expect less of it; more rows without labels help, and so does a lower --alpha", "with two classes a soft target is one number a row: how sure")
	}
	return doubt
}

// ofAccuracy compares with guessing and with the nearest class mean.
func (d *Diagnosis) ofAccuracy(c *Contract, s *answered, g *signs) (doubt bool) { // as ofClasses
	l := s.l
	low, high := interval(g.accuracy, g.labelled)
	d.Accuracy, d.Low, d.High, d.Guessing = &g.accuracy, &low, &high, &g.majority
	beaten, close, known := false, false, ""
	if guess := nearestMean(l.x, l.spec, c.Classes, l.y); guess != nil && len(l.spec.Texts) == 0 {
		var mine, its verdict
		for r, y := range guess {
			if y < 0 {
				continue
			}
			right := y == l.y[r]
			its.right, mine.right = append(its.right, right), append(mine.right, g.right[r])
			if right {
				its.accuracy++
			}
		}
		its.accuracy /= float64(len(its.right))
		d.NearestMean = &its.accuracy
		beaten, close = its.clearlyBeats(mine), its.beats(mine, 2)
		known = fmt.Sprintf("; a classifier that knows only each class's mean row gets %s", share(its.accuracy))
	}
	chance := judge(s.z, l.n, c.Classes, l.y).beatsChance(l.y, c.Classes)
	said := fmt.Sprintf("right on %s of %d labelled rows", share(g.accuracy), g.labelled)
	switch {
	case !chance && g.labelled < fewLabels:
		d.add(Warning, "accuracy", "give more labelled rows", "%s, which is not clearly more than the %s of always saying the commonest class", said, share(g.majority))
		return true
	case !chance:
		d.add(Problem, "accuracy", "", useless+"%s, and always saying the commonest class on %s%s", said, share(g.majority), known)
		return true
	case beaten && g.accuracy < useful:
		d.add(Problem, "accuracy", "", useless+"%s%s", said, known)
		return true
	case beaten:
		d.add(Problem, "accuracy", "", "labels alone would teach a student more: this teacher is %s%s", said, known)
		return true
	case g.accuracy < useful:
		d.add(Warning, "accuracy", "", "%s only%s", said, known)
		return true
	}
	level := Fine
	if close {
		level = Note
	}
	d.add(level, "accuracy", "", "%s%s", said, known)
	if g.labelled < fewLabels {
		d.add(Note, "few labels", "more labelled rows would tell", "of %d labelled rows %s are right, so that the true accuracy may be anything from %s to %s", g.labelled, share(g.accuracy), share(low), share(high))
	}
	return g.accuracy < closerLook
}

// ofVariety adds how many different things the outputs say. hard tells that
// they are no more than labels.
func (d *Diagnosis) ofVariety(c *Contract, s *answered, g *signs) (hard bool) {
	n := s.l.n
	switch {
	case n < 2:
	case g.constant:
		d.add(Problem, "constant", "the input may not reach the graph, or be far out of range: see --teacher-input and --input", "every one of %d rows gets the same output", n)
	case c.Kind == Labels:
		d.add(Note, "labels alone", "if the graph has scores inside, --teacher-output names them (kdonnx inspect --values lists all values)",
			"it gives labels and no scores, which are smoothed by %g: its targets teach no more than labels do", c.Smoothing)
	case g.distinct <= 2:
		d.add(Warning, "hard", "what the outputs were made of may tell more: --teacher-output (kdonnx inspect --values lists all values)", "its outputs are only 0 and 1: they teach no more than hard labels do")
		return true
	case g.distinct <= coarse && n*c.Classes >= 4*coarse && c.Classes > 1:
		d.add(Note, "coarse", "a teacher before quantisation, if there is one, says more", "its outputs take only %d different values, as those of 8 bits or of votes do: near classes are hard to tell apart", g.distinct)
	}
	if one := g.tops[0].class; !g.constant && n >= fewLabels && !slices.ContainsFunc(g.tops, func(t top) bool { return t.class != one }) {
		level := Warning
		if g.labelled > 0 && g.majority < 0.99 {
			level = Problem
		}
		d.add(level, "one class", "the input may be far out of range: see --teacher-input", "every one of %d rows is taken for class %s", n, className(c, s.l.spec, one))
	}
	return false
}

// ofTemperature adds whether its targets say more than its labels at the
// temperature that is meant.
func (d *Diagnosis) ofTemperature(g *signs, meant float64) {
	d.Temperature = g.temperature
	said := fmt.Sprintf("on %s of the rows it is more than 99.9 %% sure", share(g.saturated))
	switch {
	case g.saturated < mostly:
		d.add(Fine, "saturation", "", "%s", said)
	case g.temperature == 0:
		d.add(Note, "saturation", "a higher --temperature costs more in training than it brings; a teacher trained less long, or with its numbers scaled down, would teach more",
			"%s, and even a temperature of %g leaves little beside the class", said, temperatures[len(temperatures)-1])
	case g.temperature > 2*meant:
		d.add(Warning, "saturation", fmt.Sprintf("--temperature %g", g.temperature), "%s: at a temperature of %g its targets still say little beside the class", said, meant)
	default:
		d.add(Note, "saturation", fmt.Sprintf("a --temperature of %g or more brings out what it knows of the others", g.temperature), "%s: as they are, its targets say little beside the class", said)
	}
}

// ofCalibration adds whether it is as sure as it is right.
func (d *Diagnosis) ofCalibration(s *answered, g *signs) {
	gap := math.Abs(g.sure - g.accuracy)
	said := fmt.Sprintf("on average it is %s sure and right on %s (expected calibration error %.3f)", share(g.sure), share(g.accuracy), g.ece)
	if g.ece < badlySure {
		d.add(Fine, "calibration", "", "%s", said)
		return
	}
	t := calibrated(s.z, s.l.n, g.classes, s.l.y)
	advice := fmt.Sprintf("at a temperature of %.2g it would be calibrated (Guo et al. 2017)", t)
	if g.sure < g.accuracy {
		advice += "; if its numbers are no logits, --teacher-kind says what they are"
	}
	level := Note
	if gap > wronglySet && g.sure < g.accuracy {
		level = Warning
	}
	d.add(level, "calibration", advice, "%s", said)
}

// calibrated is the temperature at which the labels are likeliest.
func calibrated(z []float32, n, classes int, y []int32) float64 {
	best, least := 1.0, math.Inf(1)
	for k := -40; k <= 60; k++ { // 0.02 to 200
		t := math.Pow(10, float64(k)*0.0385)
		loss := 0.0
		for r := range n {
			if y[r] < 0 || int(y[r]) >= classes {
				continue
			}
			row := z[r*classes : (r+1)*classes]
			at := topOf(row, t)
			loss -= math.Log(at.p) + (float64(row[y[r]])-float64(row[at.class]))/t
		}
		if loss < least {
			best, least = t, loss
		}
	}
	return best
}

// ofCoverage adds classes that are missing on one side.
func (d *Diagnosis) ofCoverage(c *Contract, s *answered, g *signs) {
	l := s.l
	if len(g.never) > 0 && !g.constant && !d.has("one class") {
		d.add(Warning, "classes never given", "a student will hardly learn them from its soft targets: a larger --beta weighs the labels more", "of %d rows it takes none for %s, which have labels", l.n, listClasses(c, l.spec, g.never))
	}
	if g.labelled == 0 {
		return
	}
	count := make([]int, c.Classes)
	for _, y := range l.labels {
		if y >= 0 && int(y) < c.Classes {
			count[y]++
		}
	}
	var absent []int
	for class, n := range count {
		if n == 0 {
			absent = append(absent, class)
		}
	}
	if len(absent) > 0 {
		d.add(Note, "classes without rows", "", "%d of its %d classes have no labelled row, %s: how good it is at them is not known", len(absent), c.Classes, listClasses(c, l.spec, absent))
	}
}

// ofRepeats adds whether it says the same of the same rows.
func (d *Diagnosis) ofRepeats(r *repeated) {
	switch {
	case r.stops:
		d.add(Problem, "repeats", "the model is random or broken: export it for inference", "rows that had a finite output had none when they were asked for again")
	case r.differs:
		d.add(Warning, "repeats", "it is random, as with dropout left on: export it for inference, or set such an input, as in --input training=@false",
			"the same %d rows asked for twice get other outputs, by up to %.2g", r.rows, r.again)
	case r.mixes:
		d.add(Problem, "repeats", "a row's output depends on the rows beside it, as with batch normalisation in training mode: export it for inference",
			"the same %d rows in another order get other outputs, by up to %.2g", r.rows, r.order)
	case max(r.again, r.order) > 0:
		d.add(Fine, "repeats", "", "the same rows again, and in another order, get the same outputs, to %.1g", max(r.again, r.order))
	default:
		d.add(Fine, "repeats", "", "the same rows again, and in another order, get the same outputs, to the last bit")
	}
}

// className is a class for people.
func className(c *Contract, spec dataset.Spec, class int) string {
	for _, names := range [][]string{wantedNames(c.Task, spec), c.ClassNames} {
		if class < len(names) {
			return strconv.Quote(clip(names[class]))
		}
	}
	return strconv.Itoa(class)
}

// listClasses lists classes, cut when there are many.
func listClasses(c *Contract, spec dataset.Spec, classes []int) string {
	const most = 8
	var parts []string
	for _, k := range classes[:min(most, len(classes))] {
		parts = append(parts, className(c, spec, k))
	}
	text := strings.Join(parts, ", ")
	if len(classes) > most {
		text += fmt.Sprintf(" and %d more", len(classes)-most)
	}
	return text
}
