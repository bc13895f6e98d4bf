package main

import (
	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/distill"
)

func newTrain(a *app) *cobra.Command {
	shown := distill.Default()
	shown.Output.Model = "out/model.onnx"
	from := recipeSource{}
	asJSON := false
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a net on labels alone, without a teacher, and export it verified",
		Long: `Trains a net on the labels of the rows: a teacher for later, a generalist, or what
to compare with. All that distill has but teacher and soft loss is here too, with
the same flags, and interrupted by Ctrl-C, kill or power the same command goes on.`,
		Example: `  kdonnx train --train mnist/ --student "mlp:1200,1200?dropout=0.5" --max-norm 3 \
      --augment shift=2 --epochs 60 -o out/teacher.onnx
  kdonnx distill --teacher out/teacher.onnx --train mnist/ --student mlp:800,800 -o out/student.onnx`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := from.layered(cmd.Flags())
			if err != nil {
				return err
			}
			r.Teacher.Model = distill.NoTeacher
			if !cmd.Flags().Changed("output") && r.Output.Model == distill.Default().Output.Model {
				r.Output.Model = shown.Output.Model
			}
			return a.distil(cmd.Context(), r, asJSON)
		},
	}
	rowsFlags(cmd.Flags(), &shown.Data)
	studentFlags(cmd.Flags(), &shown.Student)
	smoothingFlag(cmd.Flags(), &shown.Loss)
	trainFlags(cmd.Flags(), &shown.Train)
	outputFlags(cmd.Flags(), &shown.Output)
	libraryFlag(cmd.Flags(), &shown.Teacher)
	from.flags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}
