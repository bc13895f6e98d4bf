package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist"
	"github.com/kdonnx/kdonnx/specialist/study"
)

func newSpecialistRun(a *app) *cobra.Command {
	var (
		shown  = distill.Default()
		from   recipeSource
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "All of it from one recipe: generalist, specialists, rivals, and students distilled back",
		Long: `Trains a generalist (or takes one), finds what it confuses, trains a specialist for each
such set of classes, says on the test rows what that changed, writes all of it as one
.onnx file, distils it back into single students, and trains rivals with as many
parameters: section 5 of Hinton, Vinyals and Dean 2015 from one recipe. Without rows
or recipe it is recipes/specialists.yaml, on the embedded characters.

The flags of teacher, rows, student, loss and training are those of generalist, rivals
and students; the specialists learn from labels and generalist, with --specialist-alpha
and others of their own. Rows without a label have the teacher's word for one. --seeds
repeats everything, clusters included, on the same rows.

Every step is kept: interrupted by Ctrl-C, kill or power, the same command goes on, and
with another setting it does again what depends on that.`,
		Example: `  kdonnx specialist run
  kdonnx specialist run --train letters.csv --test test.csv --teacher none --student mlp:64 --epochs 60 \
      --sets 8 --specialist-alpha 0.1 --specialist-lr 0.1 --students same --students mlp:128 --seeds 3
  kdonnx specialist run --generalist generalist.onnx --train rows.csv --no-rivals -o out/mine
  kdonnx specialist run --recipe recipes/specialists.yaml --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from.file == "" && !cmd.Flags().Changed("train") {
				from.base = study.DefaultRecipe
			}
			r, err := from.layeredBy(cmd.Flags(), studyFlags)
			if err != nil {
				return err
			}
			result, err := training(a, func(env distill.Env) (*study.Result, error) { return study.Run(cmd.Context(), *r, env) })
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(a.out, result)
			}
			return printStudy(a, result)
		},
	}
	f := cmd.Flags()
	studyFlags(f, &shown)
	from.flags(f)
	f.BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// printStudy shows what came of a study.
func printStudy(a *app, r *study.Result) error {
	fmt.Fprintf(a.out, "\non %s:\n", fault.Printable(r.Rows.Name))
	if err := r.Table(a.out); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "%.1f s\n\nbundle    %s\none file  %s\npage      %s\ncsv       %s\njson      %s\n", r.WallS, r.Files.Bundle, r.Files.OneFile, r.Files.Report, r.Files.CSV, r.Files.JSON)
	return err
}

// studyFlags bind the fields of r that a study of specialists has: those of a
// run, and its own.
func studyFlags(f *pflag.FlagSet, r *distill.Recipe) {
	end := under(f, groupSpecialists)
	s := &r.Specialist
	f.StringVar(&s.Generalist, "generalist", s.Generalist, "the generalist's .onnx file, instead of training --student; that then is the architecture of its rivals")
	f.IntVarP(&s.Sets, "sets", "k", s.Sets, "sets of classes, a specialist each (0: the number with the largest silhouette)")
	f.IntVar(&s.ClassesEach, "classes-each", s.ClassesEach, "classes of each set, the nearest to its centre; sets may then overlap and leave classes out (0: each class in one set)")
	f.StringVar(&s.Method, "method", s.Method, "what is clustered: "+strings.Join(specialist.Methods, ", "))
	f.StringVar(&s.Head, "head", s.Head, "outputs of the specialists: dustbin (their classes and one for all others) or full (all classes)")
	f.IntVar(&s.Top, "top", s.Top, "so many of the generalist's most likely classes say which specialists are heard")
	f.Float64Var(&s.Alpha, "specialist-alpha", s.Alpha, "weight of the generalist's soft targets for its specialists; that of the labels is 1 - alpha")
	f.Float64Var(&s.Temperature, "specialist-temperature", s.Temperature, "temperature of these soft targets")
	f.IntVar(&s.Epochs, "specialist-epochs", s.Epochs, "epochs of each specialist (0: --epochs)")
	f.Float64Var(&s.LR, "specialist-lr", s.LR, "peak learning rate of the specialists (0: --lr)")
	f.StringArrayVar(&s.Students, "students", s.Students, "architecture of a `STUDENT` that generalist and specialists are distilled back into, or same: the generalist's (may be repeated)")
	f.Var(notFlag{&s.Rivals}, "no-rivals", "train no larger net and no ensemble of generalists with as many parameters")
	f.Lookup("no-rivals").NoOptDefVal = "true"
	f.IntVar(&s.Parallel, "parallel", s.Parallel, "specialists that are trained at once (0: one a core)")
	f.StringVarP(&s.Output, "output", "o", s.Output, "folder of all that is left")
	end()
	runFlags(f, r, func(name string) bool { return !ofOneRun[name] })
	f.Lookup("student").Usage = "architecture of the generalist and its rivals, see kdonnx list models"
	f.Lookup("restart").Usage = forgetsFolder
	f.Lookup("seeds").Usage = "repeat everything with so many seeds, --seed and those after it, and show mean and deviation; the splits of rows stay those of --seed"
}

// ofOneRun are flags of a run that a study of specialists has no use for.
var ofOneRun = map[string]bool{"report": true, "metrics": true, "csv": true, "stream": true, "tensorboard": true, "unverified": true, "no-baseline": true,
	"budget-params": true, "budget-bytes": true, "budget-flops": true, "budget-latency": true, "hint": true, "hint-weight": true, "hint-epochs": true, "hint-targets": true}
