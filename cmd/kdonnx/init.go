package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

func newInit(a *app) *cobra.Command {
	var (
		shown = distill.Default()
		path  string
		force bool
	)
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a recipe.yaml with every key, its default and what it means",
		Long: `Writes a recipe for kdonnx distill --recipe: every key with its default, its meaning
and its range. Any flag of kdonnx distill fills its key in. When --teacher and --train
are given, and ONNX Runtime is there, what the teacher wants of the rows and what its
output means is found out and noted at the top.`,
		Example: `  kdonnx init
  kdonnx init --teacher mnist.onnx --train mnist/ --student mlp:800,800 -o mnist.yaml
  kdonnx init --epochs 5 -o - | kdonnx distill --recipe -`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := (&recipeSource{}).layered(cmd.Flags())
			if err != nil {
				return err
			}
			if err := r.Validate(); err != nil {
				return err
			}
			if path != "-" {
				if _, err := os.Lstat(path); err == nil && !force {
					return fault.New(fault.Usage, path, "-o", "exists already: --force overwrites it")
				}
				if err := writable("-o", path, r.Data.Train, r.Teacher.Model); err != nil {
					return err
				}
			}
			head := []string{fmt.Sprintf("A recipe of kdonnx %s: kdonnx distill --recipe %s", version(), path),
				"Every key is here with what it is when nothing is said; those that are commented out have no value then."}
			if cmd.Flags().Changed("teacher") && r.Data.Train != distill.Embedded {
				lines, err := concluded(cmd.Context(), r)
				if err != nil {
					return distill.Interrupted(cmd.Context(), err)
				}
				head = append(head, lines...)
			}
			if path == "-" {
				_, err := a.out.Write(recipeText(r, head))
				return err
			}
			if err := durable.Write(path, recipeText(r, head)); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s: a recipe for kdonnx distill --recipe %s\n", path, path)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&path, "recipe", "o", "recipe.yaml", "the file to write, or - for standard output")
	f.BoolVar(&force, "force", false, "overwrite it where it exists")
	of := pflag.NewFlagSet("recipe", pflag.ContinueOnError)
	recipeFlags(of, &shown)
	of.Lookup("output").Shorthand = "" // here -o is the recipe
	f.AddFlagSet(of)
	return cmd
}

// concluded says what is found out of teacher and rows, as comments; nothing
// where there is no ONNX Runtime to ask.
func concluded(ctx context.Context, r *distill.Recipe) ([]string, error) {
	if _, err := ort.Find(r.Teacher.Library); err != nil || ort.Available() != nil {
		return []string{"", "There was no ONNX Runtime to look at the teacher with: kdonnx inspect --data does."}, nil
	}
	data := dataFlags{path: r.Data.Train, label: r.Data.Label, task: r.Data.Task, columns: r.Data.Columns, labelMap: r.Data.LabelMap, skipBad: r.Data.SkipBad}
	src, model, stop, err := openTaught(ctx, &r.Teacher, &data)
	if err != nil {
		return nil, err
	}
	defer stop()
	contract, err := model.Detect(ctx, src)
	if err != nil {
		return nil, err
	}
	spec := src.Spec()
	lines := []string{"", fmt.Sprintf("What was found out of %d rows of shape %v:", src.Len(), spec.Shape)}
	if n := len(spec.Classes); n > 0 && spec.Task == dataset.MultiClass {
		lines = append(lines, fmt.Sprintf("- data: %d classes", n))
	}
	for _, note := range spec.Notes {
		lines = append(lines, "- data: "+note)
	}
	for _, line := range contract.Lines() {
		lines = append(lines, "- teacher: "+line)
	}
	for i, line := range lines {
		lines[i] = fault.Printable(strings.ReplaceAll(line, "\n", " "))
	}
	return lines, nil
}
