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
	taught, err := l.recipe("ensemble", "train.epochs=60", "loss.temperature=20", "train.weight_decay=0.0005")
	if err != nil {
		return nil, err
	}
	r.Data.Train, taught.Data.Train = l.mnist, l.mnist
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
	taught.Teacher.Model = ""
	together, err := l.teacherErrors(ctx, "ensemble", taught)
	if err != nil {
		return nil, err
	}
	students, err := l.seeds(ctx, "ensemble-student", taught, distill.RoleStudent, l.students)
	if err != nil {
		return nil, err
	}
	e := errorsOf(students)
	mean := stat.Mean(single, nil)
	kept := (mean - stat.Mean(e, nil)) / (mean - together)
	return &finding{
		Rows: []row{{"ensemble of 10 distilled into one of the same size", "≥ 80 % of the gain kept", "≥ 80 %",
			fmt.Sprintf("%.0f %% (single nets %s, ensemble %.0f, distilled %s errors)", 100*kept, spread(single), together, spread(e)), judge(kept >= 0.8)}},
		Text: []string{fmt.Sprintf("The ten nets differ in seed alone; the teacher is the arithmetic mean of their distributions. Errors of the ten: %s; of the distilled net, 5 seeds: %s. "+
			"It is trained for longer than these, and its weights decay, which the ten's do not: on hard labels that alone gives the figure of the student's settings above.", each(single), each(e))},
	}, nil
}
