package report

import (
	"bytes"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// WriteSweep puts the sweep at path as one HTML file, durably.
func WriteSweep(path string, s *Sweep) error {
	page, err := SweepHTML(s)
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot render: %w", err)
	}
	return durable.Write(path, page)
}

// SweepHTML renders the sweep.
func SweepHTML(s *Sweep) ([]byte, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "sweep.tmpl", newSweepPage(s)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// sweepPage is what sweep.tmpl shows: every string is clean, every number text.
type sweepPage struct {
	Title, Method, Judged, Measure string
	Sentences, Notes               []string
	Lines                          *sweepLines
	Heats                          []*sweepHeat
	Head                           []string // columns of the settings
	Cells, Baselines               []sweepRow
	Hidden                         int  // cells that are not in the table
	Seeds                          bool // more than one
	Sizes                          []row
	Best, Command                  string
	Teacher                        string
}

// sweepRow is one line of the table.
type sweepRow struct {
	Rank     string
	Settings []string
	Values   []string
	Remark   string
	Best     bool
}

// maxSweepRows is the largest number of cells in the table of a page.
const maxSweepRows = 200

func newSweepPage(s *Sweep) sweepPage {
	p := sweepPage{Title: clean(s.Title), Method: clean(s.Method), Judged: fmt.Sprintf("%s (%s)", clean(s.JudgedOn), plural(s.Rows, "row")), Measure: clean(s.Measure),
		Sentences: cleanAll(s.Sentences), Notes: cleanAll(s.Notes), Command: clean(s.Command), Seeds: s.Seeds > 1}
	for line := range strings.SplitSeq(strings.TrimRight(s.Best, "\n"), "\n") {
		p.Best += clean(line) + "\n"
	}
	if s.Best == "" {
		p.Best = ""
	}
	for _, a := range s.Axes {
		p.Head = append(p.Head, clean(a.Label))
	}
	if s.Teacher != nil {
		p.Teacher = s.value(*s.Teacher)
	}
	for i, c := range s.Cells[:min(len(s.Cells), maxSweepRows)] {
		p.Cells = append(p.Cells, s.row(strconv.Itoa(i+1), c))
	}
	p.Hidden = len(s.Cells) - len(p.Cells)
	for i, c := range s.Baselines[:min(len(s.Baselines), maxSweepRows)] {
		p.Baselines = append(p.Baselines, s.row(strconv.Itoa(i+1), c))
	}
	for _, z := range s.Sizes {
		baseline := none
		if z.Baseline != nil {
			baseline = s.value(*z.Baseline)
		}
		p.Sizes = append(p.Sizes, row{Name: clean(z.Name), Values: []string{count(z.Params), baseline, s.value(z.Student), s.plusMinus(z.Gain, z.GainSE), clean(z.Sentence)}})
	}
	p.Lines = newSweepLines(s)
	p.Heats = newSweepHeats(s)
	return p
}

func (s *Sweep) row(rank string, c SweepCell) sweepRow {
	r := sweepRow{Rank: rank, Best: c.Within && c.Behind == 0}
	for _, a := range s.Axes {
		v := clean(c.Of(a.Key))
		if v == "" {
			v = none
		}
		r.Settings = append(r.Settings, shorten(v, 40))
	}
	switch {
	case c.Diverged != "":
		r.Remark = "diverged"
	case c.Left:
		r.Remark = "left behind"
	case r.Best:
		r.Remark = "best"
	case c.Within:
		r.Remark = "≈ best"
	}
	r.Values = []string{s.plusMinus(c.Value, c.SE)}
	if s.Seeds > 1 {
		r.Values = append(r.Values, s.spread(c.SD))
	}
	r.Values = append(r.Values, s.plusMinus(-c.Behind, c.BehindSE), general(float64(c.Loss)), strconv.Itoa(c.Epochs), count(c.Params), seconds(float64(c.Seconds)))
	return r
}

// share tells whether the measure is shown in percent.
func (s *Sweep) share() bool { return s.Measure != "R²" }

func (s *Sweep) value(v Number) string { return value(float64(v), s.share()) }

func (s *Sweep) spread(v Number) string {
	if s.share() {
		return percent(float64(v), 2)
	}
	return general(float64(v))
}

// plusMinus is a value with its standard error.
func (s *Sweep) plusMinus(v, se Number) string {
	switch {
	case !finite(float64(v)):
		return none
	case !finite(float64(se)):
		return minus(s.value(v))
	case s.share():
		return minus(fmt.Sprintf("%.2f ± %.2f %%", 100*float64(v)+0, 100*float64(se)))
	}
	return minus(fmt.Sprintf("%.4f ± %.4f", float64(v)+0, float64(se)))
}

// numeric are the values of an axis as numbers, sorted; nil where one is none
// or there are not two.
func (s *Sweep) numeric(a SweepAxis) []float64 {
	var all []float64
	for _, v := range a.Values {
		x, err := strconv.ParseFloat(v, 64)
		if err != nil || !finite(x) {
			return nil
		}
		all = append(all, x)
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) < 2 {
		return nil
	}
	return all
}

// axisOf is the axis of a key; ok is false when it does not vary.
func (s *Sweep) axisOf(key string) (SweepAxis, bool) {
	i := slices.IndexFunc(s.Axes, func(a SweepAxis) bool { return a.Key == key && len(a.Values) > 1 })
	if i < 0 {
		return SweepAxis{}, false
	}
	return s.Axes[i], true
}

// students are the architectures, in the order of the plan; one empty name
// where they do not vary.
func (s *Sweep) students() []string {
	if a, ok := s.axisOf("student.arch"); ok {
		return a.Values
	}
	return []string{""}
}

// bestOf is the best of the cells that match, of those that trained longest.
func bestOf(cells []SweepCell, match func(SweepCell) bool) *SweepCell {
	for i := range cells { // the best first
		if c := &cells[i]; c.Diverged == "" && match(*c) {
			return c
		}
	}
	return nil
}

// sweepPalette is the number of curves that have a colour of their own.
const sweepPalette = 6

// sweepLines is the measure over one number that varies, a curve a student.
type sweepLines struct {
	Title, Note, Alt         string
	W, H                     px
	Left, Right, Top, Bottom px
	X, Y                     axis
	Curves                   []sweepCurve
	Teacher                  *tick
}

type sweepCurve struct {
	Class, Name, Path string
	Dots              []sweepDot
	Baseline          *tick // its best baseline
}

// Mark is the shape of a point of the curve, hollow where it is of a cell that
// was left behind.
func (k sweepCurve) Mark(left bool) template.HTML {
	class := "spot"
	if left {
		class = "spot left"
	}
	switch k.Class {
	case "c0", "c3":
		return template.HTML(`<circle class="` + class + `" r="4.5" />`)
	case "c1", "c4":
		return template.HTML(`<rect class="` + class + `" x="-4" y="-4" width="8" height="8" />`)
	}
	return template.HTML(`<path class="` + class + `" d="M-5.5 0L0 -5.5L5.5 0L0 5.5Z" />`)
}

type sweepDot struct {
	X, Y, Lo, Hi px
	Left         bool // behind by halving
	Title        string
}

// overs are the axes that a figure is over, the most telling first.
func (s *Sweep) overs() (list []SweepAxis) {
	for _, key := range []string{"loss.temperature", "loss.alpha"} {
		if a, ok := s.axisOf(key); ok && s.numeric(a) != nil {
			list = append(list, a)
		}
	}
	for _, a := range s.Axes {
		if !slices.ContainsFunc(list, func(b SweepAxis) bool { return a.Key == b.Key }) && s.numeric(a) != nil {
			list = append(list, a)
		}
	}
	return list
}

// newSweepLines is nil when no number varies.
func newSweepLines(s *Sweep) *sweepLines {
	overs := s.overs()
	if len(overs) == 0 {
		return nil
	}
	over := overs[0]
	xs := s.numeric(over)
	c := &sweepLines{Title: upper(s.Measure) + " over " + clean(over.Label), W: 760, H: 360, Left: 64, Right: 744, Top: 14, Bottom: 310,
		Note: "Each point is the best of what else varies, with its standard error; a dashed line is the best baseline of the student, a dotted one the teacher."}
	type at struct {
		x    float64
		cell *SweepCell
	}
	curves := map[string][]at{}
	ylo, yhi := math.Inf(1), math.Inf(-1)
	reach := func(v, se float64) {
		if !finite(se) {
			se = 0
		}
		if finite(v) {
			ylo, yhi = math.Min(ylo, v-se), math.Max(yhi, v+se)
		}
	}
	students := s.students()
	for _, name := range students {
		for _, x := range xs {
			cell := bestOf(s.Cells, func(c SweepCell) bool {
				v, err := strconv.ParseFloat(c.Of(over.Key), 64)
				return err == nil && v == x && (name == "" || c.Of("student.arch") == name)
			})
			if cell != nil {
				curves[name] = append(curves[name], at{x, cell})
				reach(float64(cell.Value), float64(cell.SE))
			}
		}
		if b := s.baselineOf(name); b != nil {
			reach(float64(b.Value), 0)
		}
	}
	if s.Teacher != nil {
		reach(float64(*s.Teacher), 0)
	}
	if !finite(ylo) {
		return nil
	}
	lo, hi := xs[0], xs[len(xs)-1]
	if lo > 0 && hi/lo >= 8 {
		c.X = axis{Log: true, Lo: lo, Hi: hi}
	} else {
		c.X = axis{Lo: lo, Hi: hi}
	}
	if len(xs) <= 12 {
		for _, x := range xs {
			c.X.Ticks = append(c.X.Ticks, tick{Value: x, Label: setting(x)})
		}
	} else if c.X.Log {
		c.X.Ticks = logarithmic(lo, hi).inside(lo, hi).Ticks
	} else {
		c.X.Ticks = linear(lo, hi, 8, 0, decimals).inside(lo, hi).Ticks
	}
	c.X = c.X.placed(c.Left+12, c.Right-12, clean(over.Label))
	label := decimals
	if s.share() {
		label = percents
	}
	c.Y = linear(ylo, yhi, 6, 0, label)
	if s.share() && c.Y.Hi > 1 && yhi <= 1 {
		c.Y = c.Y.inside(c.Y.Lo, 1)
	}
	c.Y = c.Y.placed(c.Bottom, c.Top, "")
	var alt []string
	for i, name := range students {
		points := curves[name]
		if len(points) == 0 {
			continue
		}
		k := sweepCurve{Class: fmt.Sprintf("c%d", i%sweepPalette), Name: clean(name)}
		if name == "" {
			k.Name = "student"
		}
		for j, p := range points {
			y, se := float64(p.cell.Value), float64(p.cell.SE)
			if !finite(se) {
				se = 0
			}
			k.Path += map[bool]string{true: "M", false: "L"}[j == 0] + fmt.Sprintf("%v %v", c.X.at(p.x), c.Y.at(y))
			k.Dots = append(k.Dots, sweepDot{X: c.X.at(p.x), Y: c.Y.at(y), Lo: c.Y.at(math.Max(y-se, c.Y.Lo)), Hi: c.Y.at(math.Min(y+se, c.Y.Hi)), Left: p.cell.Left,
				Title: fmt.Sprintf("%s: %s", clean(p.cell.Name), s.plusMinus(p.cell.Value, p.cell.SE))})
		}
		if len(xs) > 12 { // random draws: marks alone
			k.Path = ""
		}
		if b := s.baselineOf(name); b != nil {
			k.Baseline = &tick{At: c.Y.at(float64(b.Value)), Label: "best baseline of " + k.Name + ": " + s.value(b.Value)}
		}
		c.Curves = append(c.Curves, k)
		best := slices.MaxFunc(points, func(a, b at) int { return int(math.Copysign(1, float64(a.cell.Value-b.cell.Value))) })
		alt = append(alt, fmt.Sprintf("%s is best at %s, %s", k.Name, setting(best.x), s.value(best.cell.Value)))
	}
	if s.Teacher != nil {
		c.Teacher = &tick{At: c.Y.at(float64(*s.Teacher)), Label: "teacher: " + s.value(*s.Teacher)}
	}
	c.Alt = c.Title + ". " + strings.Join(alt, "; ") + "."
	return c
}

// baselineOf is the best baseline of a student.
func (s *Sweep) baselineOf(name string) *SweepCell {
	return bestOf(s.Baselines, func(c SweepCell) bool { return name == "" || c.Of("student.arch") == name })
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
