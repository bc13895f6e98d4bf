package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
)

func newDistill(a *app) *cobra.Command {
	var (
		shown  = distill.Default()
		from   recipeSource
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "distill",
		Short: "Train a student on what a teacher knows, and export it verified",
		Long: `Runs the teacher over the rows (once: the answers are kept), trains the student
on them and, beside it, the same net on hard labels with the same budget, proves
that ONNX Runtime reproduces the student, and writes student.onnx, report.html,
report.csv, metrics.json and, while it trains, metrics.jsonl. Interrupted by Ctrl-C,
kill or power, the same command goes on.

With no arguments it distils the embedded teacher on the embedded data.`,
		Example: `  kdonnx distill
  kdonnx distill --teacher mnist.onnx --train mnist/ --student mlp:800,800 \
      --temperature 4 --alpha 0.9 --epochs 10 --seed 1 -o out/student.onnx
  kdonnx distill --recipe recipe.yaml --set loss.temperature=8
  kdonnx distill --teacher big.onnx --train rows/ --optimizer adamw --lr 0.002 \
      --schedule one-cycle --weight-decay 0.01 --ema 0.999 -o out/student.onnx
  kdonnx distill --teacher big.onnx --train rows/ --student student.onnx \
      --freeze 'features.*' --lr 0.005 -o out/tuned.onnx
  kdonnx distill --teacher prices.onnx --train houses.csv --label price --task regression \
      --student mlp:32 -o out/prices.onnx
  kdonnx distill --teacher big.onnx --train rows/ --student cnn --budget-bytes 400kB \
      --budget-latency 50us -o out/small.onnx`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := from.layered(cmd.Flags())
			if err != nil {
				return err
			}
			return a.distil(cmd.Context(), r, asJSON)
		},
	}
	recipeFlags(cmd.Flags(), &shown)
	from.flags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// distil runs the recipe and shows what came of it.
func (a *app) distil(ctx context.Context, r *distill.Recipe, asJSON bool) error {
	result, err := training(a, func(env distill.Env) (*distill.Result, error) { return distill.Run(ctx, *r, env) })
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(a.out, result)
	}
	printResult(a, result)
	return nil
}

// printResult shows what came of a run.
func printResult(a *app, r *distill.Result) {
	if b := r.Budget; b != nil {
		fmt.Fprintf(a.out, "\nstudents of %s within the budget:\n", b.Family)
		printCandidates(a.out, b.Candidates, r.Task)
	}
	fmt.Fprintf(a.out, "\non %s:\n", r.TestRows)
	r.Table(a.out)
	fmt.Fprintf(a.out, "\n%s\n", r.Verdict.Sentence)
	for _, w := range r.Warnings {
		fmt.Fprintf(a.out, "warning: %s\n", fault.Printable(w))
	}
	if p := r.Parity; p != nil {
		unit, of := "", "the row's largest logit"
		if r.Task == dataset.Regression {
			unit, of = " deviations", "the row's largest, in these"
		}
		fmt.Fprintf(a.out, "parity: %s reproduces the student on %d rows to %.2g%s (tolerance %.0e + %.0e of %s)\n",
			p.Runtime, p.Rows, p.MaxAbs, unit, p.TolAbs, p.TolRel, of)
	}
	fmt.Fprintf(a.out, "%.0f steps/s, %.0f rows/s, %.1f s in all\n\n", r.StepsPerS, r.SamplesPerS, r.WallS)
	fmt.Fprintf(a.out, "student  %s\nreport   %s\ncsv      %s\nmetrics  %s\n", r.Files.Model, r.Files.Report, r.Files.CSV, r.Files.Metrics)
	if tb := r.Files.TensorBoard; tb != "" {
		fmt.Fprintf(a.out, "events   %s (tensorboard --logdir %[1]s)\n", tb)
	}
}
