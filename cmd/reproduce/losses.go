package main

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/distill"
)

// rivals are the losses with the weights and temperatures that they are
// tried with: those of their papers, and without hard labels and at the T that the
// classic one likes here.
var rivals = []struct {
	name        string
	temperature []float64
	alpha, beta float64
}{
	{"classic", []float64{4, 20}, 1, 0},
	{"dkd", []float64{4, 20}, 1, 1},
	{"dkd", []float64{4, 20}, 1, 0},
	{"dist", []float64{1, 4}, 2, 1},
	{"dist", []float64{1, 4}, 2, 0},
	{"std+classic", []float64{2, 4}, 9, 0.1},
	{"ttm", []float64{4, 20}, 1, 1},
	{"ttm", []float64{4, 20}, 1, 0},
	{"wttm", []float64{4, 20}, 1, 1},
	{"wttm", []float64{4, 20}, 1, 0},
	{"logit-mse", []float64{1}, 1, 0},
}

// losses trains a student of 300-300 by each loss; the temperature of each is
// chosen on validation rows with seed 1, then all five seeds follow it.
func losses(ctx context.Context, l *lab) (*finding, error) {
	teacher, err := l.teacher(ctx)
	if err != nil {
		return nil, err
	}
	f := &finding{Text: []string{"A weight of the hard loss other than 0 is that of the loss's paper; T is the better of two on a tenth of the training rows, with the first seed."},
		Tables: []table{{Head: []string{"loss", "T", "α", "β", "errors, 5 seeds", "more than classic (95 %)"}}}}
	var classic []float64
	for _, rival := range rivals {
		r, err := l.recipe("grid")
		if err != nil {
			return nil, err
		}
		r.Data.Train, r.Teacher.Model, r.Student.Arch = l.mnist, teacher.Model, "mlp:300,300"
		r.Loss.Name, r.Loss.Alpha, r.Loss.Beta = rival.name, rival.alpha, &rival.beta
		if r.Loss.Temperature, err = l.chosenTemperature(ctx, r, rival.temperature); err != nil {
			return nil, err
		}
		cells, err := l.seeds(ctx, "loss-"+rival.name, r, distill.RoleStudent, l.students)
		if err != nil {
			return nil, err
		}
		e := errorsOf(cells)
		versus := "–"
		if classic == nil {
			classic = e
		} else {
			mean, half := paired(e, classic)
			versus = fmt.Sprintf("%+.1f ± %.1f", mean, half)
		}
		f.Tables[0].Rows = append(f.Tables[0].Rows, []string{rival.name, fmt.Sprint(r.Loss.Temperature), fmt.Sprint(rival.alpha), fmt.Sprint(rival.beta), spread(e), versus})
		f.Rows = append(f.Rows, row{fmt.Sprintf("300-300 by %s, β = %v, 5 seeds", rival.name, rival.beta), "–", "tabled", fmt.Sprintf("%.1f errors", stat.Mean(e, nil)), reported})
	}
	return f, nil
}

// chosenTemperature is the one of the list with the best accuracy on a tenth of
// the training rows that are held out.
func (l *lab) chosenTemperature(ctx context.Context, r distill.Recipe, list []float64) (float64, error) {
	best, at := -1.0, list[0]
	if len(list) == 1 {
		return at, nil
	}
	r.Data.ValSplit, r.Train.Seed = 0.1, 1
	for _, t := range list {
		r.Loss.Temperature = t
		c, err := l.train(ctx, fmt.Sprintf("choose-%s-T%v", r.Loss.Name, t), r, distill.RoleStudent)
		if err != nil {
			return 0, err
		}
		if c.Val > best {
			best, at = c.Val, t
		}
	}
	return at, nil
}
