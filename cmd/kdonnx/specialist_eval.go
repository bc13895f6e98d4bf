package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist"
	"github.com/kdonnx/kdonnx/specialist/fuse"
)

// specialistEvaluation is what `specialist eval --json` prints.
type specialistEvaluation struct {
	*specialist.Evaluation
	Relative   report.Number             `json:"relative_gain"` // in top-1
	Generalist specialist.Cost           `json:"generalist_cost"`
	Together   specialist.Cost           `json:"ensemble_cost"`
	Rivals     []*specialist.RivalResult `json:"against"`
}

func newSpecialistEval(a *app) *cobra.Command {
	var (
		b       bundleFlags
		against []string
		solver  = string(fuse.EM)
		page    string
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Score a generalist with and without its specialists",
		Long: `Scores a generalist with and without its specialists on labelled rows: top-1, by how
many specialists have a row's class in their sets, with answers restricted to the
classes of a set, and with the specialists added one at a time. Other models are
scored beside it by --against, for an honest comparison: one larger net, or several
nets between commas, whose probabilities are averaged. With --report a page shows all
of it, and what the specialists mend and break; JSON and CSV go beside the page.`,
		Example: `  kdonnx specialist eval --bundle out/specialists --data test.csv
  kdonnx specialist eval --bundle out/specialists --data test.csv --against larger.onnx --against a.onnx,b.onnx
  kdonnx specialist eval --bundle out/specialists --data test.csv --report eval.html`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := missing(cmd, "bundle", "data"); err != nil {
				return err
			}
			to, err := reportOfSpecialists(page, b.data.path, filepath.Join(b.dir, "manifest.json"))
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			bundle, err := b.read(ctx)
			if err != nil {
				return err
			}
			defer b.o.Rows.Close()
			b.o.Solver = fuse.Method(solver)
			e, err := specialist.OpenEnsemble(ctx, bundle, b.o)
			if err != nil {
				return err
			}
			defer e.Close()
			v := specialistEvaluation{}
			if v.Evaluation, err = specialist.Evaluate(ctx, e, b.o.Rows); err != nil {
				return fault.At(b.data.path, err)
			}
			if v.Evaluation.Ensemble.Labelled == 0 {
				return fault.New(fault.Input, b.data.path, "labels", "there are none, expected rows with labels")
			}
			v.Relative = report.Number(v.Evaluation.Relative())
			if b.o.Engine != distill.EngineORT {
				if v.Generalist, v.Together, err = bundle.Costs(v.Evaluation); err != nil {
					return err
				}
			}
			for _, files := range against {
				r, err := b.rival(ctx, files, len(bundle.Classes))
				if err != nil {
					return err
				}
				v.Rivals = append(v.Rivals, r)
			}
			if page != "" {
				if err := to.WriteSpecialists(v.page(bundle, b.data.path)); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(a.out, v)
			}
			if err := v.print(a, bundle); err != nil || page == "" {
				return err
			}
			fmt.Fprintf(a.out, "\nreport  %s\ncsv     %s\nmetrics %s\n", to.HTML, to.CSV, to.JSON)
			return nil
		},
	}
	f := cmd.Flags()
	b.bind(f)
	f.StringVar(&solver, "solver", solver, "how the nearest distribution is found: em (expectation-maximisation), or gd (gradient descent on logits, the paper's)")
	f.StringVar(&b.o.Engine, "engine", distill.EngineNative, "what runs the generalist: native (pure Go, for students), or ort (ONNX Runtime)")
	f.StringArrayVar(&against, "against", nil, "score a `MODEL` on the same rows too, or several between commas that answer together (may be repeated)")
	f.StringVar(&page, "report", "", "HTML page of all that was found; JSON and CSV of the same name go beside it (default: none)")
	f.BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// reportOfSpecialists are the files of --report, none where page is empty. None
// may be one of those that are read.
func reportOfSpecialists(page string, read ...string) (report.Files, error) {
	if page == "" {
		return report.Files{}, nil
	}
	name := strings.TrimSuffix(page, filepath.Ext(page))
	to := report.Files{JSON: name + ".json", HTML: page, CSV: name + ".csv"}
	if page == to.JSON || page == to.CSV {
		return to, fault.New(fault.Usage, page, "--report", "that is the name of the JSON or CSV beside the page, expected another ending, such as eval.html")
	}
	for _, path := range []string{to.HTML, to.JSON, to.CSV} {
		if err := writable(path, read...); err != nil {
			return to, err
		}
	}
	return to, nil
}

// page is what the page of --report shows: v with what models cost, and the
// rivals.
func (v *specialistEvaluation) page(b *specialist.Bundle, rows string) *report.Specialists {
	p := v.Evaluation.Page(b)
	p.Rows.Name = rows
	for i, c := range []specialist.Cost{v.Generalist, v.Together} {
		p.Models[i].Params, p.Models[i].FLOPs = c.Params, report.Number(c.FLOPs)
	}
	for _, r := range v.Rivals {
		p.Models = append(p.Models, report.SpecialistsModel{Name: r.Name, Part: report.RivalPart, Scores: report.Spreads([]metrics.Result{r.Result}), Params: r.Params, FLOPs: report.Number(r.FLOPs)})
	}
	return p
}

// rival opens and scores models, whose names lie between commas.
func (b *bundleFlags) rival(ctx context.Context, files string, classes int) (*specialist.RivalResult, error) {
	r := specialist.Rival{Name: files, Files: strings.Split(files, ",")}
	for _, path := range r.Files {
		t := distill.Default().Teacher
		t.Model, t.Library = path, b.o.Library
		m, err := distill.OpenModel(ctx, distill.EngineNative, t, b.o.Rows, b.data.path, b.o.Cache)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		if m.Task != dataset.MultiClass || m.Classes != classes {
			return nil, fault.New(fault.Input, path, "", "is of %s with %d outputs, expected the bundle's %d classes", m.Task, m.Classes, classes)
		}
		r.Models = append(r.Models, m)
	}
	return specialist.EvaluateRival(ctx, r, b.o.Rows, classes)
}

// print shows v as tables.
func (v *specialistEvaluation) print(a *app, b *specialist.Bundle) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', tabwriter.AlignRight)
	line := func(name string, errors, rows int, nll, ece float64, c specialist.Cost) {
		fmt.Fprintf(w, "%s\t%.2f %%\t%d of %d\t%.4f\t%.4f\t%d\t%.0f\t\n", name, 100*(1-float64(errors)/float64(rows)), errors, rows, nll, ece, c.Params, c.FLOPs)
	}
	fmt.Fprintln(w, "\taccuracy\terrors\tlog loss\tECE\tparameters\tFLOPs a row\t")
	g, e := v.Evaluation.Generalist, v.Evaluation.Ensemble
	line("generalist", g.Errors, g.Labelled, g.NLL, g.ECE, v.Generalist)
	line(fmt.Sprintf("with %d specialists", len(b.Specialists)), e.Errors, e.Labelled, e.NLL, e.ECE, v.Together)
	for _, r := range v.Rivals {
		line(r.Name, r.Errors, r.Labelled, r.NLL, r.ECE, r.Cost)
	}
	fmt.Fprintf(w, "\n")
	if err := w.Flush(); err != nil {
		return err
	}
	p := v.Paired
	fmt.Fprintf(a.out, "relative gain in top-1: %+.2f %%; %d rows right only with specialists, %d only without (McNemar P = %.2g)\n", 100*float64(v.Relative), p.OnlyA, p.OnlyB, p.P)
	fmt.Fprintf(a.out, "asked: %s; largest KKT residual %.1g\n\n", asked(v.Asked), v.Residual)

	fmt.Fprintln(w, "specialists with the row's class\trows\tright before\tafter\trelative\t")
	for _, c := range v.Covering {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%s\t\n", c.Specialists, c.Rows, c.Before, c.After, relative(c.Before, c.After))
	}
	fmt.Fprintln(w, "\t\t\t\t\t\nanswers only among the classes of\trows\tright before\tafter\trelative\t")
	for _, c := range v.Conditional {
		name := "all sets"
		if c.Set >= 0 {
			name = fmt.Sprintf("specialist %d: %s", c.Set, classList(b, b.Specialists[c.Set].Classes))
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t\n", name, c.Rows, c.Before, c.After, relative(c.Before, c.After))
	}
	fmt.Fprintln(w, "\t\t\t\t\t\nspecialists\t\tright\t\trelative\t")
	for n, right := range v.Curve {
		fmt.Fprintf(w, "%d\t\t%d\t\t%s\t\n", n, right, relative(v.Curve[0], right))
	}
	return w.Flush()
}

// relative is a relative gain for people.
func relative(before, after int) string {
	if before == 0 {
		return "–"
	}
	return fmt.Sprintf("%+.2f %%", 100*specialist.RelativeGain(before, after))
}

// classList names classes, as many as fit a line.
func classList(b *specialist.Bundle, classes []int) string {
	const most = 12
	var names []string
	for _, k := range classes[:min(most, len(classes))] {
		names = append(names, fault.Printable(b.Classes[k]))
	}
	if len(classes) > most {
		names = append(names, fmt.Sprintf("… (%d)", len(classes)))
	}
	return strings.Join(names, " ")
}
