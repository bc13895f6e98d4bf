package main

import (
	"fmt"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/bench"
	"github.com/kdonnx/kdonnx/student/graph"
)

func newBench(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bench",
		Short:   "Measure the speed of training on this machine",
		Example: `  kdonnx bench train --model resnet8 --profile`,
		Args:    group,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBenchTrain(a))
	return cmd
}

func newBenchTrain(a *app) *cobra.Command {
	var (
		o       bench.Options
		threads int
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Time full training steps of a student on random rows",
		Long: `Times full training steps (forward, distillation loss, backward, optimiser) of a
student on random rows, and beside it the multiply-adds that the cores can do at
most. --profile shows where the time goes, op by op.

Models: any architecture of "kdonnx list models"; mlp is mlp:800,800 and mlp1200 is
mlp:1200,1200 on 784 inputs, all others take images of 3×32×32.`,
		Example: `  kdonnx bench train --model resnet8 --batch 128 --profile
  kdonnx bench train --model mlp --json`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			if threads < 0 || threads > 1024 {
				return usage("--threads: got %d, expected 1 to 1024", threads)
			}
			if o.Time < time.Millisecond || o.Time > time.Hour {
				return usage("--time: got %v, expected 1ms to 1h", o.Time)
			}
			if threads > 0 {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			}
			r, err := bench.Train(o)
			if err != nil {
				return err
			}
			if o.Profile {
				printProfile(a, r)
			}
			if asJSON {
				return printJSON(a.out, r)
			}
			fmt.Fprintf(a.out, "%s, batch %d, %d threads: %.2f ms a step, %.0f rows/s, %.0f of %.0f GFLOP/s, peak memory %.0f MiB\n",
				r.Model, r.Batch, r.Threads, r.MsPerStep, r.SamplesPer, r.GFLOPs, r.PeakGFLOPs, r.PeakMiB)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Model, "model", "mlp", "architecture to train")
	f.IntVar(&o.Batch, "batch", 128, "rows of a step")
	f.StringVar(&o.Optimizer, "optimizer", "sgd", "optimiser")
	f.IntVar(&threads, "threads", 0, "cores to use; 0: all")
	f.DurationVar(&o.Time, "time", 5*time.Second, "how long to measure")
	f.BoolVar(&o.Profile, "profile", false, "print the time of every op")
	f.BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// printProfile shows on stderr what every op took of a step.
func printProfile(a *app, r *bench.TrainResult) {
	w := tabwriter.NewWriter(a.err, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "node\top\tforward ms\tGFLOP/s\tbackward ms\tGFLOP/s\tshare\t")
	total := 0.0
	steps := float64(r.Steps)
	for _, o := range r.Ops {
		f, b := o.Forward.Seconds()/steps, o.Backward.Seconds()/steps
		total += f + b
		fmt.Fprintf(w, "%s\t%s\t%.3f\t%s\t%.3f\t%s\t%.1f %%\t\n", o.Node, o.Op, f*1e3, rate(o, f, 1), b*1e3, rate(o, b, o.Gradients), 1e5*(f+b)/r.MsPerStep)
	}
	fmt.Fprintf(w, "loss, optimiser, the rest\t\t%.3f\t\t\t\t%.1f %%\t\n", r.MsPerStep-total*1e3, 100-1e5*total/r.MsPerStep)
	w.Flush()
}

// rate is GFLOP/s of times·MultiplyAdds in so many seconds, or nothing.
func rate(o graph.OpTime, seconds float64, times int) string {
	if o.MultiplyAdds == 0 || seconds == 0 || times == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", 2*float64(o.MultiplyAdds)*float64(times)/seconds/1e9)
}
