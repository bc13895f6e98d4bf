package report

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/dataset"
)

// sizeChart draws what students score over their number of parameters, each
// with its baseline below or above it.
type sizeChart struct {
	ID, Title, Note, Alt     string
	W, H                     px
	Left, Right, Top, Bottom px
	X, Y                     axis
	Series                   []series
	Stems                    []stem // from a baseline to its student
}

type stem struct {
	X, From, To px
	Role        role
	Title       string
}

// sizeChart is nil where no student has a size and a score.
func (g Group) sizeChart(id string, drawn []int, marks map[int]role) *sizeChart {
	key, name, share := "accuracy", "accuracy", true
	switch g.Task {
	case dataset.MultiLabel:
		key, name = "micro_f1", "micro-F1"
	case dataset.Regression:
		key, name, share = "r2", "R²", false
	}
	c := &sizeChart{ID: id + "-size", Title: "Test " + name + " against size", W: 500, H: 280, Left: 58, Right: 488, Top: 12, Bottom: 236}
	type place struct {
		i             int
		params, y, by float64
		hasBase       bool
	}
	var places []place
	xlo, xhi, ylo, yhi := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, i := range drawn {
		r := g.members[i].Report
		params, sized := of(studentRole, "params")(r)
		y, scored := of(studentRole, key)(r)
		if !sized || !scored {
			continue
		}
		p := place{i: i, params: params, y: y}
		p.by, p.hasBase = of(baselineRole, key)(r)
		if !p.hasBase {
			p.by = y
		}
		xlo, xhi = min(xlo, params), max(xhi, params)
		ylo, yhi = min(ylo, y, p.by), max(yhi, y, p.by)
		places = append(places, p)
	}
	if len(places) == 0 {
		return nil
	}
	c.X = logarithmic(xlo, xhi).placed(c.Left, c.Right, "parameters of the student")
	for i := range c.X.Ticks {
		c.X.Ticks[i].Label = count(int64(c.X.Ticks[i].Value))
	}
	label := decimals
	if share {
		label = percents
	}
	c.Y = linear(ylo, yhi, 5, 0, label)
	if share && c.Y.Hi > 1 {
		c.Y = c.Y.inside(c.Y.Lo, 1)
	}
	c.Y = c.Y.placed(c.Bottom, c.Top, "")
	c.Note = "A mark is a student; the line leads to its baseline, the same net on hard labels."
	c.Alt = fmt.Sprintf("%s of %s over parameters", name, plural(len(places), "student"))
	for _, p := range places {
		n := g.members[p.i]
		title := shorten(clean(n.Name), 40)
		x, y := c.X.at(p.params), c.Y.at(p.y)
		if p.hasBase {
			c.Stems = append(c.Stems, stem{X: x, From: c.Y.at(p.by), To: y, Role: marks[p.i], Title: fmt.Sprintf("%s, baseline: %s", title, value(p.by, share))})
		}
		text := fmt.Sprintf("%s: %s with %s", title, value(p.y, share), plural(int(p.params), "parameter"))
		c.Series = append(c.Series, series{Role: marks[p.i], Name: title, Dots: []dot{{X: x, Y: y, Title: text}}})
		c.Alt += "; " + text
	}
	c.Alt += "."
	return c
}
