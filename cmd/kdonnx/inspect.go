package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher"
)

func newInspect(a *app) *cobra.Command {
	var (
		t      = distill.Default().Teacher
		data   dataFlags
		values bool
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "inspect MODEL.onnx",
		Short: "Show a model's inputs, outputs, ops and size, and what it would teach",
		Long: `Reads the model without running it. With --data it also runs a few rows, and says
what the model wants and what its output means, and why it concludes so. With --values
it lists every value inside the graph, which --teacher-output may name.`,
		Example: `  kdonnx inspect mnist.onnx
  kdonnx inspect mnist.onnx --values
  kdonnx inspect mnist.onnx --data mnist/
  kdonnx inspect titanic.onnx --data titanic.csv --input years=age --input training=@false`,
		Args: exactly("MODEL.onnx"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if t.Strict {
				if err := teacher.Finite(args[0]); err != nil {
					return err
				}
			}
			info, err := teacher.Inspect(args[0])
			if err != nil {
				return err
			}
			var inside []teacher.Inner
			if values {
				if inside, err = teacher.Inners(args[0]); err != nil {
					return err
				}
			}
			var contract *teacher.Contract
			if data.path != "" {
				t.Model = args[0]
				if contract, err = detect(cmd, &t, &data); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(a.out, struct {
					*teacher.Info
					Values   []teacher.Inner   `json:"values,omitempty"`
					Contract *teacher.Contract `json:"contract,omitempty"`
				}{info, inside, contract})
			}
			fmt.Fprint(a.out, info)
			for _, v := range inside {
				fmt.Fprintf(a.out, "%-11s %s\n", "value", v)
			}
			if contract != nil {
				fmt.Fprintln(a.out, "\nas a teacher of these rows")
				for _, line := range contract.Lines() {
					fmt.Fprintln(a.out, "  "+fault.Printable(line))
				}
			}
			return nil
		},
	}
	teacherFlags(cmd.Flags(), &t)
	data.bind(cmd.Flags())
	cmd.Flags().MarkHidden("teacher")
	cmd.Flags().BoolVar(&values, "values", false, "list the values inside the graph too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on stdout")
	return cmd
}

// detect runs the model on a few of the rows and says what it teaches.
func detect(cmd *cobra.Command, t *distill.TeacherRecipe, data *dataFlags) (*teacher.Contract, error) {
	src, err := data.open(cmd.Context(), "train")
	if err != nil {
		return nil, err
	}
	defer src.Close()
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	model, closeTeacher, err := distill.OpenTeacher(cmd.Context(), t, cache)
	if err != nil {
		return nil, err
	}
	defer closeTeacher()
	model.NameRows(data.path)
	return model.Detect(cmd.Context(), src)
}
