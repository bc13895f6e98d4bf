package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
)

// reliability is the diagram of Guo et al. 2017: accuracy against confidence,
// the diagonal where they agree, and below it how many answers of the student
// lie in each bin.
type reliability struct {
	ID, Title, Note, Alt     string
	W, H                     px
	Left, Right, Top, Bottom px
	X, Y                     axis
	Series                   []series
	Counts                   []countBar
	CountBase                px
}

type countBar struct {
	X, Y, W, H px
	Title      string
}

// newReliability is nil when no model has a labelled row.
func newReliability(models []model) *reliability {
	c := &reliability{ID: "reliability", Title: "Reliability", W: 500, H: 400, Left: 58, Right: 488, Top: 12, Bottom: 300, CountBase: 352}
	c.X = linear(0, 1, 5, 0, percents).placed(c.Left, c.Right, "confidence")
	c.Y = linear(0, 1, 5, 0, percents).placed(c.Bottom, c.Top, "accuracy")
	c.Note = "How often answers of a given confidence are right; on the dotted line confidence is honest. 15 bins of equal width (Guo et al. 2017). Below: the student's answers by confidence, height by square root."
	what, right := "answer", "right"
	var alt []string
	for _, m := range models {
		if m.Labelled == 0 || m.Task == dataset.Regression {
			continue
		}
		if m.Task == dataset.MultiLabel {
			c.X.Name, what, right = "probability of a label", "decision", "yes"
			c.Note = "How often a label of a given probability is there, all labels together; on the dotted line probabilities are honest. 15 bins of equal width. Below: the student's decisions by probability, height by square root."
		}
		s := series{Role: m.Role, Name: m.Label}
		var path strings.Builder
		cmd := "M"
		for _, b := range m.Bins {
			if b.Count == 0 || !finite(b.Confidence) || !finite(b.Accuracy) {
				continue
			}
			x, y := c.X.at(b.Confidence), c.Y.at(b.Accuracy)
			fmt.Fprintf(&path, "%s%v %v", cmd, x, y)
			cmd = "L"
			s.Dots = append(s.Dots, dot{X: x, Y: y, Title: fmt.Sprintf("%s: %s at %s are %s %s",
				m.Label, plural(b.Count, what), percent(b.Confidence, 1), percent(b.Accuracy, 1), right)})
		}
		s.Path = path.String()
		c.Series = append(c.Series, s)
		alt = append(alt, fmt.Sprintf("%s %s", m.Label, percent(m.ECE, 2)))
		if m.Role == studentRole {
			c.count(m.Block)
		}
	}
	if len(c.Series) == 0 {
		return nil
	}
	c.Alt = "Reliability diagram. Expected calibration error: " + strings.Join(alt, ", ") + "."
	return c
}

// count draws the student's answers by bin, the height by the square root of
// their number.
func (c *reliability) count(b *Block) {
	top := 0
	for _, bin := range b.Bins {
		top = max(top, bin.Count)
	}
	for _, bin := range b.Bins {
		if bin.Count == 0 {
			continue
		}
		h := px(math.Max(1, 32*math.Sqrt(float64(bin.Count)/float64(top))))
		x, to := c.X.at(bin.Low), c.X.at(bin.High)
		c.Counts = append(c.Counts, countBar{X: x + 1, W: to - x - 2, Y: c.CountBase - h, H: h,
			Title: fmt.Sprintf("student: %s at %s to %s", plural(bin.Count, "answer"), percent(bin.Low, 0), percent(bin.High, 0))})
	}
}
