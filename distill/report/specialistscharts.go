package report

import (
	"fmt"
	"math"
	"strings"
)

// rowBars is a figure of horizontal bars from 0, which may go to both sides.
type rowBars struct {
	ID, Title, Note, Alt string
	W, H                 px
	Zero                 px
	Lines                []barLine
}

// barLine is one bar: the place is filled in.
type barLine struct {
	Label, Text, Title string
	Value              float64
	Y, X, Width        px // 16 high
	TextX              px
	Below              bool // of 0: the text stands left of it
}

// newRowBars is nil without a line.
func newRowBars(id, title, note string, lines []barLine) *rowBars {
	const left, right, text, pitch = 44, 490, 150, 28
	lo, hi := 0.0, 0.0
	for _, l := range lines {
		lo, hi = min(lo, l.Value), max(hi, l.Value)
	}
	if len(lines) == 0 {
		return nil
	}
	if lo == hi {
		hi = 1
	}
	from, to := float64(left), float64(right-text)
	if lo < 0 { // room for the texts of both sides
		from += text
	}
	if hi == 0 {
		to = right
	}
	scale := axis{Lo: lo, Hi: hi, From: from, To: to}
	c := &rowBars{ID: id, Title: title, Note: note, W: 500, H: px(pitch*len(lines) + 4), Zero: scale.at(0), Alt: title}
	for i, l := range lines {
		l.Y = px(4 + pitch*i)
		at := scale.at(l.Value)
		l.X, l.Width, l.Below = min(at, c.Zero), max(at-c.Zero, c.Zero-at), l.Value < 0
		if l.TextX = at + 7; l.Below {
			l.TextX = at - 7
		}
		c.Lines = append(c.Lines, l)
		c.Alt += "; " + l.Label + ": " + l.Text
	}
	return c
}

// costChart draws what models score over what they cost, with their names.
type costChart struct {
	ID, Title, Note, Alt     string
	W, H                     px
	Left, Right, Top, Bottom px
	X, Y                     axis
	Marks                    []costMark
	Gain                     *[2]dot // from the generalist to it with its specialists
}

type costMark struct {
	Role         role
	X, Y, Lo, Hi px // Lo and Hi: less and plus a deviation, the same without
	Title        string
	Label        string // empty: no room
	LX, LY       px
	Anchor       string // "", "middle" or "end"
}

// costCharts are over parameters and over FLOPs, where at least two models have
// them.
func (s *Specialists) costCharts() (all []*costChart) {
	for _, c := range []struct {
		id, name string
		cost     func(*SpecialistsModel) float64
	}{
		{"params", "parameters", func(m *SpecialistsModel) float64 { return float64(m.Params) }},
		{"flops", "FLOPs a row", func(m *SpecialistsModel) float64 { return float64(m.FLOPs) }},
	} {
		if chart := s.costChart(c.id, c.name, c.cost); chart != nil {
			all = append(all, chart)
		}
	}
	return all
}

func (s *Specialists) costChart(id, name string, cost func(*SpecialistsModel) float64) *costChart {
	c := &costChart{ID: "cost-" + id, Title: "Accuracy over " + name, W: 500, H: 320, Left: 62, Right: 488, Top: 16, Bottom: 274,
		Note: "Up and left is better. The dotted line is what specialists add to the generalist."}
	type place struct {
		m           *SpecialistsModel
		cost, y, sd float64
	}
	var places []place
	xlo, xhi, ylo, yhi := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for i := range s.Models {
		m := &s.Models[i]
		p := place{m, cost(m), m.score("accuracy"), m.Scores["accuracy"].SD}
		if !(p.cost > 0) || !finite(p.cost) || !finite(p.y) {
			continue
		}
		places = append(places, p)
		xlo, xhi = min(xlo, p.cost), max(xhi, p.cost)
		ylo, yhi = min(ylo, p.y-p.sd), max(yhi, p.y+p.sd)
	}
	if len(places) < 2 {
		return nil
	}
	c.X = logarithmic(xlo, xhi).placed(c.Left+8, c.Right-8, name)
	for i := range c.X.Ticks {
		c.X.Ticks[i].Label = count(int64(c.X.Ticks[i].Value))
	}
	c.Y = shares(ylo, yhi, 5).placed(c.Bottom, c.Top, "")
	c.Alt = c.Title
	ends := map[ModelPart]dot{}
	for _, p := range places {
		at := dot{X: c.X.at(p.cost), Y: c.Y.at(p.y)}
		if _, first := ends[p.m.Part]; !first {
			ends[p.m.Part] = at
		}
		k := costMark{Role: p.m.Part.mark(), X: at.X, Y: at.Y, Lo: c.Y.at(max(c.Y.Lo, p.y-p.sd)), Hi: c.Y.at(min(c.Y.Hi, p.y+p.sd)), Label: shorten(clean(p.m.Name), 26)}
		k.Title = fmt.Sprintf("%s: %s with %s %s", clean(p.m.Name), p.m.cell("accuracy", asPercent), count(int64(p.cost)), name)
		c.Alt += "; " + k.Title
		c.Marks = append(c.Marks, k)
	}
	c.Alt += "."
	g, ok := ends[GeneralistPart]
	e, both := ends[EnsemblePart]
	if ok && both {
		c.Gain = &[2]dot{g, e}
	} else {
		c.Note = "Up and left is better."
	}
	c.label()
	return c
}

// shares is an axis of shares from lo to hi, which ends at 100 %.
func shares(lo, hi float64, n int) axis {
	a := linear(lo, hi, n, 0, percents)
	if a.Hi > 1 && hi <= 1 {
		a = a.inside(a.Lo, 1)
	}
	if a.Lo < 0 && lo >= 0 {
		a = a.inside(0, a.Hi)
	}
	return a
}

// label finds a place for the names beside their marks where they cover neither
// a mark nor one another; a name without one is left to the mark's title.
func (c *costChart) label() {
	type box struct{ x0, y0, x1, y1 px }
	var taken []box
	spot := func(x, y, r px) { taken = append(taken, box{x - r, y - r, x + r, y + r}) }
	for _, m := range c.Marks {
		spot(m.X, m.Y, 6)
		spot(m.X, m.Lo, 1)
		spot(m.X, m.Hi, 1)
	}
	if g := c.Gain; g != nil {
		const steps = 60
		for i := range steps {
			at := px(i) / steps
			spot(g[0].X+(g[1].X-g[0].X)*at, g[0].Y+(g[1].Y-g[0].Y)*at, 1)
		}
	}
	free := func(b box) bool {
		if b.x0 < c.Left || b.x1 > c.W || b.y0 < 0 || b.y1 > c.Bottom {
			return false
		}
		for _, t := range taken {
			if b.x0 < t.x1 && t.x0 < b.x1 && b.y0 < t.y1 && t.y0 < b.y1 {
				return false
			}
		}
		return true
	}
	for i := range c.Marks {
		m := &c.Marks[i]
		wide := px(6.8 * float64(len([]rune(m.Label))))
		found := false
		for _, p := range []struct {
			anchor     string
			x, y, from px // from: the left edge of the text
		}{{"", 9, 4, 9}, {"end", -9, 4, -9 - wide}, {"middle", 0, -10, -wide / 2}, {"middle", 0, 19, -wide / 2}, {"", 7, -8, 7}, {"", 7, 17, 7}, {"end", -7, -8, -7 - wide}, {"end", -7, 17, -7 - wide}} {
			b := box{m.X + p.from, m.Y + p.y - 11, m.X + p.from + wide, m.Y + p.y + 3}
			if free(b) {
				taken = append(taken, b)
				m.Anchor, m.LX, m.LY, found = p.anchor, m.X+p.x, m.Y+p.y, true
				break
			}
		}
		if !found {
			m.Label = ""
		}
	}
}

// growthChart is top-1 over the number of specialists, with a band of a
// deviation to both sides where there are several seeds.
type growthChart struct {
	Title, Note, Alt         string
	W, H                     px
	Left, Right, Top, Bottom px
	X, Y                     axis
	Path, Band               string
	Base                     px // top-1 of the generalist alone
	Dots                     []dot
}

// newGrowthChart is nil of fewer than two points.
func newGrowthChart(curve []Spread) *growthChart {
	if len(curve) < 2 {
		return nil
	}
	c := &growthChart{Title: "Top-1 over the number of specialists", W: 760, H: 330, Left: 64, Right: 744, Top: 14, Bottom: 284,
		Note: "The specialists in the order of their sets, one after another. Dotted: the generalist alone."}
	ylo, yhi, several := math.Inf(1), math.Inf(-1), false
	for _, v := range curve {
		ylo, yhi = min(ylo, v.Mean-v.SD), max(yhi, v.Mean+v.SD)
		several = several || len(v.Values) > 1
	}
	if !finite(ylo) || !finite(yhi) {
		return nil
	}
	if several {
		c.Note += " The band is a standard deviation over the seeds to both sides."
	}
	last := float64(len(curve) - 1)
	c.X = linear(0, last, 12, 1, decimals).inside(0, last).placed(c.Left+12, c.Right-12, "specialists")
	c.Y = shares(ylo, yhi, 6).placed(c.Bottom, c.Top, "")
	var path, up, down strings.Builder
	for j, v := range curve {
		x := c.X.at(float64(j))
		pen := "L"
		if j == 0 {
			pen = "M"
		}
		fmt.Fprintf(&path, "%s%v %v", pen, x, c.Y.at(v.Mean))
		fmt.Fprintf(&up, "%s%v %v", pen, x, c.Y.at(v.Mean+v.SD))
		back := curve[len(curve)-1-j]
		fmt.Fprintf(&down, "L%v %v", c.X.at(last-float64(j)), c.Y.at(back.Mean-back.SD))
		m := SpecialistsModel{Scores: map[string]Spread{"accuracy": v}}
		c.Dots = append(c.Dots, dot{X: x, Y: c.Y.at(v.Mean), Hidden: len(curve) > 40, Title: fmt.Sprintf("%s: %s", plural(j, "specialist"), m.cell("accuracy", asPercent))})
	}
	c.Path, c.Base = path.String(), c.Y.at(curve[0].Mean)
	if several {
		c.Band = up.String() + down.String() + "Z"
	}
	c.Alt = fmt.Sprintf("%s. From %s without to %s with all %s.", c.Title, percent(curve[0].Mean, 2), percent(curve[len(curve)-1].Mean, 2), setting(last))
	return c
}
