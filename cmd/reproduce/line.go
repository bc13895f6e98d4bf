package main

import "github.com/kdonnx/kdonnx/distill/report"

// line is a curve; E is the standard error of each value.
type line struct{ report.PlotCurve }

func named(name string) line { return line{report.PlotCurve{Name: name}} }

func (l *line) add(x, y, e float64) {
	l.X, l.Y, l.E = append(l.X, x), append(l.Y, y), append(l.E, e)
}

// least is the lowest point.
func (l *line) least() (x, y float64) {
	x, y = l.X[0], l.Y[0]
	for i, v := range l.Y {
		if v < y {
			x, y = l.X[i], v
		}
	}
	return x, y
}

// draw puts curves into a figure of that name.
func (f *finding) draw(name, title, x, y string, log bool, lines []line) error {
	p := report.Plot{Title: title, XName: x, YName: y, LogX: log}
	for _, l := range lines {
		p.Curves = append(p.Curves, l.PlotCurve)
	}
	svg, err := p.SVG()
	f.Plots = append(f.Plots, plot{Name: name, Caption: title, SVG: string(svg)})
	return err
}
