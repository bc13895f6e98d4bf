package report

import (
	"math"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

// withSeeds is r with three seeds of each role around what it has.
func withSeeds(r *Report) *Report {
	var student, baseline []metrics.Result
	for i := range 3 {
		s, b := r.Student.Result, r.Baseline.Result
		s.Errors += i
		b.Errors += 2 * i
		student, baseline = append(student, s), append(baseline, b)
	}
	r.Seeds = &Seeds{Seeds: []uint64{7, 8, 9}, Exported: 7, ChosenBy: "validation accuracy", Student: Spreads(student), Baseline: Spreads(baseline)}
	r.Verdict = JudgeSeeds(r.Task, gainOf("errors", wins(100, 0, 30, 2), wins(100, 3, 36, 1), wins(100, 0, 33, 2)))
	return r
}

func TestSpreads(t *testing.T) {
	s := Spreads([]metrics.Result{{Errors: 3, Labelled: 10, Accuracy: 0.7}, {Errors: 5, Labelled: 10, Accuracy: 0.5}, {Errors: 7, Labelled: 10, Accuracy: 0.3}})
	if e := s["errors"]; e.Mean != 5 || e.SD != 2 || len(e.Values) != 3 || e.Values[2] != 7 {
		t.Errorf("errors are %+v", e)
	}
	if _, ok := s["agreement"]; ok {
		t.Error("an agreement with nobody")
	}
	if a := s["accuracy"]; math.Abs(a.SD-0.2) > 1e-12 {
		t.Errorf("accuracy is %+v", a)
	}
}

// The strip puts fewer errors to the left, a seed's pair under one another,
// and the mean between the seeds.
func TestStrip(t *testing.T) {
	r := withSeeds(example(t, 500, 10, 3))
	p := newPage(r)
	c := p.Seeds.Strip
	if c == nil || len(c.Lanes) != 2 || c.Teacher == nil || len(c.Pairs) != 3 {
		t.Fatalf("%+v", c)
	}
	baseline, student := c.Lanes[0], c.Lanes[1]
	if baseline.Role != baselineRole || student.Role != studentRole || !(baseline.Y < student.Y) {
		t.Errorf("lanes %+v", c.Lanes)
	}
	for _, l := range c.Lanes {
		if !(l.Dots[0].X < l.Dots[1].X && l.Dots[1].X < l.Dots[2].X && l.From < l.Mean && l.Mean < l.To) || math.Abs(float64(l.Mean-l.Dots[1].X)) > 1e-6 {
			t.Errorf("lane %+v", l)
		}
	}
	if !(c.Teacher.Mean < student.Mean && student.Mean < baseline.Mean) {
		t.Errorf("teacher %v, student %v, baseline %v", c.Teacher.Mean, student.Mean, baseline.Mean)
	}
	html, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Is the gain real?", "exported student is that of seed 7, the best by validation accuracy", "baseline, seed 9: ", " ± ", "Tests of the gain"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if html, _ := HTML(example(t, 100, 3, 2)); strings.Contains(string(html), "Is the gain real?") {
		t.Error("a page of one seed asks about several")
	}
	lone := withSeeds(example(t, 100, 3, 2))
	lone.Teacher, lone.Baseline, lone.Seeds.Baseline, lone.Verdict = nil, nil, nil, Verdict{}
	if c := newPage(lone).Seeds.Strip; c == nil || len(c.Lanes) != 1 || c.Teacher != nil {
		t.Errorf("without teacher and baseline %+v", c)
	}
}
