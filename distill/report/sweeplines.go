package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
)

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

// title is what a figure calls the axis.
func (a SweepAxis) title() string {
	switch a.Key {
	case "loss.temperature":
		return "temperature T"
	case "loss.alpha":
		return "weight α of the soft loss"
	case "loss.beta":
		return "weight β of the hard loss"
	case "train.lr":
		return "learning rate"
	case "train.weight_decay":
		return "weight decay"
	}
	return clean(a.Label)
}

// symbol is title, or where there is one the symbol in it, for where there is
// little room.
func (a SweepAxis) symbol() string {
	switch a.Key {
	case "loss.temperature":
		return "T"
	case "loss.alpha":
		return "α"
	case "loss.beta":
		return "β"
	}
	return a.title()
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
	c := &sweepLines{Title: upper(s.Measure) + " over " + over.title(), W: 760, H: 360, Left: 64, Right: 744, Top: 14, Bottom: 310,
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
	c.X = c.X.placed(c.Left+12, c.Right-12, over.title())
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
