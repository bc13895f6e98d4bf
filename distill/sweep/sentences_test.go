package sweep

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
)

// TestSentences says what few rows tell, that a last one standing was compared
// with nobody, and differences in points.
func TestSentences(t *testing.T) {
	r := base(problem)
	p := plan(t, r)
	session, err := distill.OpenHeldOut(context.Background(), p.Base, p.HoldOut, (&logged{}).env(problem))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	s := &sweeper{plan: p, session: session}
	cell := func(left, within bool) report.SweepCell {
		return report.SweepCell{Name: "T=1", Left: left, Within: within}
	}
	for name, c := range map[string]struct {
		rows  int
		cells []report.SweepCell
		want  []string
		never string
	}{
		"few rows":       {18, []report.SweepCell{cell(false, true), cell(false, true)}, []string{"1 other setting is not told apart", "Only 18 rows judge, each worth 5.56 percentage points"}, ""},
		"enough":         {100, []report.SweepCell{cell(false, true), cell(false, false)}, []string{"It is told apart from every other setting that ran as long"}, "Only"},
		"halved to one":  {100, []report.SweepCell{cell(false, true), cell(true, false)}, nil, "told apart"},
		"others diverge": {100, []report.SweepCell{cell(false, true), {Diverged: "NaN"}}, nil, "told apart"},
	} {
		got := s.sentences(&Result{Sweep: report.Sweep{Measure: "accuracy", Rows: c.rows, Cells: c.cells, Best: "student: {}"}})
		for _, want := range c.want {
			if !slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, want) }) {
				t.Errorf("%s: %q is not among %q", name, want, got)
			}
		}
		if c.never != "" && strings.Contains(strings.Join(got, " "), c.never) {
			t.Errorf("%s: %q is among %q", name, c.never, got)
		}
	}
	if got := s.gain(0.0237, 0.001, false); got != "distillation helps: 2.37 percentage points more" {
		t.Errorf("a gain is %q", got)
	}
}
