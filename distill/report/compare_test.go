package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
)

// runOf is a run with so many errors of 100, and settings.
func runOf(name string, errors int, params int64, recipe map[string]string) Named {
	block := func(errors int) *Block {
		return &Block{Result: metrics.Result{N: 100, Labelled: 100, Compared: 100, Errors: errors, Accuracy: 1 - float64(errors)/100, Agreement: 0.9, ECE: 0.1}, Params: params}
	}
	r := &Report{Format: Format, Title: "t", Recipe: recipe, Teacher: block(5), Baseline: block(20), Student: block(errors)}
	r.Provenance.Test = Source{"rows", "digest"}
	r.Verdict.McNemar = &metrics.Paired{P: 0.01}
	for e := range 3 {
		r.History.Student = append(r.History.Student, Epoch{Epoch: e + 1, Train: Terms{Total: 1}, Val: &Validation{Accuracy: Number(e) / 10, Loss: 1}})
	}
	return Named{name, r}
}

// TestCompare finds the best of each column, and only the keys that differ.
func TestCompare(t *testing.T) {
	runs := []Named{
		runOf("a", 12, 300, map[string]string{"train.lr": "0.1", "train.seed": "1"}),
		runOf("b", 8, 200, map[string]string{"train.lr": "0.2", "train.seed": "1", "train.augment": "flip"}),
		runOf("c", 8, 100, map[string]string{"train.lr": "0.1", "train.seed": "1"}),
	}
	c := Compare(runs)
	if len(c.Groups) != 1 || len(c.Notes) != 0 {
		t.Fatalf("%d groups, notes %q", len(c.Groups), c.Notes)
	}
	best := map[string][]string{}
	gains := map[string]float64{}
	for _, s := range c.Groups[0].Runs {
		best[s.Name], gains[s.Name] = s.BestAt, float64(*s.Gain)
	}
	if d := cmp.Diff(map[string][]string{"a": nil, "b": {"errors", "accuracy", "gain"}, "c": {"errors", "accuracy", "gain", "params"}}, best); d != "" {
		t.Errorf("best (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]float64{"a": 8, "b": 12, "c": 12}, gains); d != "" {
		t.Errorf("gains (-want +got):\n%s", d)
	}
	data, err := json.Marshal(c.Differences)
	if want := `[{"key":"train.augment","values":["","flip",""]},{"key":"train.lr","values":["0.1","0.2","0.1"]}]`; err != nil || string(data) != want {
		t.Errorf("differences %s, expected %s", data, want)
	}
	var text strings.Builder
	if err := c.Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"on 100 labelled rows of multi-class, rows (digest):", "b    8 *     92.00 % *", "train.lr       0.1  0.2   0.1"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	page := htmlOf(t, c)
	for _, want := range []string{"<strong>92.00 %\u00a0★</strong>", `<svg class="runkey"`, "Test accuracy against size", "Validation accuracy", "a, epoch 3: 20.00 %", "c: 92.00 % with 100 parameters", ">train.lr<"} {
		if !strings.Contains(strings.ReplaceAll(page, "&#160;", "\u00a0"), want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(page, "train.seed") {
		t.Error("the page shows a setting that is the same in all runs")
	}
}

func htmlOf(t *testing.T, c *Comparison) string {
	t.Helper()
	page, err := c.HTML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.HTML()
	if err != nil || !bytes.Equal(page, again) {
		t.Error("the same comparison gives other bytes")
	}
	walk(t, page)
	if m := notNumber.Find(page); m != nil {
		t.Errorf("the page holds %s", m)
	}
	return string(page)
}

// TestNotComparable says in words what was judged on other rows, and makes
// nothing the best across groups.
func TestNotComparable(t *testing.T) {
	one, two := runOf("one", 12, 100, map[string]string{"x": "1"}), runOf("two", 1, 100, map[string]string{"x": "1"})
	two.Provenance.Test.Digest = "another"
	labels := Named{"labels", taskExample(t, dataset.MultiLabel, 50, "a")}
	c := Compare([]Named{one, two, labels})
	if len(c.Groups) != 3 || len(c.Notes) != 2 || !strings.Contains(c.Notes[0], "one on 100 labelled rows of multi-class, rows (digest); two on 100 labelled rows of multi-class, rows (another); labels on 50 labelled rows of multi-label") {
		t.Errorf("%d groups, notes %q", len(c.Groups), c.Notes)
	}
	for _, g := range c.Groups {
		for _, s := range g.Runs {
			if len(s.BestAt) > 0 {
				t.Errorf("%s is best at %q of nobody else", s.Name, s.BestAt)
			}
		}
	}
	page := htmlOf(t, c)
	if !strings.Contains(page, "Not all of these runs can be compared") || strings.Contains(page, "★</strong>") {
		t.Error("the page does not say it, or stars one run alone")
	}
	// runs of before there was a digest
	one.Provenance.Test, two.Provenance.Test = Source{}, Source{}
	one.Recipe = nil
	one.Provenance.Seed = 7
	c = Compare([]Named{one, two})
	if len(c.Groups) != 1 || len(c.Notes) != 2 || !strings.Contains(c.Notes[0], "Whether one, two were judged on the same rows is not known") || !strings.Contains(c.Notes[1], "one: an older kdonnx") {
		t.Errorf("%d groups, notes %q", len(c.Groups), c.Notes)
	}
}

// TestCompareMany draws the best of many runs, and whatever is in them.
func TestCompareMany(t *testing.T) {
	var runs []Named
	for i := range 40 {
		runs = append(runs, runOf(fmt.Sprintf("run-%02d", i), 40-i, int64(100+i), map[string]string{"train.lr": fmt.Sprint(i)}))
	}
	page := htmlOf(t, Compare(runs))
	if !strings.Contains(page, "The figures show the best 12 of 40 runs.") || !strings.Contains(page, "run-39, epoch 1") || strings.Contains(page, "run-27, epoch 1") {
		t.Error("the figures do not show the best 12 runs")
	}
	for name, r := range cases(t) {
		if name == "5,000 epochs" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			other := *r
			c := Compare([]Named{{hostile, r}, {"b", &other}, {strings.Repeat("long name ", 50), example(t, 30, 3, 2)}})
			htmlOf(t, c)
			var text strings.Builder
			if err := c.Text(&text); err != nil || strings.ContainsAny(text.String(), "\x1b\x00\u202e") {
				t.Errorf("the text of the comparison, which a terminal obeys: %v", err)
			}
			if _, err := json.Marshal(c); err != nil && name != "poisoned" {
				t.Error(err)
			}
		})
	}
}

// TestBest takes no best of columns that are neither, or alike.
func TestBest(t *testing.T) {
	runs := []Named{runOf("a", 3, 1, nil), runOf("b", 2, 1, nil), runOf("c", 2, 1, nil), {"none", &Report{}}}
	q := results(dataset.MultiClass)[0]
	for better, want := range map[int]string{-1: "[false true true false]", 1: "[true false false false]", 0: "[false false false false]"} {
		q.better = better
		if got := fmt.Sprint(q.best(runs)); got != want {
			t.Errorf("better %d: %s, expected %s", better, got, want)
		}
	}
	if got := fmt.Sprint(sizes[0].best(runs)); got != "[false false false false]" {
		t.Errorf("the best of equal sizes: %s", got)
	}
}
