package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

// scatter draws what the student predicts of one number against what it is; on
// the diagonal both are the same.
type scatter struct {
	ID, Title, Note, Alt     string
	W, H                     px
	Left, Right, Top, Bottom px
	X, Y                     axis
	Dots                     []dot
	From, To                 [2]px // the ends of the diagonal
}

// newScatter is nil when there is nothing to draw.
func newScatter(name string, t metrics.Target) *scatter {
	if len(t.Points) == 0 {
		return nil
	}
	c := &scatter{Title: name, W: 500, H: 330, Left: 72, Right: 488, Top: 12, Bottom: 280}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range t.Points {
		lo, hi = min(lo, float64(p[0]), float64(p[1])), max(hi, float64(p[0]), float64(p[1]))
	}
	both := linear(lo, hi, 5, 0, decimals)
	c.X, c.Y = both, both
	c.Y.Ticks = append([]tick(nil), both.Ticks...)
	c.X = c.X.placed(c.Left, c.Right, "value")
	c.Y = c.Y.placed(c.Bottom, c.Top, "prediction")
	c.From, c.To = [2]px{c.X.at(both.Lo), c.Y.at(both.Lo)}, [2]px{c.X.at(both.Hi), c.Y.at(both.Hi)}
	for _, p := range t.Points {
		v, z := float64(p[0]), float64(p[1])
		c.Dots = append(c.Dots, dot{X: c.X.at(v), Y: c.Y.at(z), Title: fmt.Sprintf("%s is %s, predicted %s", name, general(v), general(z))})
	}
	c.Note = fmt.Sprintf("%s of the rows where it is known.", plural(len(t.Points), "row"))
	if len(t.Points) == t.Known {
		c.Note = "All rows where it is known."
	}
	c.Alt = fmt.Sprintf("%s: predictions against values, R² %s, RMSE %s.", name, general(t.R2), general(t.RMSE))
	return c
}

// targetRows are the numbers of every target, a model's R², RMSE and MAE after
// another's; of one target the table of all numbers says the same.
func targetRows(models []model, names []string) []row {
	if len(names) < 2 {
		return nil
	}
	rows := make([]row, len(names))
	for k, name := range names {
		rows[k].Name = name
		for _, m := range models {
			cells := []string{none, none, none}
			if m.Regression != nil && k < len(m.PerTarget) && m.PerTarget[k].Known > 0 {
				t := m.PerTarget[k]
				cells = []string{general(t.R2), general(t.RMSE), general(t.MAE)}
			}
			rows[k].Values = append(rows[k].Values, cells...)
		}
	}
	return rows
}

// labelRows are the labels of the student: how many rows have them, how many
// are answered with them, precision, recall, F1 and average precision, and the
// F1 of the others.
func labelRows(student *Block, others []model, names []string) []row {
	if student == nil || student.MultiLabel == nil || student.Labelled == 0 {
		return nil
	}
	rows := make([]row, len(names))
	for k, name := range names {
		l := student.PerLabel[k]
		ap := none
		if l.AP != nil {
			ap = percent(*l.AP, 1)
		}
		rows[k] = row{name, []string{thousands(int64(l.Support)), thousands(int64(l.Predicted)), percent(l.Precision, 1), percent(l.Recall, 1), ap, percent(l.F1, 1)}}
		for _, m := range others {
			f1 := none
			if m.MultiLabel != nil && m.Labelled > 0 && k < len(m.PerLabel) {
				f1 = percent(m.PerLabel[k].F1, 1)
			}
			rows[k].Values = append(rows[k].Values, f1)
		}
	}
	return rows
}

// targetNames gives every label or number of any model a name.
func targetNames(r *Report, models []model) []string {
	n := 0
	for _, m := range models {
		if m.MultiLabel != nil {
			n = max(n, len(m.PerLabel))
		}
		if m.Regression != nil {
			n = max(n, len(m.PerTarget))
		}
	}
	names := make([]string, n)
	for i := range names {
		if i < len(r.Targets) {
			names[i] = clean(r.Targets[i])
		}
		if names[i] == "" {
			names[i] = strconv.Itoa(i)
		}
	}
	return names
}
