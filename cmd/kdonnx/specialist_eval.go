package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/export"
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
	Notes      []string                  `json:"notes"` // what was not measured, and why
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
nets between commas, whose probabilities are averaged; kdonnx specialist rivals
trains some. Where there is ONNX Runtime, all are timed beside one another. With
--report a page shows all of it, and what the specialists mend and break; JSON and CSV
go beside the page.`,
		Example: `  kdonnx specialist eval --bundle out/specialists --data test.csv
  kdonnx specialist eval --bundle out/specialists --data test.csv --against larger.onnx --against a.onnx,b.onnx
  kdonnx specialist eval --bundle out/specialists --data test.csv --report eval.html`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := missing(cmd, "bundle", "data"); err != nil {
				return err
			}
			ctx := cmd.Context()
			bundle, err := b.read(ctx)
			if err != nil {
				return err
			}
			defer b.o.Rows.Close()
			read := append(bundle.Files(), b.data.path)
			for _, files := range against {
				read = append(read, strings.Split(files, ",")...)
			}
			to, err := reportOfSpecialists(page, read...)
			if err != nil {
				return err
			}
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
			var rivals []*specialist.Rival
			for _, files := range against {
				rival, err := specialist.OpenRival(ctx, files, strings.Split(files, ","), bundle.Classes, b.o)
				if err != nil {
					return err
				}
				defer rival.Close()
				r, err := specialist.EvaluateRival(ctx, *rival, b.o.Rows, len(bundle.Classes))
				if err != nil {
					return err
				}
				rivals, v.Rivals = append(rivals, rival), append(v.Rivals, r)
			}
			if err := v.time(ctx, e, rivals, b.o); err != nil {
				return err
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

// time adds how fast all are, where that can be measured.
func (v *specialistEvaluation) time(ctx context.Context, e *specialist.Ensemble, rivals []*specialist.Rival, o specialist.EnsembleOptions) error {
	why := export.Ready(o.Library)
	if o.Engine == distill.EngineORT {
		why = fmt.Errorf("the ensemble is one file only where the generalist runs natively")
	}
	var speeds *specialist.Speeds
	if why == nil {
		speeds, why = e.Speeds(ctx, rivals, o)
	}
	if why != nil {
		v.Notes = append(v.Notes, "speed is not measured: "+why.Error())
		return ctx.Err()
	}
	v.Generalist.Speed, v.Together.Speed = &speeds.Generalist, &speeds.Together
	for i, r := range v.Rivals {
		r.Speed = &speeds.Rivals[i]
	}
	return nil
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
		line(shortName(r.Name), r.Errors, r.Labelled, r.NLL, r.ECE, r.Cost)
	}
	fmt.Fprintf(w, "\n")
	if err := w.Flush(); err != nil {
		return err
	}
	if err := v.printSpeeds(a.out, w, len(b.Specialists)); err != nil {
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

// printSpeeds shows how fast all are, or why that is not known.
func (v *specialistEvaluation) printSpeeds(out io.Writer, w *tabwriter.Writer, specialists int) error {
	for _, note := range v.Notes {
		if _, err := fmt.Fprintf(out, "%s\n\n", note); err != nil {
			return err
		}
	}
	if v.Generalist.Speed == nil {
		return nil
	}
	fmt.Fprintf(w, "\ta row\trows/s in batches of %d\tnatively\t\n", v.Generalist.Speed.Batch)
	line := func(name string, s *specialist.Speed) {
		fmt.Fprintf(w, "%s\t%.1f us\t%.0f\t%.0f\t\n", name, s.LatencyUS, s.Rows, s.Native)
	}
	line("generalist", v.Generalist.Speed)
	line(fmt.Sprintf("with %d specialists, in one file", specialists), v.Together.Speed)
	for _, r := range v.Rivals {
		line(shortName(r.Name), r.Speed)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "(medians, in ONNX Runtime on one thread; natively on %d cores)\n\n", runtime.GOMAXPROCS(0))
	return err
}

// shortName is the first of many files between commas.
func shortName(files string) string {
	list := strings.Split(files, ",")
	if len(list) <= 2 {
		return files
	}
	return fmt.Sprintf("%s and %d more", list[0], len(list)-1)
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
