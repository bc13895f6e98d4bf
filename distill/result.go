package distill

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
)

// Files are what a run left.
type Files struct {
	Model   string `json:"model"`
	Report  string `json:"report"`
	Metrics string `json:"metrics"`
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
	fmt.Fprintln(tw, "\taccuracy\terrors\tagreement\tECE\tparameters\t")
	for _, row := range []struct {
		role string
		*report.Block
	}{{RoleTeacher, r.Teacher}, {RoleBaseline, r.Baseline}, {RoleStudent, r.Student}} {
		b := row.Block
		if b == nil {
			continue
		}
		cells := []string{"-", "-", "-", "-", "-"}
		if b.Labelled > 0 {
			cells[0] = fmt.Sprintf("%.2f %%", 100*b.Accuracy)
			cells[1] = fmt.Sprintf("%d of %d", b.Errors, b.Labelled)
			cells[3] = fmt.Sprintf("%.4f", b.ECE)
		}
		if b.Compared > 0 {
			cells[2] = fmt.Sprintf("%.2f %%", 100*b.Agreement)
		}
		if b.Params > 0 {
			cells[4] = strconv.FormatInt(b.Params, 10)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t\n", row.role, cells[0], cells[1], cells[2], cells[3], cells[4])
	}
	return tw.Flush()
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
			Train: report.Terms{Total: report.Number(e.Loss), Soft: report.Number(e.Soft), Hard: report.Number(e.Hard)}}
		if validated {
			list[i].Val = &report.Validation{Accuracy: report.Number(e.ValAccuracy), Loss: report.Number(e.ValLoss)}
		}
	}
	return list
}

// judge asks whether student and baseline differ on the test rows by more
// than chance, and says so.
func (d *run) judge(ctx context.Context, baseline Predictor) error {
	right := func(net Predictor) (rows []bool, err error) {
		err = eachBatch(ctx, d.test, func(m *mini) error {
			z := make([]float32, m.n*d.test.classes)
			if err := net.Predict(ctx, m.x, m.n, z); err != nil {
				return err
			}
			var err error
			rows, err = metrics.Correct(rows, z, m.labels, d.test.classes)
			return err
		})
		return rows, err
	}
	a, err := right(baseline)
	if err != nil {
		return err
	}
	b, err := right(d.spec.net)
	if err != nil {
		return err
	}
	d.result.Verdict = report.Judge(d.result.Baseline.Result, d.result.Student.Result, metrics.McNemar(a, b))
	return nil
}

// report writes metrics.json and report.html.
func (d *run) report(context.Context) error {
	r := &d.result.Report
	l, t := d.recipe.Loss, d.recipe.Train
	key := d.teacher.targets.Key()
	r.Title = fmt.Sprintf("%s distilled into %s", d.teacher.name, d.recipe.Student.name())
	r.Provenance.Teacher = report.Source{Name: d.teacher.name, Digest: key.Teacher}
	r.Provenance.Data = report.Source{Name: d.recipe.Data.Train, Digest: key.Dataset}
	r.Provenance.Architecture = d.recipe.Student.name()
	r.Provenance.Temperature, r.Provenance.Alpha, r.Provenance.Beta = report.Number(l.Temperature), report.Number(l.Alpha), report.Number(*l.Beta)
	r.Provenance.Seed, r.Provenance.Epochs, r.Provenance.Version = t.Seed, t.Epochs, d.env.Version
	r.Provenance.Augment = d.augment()
	r.Classes = d.classNames()
	r.WallS = report.Number(time.Since(d.began).Seconds())
	d.result.TestRows = d.data.TestIs
	d.result.Files = Files{Model: d.recipe.Output.Model, Report: d.recipe.Output.Report, Metrics: d.recipe.Output.Metrics}
	if err := report.WriteJSON(d.recipe.Output.Metrics, r); err != nil {
		return err
	}
	return report.Write(d.recipe.Output.Report, r)
}
