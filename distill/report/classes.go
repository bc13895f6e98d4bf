package report

import (
	"fmt"
	"sort"
)

const (
	panelRows = 32 // rows of one panel
	maxRows   = 128
)

// classChart is the accuracy of each class: a row a class, a mark a model.
type classChart struct {
	ID, Title, Alt string
	Key            []tile // the marks, when the chart explains its own
	W, H           px
	Left           px
	Right          px
	Bottom         px
	X              axis
	Rows           []classRow
}

type classRow struct {
	Y           px
	Label, Full string
	Marks       []classMark
}

type classMark struct {
	Role  role
	X     px
	Title string
}

// newClassCharts cuts the classes into panels of at most panelRows. Of more
// than maxRows classes it shows those that the student does worst on; worst
// then says so. Classes without a labelled row are left out.
func newClassCharts(models []model, classes []string) (panels []*classChart, worst bool) {
	var student *Block
	for _, m := range models {
		if m.Role == studentRole {
			student = m.Block
		}
	}
	if student == nil {
		return nil, false
	}
	var shown []int
	for c, k := range student.PerClass {
		if k.Support > 0 {
			shown = append(shown, c)
		}
	}
	if len(shown) > maxRows {
		worst = true
		sort.SliceStable(shown, func(i, j int) bool {
			return student.PerClass[shown[i]].Accuracy < student.PerClass[shown[j]].Accuracy
		})
		shown = shown[:2*panelRows]
	}
	if len(shown) == 0 {
		return nil, false
	}
	lo, hi, longest := 1.0, 0.0, 0
	for _, c := range shown {
		for _, m := range models {
			if c < len(m.PerClass) && m.PerClass[c].Support > 0 && finite(m.PerClass[c].Accuracy) {
				lo, hi = min(lo, m.PerClass[c].Accuracy), max(hi, m.PerClass[c].Accuracy)
			}
		}
		longest = max(longest, len([]rune(shorten(classes[c], 18))))
	}
	count := (len(shown) + panelRows - 1) / panelRows
	rows := (len(shown) + count - 1) / count
	left := px(16 + 7*float64(longest))
	x := linear(lo, max(hi, lo), 5, 0, percents)
	if x.Hi > 1 {
		x = x.inside(x.Lo, 1)
	}
	if x.Lo < 0 {
		x = x.inside(0, x.Hi)
	}
	for at := 0; at < len(shown); at += rows {
		part := shown[at:min(at+rows, len(shown))]
		pitch := max(20, min(32, 300/len(part)))
		p := &classChart{W: 500, Left: left, Right: 482, Bottom: px(10 + pitch*len(part)), H: px(10 + pitch*len(part) + 30)}
		p.X = x
		p.X.Ticks = append([]tick(nil), x.Ticks...)
		p.X = p.X.placed(p.Left, p.Right, "")
		p.ID = fmt.Sprintf("classes%d", len(panels)+1)
		p.Title = fmt.Sprintf("Accuracy by class, %s to %s", classes[part[0]], classes[part[len(part)-1]])
		p.Alt = fmt.Sprintf("%s: %d rows.", p.Title, len(part))
		for i, c := range part {
			p.Rows = append(p.Rows, p.row(models, classes[c], c, px(10+pitch/2+pitch*i)))
		}
		panels = append(panels, p)
	}
	return panels, worst
}

func (p *classChart) row(models []model, name string, c int, y px) classRow {
	r := classRow{Y: y, Label: shorten(name, 18), Full: name}
	for _, m := range models {
		if c >= len(m.PerClass) || m.PerClass[c].Support == 0 || !finite(m.PerClass[c].Accuracy) {
			continue
		}
		k := m.PerClass[c]
		r.Marks = append(r.Marks, classMark{Role: m.Role, X: p.X.at(k.Accuracy),
			Title: fmt.Sprintf("%s, %s: %s of %s right (%s)", name, m.Label, thousands(int64(k.Correct)), thousands(int64(k.Support)), percent(k.Accuracy, 1))})
	}
	return r
}
