package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
)

func newRecalibrate(a *app) *cobra.Command {
	var (
		data   dataFlags
		o      = distill.RecalibrateOptions{Model: distill.Default().Teacher, Prior: "uniform"}
		asJSON bool
	)
	o.Model.Model = ""
	data.unlabelled = true
	cmd := &cobra.Command{
		Use:   "recalibrate",
		Short: "Set the biases of classes that the transfer set lacked, without labels",
		Long: `A student whose transfer set had no threes knows them all the same, from what its
teacher said of other rows; only the bias of that class is much too low (Hinton,
Vinyals and Dean 2015). This sets the biases at which the mean mass that the model
predicts of such classes, over rows as it will meet them, is a prior. No label of
these rows is used: take unlabelled rows of all classes, never those that judge the
result. Rows of the transfer set itself tell little, for the loss has already made
the student's mean on them the teacher's (docs/guide.md).

Priors: uniform; labels:ROWS, the shares of other rows' labels; teacher:MODEL.onnx or
targets:STORE, what a teacher says of the same rows on average; CLASS=SHARE,… for
some classes, or a file with one such pair a line.`,
		Example: `  kdonnx recalibrate --model out/student.onnx --data mnist/ -o out/recalibrated.onnx
  kdonnx recalibrate --model out/student.onnx --data rows.csv --classes 3 --prior labels:train.csv -o out/recalibrated.onnx
  kdonnx recalibrate --model out/student.onnx --data rows.csv --prior cat=0.2,dog=0.1 -o out/recalibrated.onnx
  kdonnx recalibrate --model out/student.onnx --data mnist/ --prior teacher:mnist.onnx --classes all --json -o out/recalibrated.onnx`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := missing(cmd, "model", "data", "output"); err != nil {
				return err
			}
			if err := writable("-o", o.Output, o.Model.Model, data.path); err != nil {
				return err
			}
			var err error
			if o.Cache, err = cacheDir(); err != nil {
				return err
			}
			if o.Model.Model, err = distill.ModelFile(o.Model.Model, o.Cache); err != nil {
				return err
			}
			if data.like, err = distill.RowsOf(o.Model.Model); err != nil {
				return err
			}
			o.Like = data.options()
			ctx := cmd.Context()
			if o.Rows, err = data.open(ctx, "train"); err != nil {
				return err
			}
			defer o.Rows.Close()
			o.RowsName = data.path
			o.Log = func(line string) { fmt.Fprintln(a.err, fault.Printable(line)) }
			r, err := distill.Recalibrate(ctx, o)
			if err != nil {
				return distill.Interrupted(ctx, err)
			}
			if asJSON {
				return printJSON(a.out, r)
			}
			return printRecalibration(a, r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Model.Model, "model", "", "the .onnx file, or embedded: a student, or another classifier whose ops are in kdonnx list ops")
	f.StringVar(&o.Prior, "prior", o.Prior, "what the mean mass of a class is to be: uniform, labels:ROWS, teacher:MODEL, targets:STORE, CLASS=SHARE,… or a file of such pairs")
	f.StringSliceVar(&o.Classes, "classes", nil, "`CLASSES` that get a bias, by name or number, such as 3 or 7,8, or all (default: those that --prior names, else those that the student says its transfer set lacked: less than a tenth of the prior)")
	data.bind(f)
	teacherFlags(f, &o.Model)
	f.MarkHidden("teacher")
	f.StringVarP(&o.Output, "output", "o", "", "the new .onnx file")
	f.BoolVar(&o.Unverified, "unverified", false, "where there is no ONNX Runtime: write NAME.unverified.onnx, for kdonnx verify -o to prove elsewhere")
	f.BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// shownClasses bounds the table; of more classes those without a bias of their
// own are left out.
const shownClasses = 20

func printRecalibration(a *app, r *distill.Recalibration) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "class\tprior\tmass before\tbias added\tmass after\t\n")
	for _, c := range r.Classes {
		if c.Prior == nil && len(r.Classes) > shownClasses {
			continue
		}
		prior, bias := "", ""
		if c.Prior != nil {
			prior, bias = fmt.Sprintf("%.4f", *c.Prior), fmt.Sprintf("%+.3f", c.Bias)
		}
		fmt.Fprintf(w, "%s\t%s\t%.4f\t%s\t%.4f\t\n", fault.Printable(c.Class), prior, c.Before, bias, c.After)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\nmean mass over %d rows, no labels used; within %.1g of the prior\n", r.Rows, r.Residual)
	if r.Parity != nil {
		fmt.Fprintf(a.out, "parity with ONNX Runtime %s: %s\n", r.Parity.Library, r.Parity)
	}
	fmt.Fprintf(a.out, "model  %s\n", r.Output)
	return nil
}
