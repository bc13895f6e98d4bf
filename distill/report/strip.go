package report

import (
	"fmt"
	"math"
)

// strip draws the main number of every seed as a dot, baseline above student;
// a line joins those of one seed, and bars show mean and deviation.
type strip struct {
	Title, Note, Alt         string
	W, H                     px
	Left, Right, Top, Bottom px
	X                        axis
	Teacher                  *lane  // one place alone, drawn over both lanes
	Lanes                    []lane // baseline, student
	Pairs                    [][2]dot
}

// lane is the seeds of one role.
type lane struct {
	Role           role
	Label          string
	Y              px
	Dots           []dot
	Mean, From, To px // mean, less and plus a deviation
	Title          string
}

// newStrip is nil where there is nothing to draw.
func newStrip(s *Seeds, main score, models []model) *strip {
	c := &strip{Title: main.Name + " by seed", W: 500, Left: 76, Right: 484, Top: 16}
	lo, hi := math.Inf(1), math.Inf(-1)
	see := func(v float64) { lo, hi = min(lo, v), max(hi, v) }
	var drawn []model
	teacher := math.NaN()
	for _, m := range models {
		spread, trained := s.of(m.Role)[main.Key]
		for _, v := range spread.Values {
			if !finite(v) {
				return nil
			}
			see(v)
		}
		if trained {
			drawn = append(drawn, m)
		}
		for _, own := range scores(m.Result) {
			if m.Role == teacherRole && own.Key == main.Key && finite(own.Value) {
				teacher = own.Value
				see(teacher)
			}
		}
	}
	if len(drawn) == 0 {
		return nil
	}
	const high = 64
	c.Bottom = c.Top + px(high*len(drawn))
	c.H = c.Bottom + 40
	c.X = linear(lo, hi, 6, 0, decimals).placed(c.Left, c.Right, main.Name)
	c.Alt = c.Title
	for k, m := range drawn {
		spread := s.of(m.Role)[main.Key]
		l := lane{Role: m.Role, Label: m.Label, Y: c.Top + px(high*k+high/2), Mean: c.X.at(spread.Mean),
			From: max(c.Left, c.X.at(spread.Mean-spread.SD)), To: min(c.Right, c.X.at(spread.Mean+spread.SD))}
		l.Title = fmt.Sprintf("%s: %s", m.Label, plusMinus(main.show(spread.Mean), main.show(spread.SD)))
		c.Alt += "; " + l.Title
		for i, v := range spread.Values {
			l.Dots = append(l.Dots, dot{X: c.X.at(v), Y: l.Y, Title: fmt.Sprintf("%s, seed %d: %s", m.Label, s.Seeds[min(i, len(s.Seeds)-1)], main.show(v))})
		}
		c.Lanes = append(c.Lanes, l)
	}
	if len(c.Lanes) == 2 && len(c.Lanes[0].Dots) == len(c.Lanes[1].Dots) {
		for i, d := range c.Lanes[0].Dots {
			c.Pairs = append(c.Pairs, [2]dot{d, c.Lanes[1].Dots[i]})
		}
		c.Note = "A line joins the two of one seed. "
	}
	c.Note += "Bars: mean and standard deviation."
	if finite(teacher) {
		c.Teacher = &lane{Role: teacherRole, Mean: c.X.at(teacher), Title: "teacher: " + main.show(teacher)}
		c.Note += " Dotted: the teacher, " + main.show(teacher) + "."
		c.Alt += "; " + c.Teacher.Title
	}
	return c
}
