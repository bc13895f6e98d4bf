package main

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/distill"
)

const members = 10

// ensemble trains ten nets on hard labels, and one net of the same size on
// what they say together.
func ensemble(ctx context.Context, l *lab) (*finding, error) {
	r, err := l.recipe("ensemble")
	if err != nil {
		return nil, err
	}
	r.Data.Train = l.mnist
	taught := r
	var single []float64
	for seed := 1; seed <= members; seed++ {
		member := r
		member.Teacher.Model, member.Train.Seed = distill.NoTeacher, uint64(seed)
		c, err := l.model(ctx, fmt.Sprintf("member-%d", seed), member)
		if err != nil {
			return nil, err
		}
		single = append(single, float64(c.Errors))
		taught.Teacher.Ensemble = append(taught.Teacher.Ensemble, distill.MemberRecipe{ModelRecipe: distill.ModelRecipe{
			Model: c.Model, Kind: "auto", Task: "auto", Input: "auto"}})
	}
	one := taught
	one.Teacher.Model, one.Teacher.Ensemble = taught.Teacher.Ensemble[0].Model, nil
	taught.Teacher.Model = ""
	together, err := l.teacherErrors(ctx, "ensemble", taught)
	if err != nil {
		return nil, err
	}
	students, err := l.seeds(ctx, "ensemble-student", taught, distill.RoleStudent, l.students)
	if err != nil {
		return nil, err
	}
	ofOne, err := l.seeds(ctx, "member-student", one, distill.RoleStudent, l.students)
	if err != nil {
		return nil, err
	}
	e, o := errorsOf(students), errorsOf(ofOne)
	mean := stat.Mean(single, nil)
	kept := (mean - stat.Mean(e, nil)) / (mean - together)
	gain, half := paired(o, e)
	return &finding{
		Rows: []row{{"ensemble of 10 distilled into one of the same size", "≥ 80 % of the gain kept", "≥ 80 %",
			fmt.Sprintf("%.0f %% (single nets %s, ensemble %.0f, distilled %s errors)", 100*kept, spread(single), together, spread(e)), judge(kept >= 0.8)}},
		Text: []string{fmt.Sprintf("The ten nets differ in seed alone; the teacher is the arithmetic mean of their distributions. Errors of the ten: %s; of the distilled net, 5 seeds: %s.", each(single), each(e)),
			fmt.Sprintf("The same student taught by the first of the ten alone, which makes %.0f errors: %s. The other nine spare %.1f errors (95 %% interval ± %.1f, paired by seed).", single[0], each(o), gain, half)},
	}, nil
}
