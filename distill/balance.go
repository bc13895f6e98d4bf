package distill

import (
	"context"
	"fmt"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
)

// balance counts how the transfer set and the validation rows are spread over
// the classes, and warns of classes that a student can learn little of: a class
// without rows gets a bias that is far too low (Hinton, Vinyals and Dean 2015,
// section 3, the transfer set without threes).
func (d *run) balance(ctx context.Context) error {
	if d.task == dataset.Regression {
		return nil
	}
	r, err := d.plainRows(ctx)
	if err != nil {
		return err
	}
	transfer, err := d.spread(ctx, r)
	if err != nil {
		return err
	}
	var val metrics.Balance
	if r, err := d.valRows(ctx); err != nil {
		return err
	} else if r != nil {
		if val, err = d.spread(ctx, r); err != nil {
			return err
		}
	}
	names := d.targetNames()
	if d.task == dataset.MultiClass {
		names, d.shares = d.classNames(), sharesOf(transfer)
	}
	d.result.Balance = report.NewBalance(transfer, val)
	d.env.log("balance: " + balanceLine(transfer, names))
	for _, w := range scarce(transfer, names, d.task == dataset.MultiClass) {
		d.env.log("warning: " + w)
		d.result.Warnings = append(d.result.Warnings, w)
	}
	return nil
}

// plainRows are the rows of the transfer set with what the teacher says of them
// at T = 1: as they are, or where it was asked about views alone, their first.
func (d *run) plainRows(ctx context.Context) (*rows, error) {
	src := d.learned()
	if v := d.variation; v != nil && v.views != nil && d.teacher.targets != nil {
		first := make([]int, src.Len())
		for i := range first {
			first[i] = i
		}
		src = dataset.Subset(v.views, first)
	}
	return openRows(ctx, src, nil, d.teacher.targets, d.task, d.teacher.classes)
}

// spread counts the rows of r.
func (d *run) spread(ctx context.Context, r *rows) (metrics.Balance, error) {
	b, err := metrics.NewBalance(d.task, r.classes, r.targets != nil)
	if err != nil {
		return metrics.Balance{}, err
	}
	err = eachBatch(ctx, r, func(m *mini) error {
		b.Add(m.n, m.labels, m.values, m.teacher)
		return nil
	})
	return b.Balance(), err
}

// balanceLine is b for people.
func balanceLine(b metrics.Balance, names []string) string {
	ends := func(v []int) string {
		lo, hi := 0, 0
		for k := range v {
			if v[k] < v[lo] {
				lo = k
			}
			if v[k] > v[hi] {
				hi = k
			}
		}
		if v[lo] == v[hi] {
			return fmt.Sprintf("%d rows of each class", v[lo])
		}
		return fmt.Sprintf("%d (%s) to %d (%s) rows a class", v[lo], names[lo], v[hi], names[hi])
	}
	text := fmt.Sprintf("%d rows are learned from, %d of them labelled", b.N, b.Labelled)
	if b.Labelled > 0 {
		text += ": " + ends(b.Known)
	}
	if b.Answered != nil {
		text += "; by the teacher's answers " + ends(b.Answered)
	}
	return text
}

// rareShare of an even share of the rows is few for a class, as it is of the
// share that a class is to have, see Recalibrate.
const rareShare = 0.1

// scarce warns of classes that are absent, or of one class a row, rare.
func scarce(b metrics.Balance, names []string, single bool) (warnings []string) {
	var absent, rare []string
	most := 0
	even := float64(b.N) / float64(len(names))
	for k, name := range names {
		n := b.Known[k]
		if b.Answered != nil {
			n = max(n, b.Answered[k])
		}
		switch {
		case n == 0:
			absent = append(absent, name)
		case single && float64(n) < rareShare*even:
			rare, most = append(rare, fmt.Sprintf("%s (%d)", name, n)), max(most, n)
		}
	}
	const mend = "kdonnx recalibrate sets such a bias by a prior"
	if len(absent) == 1 {
		warnings = append(warnings, fmt.Sprintf("class %s has no row in the transfer set, by labels or the teacher's answers: the student will hardly ever answer it; %s", absent[0], mend))
	} else if len(absent) > 1 {
		warnings = append(warnings, fmt.Sprintf("%d classes have no row in the transfer set, by labels or the teacher's answers: %s; the student will hardly ever answer them; %s", len(absent), someNames(absent), mend))
	}
	if len(rare) > 0 {
		what := "class is"
		if len(rare) > 1 {
			what = "classes are"
		}
		warnings = append(warnings, fmt.Sprintf("%d %s rare in the transfer set, of %d rows at most %d each where an even share is %.0f: %s; %s", len(rare), what, b.N, most, even, someNames(rare), mend))
	}
	return warnings
}

// someNames lists names, cut when they are many.
func someNames(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
}
