package report

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Plot is a figure of curves with error bars that stands alone, for documents.
type Plot struct {
	Title, XName, YName string
	LogX                bool
	Curves              []PlotCurve
}

// PlotCurve is one curve: X, Y and the half length of each point's error bar,
// NaN for none, all of one length.
type PlotCurve struct {
	Name    string
	X, Y, E []float64
}

// maxPlotCurves is the number of colours.
const maxPlotCurves = sweepPalette

// SVG draws the plot as one file that needs nothing outside itself, dark where
// its reader is. Points that are not finite are left out.
func (p Plot) SVG() ([]byte, error) {
	d, err := p.draw()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = templates.ExecuteTemplate(&b, "plot.tmpl", d)
	return b.Bytes(), err
}

// drawing is what plot.tmpl shows.
type drawing struct {
	Title, YName, Alt        string
	W, H                     px
	Left, Right, Top, Bottom px
	X, Y                     axis
	Curves                   []drawnCurve
}

type drawnCurve struct {
	sweepCurve
	At px // of its line in the legend
}

func (p Plot) draw() (*drawing, error) {
	if len(p.Curves) > maxPlotCurves {
		return nil, fault.New(fault.Usage, "", "plot", "got %d curves, expected up to %d", len(p.Curves), maxPlotCurves)
	}
	var xs []float64
	ylo, yhi := math.Inf(1), math.Inf(-1)
	for _, c := range p.Curves {
		if len(c.X) != len(c.Y) || len(c.X) != len(c.E) {
			return nil, fault.New(fault.Usage, "", "plot", "curve %q has %d, %d and %d values, expected as many each", c.Name, len(c.X), len(c.Y), len(c.E))
		}
		for i := range c.X {
			if e := c.bar(i); finite(c.X[i]) && finite(c.Y[i]) {
				xs = append(xs, c.X[i])
				ylo, yhi = min(ylo, c.Y[i]-e), max(yhi, c.Y[i]+e)
			}
		}
	}
	if len(xs) == 0 {
		return nil, fault.New(fault.Usage, "", "plot", "no curve has a finite point")
	}
	legend := px(26 + 20*len(p.Curves))
	d := &drawing{Title: clean(p.Title), YName: clean(p.YName), W: 760, H: 370 + legend, Left: 64, Right: 744, Top: legend + 20, Bottom: legend + 320}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	d.X = axis{Lo: xs[0], Hi: xs[len(xs)-1], Log: p.LogX && xs[0] > 0}
	if d.X.Lo == d.X.Hi {
		d.X.Lo, d.X.Hi, d.X.Log = d.X.Lo-1, d.X.Hi+1, false
	}
	last := math.Inf(-1)
	for _, x := range xs { // a tick at each value that has room
		if at := float64(d.X.placed(d.Left+12, d.Right-12, "").at(x)); at-last >= 30 {
			last = at
			d.X.Ticks = append(d.X.Ticks, tick{Value: x, Label: setting(x)})
		}
	}
	d.X = d.X.placed(d.Left+12, d.Right-12, clean(p.XName))
	d.Y = linear(ylo, yhi, 6, 0, decimals).placed(d.Bottom, d.Top, "")
	for i, c := range p.Curves {
		d.Curves = append(d.Curves, d.curve(i, c))
	}
	d.Alt = d.Title + ": " + d.YName + " over " + d.X.Name
	return d, nil
}

func (d *drawing) curve(i int, c PlotCurve) drawnCurve {
	k := drawnCurve{sweepCurve{Class: fmt.Sprintf("c%d", i), Name: clean(c.Name)}, px(36 + 20*i)}
	pen := "M"
	for j, x := range c.X {
		y, e := c.Y[j], c.bar(j)
		if !finite(x) || !finite(y) {
			pen = "M"
			continue
		}
		k.Path += fmt.Sprintf("%s%v %v", pen, d.X.at(x), d.Y.at(y))
		pen = "L"
		k.Dots = append(k.Dots, sweepDot{X: d.X.at(x), Y: d.Y.at(y), Lo: d.Y.at(y - e), Hi: d.Y.at(y + e),
			Title: fmt.Sprintf("%s, %s %s: %s ± %s", k.Name, d.X.Name, setting(x), general(y), general(e))})
	}
	return k
}

// bar is the half length of the error bar of point i, 0 for none.
func (c PlotCurve) bar(i int) float64 {
	if finite(c.E[i]) {
		return math.Abs(c.E[i])
	}
	return 0
}
