package distill

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// leaveOut is src without the rows of the classes that the recipe leaves out
// of the transfer set. Rows without a label stay; the classes keep their
// numbers.
func (d *Data) leaveOut(ctx context.Context, r *Recipe, src dataset.Source) (dataset.Source, error) {
	if len(r.Data.Without)+len(r.Data.Only) == 0 {
		return src, nil
	}
	flag, named := "--without", r.Data.Without
	if len(r.Data.Only) > 0 {
		flag, named = "--only", r.Data.Only
	}
	spec := src.Spec()
	if !spec.Labelled() || spec.Task != dataset.MultiClass {
		return nil, fault.New(fault.Usage, r.Data.Train, flag, "the rows have no classes as labels, expected some to choose by")
	}
	chosen, err := classNumbers(named, spec.Classes, len(spec.Classes))
	if err != nil {
		return nil, fault.New(fault.Usage, r.Data.Train, flag, "%w", err)
	}
	labels, err := dataset.Labels(ctx, src)
	if err != nil {
		return nil, err
	}
	var kept []int
	for i, y := range labels {
		if y == dataset.Unlabelled || slices.Contains(chosen, int(y)) == (flag == "--only") {
			kept = append(kept, i)
		}
	}
	if len(kept) == 0 {
		return nil, fault.New(fault.Usage, r.Data.Train, flag, "%s leaves none of %d rows", strings.Join(named, ","), len(labels))
	}
	d.Notes = append(d.Notes, fmt.Sprintf("%s %s: %d of %d rows are learned from or validate; the test rows keep every class", flag, strings.Join(named, ","), len(kept), len(labels)))
	return dataset.Subset(src, kept), nil
}

// classNumbers finds classes by name, or where no class has that name by
// number from 0 to n−1. names may be nil.
func classNumbers(named, names []string, n int) ([]int, error) {
	numbers := make([]int, 0, len(named))
	for _, name := range named {
		k, err := classNumber(name, names, n)
		if err != nil {
			return nil, err
		}
		if slices.Contains(numbers, k) {
			return nil, fmt.Errorf("class %q is named twice", name)
		}
		numbers = append(numbers, k)
	}
	return numbers, nil
}

// classNumber is classNumbers of one.
func classNumber(name string, names []string, n int) (int, error) {
	if k := slices.Index(names, name); k >= 0 {
		return k, nil
	}
	if k, err := strconv.Atoi(name); err == nil && k >= 0 && k < n && len(names) == 0 {
		return k, nil
	}
	name = fault.Clip(name, 60)
	if len(names) == 0 {
		return 0, fmt.Errorf("got class %q, expected a number from 0 to %d", name, n-1)
	}
	shown, more := names, ""
	if len(shown) > 12 {
		shown, more = shown[:12], fmt.Sprintf(" and %d more", len(names)-12)
	}
	return 0, fmt.Errorf("got class %q, expected one of %s%s", name, strings.Join(shown, ", "), more)
}
