package main

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/distill"
)

const weightSeeds = 3

// weights tries both conventions: β = 1 − α, and α = 1 with β free.
func weights(ctx context.Context, l *lab) (*finding, error) {
	teacher, err := l.teacher(ctx)
	if err != nil {
		return nil, err
	}
	f := &finding{Text: []string{"The seed of it all recommends a weighted average, the paper both losses with a β that is considerably smaller; a small student should want a lower T."}}
	var lines []line
	for _, units := range []int{30, 300} {
		for _, t := range []float64{4, 20} {
			r, err := l.recipe("grid")
			if err != nil {
				return nil, err
			}
			r.Data.Train, r.Student.Arch, r.Teacher.Model = l.mnist, fmt.Sprintf("mlp:%d,%d", units, units), teacher.Model
			r.Loss.Temperature = t
			for _, convention := range []string{"β = 1 − α", "α = 1"} {
				curve := named(fmt.Sprintf("%d units, T = %v, %s", units, t, convention))
				cells := []string{fmt.Sprint(units), fmt.Sprint(t), convention}
				for _, beta := range []float64{0, 0.1, 0.3, 0.5, 0.9} {
					r.Loss.Alpha, r.Loss.Beta = 1, &beta
					if convention != "α = 1" {
						r.Loss.Alpha = 1 - beta
					}
					c, err := l.seeds(ctx, fmt.Sprintf("weights-%d-T%v-a%v-b%v", units, t, r.Loss.Alpha, beta), r, distill.RoleStudent, weightSeeds)
					if err != nil {
						return nil, err
					}
					e := errorsOf(c)
					mean, sd := stat.MeanStdDev(e, nil)
					curve.add(beta, mean, sd/math.Sqrt(float64(len(e))))
					cells = append(cells, spread(e))
				}
				if len(f.Tables) == 0 {
					f.Tables = []table{{Caption: "Errors by β.", Head: []string{"units", "T", "convention", "β = 0", "0.1", "0.3", "0.5", "0.9"}}}
				}
				f.Tables[0].Rows = append(f.Tables[0].Rows, cells)
				lines = append(lines, curve)
			}
		}
	}
	small, large := 0, 0
	for _, c := range lines {
		if at, _ := c.least(); at <= 0.3 {
			small++
		} else {
			large++
		}
	}
	f.Rows = []row{{"α/β conventions", "β small is best", "plotted", fmt.Sprintf("the fewest errors lie at β ≤ 0.3 in %d of %d curves", small, small+large), judge(small > large)}}
	if err := f.draw("weights-30", "Test errors over β, 30 units a layer", "β", "errors of 10,000", false, lines[:4]); err != nil {
		return nil, err
	}
	return f, f.draw("weights-300", "Test errors over β, 300 units a layer", "β", "errors of 10,000", false, lines[4:])
}
