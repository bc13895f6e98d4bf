package report

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
)

// TestPlot requires a well-formed figure whose points lie where their values
// say, and a gap where there is none.
func TestPlot(t *testing.T) {
	p := Plot{Title: "errors <b>", XName: "T", YName: "errors", LogX: true, Curves: []PlotCurve{
		{Name: "30 & 30", X: []float64{1, 2, 4}, Y: []float64{300, 250, 200}, E: []float64{10, math.NaN(), 5}},
		{Name: "800", X: []float64{1, 2, 4}, Y: []float64{100, math.NaN(), 110}, E: []float64{0, 0, 0}}}}
	svg, err := p.SVG()
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v\n%s", err, svg)
		}
	}
	drawn, err := p.draw()
	if err != nil {
		t.Fatal(err)
	}
	a := drawn.Curves[0].Dots
	if mid := (a[0].X + a[2].X) / 2; math.Abs(float64(a[1].X-mid)) > 0.01 {
		t.Errorf("T = 2 is at %v, expected midway of 1 and 4 on a logarithmic axis: %v", a[1].X, mid)
	}
	if !(a[2].Y > a[1].Y && a[1].Y > a[0].Y && drawn.Curves[1].Dots[0].Y > a[2].Y) {
		t.Errorf("fewer errors are not lower: %+v", drawn.Curves)
	}
	if a[0].Lo-a[0].Y <= 0 || a[1].Lo != a[1].Y || math.Abs(float64((a[0].Lo-a[0].Y)-2*(a[2].Lo-a[2].Y))) > 0.01 {
		t.Errorf("error bars of 10, none and 5: %+v", a)
	}
	if b := drawn.Curves[1]; len(b.Dots) != 2 || strings.Count(b.Path, "M") != 2 {
		t.Errorf("no gap where there is no value: %q", b.Path)
	}
	for _, bad := range []Plot{{}, {Curves: make([]PlotCurve, 7)}, {Curves: []PlotCurve{{X: []float64{1}, Y: []float64{1}}}}} {
		if _, err := bad.SVG(); err == nil {
			t.Errorf("%+v was drawn", bad)
		}
	}
}
