package distill

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
)

// Files are what a run left.
type Files struct {
	Model   string `json:"model"`
	Report  string `json:"report"`
	Metrics string `json:"metrics"`
	CSV     string `json:"csv"`
	Stream  string `json:"stream"`

	TensorBoard string `json:"tensorboard,omitempty"`
}

// Result is what a run came to. Its JSON is what `distill --json` prints: the
// report's, and the files it left.
type Result struct {
	report.Report
	TestRows string `json:"test_rows"` // what the three models were judged on
	Files    Files  `json:"files"`
}

// Table prints teacher, baseline and student for people.
func (r *Result) Table(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	columns := []string{"accuracy", "errors", "agreement", "ECE"}
	switch r.Task {
	case dataset.MultiLabel:
		columns = []string{"micro-F1", "macro-F1", "all labels right", "agreement", "ECE"}
	case dataset.Regression:
		columns = []string{"R²", "RMSE", "MAE", "R² to the teacher"}
	}
	fmt.Fprintf(tw, "\t%s\tparameters\t\n", strings.Join(columns, "\t"))
	for _, row := range []struct {
		role string
		*report.Block
	}{{RoleTeacher, r.Teacher}, {RoleBaseline, r.Baseline}, {RoleStudent, r.Student}} {
		b := row.Block
		if b == nil {
			continue
		}
		params := "-"
		if b.Params > 0 {
			params = strconv.FormatInt(b.Params, 10)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t\n", row.role, strings.Join(cells(b.Result), "\t"), params)
	}
	return tw.Flush()
}

// cells are the columns of Table for one model.
func cells(r metrics.Result) []string {
	when := func(n int, format string, args ...any) string {
		if n == 0 {
			return "-"
		}
		return fmt.Sprintf(format, args...)
	}
	switch r.Task {
	case dataset.MultiLabel:
		return []string{when(r.Labelled, "%.2f %%", 100*r.MicroF1), when(r.Labelled, "%.2f %%", 100*r.MacroF1), when(r.Labelled, "%.2f %%", 100*r.Accuracy),
			when(r.Compared, "%.2f %%", 100*r.Agreement), when(r.Labelled, "%.4f", r.ECE)}
	case dataset.Regression:
		return []string{when(r.Labelled, "%.4f", r.R2), when(r.Labelled, "%.4g", r.RMSE), when(r.Labelled, "%.4g", r.MAE), when(r.Compared, "%.4f", r.Agreement)}
	}
	return []string{when(r.Labelled, "%.2f %%", 100*r.Accuracy), when(r.Labelled, "%d of %d", r.Errors, r.Labelled),
		when(r.Compared, "%.2f %%", 100*r.Agreement), when(r.Labelled, "%.4f", r.ECE)}
}

// addTraining takes over what the student's course came to.
func (r *Result) addTraining(o *outcome) {
	if o.Seconds > 0 {
		r.SamplesPerS = report.Number(float64(o.Samples) / o.Seconds)
		r.StepsPerS = report.Number(float64(o.Steps) / o.Seconds)
	}
}

// epochs are a course's history in the report's words.
func epochs(records []EpochRecord, validated bool) []report.Epoch {
	list := make([]report.Epoch, len(records))
	for i, e := range records {
		list[i] = report.Epoch{Epoch: e.Epoch, LR: report.Number(e.LR),
			Train: report.Terms{Total: report.Number(e.Loss), Soft: report.Number(e.Soft), Hard: report.Number(e.Hard), Hint: report.Number(e.Hint)}}
		if validated {
			list[i].Val = &report.Validation{Accuracy: report.Number(e.ValAccuracy), Loss: report.Number(e.ValLoss), Metric: e.Metric}
		}
	}
	return list
}

// report writes metrics.json, report.html and report.csv.
func (d *run) report(context.Context) error {
	r, o := &d.result.Report, d.recipe.Output
	r.WallS = report.Number(time.Since(d.began).Seconds())
	d.result.Files = Files{Model: o.Model, Report: o.Report, Metrics: o.Metrics, CSV: o.CSV, Stream: o.Stream, TensorBoard: o.TensorBoard}
	if err := d.streams.End(r); err != nil {
		return err
	}
	return report.Files{JSON: o.Metrics, HTML: o.Report, CSV: o.CSV}.Write(r)
}
