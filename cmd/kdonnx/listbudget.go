package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
)

// withinBudget asks list for the nets within a budget.
type withinBudget struct {
	student distill.StudentRecipe
	input   string
	classes int
	library distill.TeacherRecipe
}

func (w *withinBudget) bind(f *pflag.FlagSet) {
	budgetFlags(f, &w.student)
	f.StringVar(&w.student.Arch, "student", "", "within a budget: the family, such as mlp (default: each)")
	f.StringVar(&w.input, "input", "1x28x28", "within a budget: shape of a row, CxHxW, TxD or D")
	f.IntVar(&w.classes, "classes", 10, "within a budget: outputs")
	libraryFlag(f, &w.library)
}

// asked tells whether there is a budget, and refuses what needs one without.
func (w *withinBudget) asked(cmd *cobra.Command) (bool, error) {
	b, err := w.student.Budget()
	if err != nil || !b.IsZero() {
		return true, err
	}
	for _, name := range []string{"student", "input", "classes"} {
		if cmd.Flags().Changed(name) {
			return false, usage("list: --%s goes with a budget, such as --budget-params 100k", name)
		}
	}
	return false, nil
}

// shape reads 1x28x28.
func (w *withinBudget) shape() ([]int, error) {
	var shape []int
	for _, part := range strings.Split(w.input, "x") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return nil, usage("--input: got %q, expected a shape such as 1x28x28 or 784", w.input)
		}
		shape = append(shape, n)
	}
	return shape, nil
}

// listWithin prints the widest net of each shape of the families within the
// budget, the largest first.
func (a *app) listWithin(ctx context.Context, w *withinBudget) error {
	shape, err := w.shape()
	if err != nil {
		return err
	}
	b, err := w.student.Budget()
	if err != nil {
		return err
	}
	families := []string{w.student.Arch}
	if w.student.Arch == "" {
		families = models.Families()
	}
	var found []report.Candidate
	tell := func(c report.Candidate) {
		if b.Latency > 0 { // timing takes a while
			fmt.Fprintf(a.err, "found %s\n", c)
		}
	}
	for _, family := range families {
		list, err := distill.Candidates(ctx, family, b, models.Input{Shape: shape}, w.classes, w.library.Library, tell)
		if err != nil && (w.student.Arch != "" || fault.KindOf(err) != fault.Usage) {
			return err
		}
		found = append(found, list...)
	}
	if len(found) == 0 {
		return usage("list: no net of any family fits rows of %s, %d classes and the budget", w.input, w.classes)
	}
	slices.SortStableFunc(found, func(x, y report.Candidate) int { return cmp.Compare(y.Params, x.Params) })
	printCandidates(a.out, found, dataset.MultiClass)
	_, err = fmt.Fprintf(a.out, "\n--student takes one of them, or a family with the same budget: %s\n", strings.Join(models.Families(), ", "))
	return err
}
