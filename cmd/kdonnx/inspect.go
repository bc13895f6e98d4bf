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
		Use:   "inspect MODEL.onnx…",
		Short: "Show a model's inputs, outputs, ops and size, and what it would teach",
		Long: `Reads the model without running it. With --data it also runs a few rows, and says
what the model wants and what its output means, and why it concludes so. With --values
it lists every value inside the graph, which --teacher-output may name. Several models,
or a folder of them, are looked at as an ensemble; embedded is the one in the binary.`,
		Example: `  kdonnx inspect mnist.onnx
  kdonnx inspect mnist.onnx --values
  kdonnx inspect mnist.onnx --data mnist/
  kdonnx inspect fold1.onnx fold2.onnx --data rows.csv
  kdonnx inspect titanic.onnx --data titanic.csv --input years=age --input training=@false`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("inspect: missing MODEL.onnx (see --help)")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := (&teachersFlag{t: &t}).Replace(args); err != nil {
				return err
			}
			models, err := t.Models()
			if err != nil {
				return err
			}
			cache, err := cacheDir()
			if err != nil {
				return err
			}
			var all []inspected
			for _, path := range models {
				m, err := inspect(path, cache, t.Strict, values)
				if err != nil {
					return err
				}
				all = append(all, m)
			}
			var contract *teacher.Contract
			if data.path != "" {
				if contract, err = detect(cmd, &t, &data); err != nil {
					return err
				}
			}
			if asJSON && len(all) == 1 {
				all[0].Contract = contract
				return printJSON(a.out, all[0])
			}
			if asJSON {
				return printJSON(a.out, struct {
					Models   []inspected       `json:"models"`
					Contract *teacher.Contract `json:"contract,omitempty"`
				}{all, contract})
			}
			for i, m := range all {
				if i > 0 {
					fmt.Fprintln(a.out)
				}
				fmt.Fprint(a.out, m.Info)
				for _, v := range m.Values {
					fmt.Fprintf(a.out, "%-11s %s\n", "value", v)
				}
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

// inspected is what a model's file says.
type inspected struct {
	*teacher.Info
	Values   []teacher.Inner   `json:"values,omitempty"`
	Contract *teacher.Contract `json:"contract,omitempty"`
}

func inspect(path, cache string, strict, values bool) (m inspected, err error) {
	if path, err = distill.ModelFile(path, cache); err != nil {
		return m, err
	}
	if strict {
		if err := teacher.Finite(path); err != nil {
			return m, err
		}
	}
	if m.Info, err = teacher.Inspect(path); err == nil && values {
		m.Values, err = teacher.Inners(path)
	}
	return m, err
}

// detect runs the model on a few of the rows and says what it teaches.
func detect(cmd *cobra.Command, t *distill.TeacherRecipe, data *dataFlags) (*teacher.Contract, error) {
	src, model, stop, err := openTaught(cmd.Context(), t, data)
	if err != nil {
		return nil, err
	}
	defer stop()
	return model.Detect(cmd.Context(), src)
}
