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

// TestSeedsOnTiles has the mean on top of the page, as the verdict has, and the
// exported net below.
func TestSeedsOnTiles(t *testing.T) {
	r := withSeeds(example(t, 500, 10, 3))
	p := newPage(r)
	for i, m := range modelsOf(r) {
		tile, one := p.Tiles[i], p.Columns[i]
		if m.Role == teacherRole {
			if tile != one {
				t.Errorf("the teacher's tile is %+v", tile)
			}
			continue
		}
		mean := float64(m.Errors) + map[role]float64{studentRole: 1, baselineRole: 2}[m.Role]
		if want := errorsText(mean) + " ± "; !tile.Several || !strings.HasPrefix(tile.Under, want) || !strings.Contains(tile.Under, "mean of 3 seeds") || !strings.Contains(tile.Value, " ± ") {
			t.Errorf("tile %+v, expected %s", tile, want)
		}
		if one.Several || strings.Contains(one.Value, "±") {
			t.Errorf("column %+v", one)
		}
	}
	delete(r.Seeds.Student, "accuracy") // as a file of somebody may
	if html, err := HTML(r); err != nil || strings.Contains(string(html), `class="value several"></p>`) {
		t.Errorf("an empty tile (%v)", err)
	}
}

// TestGainText shows gains in errors no finer than seeds tell them.
func TestGainText(t *testing.T) {
	errors, numbers := &Gain{Unit: "errors"}, &Gain{Unit: "mean absolute error"}
	for x, want := range map[float64]string{29.67: "29.7", -4.303: "−4.3", 3: "3", 108.3: "108", 1348.6: "1,349", 0: "0"} {
		if got := errors.text(x); got != want {
			t.Errorf("%v errors are %q, expected %q", x, got, want)
		}
	}
	if got := numbers.text(0.012345); got != "0.01235" {
		t.Errorf("a number is %q", got)
	}
}

// TestSeedsElsewhere finds the numbers over seeds in the CSV and in a comparison
// with a run of one seed.
func TestSeedsElsewhere(t *testing.T) {
	several, one := withSeeds(example(t, 500, 10, 3)), example(t, 500, 10, 3)
	several.Provenance.Schedules = &Schedules{Temperature: "linear:1", Alpha: "constant", Beta: "constant"}
	several.Provenance.TeacherMode = "views:4"
	several.Balance = &Balance{Classes: 10, Listed: []ClassBalance{{Class: 3, Labelled: 17}}}
	several.History.Student[1].Train.Hint = 0.25
	var b strings.Builder
	if err := CSV(&b, several); err != nil {
		t.Fatal(err)
	}
	errors := one.Student.Errors // of the seeds so many, 1 more and 2 more
	got := values(t, []byte(b.String()))
	for k, want := range map[string]string{
		"seeds/student/mean/errors": number(float64(errors) + 1), "seeds/student/sd/errors": "1", "seeds/student/9/errors": number(float64(errors) + 2),
		"seeds///exported": "7", "gain///unit": "errors", "gain///p": number(several.Verdict.Gain.P), "run///p": number(several.Verdict.Gain.P),
		"run///temperature_schedule": "linear:1", "run///teacher_mode": "views:4", "balance//3/labelled": "17", "epochs/student/2/loss_hint": "0.25",
	} {
		if got[k] != want {
			t.Errorf("%s is %q, expected %q", k, got[k], want)
		}
	}
	if _, there := got["epochs/student/1/loss_hint"]; there {
		t.Error("an epoch without a hint has a term of it")
	}
	c := Compare([]Named{{"several", several}, {"one", one}})
	g := several.Verdict.Gain
	page := strings.ReplaceAll(htmlOf(t, c), "&#43;", "+")
	var text strings.Builder
	if err := c.Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ mean, sd string }{{errorsText(float64(errors) + 1), "1"}, {"+" + errorsText(g.Mean), errorsText(g.SD)}} {
		if want := x.mean + " ± " + x.sd; !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q", want)
		}
		if !strings.Contains(page, x.mean) || !strings.Contains(page, "± "+x.sd+"</span>") {
			t.Errorf("the page lacks %s ± %s", x.mean, x.sd)
		}
	}
	for _, want := range []string{asP(g.P), "4, linear:1"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if s := c.Groups[0].Runs[0]; s.Seeds == nil || float64(*s.Gain) != g.Mean {
		t.Errorf("the comparison's numbers are %+v", s)
	}
}
