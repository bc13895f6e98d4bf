package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher"
)

func newDoctor(a *app) *cobra.Command {
	var (
		t      = distill.Default().Teacher
		data   dataFlags
		o      = teacher.DoctorOptions{Temperature: distill.Default().Loss.Temperature}
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look whether a teacher is any good on the rows, and what would mend it",
		Long: `Asks the teacher about up to 2048 rows, labelled ones where there are any, and says
whether it is right more often than whoever guesses or knows only the mean row of each
class, and what is wrong with its outputs: not finite, constant, saturated, random,
smoothed, uncalibrated, in other units. Where it looks wrong, the usual preprocessings
are tried (value ranges, inverted, BGR, height and width exchanged, layouts), and the one
that mends it is named with its flag. kdonnx distill looks in short before it begins.`,
		Example: `  kdonnx doctor --teacher mnist.onnx --data mnist/
  kdonnx doctor --teacher mnist.onnx --data mnist/ --try
  kdonnx doctor --teacher titanic.onnx --data titanic.csv --label survived --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := missing(cmd, "teacher", "data"); err != nil {
				return err
			}
			if !(o.Temperature >= 0.01 && o.Temperature <= 1000) {
				return usage("--temperature: got %v, expected a number from 0.01 to 1000", o.Temperature)
			}
			ctx := cmd.Context()
			src, model, stop, err := openTaught(ctx, &t, &data)
			if err != nil {
				return err
			}
			defer stop()
			tell(a.err, src)
			d, err := model.Diagnose(ctx, src, o)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(a.out, d)
			} else {
				fmt.Fprint(a.out, d)
			}
			if err == nil && t.Strict && d.Worst() == teacher.Problem {
				return fault.New(fault.Input, d.Teacher, "", "%s", d.Verdict())
			}
			return err
		},
	}
	t.Model = ""
	teacherFlags(cmd.Flags(), &t)
	data.bind(cmd.Flags())
	cmd.Flags().BoolVar(&o.Try, "try", false, "try the usual preprocessings though the present one looks right")
	cmd.Flags().Float64VarP(&o.Temperature, "temperature", "T", o.Temperature, "temperature of the distillation that is meant, 0.01 to 1000")
	cmd.Flags().Lookup("strict").Usage = "end with exit code 3 when there is a problem, and refuse weights that are NaN or infinite"
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}
