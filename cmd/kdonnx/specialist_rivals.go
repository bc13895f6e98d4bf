package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist"
)

func newSpecialistRivals(a *app) *cobra.Command {
	var (
		shown  = rivalsRecipe()
		from   = recipeSource{base: rivalsRecipe}
		p      specialist.RivalPlan
		bundle string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "rivals",
		Short: "Train what specialists have to beat: nets of as many parameters",
		Long: `Trains, with as many parameters as a generalist and its specialists have together, one
larger net of the generalist's family, whose widths are its own times one factor, and
a plain ensemble of generalists that differ by their seed alone. The flags are those
that the generalist was trained by: rows, --student, loss and training, with --teacher
where it had one. Each net is trained for as many epochs as the generalist; how many
rows each side learned from is told, as specialists learn on top of the generalist.

Nets are trained beside one another, and each that is done stays done: interrupted by
Ctrl-C, kill or power, the same command goes on.`,
		Example: `  kdonnx specialist rivals --bundle out/specialists --train rows.csv --student mlp:64 --epochs 100 -o out/rivals
  kdonnx specialist rivals --params 20000 --train rows.csv --student mlp:64 --parallel 1`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := from.layeredBy(cmd.Flags(), rivalsFlags)
			if err != nil {
				return err
			}
			if (bundle == "") == (p.Params == 0) {
				return usage("--bundle: expected it, or --params, to say how many parameters the rivals have")
			}
			var b *specialist.Bundle
			if bundle != "" {
				if b, err = specialist.ReadBundle(bundle); err != nil {
					return err
				}
				if p.Params, err = b.Params(); err != nil {
					return err
				}
			}
			p.Restart, r.Output.Restart = r.Output.Restart, false
			p.Recipe = *r
			rivals, err := training(a, func(env distill.Env) (*specialist.Rivals, error) {
				return specialist.TrainRivals(cmd.Context(), p, env)
			})
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(a.out, rivals)
			}
			return printRivals(a.out, rivals, b, bundle, r.Data.Test)
		},
	}
	f := cmd.Flags()
	f.StringVar(&bundle, "bundle", "", "folder of the generalist and its specialists that the rivals are to match")
	f.Int64Var(&p.Params, "params", 0, "or the number of trained parameters that they are to have (0: as the bundle)")
	rivalsFlags(f, &shown)
	from.flags(f)
	f.StringVarP(&p.Dir, "output", "o", "out/rivals", "folder of the nets")
	f.IntVar(&p.Parallel, "parallel", 0, "nets that are trained at once (0: one a core)")
	f.BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// rivalsRecipe is a net on labels alone, as kdonnx train has it.
func rivalsRecipe() distill.Recipe {
	r := distill.Default()
	r.Teacher.Model = distill.NoTeacher
	return r
}

// rivalsFlags bind the fields of r that rivals have.
func rivalsFlags(f *pflag.FlagSet, r *distill.Recipe) {
	runFlags(f, r, func(name string) bool { return name == "teacher" || !ofOneStudent[name] })
	f.Lookup("teacher").Usage = "the .onnx file that taught the generalist; several are an ensemble (default: none, labels alone; may be repeated)"
	f.Lookup("student").Usage = "architecture of the generalist, see kdonnx list models"
	f.Lookup("restart").Usage = forgetsFolder
}

// printRivals shows what the rivals came to, beside which bundle, and how to go on.
func printRivals(out io.Writer, r *specialist.Rivals, b *specialist.Bundle, dir, test string) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\n\tarchitecture\taccuracy\terrors\tlog loss\tparameters\tFLOPs a row\tepochs\trows learned from\tseconds\t")
	command := "kdonnx specialist eval"
	if dir != "" {
		command += " --bundle " + dir
	}
	if test != "" {
		command += " --data " + test
	}
	for _, t := range r.Trained {
		fmt.Fprintf(w, "%s\t%s\t%.2f %%\t%d of %d\t%.4f\t%d\t%.0f\t%d\t%d\t%.1f\t\n", t.Name, t.Arch, 100*t.Accuracy, t.Errors, t.Labelled, t.NLL, t.Params, t.FLOPs, t.Epochs, t.Visits, t.Seconds)
		var files []string
		for _, file := range t.Files {
			files = append(files, filepath.Join(r.Dir, file))
		}
		command += " --against " + strings.Join(files, ",")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, note := range r.Notes {
		fmt.Fprintln(out, note)
	}
	if b != nil {
		if visits, err := b.Visits(); err == nil && visits > 0 {
			fmt.Fprintf(out, "the %d specialists learned from %d rows, on top of the generalist's\n", len(b.Specialists), visits)
		}
	}
	_, err := fmt.Fprintf(out, "beside the specialists:\n  %s\n", fault.Printable(command))
	return err
}
