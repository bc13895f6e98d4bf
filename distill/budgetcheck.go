package distill

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
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
