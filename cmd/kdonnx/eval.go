package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// modelFlags name a model, its engine and rows: what eval, predict and verify
// share.
type modelFlags struct {
	t      distill.TeacherRecipe
	data   dataFlags
	engine string
}

func (m *modelFlags) bind(cmd *cobra.Command) {
	m.t = distill.Default().Teacher
	m.t.Model = ""
	f := cmd.Flags()
	f.StringVar(&m.t.Model, "model", "", "the .onnx file, or embedded")
	f.StringVar(&m.engine, "engine", distill.EngineORT, "what runs it: ort (ONNX Runtime), or native (pure Go, for students)")
	m.data.bind(f)
	teacherFlags(f, &m.t)
	f.MarkHidden("teacher")
}

// open opens the rows and the model.
func (m *modelFlags) open(cmd *cobra.Command) (dataset.Source, *distill.Model, error) {
	err := missing(cmd, "model", "data")
	if err != nil {
		return nil, nil, err
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, nil, err
	}
	if m.t.Model, err = distill.ModelFile(m.t.Model, cache); err != nil {
		return nil, nil, err
	}
	if m.data.like, err = distill.RowsOf(m.t.Model); err != nil {
		return nil, nil, err
	}
	src, err := m.data.open(cmd.Context(), "test")
	if err != nil {
		return nil, nil, err
	}
	if m.data.skipBad || !m.data.like.Schema.IsZero() { // what became of columns and levels
		tell(cmd.ErrOrStderr(), src)
	}
	model, err := distill.OpenModel(cmd.Context(), m.engine, m.t, src, m.data.path, cache)
	return src, model, err
}

// evaluation is what `eval --json` prints.
type evaluation struct {
	metrics.Summary
	Labelled  int      `json:"labelled"`      // rows with a label
	Compared  int      `json:"compared"`      // rows with a teacher row
	NLL       *float64 `json:"nll,omitempty"` // mean log loss, in nats; nil for numbers
	Bytes     int64    `json:"bytes"`
	LatencyUS float64  `json:"latency_us"` // median of one row at a time
	Engine    string   `json:"engine"`
}

func newEval(a *app) *cobra.Command {
	var (
		m       modelFlags
		targets string
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Score a model on rows: accuracy, agreement, calibration, size, latency",
		Example: `  kdonnx eval --model out/student.onnx --data mnist/
  kdonnx eval --model out/student.onnx --data mnist/ --engine native --targets store/ --json
  kdonnx eval --model prices.onnx --data houses.csv --label price --task regression`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			src, model, err := m.open(cmd)
			if err != nil {
				return err
			}
			defer src.Close()
			defer model.Close()
			var s *store.Store
			if targets != "" {
				if s, err = store.Open(targets); err != nil {
					return err
				}
			}
			r, err := distill.Evaluate(cmd.Context(), model, src, s)
			if err != nil {
				return err
			}
			e := evaluation{Summary: r.Summary(), Labelled: r.Labelled, Compared: r.Compared, Engine: m.engine}
			if r.Task != dataset.Regression {
				e.NLL = &r.NLL
			}
			if st, err := os.Stat(m.t.Model); err == nil {
				e.Bytes = st.Size()
			}
			if e.LatencyUS, err = latency(cmd.Context(), model, src); err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, e.object())
			}
			return printEvaluation(a, &e)
		},
	}
	m.bind(cmd)
	cmd.Flags().StringVar(&targets, "targets", "", "target store of a teacher to compare with")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// object is what JSON shows of e: without what means nothing for numbers.
func (e evaluation) object() any {
	if e.Task != dataset.Regression {
		return e
	}
	return struct {
		evaluation
		metrics.ClassFields
	}{evaluation: e}
}

// latency is the median time of the first row, in microseconds.
func latency(ctx context.Context, model *distill.Model, src dataset.Source) (float64, error) {
	if src.Len() == 0 {
		return 0, nil
	}
	var b dataset.Batch
	if err := src.Read(ctx, []int{0}, &b); err != nil {
		return 0, err
	}
	l, err := model.Latency(ctx, &b)
	return float64(l) / float64(time.Microsecond), err
}

func printEvaluation(a *app, e *evaluation) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "rows\t%d\n", e.N)
	switch {
	case e.Labelled == 0:
	case e.Task == dataset.MultiLabel:
		fmt.Fprintf(w, "micro-F1\t%.2f %%\nmacro-F1\t%.2f %%\n", 100*e.MicroF1, 100*e.MacroF1)
		if e.MAP != nil {
			fmt.Fprintf(w, "mean average precision\t%.2f %%\n", 100**e.MAP)
		}
		fmt.Fprintf(w, "label decisions right\t%.2f %%\nrows with all labels right\t%.2f %%, %d of %d are not\nlog loss\t%.4f\nECE\t%.4f\n",
			100*e.LabelAccuracy, 100**e.Accuracy, e.Errors, e.Labelled, *e.NLL, *e.ECE)
	case e.Task == dataset.Regression:
		fmt.Fprintf(w, "R²\t%.4f\nRMSE\t%.4g\nMAE\t%.4g\n", e.R2, e.RMSE, e.MAE)
	default:
		fmt.Fprintf(w, "accuracy\t%.2f %%\nerrors\t%d of %d\nlog loss\t%.4f\nECE\t%.4f\n", 100**e.Accuracy, e.Errors, e.Labelled, *e.NLL, *e.ECE)
	}
	switch {
	case e.Compared == 0:
	case e.Task == dataset.MultiLabel:
		fmt.Fprintf(w, "agreement\t%.2f %% of the label decisions on %d rows with the teacher\n", 100**e.Agreement, e.Compared)
	case e.Task == dataset.Regression:
		fmt.Fprintf(w, "agreement\tR² %.4f, RMSE %.4g against the teacher on %d rows\n", *e.Agreement, *e.TeacherRMSE, e.Compared)
	default:
		fmt.Fprintf(w, "agreement\t%.2f %% of %d rows with the teacher\n", 100**e.Agreement, e.Compared)
	}
	fmt.Fprintf(w, "size\t%d bytes\nlatency\t%.1f us for one row (%s)\n", e.Bytes, e.LatencyUS, e.Engine)
	return w.Flush()
}
