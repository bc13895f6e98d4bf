package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist"
)

func newSpecialistTrain(a *app) *cobra.Command {
	var (
		shown          = specialist.DefaultRecipe()
		from           = recipeSource{base: specialist.DefaultRecipe}
		p              specialist.TrainPlan
		clusters, head string
		one            int
		index, shards  int
		asJSON         bool
	)
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a specialist for each cluster of classes, from the generalist's weights",
		Long: `Trains one specialist for each set of classes in a file of clusters, and writes the
bundle of generalist and specialists. Each starts from the generalist's weights, with
the outputs of its classes and one dustbin for all others; half of its rows are of its
classes, the rest a sample of the others that is drawn anew each epoch; hard labels
and the generalist's soft targets weigh the same; and afterwards the dustbin is set
right for that sampling (Hinton, Vinyals and Dean 2015, section 5). The generalist is
asked once. One that cannot be trained natively is first distilled into --student.

Specialists are trained beside one another, and each that is done stays done:
interrupted by Ctrl-C, kill or power, the same command goes on. --index trains the one
of a set alone, --shards the part of a job array; when all are there, the same command
without them joins them.`,
		Example: `  kdonnx specialist train --model generalist.onnx --clusters clusters.json --train rows.csv -o out/specialists
  kdonnx specialist train --model generalist.onnx --clusters clusters.json --train rows.csv --index 3
  kdonnx specialist train --model generalist.onnx --clusters clusters.json --train rows.csv --shards 8
  kdonnx specialist train --model forest.onnx --student mlp:64,64 --clusters clusters.json \
      --train rows.csv --epochs 30 --lr 0.02 --head full --parallel 2`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := missing(cmd, "clusters"); err != nil {
				return err
			}
			r, err := from.layeredBy(cmd.Flags(), specialistFlags)
			if err != nil {
				return err
			}
			if p.Sets, err = specialist.ReadSets(clusters); err != nil {
				return err
			}
			p.Head, p.Restart = specialist.Head(head), r.Output.Restart
			r.Output.Restart = false
			p.Recipe = *r
			if one >= 0 {
				if shards > 1 || index >= 0 {
					return usage("--index: trains one specialist alone, expected it without --shards")
				}
				if one >= len(p.Sets.Sets) {
					return usage("--index: got %d, expected 0 to %d, a set of %s", one, len(p.Sets.Sets)-1, clusters)
				}
				p.Shard, p.Shards = one, len(p.Sets.Sets)
			} else if p.Shard, p.Shards, err = shardIndex(index, shards); err != nil {
				return err
			}
			fleet, err := training(a, func(env distill.Env) (*specialist.Fleet, error) { return specialist.Train(cmd.Context(), p, env) })
			switch {
			case err != nil:
				return err
			case fleet == nil:
				fmt.Fprintf(a.out, "specialists of index %d of %d are in %s; when every index has run, the same command without it writes the bundle\n", p.Shard, p.Shards, p.Dir)
				return nil
			case asJSON:
				return printJSON(a.out, fleet)
			}
			return printFleet(a.out, fleet)
		},
	}
	f := cmd.Flags()
	f.StringVar(&clusters, "clusters", "", "file of the sets of classes, as kdonnx specialist cluster writes it")
	specialistFlags(f, &shown)
	from.flags(f)
	f.StringVar(&head, "head", string(specialist.Dustbin), "outputs of the specialists: dustbin (their classes and one for all others) or full (all classes)")
	f.IntVar(&p.Top, "top", 1, "so many of the generalist's most likely classes say which specialists are heard")
	f.StringVarP(&p.Dir, "output", "o", "out/specialists", "folder of the bundle")
	f.IntVar(&p.Parallel, "parallel", 0, "specialists that are trained at once (0: one a core)")
	f.IntVar(&one, "index", -1, "train the specialist of this set alone, from 0")
	f.IntVar(&index, "shard-index", -1, "which part of the specialists this process trains, from 0 (default: the job array's index, where there is one)")
	f.IntVar(&shards, "shards", 1, "how many parts there are")
	f.BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// specialistFlags bind the fields of r that specialists have.
func specialistFlags(f *pflag.FlagSet, r *distill.Recipe) {
	f.Var(&teachersFlag{t: &r.Teacher}, "model", "the generalist's .onnx file, or embedded; several are an ensemble, which is distilled first (may be repeated)")
	rowsFlags(f, &r.Data)
	runFlags(f, r, func(name string) bool { return !ofOneStudent[name] })
	f.Lookup("student").Usage = "architecture of what a generalist that cannot be trained is distilled into first, see kdonnx list models (auto: mlp:256,128)"
	f.Lookup("restart").Usage = forgetsFolder
}

// ofOneStudent are flags of a run that a fleet of specialists has no use for.
var ofOneStudent = map[string]bool{"teacher": true, "output": true, "report": true, "metrics": true, "csv": true, "stream": true, "tensorboard": true, "seeds": true, "parallel": true, "no-baseline": true,
	"budget-params": true, "budget-bytes": true, "budget-flops": true, "budget-latency": true, "hint": true, "hint-weight": true, "input-name": true}

// printFleet shows what the specialists came to.
func printFleet(out io.Writer, f *specialist.Fleet) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\nspecialist\tof the rows\tright among its classes\tgeneralist\twith the dustbin\tgeneralist\tepochs\tseconds\t  classes\n")
	percent := func(v float64, rows int) string {
		if rows == 0 {
			return "–"
		}
		return fmt.Sprintf("%.2f %%", 100*v)
	}
	for _, r := range f.Trained {
		classes := fault.Printable(strings.Join(r.Classes, " "))
		if r.LeftOut != "" {
			fmt.Fprintf(w, "%d\tleft out\t\t\t\t\t\t\t  %s\n", r.Index, classes)
			continue
		}
		fmt.Fprintf(w, "%d\t%.1f %%\t%s\t%s\t%s\t%s\t%d\t%.1f\t  %s\n", r.Index, 100*r.Fraction, percent(r.After.Own(), r.After.OwnRows), percent(r.Before.Own(), r.Before.OwnRows),
			percent(r.After.Whole(), r.After.Rows), percent(r.Before.Whole(), r.Before.Rows), r.Epochs, r.Seconds, classes)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	judged := "there are no validation rows: the last epochs were kept"
	if slices.ContainsFunc(f.Trained, func(r specialist.Record) bool { return r.After.Rows > 0 }) {
		judged = "on the validation rows, which chose the epochs"
	}
	_, err := fmt.Fprintf(out, "\n%s; %.1f s\n%s\nbundle  %s\n", judged, f.WallS, effort(f), f.Dir)
	return err
}

// effort is what the specialists' trainings took, beside the generalist's where
// that is known.
func effort(f *specialist.Fleet) string {
	seconds, visits := f.Training()
	text := fmt.Sprintf("trainings: %.1f s one after the other, %d rows learned from, %.2f us each", seconds, visits, 1e6*seconds/float64(max(1, visits)))
	if g := f.First; g != nil && g.Seconds > 0 {
		trained := 0
		for _, r := range f.Trained {
			if r.LeftOut == "" {
				trained++
			}
		}
		text += fmt.Sprintf("; the generalist %.1f s, %d rows: a specialist takes %.2f times as long", g.Seconds, g.Visits, seconds/float64(max(1, trained))/g.Seconds)
	}
	return text
}
