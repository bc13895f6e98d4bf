package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/sweep"
	"github.com/kdonnx/kdonnx/internal/fault"
)

func newSweep(a *app) *cobra.Command {
	var (
		shown         = distill.Default()
		from          recipeSource
		index, shards int
		asJSON        bool
	)
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Try many settings on held-out rows, and write the recipe of the best",
		Long: `Trains a student for each combination of the values given, for random ones
(--cells), or by successive halving (--method halving), and beside them the same
nets on hard labels, tuned as much. The teacher runs once; the test rows stay
closed: rows held out of the training rows judge, and they have chosen no epoch.
Leaves a table (CSV, JSON, HTML with figures) and best.yaml, the recipe of the
best setting. Interrupted by Ctrl-C, kill or power, the same command goes on; with
more values it trains only what is new. The cells of a job array's index are
trained by --shards; when all are, the same command without it shows the result.

A value may be a range for cells that are drawn: --lr "0.01..0.3 log".`,
		Example: `  kdonnx sweep --temperature 1,2,4,8 --student mlp:32 --epochs 5
  kdonnx sweep --teacher mnist.onnx --train mnist/ --temperature 1,2,4,8,20 \
      --student mlp:30,30 --student mlp:300,300 --lr 0.02,0.05,0.1 --seeds 3
  kdonnx sweep --teacher mnist.onnx --train mnist/ --method halving --cells 60 \
      --temperature "1..20 log" --alpha 0.5..1 --lr "0.01..0.3 log" --vary train.ema=0,0.999
  kdonnx distill --recipe out/sweep/best.yaml`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := from.layeredBy(cmd.Flags(), sweepFlags)
			if err != nil {
				return err
			}
			p, err := sweep.FromRecipe(*r)
			if err != nil {
				return err
			}
			if p.Shard, p.Shards, err = shardIndex(index, shards); err != nil {
				return err
			}
			result, err := training(a, func(env distill.Env) (*sweep.Result, error) { return sweep.Run(cmd.Context(), p, env) })
			switch {
			case err != nil:
				return err
			case result == nil:
				fmt.Fprintf(a.out, "trainings of index %d of %d are in %s; when every index has run, the same command without --shards shows the result\n", p.Shard, p.Shards, p.Dir)
				return nil
			case asJSON:
				return printJSON(a.out, result)
			}
			return printSweep(a, result)
		},
	}
	f := cmd.Flags()
	sweepFlags(f, &shown)
	from.flags(f)
	f.IntVar(&index, "shard-index", -1, "which part of the trainings this process does, from 0 (default: the job array's index, where there is one)")
	f.IntVar(&shards, "shards", 1, "how many parts there are")
	f.BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// printSweep shows what came of a sweep.
func printSweep(a *app, r *sweep.Result) error {
	fmt.Fprintf(a.out, "\non %s:\n", fault.Printable(r.JudgedOn))
	if err := r.Table(a.out); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	for _, line := range r.Sentences {
		fmt.Fprintln(a.out, fault.Printable(line))
	}
	fmt.Fprintf(a.out, "%.1f s\n\ntable   %s\nreport  %s\nbest    %s\n\nThe test rows have not been opened. To train the best on all training rows and judge it on them:\n  %s\n",
		float64(r.WallS), r.Files.CSV, r.Files.Report, r.Files.Best, r.Command)
	return nil
}

// sweepFlags bind the fields of r that a sweep has: those of a run, where some
// take several values, and its own.
func sweepFlags(f *pflag.FlagSet, r *distill.Recipe) {
	end := under(f, groupSweep)
	s := &r.Sweep
	values := func(to *distill.Values, name, short, usage string, commas bool) {
		f.VarP(&valuesFlag{to: to, commas: commas}, name, short, usage)
	}
	values(&s.Student, "student", "", "students to try, between semicolons (may be repeated); see kdonnx list models", false)
	values(&s.Loss, "loss", "", "losses to try: classic,dkd, or between semicolons where they have numbers of their own (may be repeated); see kdonnx list losses", true)
	values(&s.Temperature, "temperature", "T", "temperatures to try: 1,2,4,8 or a range: \"1..20 log\"", true)
	values(&s.Alpha, "alpha", "", "weights of the soft loss to try", true)
	values(&s.Beta, "beta", "", "weights of the hard loss to try (default: 1 - alpha)", true)
	values(&s.LR, "lr", "", "peak learning rates to try, of students and baselines", true)
	values(&s.WeightDecay, "weight-decay", "", "weight decays to try, of students and baselines", true)
	f.Var(varyFlag{&s.Vary}, "vary", "KEY=VALUES of any other key of a recipe's student, loss or train: train.ema=0,0.999, or between semicolons (may be repeated)")
	f.StringVar(&s.Method, "method", s.Method, strings.Join(sweep.Methods, ", ")+" (default: grid, or random where --cells is given)")
	f.IntVar(&s.Cells, "cells", s.Cells, "draw so many settings at random (0: all combinations)")
	f.IntVar(&s.Eta, "eta", s.Eta, "of halving: the best one in so many goes on, for so many times the epochs")
	f.IntVar(&s.FirstEpochs, "first-epochs", s.FirstEpochs, "of halving: least epochs before the first choice")
	f.IntVar(&s.Seeds, "seeds", s.Seeds, "trainings of each setting, whose mean decides")
	f.Float64Var(&s.HoldOut, "hold-out", s.HoldOut, fmt.Sprintf("share of --train that the settings are judged on (0: half of --val where that is given, else %v)", distill.DefaultShare))
	f.IntVar(&s.Parallel, "parallel", s.Parallel, "trainings at once (0: one a core; fewer take less memory)")
	f.StringVarP(&s.Output, "output", "o", s.Output, "folder of what the sweep leaves")
	end()
	runFlags(f, r, func(name string) bool { return !ofTheRun[name] })
	f.Lookup("restart").Usage = forgetsFolder
}

// ofTheRun are flags of a run whose files a sweep does not write: they are
// for the run of the best recipe.
var ofTheRun = map[string]bool{"report": true, "metrics": true, "csv": true, "stream": true, "tensorboard": true, "unverified": true}

// valuesFlag are several values, given at once or one after the other.
type valuesFlag struct {
	to     *distill.Values
	commas bool // between values; else, and where there is one, semicolons
	given  bool
}

func (v *valuesFlag) Type() string { return "values" }

func (v *valuesFlag) String() string {
	if v.to == nil {
		return ""
	}
	return v.to.String()
}

// Set adds values; the first call replaces what was there before.
func (v *valuesFlag) Set(s string) error {
	if !v.given {
		*v.to, v.given = nil, true
	}
	return v.Append(s)
}

// Append implements pflag.SliceValue.
func (v *valuesFlag) Append(s string) error {
	*v.to = append(*v.to, splitValues(s, v.commas)...)
	return nil
}

// Replace implements pflag.SliceValue.
func (v *valuesFlag) Replace(list []string) error {
	*v.to = append(distill.Values(nil), list...)
	return nil
}

// GetSlice implements pflag.SliceValue.
func (v *valuesFlag) GetSlice() []string { return *v.to }

// splitValues parts values at semicolons, or where there are none at commas.
func splitValues(s string, commas bool) (list []string) {
	mark := ";"
	if commas && !strings.Contains(s, ";") && !strings.Contains(s, ":") { // dkd:target=1,nontarget=8 is one loss
		mark = ","
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(s, ";"), mark) {
		list = append(list, strings.TrimSpace(part))
	}
	return list
}

// varyFlag are values of keys.
type varyFlag struct{ to *distill.Vary }

func (v varyFlag) Type() string { return "key=values" }

func (v varyFlag) String() string {
	if v.to == nil {
		return ""
	}
	return strings.Join(v.GetSlice(), " ")
}

// Set gives a key its values, whatever it had before.
func (v varyFlag) Set(s string) error {
	key, values, ok := strings.Cut(s, "=")
	if !ok {
		return fmt.Errorf("expected KEY=VALUES, such as train.ema=0,0.999")
	}
	if *v.to == nil {
		*v.to = distill.Vary{}
	}
	(*v.to)[key] = splitValues(values, true)
	return nil
}

// Append implements pflag.SliceValue.
func (v varyFlag) Append(s string) error { return v.Set(s) }

// Replace implements pflag.SliceValue: keys that the list does not name stay.
func (v varyFlag) Replace(list []string) error {
	for _, s := range list {
		if err := v.Set(s); err != nil {
			return err
		}
	}
	return nil
}

// GetSlice implements pflag.SliceValue.
func (v varyFlag) GetSlice() (list []string) {
	for key, values := range *v.to {
		list = append(list, key+"="+values.String()+";")
	}
	return list
}
