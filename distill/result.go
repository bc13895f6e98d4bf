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
	fmt.Fprintf(tw, "\t%s\tparameters\ta row\t\n", strings.Join(columns, "\t"))
	var seeds report.Seeds
	if r.Seeds != nil {
		seeds = *r.Seeds
	}
	for _, row := range []struct {
		role string
		*report.Block
		over map[string]report.Spread
	}{{RoleTeacher, r.Teacher, nil}, {RoleBaseline, r.Baseline, seeds.Baseline}, {RoleStudent, r.Student, seeds.Student}} {
		b := row.Block
		if b == nil {
			continue
		}
		params, latency := "-", "-"
		if b.Params > 0 {
			params = strconv.FormatInt(b.Params, 10)
		}
		if b.LatencyMS > 0 {
			latency = fmt.Sprintf("%.3g ms", float64(b.LatencyMS))
		}
		list := cells(b.Result)
		if row.over != nil {
			list = spreadCells(b.Result, row.over)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t\n", row.role, strings.Join(list, "\t"), params, latency)
	}
	return tw.Flush()
}

// spreadCells are cells of a mean over several seeds, and of their deviation.
func spreadCells(r metrics.Result, over map[string]report.Spread) []string {
	cell := func(key, format string, scale float64, unit string) string {
		s, ok := over[key]
		if !ok {
			return "-"
		}
		return fmt.Sprintf(format+" ± "+format, scale*s.Mean, scale*s.SD) + unit
	}
	share := func(key string) string { return cell(key, "%.2f", 100, " %") }
	switch r.Task {
	case dataset.MultiLabel:
		return []string{share("micro_f1"), share("macro_f1"), share("accuracy"), share("agreement"), cell("ece", "%.4f", 1, "")}
	case dataset.Regression:
		return []string{cell("r2", "%.4f", 1, ""), cell("rmse", "%.4g", 1, ""), cell("mae", "%.4g", 1, ""), cell("agreement", "%.4f", 1, "")}
	}
	return []string{share("accuracy"), cell("errors", "%.1f", 1, fmt.Sprintf(" of %d", r.Labelled)), share("agreement"), cell("ece", "%.4f", 1, "")}
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

// epochs are a course's history in the report's words.
func epochs(records []EpochRecord) []report.Epoch {
	list := make([]report.Epoch, len(records))
	for i, e := range records {
		list[i] = report.Epoch{Epoch: e.Epoch, LR: report.Number(e.LR),
			Train: report.Terms{Total: report.Number(e.Loss), Soft: report.Number(e.Soft), Hard: report.Number(e.Hard),
				SoftGradient: report.Number(e.SoftGrad), HardGradient: report.Number(e.HardGrad), Hint: report.Number(e.Hint)}}
		if w := e.Weights; w != nil {
			list[i].Weights = &report.Weights{Temperature: report.Number(w.Temperature), Alpha: report.Number(w.Alpha), Beta: report.Number(w.Beta)}
		}
		if e.Validated {
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
