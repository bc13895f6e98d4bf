package main

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/distill"
)

// students are 784-800-800-10 on hard labels, and on either teacher's targets.
func students(ctx context.Context, l *lab) (*finding, error) {
	mlp, err := l.teacher(ctx)
	if err != nil {
		return nil, err
	}
	soft, err := l.softStudents(ctx, "student", mlp.Model)
	if err != nil {
		return nil, err
	}
	conv, err := l.convTeacher(ctx)
	if err != nil {
		return nil, err
	}
	fromConv, err := l.softStudents(ctx, "student-conv", conv.Model)
	if err != nil {
		return nil, err
	}
	hard, err := l.hardStudents(ctx)
	if err != nil {
		return nil, err
	}
	same, err := l.softStudents(ctx, "student", distill.NoTeacher)
	if err != nil {
		return nil, err
	}
	h, b, s, c := errorsOf(hard), errorsOf(same), errorsOf(soft), errorsOf(fromConv)
	f := &finding{Rows: []row{
		{"student 800-800 on hard labels, no regularisation, 5 seeds", "146", "reported", spread(h), reported},
		{"the same with the settings of the soft student, 5 seeds", "–", "reported", spread(b), reported},
		{"student 800-800 on soft targets, T = 20, no jitter, 5 seeds", "74", "≤ 80, aim ≤ 67", spread(s), judge(stat.Mean(s, nil) <= 80)},
		{"the same from the convolutional teacher, 5 seeds", "–", "≤ 65", spread(c), judge(stat.Mean(c, nil) <= 65)},
	}}
	gain, half := paired(b, s)
	f.Text = []string{fmt.Sprintf("Beside the same net on hard labels with the same rows, order, initial weights, steps and weight decay, the soft targets of the first teacher spare %.1f errors of 10,000 "+
		"(95 %% interval ± %.1f, paired by seed).", gain, half)}
	f.Tables = []table{{Head: []string{"", "errors by seed"}, Rows: [][]string{
		{"hard labels, no regularisation", each(h)}, {"hard labels, as the soft student", each(b)}, {"soft targets", each(s)}, {"soft targets of the convolutional teacher", each(c)}}}}
	return f, nil
}

// hardStudents are the paper's students on hard labels, without regularisation.
func (l *lab) hardStudents(ctx context.Context) ([]cell, error) {
	r, err := l.recipe("student-hard")
	if err != nil {
		return nil, err
	}
	r.Data.Train = l.mnist
	return l.seeds(ctx, "hard", r, distill.RoleStudent, l.students)
}

// softStudents follow the recipe of that name on the targets of a teacher, or of
// none on hard labels.
func (l *lab) softStudents(ctx context.Context, name, teacher string) ([]cell, error) {
	r, err := l.recipe(name)
	if err != nil {
		return nil, err
	}
	r.Data.Train, r.Teacher.Model = l.mnist, teacher
	return l.seeds(ctx, name, r, distill.RoleStudent, l.students)
}
