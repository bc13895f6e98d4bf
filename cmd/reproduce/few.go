package main

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/distill"
)

// fewRows trains on 1,800 of the 60,000 rows: on hard labels, where the epoch is
// kept that is best on 200 further rows, and on soft targets to the end.
func fewRows(ctx context.Context, l *lab) (*finding, error) {
	teacher, err := l.teacher(ctx)
	if err != nil {
		return nil, err
	}
	full, err := l.hardStudents(ctx)
	if err != nil {
		return nil, err
	}
	kinds := map[string][]float64{}
	for _, kind := range []string{"hard", "soft"} {
		r, err := l.recipe("few-" + kind)
		if err != nil {
			return nil, err
		}
		r.Data.Train = l.mnist
		if kind == "soft" {
			r.Teacher.Model = teacher.Model
		}
		cells, err := l.seeds(ctx, "few-"+kind, r, distill.RoleStudent, l.students)
		if err != nil {
			return nil, err
		}
		for _, c := range cells {
			kinds[kind] = append(kinds[kind], 100*c.accuracy())
		}
	}
	var all []float64
	for _, c := range full {
		all = append(all, 100*c.accuracy())
	}
	percent := func(x []float64) string {
		mean, sd := stat.MeanStdDev(x, nil)
		return fmt.Sprintf("%.2f ± %.2f %%", mean, sd)
	}
	of, hard, soft := stat.Mean(all, nil), stat.Mean(kinds["hard"], nil), stat.Mean(kinds["soft"], nil)
	return &finding{Rows: []row{
		{"all data, hard labels", "58.9 % (speech)", "–", percent(all), reported},
		{"3 % of the data, hard labels, stopped early", "44.5 %", "clearly below", percent(kinds["hard"]), judge(hard < soft-1)},
		{"3 % of the data, soft targets", "57.0 %", "within 3 % of all data's", percent(kinds["soft"]), judge(soft >= 0.97*of)},
	}}, nil
}
