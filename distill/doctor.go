package distill

import (
	"context"

	"github.com/kdonnx/kdonnx/teacher"
)

// lookAtTeacher looks in short whether the teacher is any good, before hours
// are spent on it, and keeps what the run should warn of.
func (d *run) lookAtTeacher(ctx context.Context, model teacher.Model) error {
	if !d.recipe.Teacher.Doctor {
		d.result.Warnings = append(d.result.Warnings, model.Contract().Warnings...)
		return nil
	}
	g, err := model.Glance(ctx, teacher.DoctorOptions{Temperature: d.recipe.Loss.Temperature})
	if err != nil {
		return err
	}
	for _, line := range g.Short() {
		d.env.log("doctor: " + line)
	}
	d.result.Warnings = append(d.result.Warnings, g.Warnings()...)
	return nil
}
