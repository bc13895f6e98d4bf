package report

import (
	"bytes"
	"fmt"
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
	p := sweepPage{Title: clean(s.Title), Method: clean(s.Method), Judged: clean(s.JudgedOn), Measure: clean(s.Measure),
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
		p.Cells = append(p.Cells, s.row(i, c))
	}
	p.Hidden = len(s.Cells) - len(p.Cells)
	for i, c := range s.Baselines[:min(len(s.Baselines), maxSweepRows)] {
		p.Baselines = append(p.Baselines, s.row(i, c))
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

// row is the line of the cell at a place of its table.
func (s *Sweep) row(place int, c SweepCell) sweepRow {
	r := sweepRow{Rank: strconv.Itoa(place + 1), Remark: c.Remark(place)}
	r.Best = r.Remark == "best"
	for _, a := range s.Axes {
		v := clean(c.Of(a.Key))
		if v == "" {
			v = none
		}
		r.Settings = append(r.Settings, shorten(v, 40))
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
