package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
)

// role is one of the three models, or run0, run1 and on of a comparison; it is
// a class name of the style sheet.
type role string

const (
	teacherRole  role = "teacher"
	baselineRole role = "baseline"
	studentRole  role = "student"
)

// Shape is the mark of the role in figures: colour is not all that tells them
// apart.
func (r role) Shape() string {
	switch r {
	case teacherRole:
		return "diamond"
	case baselineRole:
		return "square"
	case studentRole:
		return "circle"
	}
	k, _ := strconv.Atoi(strings.TrimPrefix(string(r), "run"))
	return []string{"circle", "square", "diamond", "triangle"}[k%4]
}

// point is one value of a curve.
type point struct{ X, Y float64 }

// series is one curve, and how its path is drawn.
type series struct {
	Role   role
	Name   string
	Dashed bool
	Points []point
	Path   string // of an SVG path; a gap where a value is not finite
	Dots   []dot
}

// dot is a mark with a tooltip. A hidden one only has the tooltip.
type dot struct {
	X, Y   px
	Title  string
	Hidden bool
}

// lineChart is a figure of curves over epochs.
type lineChart struct {
	ID, Title, Note, Alt     string
	W, H                     px
	Left, Right, Top, Bottom px
	X, Y                     axis
	Series                   []series
}

// newLineChart lays curves out; it is nil when no curve has a finite point.
// share says that y are shares, shown in percent and never above 100 %.
func newLineChart(id, title, note string, share bool, all ...series) *lineChart {
	c := &lineChart{ID: id, Title: title, Note: note, W: 500, H: 280, Left: 58, Right: 488, Top: 12, Bottom: 236}
	xlo, xhi, ylo, yhi := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, s := range all {
		any := false
		for _, p := range s.Points {
			if finite(p.Y) {
				any = true
				xlo, xhi = math.Min(xlo, p.X), math.Max(xhi, p.X)
				ylo, yhi = math.Min(ylo, p.Y), math.Max(yhi, p.Y)
			}
		}
		if any {
			c.Series = append(c.Series, s)
		}
	}
	if len(c.Series) == 0 {
		return nil
	}
	c.X = linear(xlo, xhi, 8, 1, decimals).inside(xlo, xhi) // epochs fill the width
	if xhi == xlo {
		c.X = axis{Lo: xlo - 1, Hi: xlo + 1, Ticks: []tick{{Value: xlo, Label: setting(xlo)}}}
	}
	c.X = c.X.placed(c.Left, c.Right, "epoch")
	switch {
	case share:
		c.Y = linear(ylo, yhi, 5, 0, percents)
		if c.Y.Hi > 1 && yhi <= 1 {
			c.Y = c.Y.inside(c.Y.Lo, 1)
		}
	case ylo > 0 && yhi/ylo > 30:
		c.Y = logarithmic(ylo, yhi)
		c.Note = strings.TrimSpace(c.Note + " Logarithmic scale.")
	default:
		if ylo > 0 && ylo < yhi/2 {
			ylo = 0
		}
		c.Y = linear(ylo, yhi, 5, 0, decimals)
	}
	c.Y = c.Y.placed(c.Bottom, c.Top, "")
	var alt []string
	for i := range c.Series {
		s := &c.Series[i]
		s.draw(c.X, c.Y, share)
		alt = append(alt, s.summary(share))
	}
	c.Alt = title + ". " + strings.Join(alt, "; ") + "."
	return c
}

// draw makes the path and the dots. Up to 40 points are marked.
func (s *series) draw(x, y axis, share bool) {
	var path strings.Builder
	pen := false
	for _, p := range s.Points {
		if !finite(p.Y) || y.Log && p.Y <= 0 {
			pen = false
			continue
		}
		cmd := "L"
		if !pen {
			cmd = "M"
		}
		pen = true
		fmt.Fprintf(&path, "%s%v %v", cmd, x.at(p.X), y.at(p.Y))
		if len(s.Points) <= 400 {
			s.Dots = append(s.Dots, dot{X: x.at(p.X), Y: y.at(p.Y), Hidden: len(s.Points) > 40,
				Title: fmt.Sprintf("%s, epoch %s: %s", s.Name, setting(p.X), value(p.Y, share))})
		}
	}
	s.Path = path.String()
}

// summary is the curve in words.
func (s *series) summary(share bool) string {
	var first, last *point
	for i := range s.Points {
		if finite(s.Points[i].Y) {
			if first == nil {
				first = &s.Points[i]
			}
			last = &s.Points[i]
		}
	}
	return fmt.Sprintf("%s from %s at epoch %s to %s at epoch %s", s.Name, value(first.Y, share), setting(first.X), value(last.Y, share), setting(last.X))
}

func value(y float64, share bool) string {
	if share {
		return percent(y, 2)
	}
	return general(y)
}

// curves are the figures of training.
func curves(h History, task dataset.Task) []*lineChart {
	pick := func(epochs []Epoch, get func(Epoch) Number) []point {
		pts := make([]point, len(epochs))
		for i, e := range epochs {
			pts[i] = point{float64(e.Epoch), float64(get(e))}
		}
		return pts
	}
	val := func(get func(Validation) Number) func(Epoch) Number {
		return func(e Epoch) Number {
			if e.Val == nil {
				return Number(math.NaN())
			}
			return get(*e.Val)
		}
	}
	total := func(e Epoch) Number { return e.Train.Total }
	accuracy := val(func(v Validation) Number { return v.Accuracy })
	loss := val(func(v Validation) Number { return v.Loss })
	both := func(get func(Epoch) Number) []series {
		return []series{
			{Role: baselineRole, Name: "baseline", Points: drop(pick(h.Baseline, get))},
			{Role: studentRole, Name: "student", Points: drop(pick(h.Student, get))},
		}
	}
	is, weigh := "Negative log-likelihood", "α·T² and β weigh"
	if task == dataset.Regression {
		is, weigh = "Root mean squared error", "α and β weigh"
	}
	weight := func(get func(Weights) Number) func(Epoch) Number {
		return func(e Epoch) Number {
			if e.Weights == nil {
				return Number(math.NaN())
			}
			return get(*e.Weights)
		}
	}
	pair := func(solid, dashed string, a, b func(Epoch) Number) []series {
		return []series{
			{Role: studentRole, Name: solid, Points: pick(h.Student, a)},
			{Role: studentRole, Name: dashed, Dashed: true, Points: pick(h.Student, b)},
		}
	}
	var all []*lineChart
	for _, c := range []*lineChart{
		newLineChart("val-accuracy", "Validation "+chosenBy(task), "", task != dataset.Regression, both(accuracy)...),
		newLineChart("val-loss", "Validation loss", is+", the same for both.", false, both(loss)...),
		newLineChart("train-loss", "Training loss", "Each minimises a loss of its own: compare shapes, not heights.", false, both(total)...),
		newLineChart("terms", "Terms of the student's loss", "Before "+weigh+" them.", false,
			pair("soft", "hard", func(e Epoch) Number { return e.Train.Soft }, func(e Epoch) Number { return e.Train.Hard })...),
		newLineChart("gradients", "Gradients of the student's terms", "Weighted: the norm of what each term asks of a row's outputs.", false,
			pair("soft", "hard", func(e Epoch) Number { return e.Train.SoftGradient }, func(e Epoch) Number { return e.Train.HardGradient })...),
		newLineChart("temperature", "Temperature", "At the end of each epoch.", false,
			series{Role: studentRole, Name: "T", Points: pick(h.Student, weight(func(w Weights) Number { return w.Temperature }))}),
		newLineChart("weights", "Weights of the student's terms", "At the end of each epoch.", false,
			pair("α, soft", "β, hard", weight(func(w Weights) Number { return w.Alpha }), weight(func(w Weights) Number { return w.Beta }))...),
	} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// drop leaves out the points that have no value, so that validation every k-th
// epoch gives a curve and not lone marks.
func drop(pts []point) []point {
	var kept []point
	for _, p := range pts {
		if !math.IsNaN(p.Y) {
			kept = append(kept, p)
		}
	}
	return kept
}
