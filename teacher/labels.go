package teacher

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// settleLabels finds the labels that a teacher without scores may give, by
// looking at what it gives for all rows of l. It returns the lists of names
// that its labels have, as if each were a column.
func (t *Teacher) settleLabels(ctx context.Context, c *Contract, encoders []*encoder, l *look) ([]nameList, error) {
	seen := map[string]bool{}
	integers := true
	for _, e := range encoders {
		err := t.eachBatch(ctx, c, e, l, func(v ort.Value, n int) error {
			if !oneLabel(v, n) {
				if raw, err := columns(v, n); err != nil || raw != 1 {
					return fault.New(fault.Input, t.path, "output "+c.Output, "is %s for %d rows, expected one label a row", shapeText(v.Shape), n)
				}
			}
			integers = integers && v.DType != onnx.String
			for _, s := range labelTextsOf(v) {
				if len(seen) > mostNames {
					return fault.New(fault.Input, t.path, "output "+c.Output, "gives more than %d different labels", mostNames)
				}
				seen[s] = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	names, why := t.labelTexts(seen, integers, l.spec.Classes)
	c.LabelTexts = names.texts
	// A class map may name what the output gives, whatever names it has.
	names.lists = append(names.lists, nameList{names.texts, "the output"})
	t.labelAt = make(map[string]int, len(names.texts))
	for i, s := range names.texts {
		t.labelAt[s] = i
	}
	c.why("output kind: %s, no scores: the label given gets a probability of %g, the other classes share %.4g (--teacher-smoothing)", Labels, 1-c.Smoothing, c.Smoothing)
	c.why("labels: %s", why)
	return names.lists, nil
}

// labelSpace is the labels that a teacher may give and the names that they
// have.
type labelSpace struct {
	texts []string
	lists []nameList
}

// labelTexts concludes from the labels seen which there may be: those that the
// model or the rows name, or the numbers from 0 on.
func (t *Teacher) labelTexts(seen map[string]bool, integers bool, classes []string) (labelSpace, string) {
	among := func(names []string) bool {
		have := make(map[string]bool, len(names))
		for _, s := range names {
			have[s] = true
		}
		for s := range seen {
			if !have[s] {
				return false
			}
		}
		return len(names) > 0
	}
	for _, l := range t.graph.names {
		if among(l.names) && distinct(l.names) {
			return labelSpace{l.names, []nameList{l}}, "as " + l.where + " names them"
		}
	}
	if among(classes) {
		return labelSpace{classes, []nameList{{classes, "the rows"}}}, "the names of the rows' classes"
	}
	texts := make([]string, 0, len(seen))
	for s := range seen {
		texts = append(texts, s)
	}
	slices.Sort(texts)
	if !integers {
		return labelSpace{texts, nil}, fmt.Sprintf("%d texts that it gave: %s", len(texts), fewNames(texts))
	}
	lowest, highest := math.MaxInt, math.MinInt
	for s := range seen {
		i, err := strconv.Atoi(s)
		if err != nil {
			return labelSpace{texts, nil}, fmt.Sprintf("%d numbers that it gave: %s", len(texts), fewNames(texts))
		}
		lowest, highest = min(lowest, i), max(highest, i)
	}
	for _, l := range t.graph.names {
		if lowest >= 0 && highest < len(l.names) {
			return labelSpace{numbersFrom(0, len(l.names)), []nameList{l}}, fmt.Sprintf("numbers, named by %s", l.where)
		}
	}
	switch k := len(classes); {
	case k > 0 && lowest >= 1 && highest == k:
		return labelSpace{numbersFrom(1, k), nil}, fmt.Sprintf("the numbers 1 to %d, in the order of the rows' classes", k)
	case lowest >= 0 && highest < k:
		return labelSpace{numbersFrom(0, k), nil}, fmt.Sprintf("the numbers 0 to %d, in the order of the rows' classes", k-1)
	case lowest >= 0 && highest < mostNames:
		return labelSpace{numbersFrom(0, highest+1), nil}, fmt.Sprintf("the numbers 0 to %d, the highest that it gave", highest)
	}
	slices.SortFunc(texts, func(a, b string) int { x, _ := strconv.Atoi(a); y, _ := strconv.Atoi(b); return x - y })
	return labelSpace{texts, nil}, fmt.Sprintf("%d numbers that it gave: %s", len(texts), fewNames(texts))
}

// numbersFrom writes n numbers from first on.
func numbersFrom(first, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(first + i)
	}
	return out
}

// distinct tells whether no name occurs twice.
func distinct(names []string) bool {
	seen := make(map[string]bool, len(names))
	for _, s := range names {
		if seen[s] {
			return false
		}
		seen[s] = true
	}
	return true
}
