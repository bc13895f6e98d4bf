package teacher

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
)

const (
	// A class order found by matching must be right on this share of the rows,
	// and on that much more of them than the order taken.
	orderGood   = 0.5
	orderBetter = 0.25
	// proposable is the most classes that a proposed class map lists.
	proposable = 64
)

// mixedUp begins the warning of checkOrder.
const mixedUp = "the classes look mixed up"

// checkOrder looks whether the classes taken are in another order than the
// rows' labels say, and proposes the class map that would mend it. outputs are
// the raw scores of every value range that was tried: with the classes mixed
// up, the best of them cannot be told by the labels.
func (t *Teacher) checkOrder(c *Contract, outputs [][]float32, accuracy float64, raw int, l *look) {
	k := c.Classes
	if c.Task != dataset.MultiClass || k < 2 || c.Merged != nil || len(t.o.ClassMap) > 0 || accuracy > 1-orderBetter {
		return
	}
	var order []int // class that each class of the teacher should be
	best := max(orderGood, accuracy+orderBetter)
	z := make([]float32, l.n*k)
	for _, x := range outputs {
		if t.meaning(c, x, raw).logits(z, x, l.n) >= 0 {
			continue
		}
		if found, share := assign(z, l.n, k, l.y); share >= best {
			order, best = found, share
		}
	}
	if order == nil {
		return
	}
	said := fmt.Sprintf(mixedUp+": in their present order the teacher is right on %.1f %% of the rows, in another on %.1f %%", 100*accuracy, 100*best)
	if k > proposable {
		c.warn("%s; name which is which by --class-map", said)
		return
	}
	pairs := make([]string, k)
	for class, is := range order {
		column := class
		if c.Columns != nil {
			column = c.Columns[class]
		}
		p := ClassPair{fmt.Sprint(column), fmt.Sprint(is)}
		if c.LabelTexts != nil {
			p.Teacher = c.LabelTexts[column]
		}
		if is < len(l.spec.Classes) && !strings.ContainsAny(l.spec.Classes[is], `,="`) {
			p.Rows = l.spec.Classes[is]
		}
		pairs[class] = p.String()
	}
	c.warn("%s: --class-map %q", said, strings.Join(pairs, ","))
}

// assign gives every class that the logits z, (n, k), speak of the label that
// the rows with it mostly have, each label once, the most certain first. share
// is the share of the labelled rows that are right so.
func assign(z []float32, n, k int, y []int32) (order []int, share float64) {
	type cell struct{ class, label, rows int }
	count := map[[2]int]int{}
	labelled := 0
	for r := range n {
		if y[r] < 0 {
			continue
		}
		labelled++
		row := z[r*k : (r+1)*k]
		count[[2]int{slices.Index(row, slices.Max(row)), int(y[r])}]++
	}
	cells := make([]cell, 0, len(count))
	for at, rows := range count {
		cells = append(cells, cell{at[0], at[1], rows})
	}
	slices.SortFunc(cells, func(a, b cell) int {
		return cmp.Or(b.rows-a.rows, a.class-b.class, a.label-b.label)
	})
	order, taken := make([]int, k), make([]bool, k)
	for i := range order {
		order[i] = -1
	}
	right := 0
	for _, c := range cells {
		if order[c.class] < 0 && !taken[c.label] {
			order[c.class], taken[c.label] = c.label, true
			right += c.rows
		}
	}
	free := 0 // classes never seen take the labels that are left
	for i := range order {
		if order[i] < 0 {
			for taken[free] {
				free++
			}
			order[i], taken[free] = free, true
		}
	}
	return order, float64(right) / float64(max(1, labelled))
}
