package distill

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
)

// checkBudget holds the file that was written against the budget, and times it.
func (d *run) checkBudget(ctx context.Context, path string) error {
	asked := d.result.Budget
	if asked == nil {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot read back: %w", err)
	}
	c := Candidate{Params: d.spec.params, FLOPs: d.spec.flops, Bytes: int64(len(data))}
	if asked.Latency > 0 && export.Ready(d.recipe.Teacher.Library) == nil {
		if c.Latency, err = rowTimer(d.recipe.Teacher.Library, cmp.Or(d.env.Latency, timedFor))(ctx, path, data); err != nil {
			return err
		}
		if d.result.Student.LatencyOneMS == 0 { // unverified, and so not timed
			d.result.Student.LatencyOneMS = report.Number(c.Latency.Seconds() * 1e3)
		}
		d.note(fmt.Sprintf("budget: the student takes %v a row, at most %v were asked for", tidy(c.Latency), asked.Latency))
	}
	b := Budget{Params: asked.Params, Bytes: asked.Bytes, FLOPs: asked.FLOPs, Latency: asked.Latency}
	if flag, has, over := b.overrun(c); over > 1 {
		d.result.Warnings = append(d.result.Warnings, fmt.Sprintf("the student is over its budget: %s: %s", flag, has))
	}
	return nil
}

// noneFits is the fault of a budget that all of over, of the family that text
// names, are over: it names the least of them. besides is what files have on top
// of their size.
func (b Budget) noneFits(text string, over []Candidate, besides string) error {
	least := slices.MinFunc(over, func(x, y Candidate) int {
		_, _, xOver := b.overrun(x)
		_, _, yOver := b.overrun(y)
		return cmp.Compare(xOver, yOver)
	})
	flag, has, _ := b.overrun(least)
	if flag == "--budget-bytes" {
		has += besides
	}
	return fault.New(fault.Usage, "", flag, "no student of %q fits: the least, %s, has %s", text, least.Arch, has)
}

// checkLeast refuses, before the teacher is asked about all rows, a budget that
// not even the narrowest net of any shape keeps, for so many outputs. A file's
// metadata, which is not known yet, is left to the search.
func (d *run) checkLeast(classes int) error {
	b, err := d.recipe.Student.Budget()
	if b.Latency = 0; err != nil || b.IsZero() {
		return err
	}
	in, _, err := (&run{recipe: d.recipe, data: d.data, teacher: d.teacher}).studentShape()
	if err != nil {
		return err
	}
	f := fitter{budget: b, in: in, classes: classes, file: func(arch string) ([]byte, error) {
		m, err := models.Build(arch, in, classes, d.recipe.Train.Seed)
		if err != nil {
			return nil, err
		}
		return fileOf(m, nil)
	}}
	return f.checkLeast(d.recipe.Student.Arch)
}

// checkLeast refuses a budget that the narrowest net of every shape is over.
// What cannot be built for such rows is left to candidates.
func (f *fitter) checkLeast(text string) error {
	shapes, err := models.Shapes(text)
	if err != nil {
		return err
	}
	var over []Candidate
	for _, s := range shapes {
		c, err := f.counted(s.Spec(s.Min))
		if fault.KindOf(err) == fault.Usage {
			continue
		}
		if err != nil {
			return err
		}
		if _, _, ratio := f.budget.overrun(c); ratio <= 1 && f.budget.Bytes > 0 {
			if err := f.whole(&c); err != nil {
				return err
			}
		}
		if _, _, ratio := f.budget.overrun(c); ratio <= 1 {
			return nil
		}
		over = append(over, c)
	}
	if len(over) == 0 {
		return nil
	}
	return f.budget.noneFits(text, over, ", and metadata on top")
}
