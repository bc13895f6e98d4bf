package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/distill"
)

// gridWidths are the units a layer of the students, and how many seeds each has:
// small nets vary more and cost less.
var gridWidths = []struct{ units, seeds int }{{30, 5}, {300, 3}, {800, 2}}

var gridTemperatures = []float64{1, 2, 2.5, 3, 4, 8, 12, 20}

// grid is errors over T for students of three widths.
func grid(ctx context.Context, l *lab) (*finding, error) {
	teacher, err := l.teacher(ctx)
	if err != nil {
		return nil, err
	}
	f := &finding{Tables: []table{{Caption: "Mean errors ± standard deviation over seeds, soft targets alone (β = 0).", Head: []string{"units a layer"}}}}
	head := &f.Tables[0].Head
	for _, t := range gridTemperatures {
		*head = append(*head, "T = "+fmt.Sprint(t))
	}
	*head = append(*head, "hard labels")
	var lines []line
	for _, w := range gridWidths {
		r, err := l.recipe("grid")
		if err != nil {
			return nil, err
		}
		r.Data.Train, r.Student.Arch = l.mnist, fmt.Sprintf("mlp:%d,%d", w.units, w.units)
		hard, err := l.seeds(ctx, fmt.Sprintf("grid-%d", w.units), r, distill.RoleStudent, w.seeds)
		if err != nil {
			return nil, err
		}
		r.Teacher.Model = teacher.Model
		cells := []string{fmt.Sprint(w.units)}
		curve := named(fmt.Sprintf("%d units", w.units))
		for _, t := range gridTemperatures {
			r.Loss.Temperature = t
			soft, err := l.seeds(ctx, fmt.Sprintf("grid-%d-T%v", w.units, t), r, distill.RoleStudent, w.seeds)
			if err != nil {
				return nil, err
			}
			e := errorsOf(soft)
			cells = append(cells, spread(e))
			mean, sd := stat.MeanStdDev(e, nil)
			curve.add(t, mean, sd/math.Sqrt(float64(len(e))))
		}
		f.Tables[0].Rows = append(f.Tables[0].Rows, append(cells, spread(errorsOf(hard))))
		lines = append(lines, curve)
	}
	f.judgeGrid(lines)
	return f, f.draw("grid", "Test errors over temperature, over the fewest of the width", "T", "errors / fewest", true, relative(lines))
}

// judgeGrid says whether what the paper reports holds.
func (f *finding) judgeGrid(lines []line) {
	small, wide := lines[0], lines[1:]
	best := small.X[slices.Index(small.Y, slices.Min(small.Y))]
	alike := true
	var words []string
	for _, w := range wide {
		var above []float64
		bar := 0.0
		for i, t := range w.X {
			if t >= 8 {
				above = append(above, w.Y[i])
				bar = max(bar, w.E[i])
			}
		}
		span := slices.Max(above) - slices.Min(above)
		alike = alike && span <= 4*bar+0.05*slices.Min(above)
		words = append(words, fmt.Sprintf("%s: %.1f to %.1f errors for T of 8 and more (standard error up to %.1f)", w.Name, slices.Min(above), slices.Max(above), bar))
	}
	f.Rows = []row{
		{"≥ 300 units: all T > 8 alike", "alike", "plotted", words[0] + "; " + words[1], judge(alike)},
		{"30 units: T of 2.5 to 4 best", "2.5 to 4", "plotted", fmt.Sprintf("fewest errors at T = %v (%.1f; T = 1: %.1f, T = 20: %.1f)", best, slices.Min(small.Y), small.Y[0], small.Y[len(small.Y)-1]), judge(best >= 2.5 && best <= 4)},
	}
}

// relative divides each curve by its least value.
func relative(lines []line) []line {
	var out []line
	for _, l := range lines {
		least := slices.Min(l.Y)
		r := named(l.Name + fmt.Sprintf(" (fewest %.0f)", least))
		for i := range l.X {
			r.add(l.X[i], l.Y[i]/least, l.E[i]/least)
		}
		out = append(out, r)
	}
	return out
}
