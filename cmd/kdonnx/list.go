package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/distill/schedule"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/graph"
	"github.com/kdonnx/kdonnx/student/optim"
)

func newList(a *app) *cobra.Command {
	kinds := []string{"models", "losses", "optimizers", "schedules", "augmentations", "syntheses", "formats", "ops"}
	all := strings.Join(kinds, ", ")
	var within withinBudget
	cmd := &cobra.Command{
		Use:   "list [" + strings.Join(kinds, "|") + "|values STUDENT]",
		Short: "List what there is by name: students, losses, optimisers, formats and more",
		Long: `Lists architectures, losses, optimisers, schedules, augmentations, ways to make rows,
data formats and trainable ops; all, or those named. With a budget it lists the nets
of a family that fit, with values the places inside a student that --hint may name.`,
		Example: `  kdonnx list models
  kdonnx list optimizers
  kdonnx list models --budget-params 100k --input 1x28x28 --classes 10
  kdonnx list values mlp:800,800
  kdonnx list values student.onnx`,
		ValidArgs: kinds,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 && args[0] == "values" {
				if len(args) != 2 {
					return usage("list values: got %d arguments, expected a student, such as mlp:800,800 or student.onnx", len(args)-1)
				}
				return nil
			}
			if len(args) > 1 {
				return usage("list: got %d arguments, expected one of %s", len(args), all)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if asked, err := within.asked(cmd); err != nil || asked {
				if err == nil && !slices.Equal(args, kinds[:1]) {
					err = usage("list: a budget goes with %s alone", kinds[0])
				}
				if err != nil {
					return err
				}
				return a.listWithin(cmd.Context(), &within)
			}
			if len(args) == 0 {
				args = kinds
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
			if args[0] == "values" {
				if err := listValues(w, args[1]); err != nil {
					return err
				}
				return w.Flush()
			}
			for _, kind := range args {
				switch kind {
				case "models":
					if err := listModels(w); err != nil {
						return err
					}
				case "losses":
					for _, l := range loss.Entries() {
						fmt.Fprintf(w, "loss\t%s\t%s\t%s\n", l.Name, l.Task, l.Doc)
						for _, o := range l.Own {
							fmt.Fprintf(w, "\t:%s=%v\t\t%s\n", o.Name, o.Default, o.Doc)
						}
					}
				case "optimizers":
					for _, name := range optim.List() {
						fmt.Fprintf(w, "optimizer\t%s\t%s\n", name, optim.Help(name))
					}
				case "schedules":
					for _, name := range optim.Schedules() {
						fmt.Fprintf(w, "schedule\t%s\t%s\n", name, optim.ScheduleHelp(name))
					}
					for _, e := range schedule.Entries() {
						fmt.Fprintf(w, "schedule of T, α, β\t%s\t%s\n", e.Form, e.Doc)
					}
				case "augmentations":
					for _, k := range dataset.Augmentations() {
						fmt.Fprintf(w, "augmentation\t%s\t%s\n", k.Example, k.About)
					}
				case "syntheses":
					for _, k := range dataset.Syntheses() {
						fmt.Fprintf(w, "synthesis\t%s\t%s\n", k.Example, k.About)
					}
				case "formats":
					for _, f := range dataset.Formats() {
						fmt.Fprintf(w, "format\t%s\t%s\n", f.Name, f.About)
					}
				case "ops":
					for _, op := range graph.Ops() {
						fmt.Fprintf(w, "op\t%s\t\n", op)
					}
				default:
					return usage("list: got %q, expected one of %s", kind, all)
				}
			}
			return w.Flush()
		},
	}
	within.bind(cmd.Flags())
	return cmd
}

// listModels prints a line an example: parameters and floating-point
// operations of one row, for the input that is named.
func listModels(w io.Writer) error {
	for _, a := range models.List() {
		for i, example := range a.Examples {
			size, err := a.Summarise(example)
			if err != nil {
				return err
			}
			help := ""
			if i == 0 {
				help = a.Help
			}
			in := strings.ReplaceAll(strings.Trim(fmt.Sprint(size.Input), "[]"), " ", "×")
			fmt.Fprintf(w, "model\t%s\t%s parameters\t%s FLOPs\t%s, %d classes\t%s\n",
				example, metric(size.Params), metric(size.FLOPs), in, size.Classes, help)
		}
	}
	return nil
}

// listValues prints the values inside a student that a hint may name: those of
// a file, or of an architecture for the input that it is shown with.
func listValues(w io.Writer, text string) error {
	var s *student.Student
	if r := (distill.StudentRecipe{Arch: text}); r.File() != "" {
		var err error
		if s, err = student.Load(text); err != nil {
			return err
		}
	} else {
		a, err := models.Find(text)
		if err != nil {
			return err
		}
		m, err := models.Build(text, models.Input{Shape: a.Shown}, a.ShownClasses, 0)
		if err != nil {
			return err
		}
		if s, err = student.FromModel(m, text); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "input\t%s\t\t%v a row\n", s.InputName(), s.InputShape())
	for _, v := range s.Values() {
		fmt.Fprintf(w, "value\t%s\tby %s\t%v a row\n", v.Name, v.Op, v.Shape)
	}
	return nil
}

// metric prints three digits of n and k, M or G.
func metric(n int64) string {
	v, unit := float64(n), ""
	for _, u := range []string{" k", " M", " G"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1000, u
	}
	switch {
	case unit == "":
		return fmt.Sprint(n)
	case v < 9.995:
		return fmt.Sprintf("%.2f%s", v, unit)
	case v < 99.95:
		return fmt.Sprintf("%.1f%s", v, unit)
	}
	return fmt.Sprintf("%.0f%s", v, unit)
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  kdonnx version",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.out, "kdonnx %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// release is the version of the source tree.
const release = "0.1.0"

// version is the module version of an installed binary, else the release of
// the source tree.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" && info.Main.Sum != "" {
		return info.Main.Version
	}
	return release
}
