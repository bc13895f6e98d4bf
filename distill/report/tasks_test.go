package report

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
)

// taskExample is a report of labels or numbers, with two models of which the
// student is nearer, as judged from n rows.
func taskExample(t testing.TB, task dataset.Task, n int, names ...string) *Report {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	k := len(names)
	blocks := map[string]*Block{}
	errs, right := map[string][]float64{}, map[string][]bool{}
	truth, teacher := make([]float32, n*k), make([]float32, n*k)
	for i := range truth {
		teacher[i] = float32(3 * rng.NormFloat64())
		truth[i] = teacher[i] + float32(rng.NormFloat64())
		if task == dataset.MultiLabel {
			truth[i] = map[bool]float32{true: 1, false: 0}[truth[i] > 0]
		}
	}
	for name, noise := range map[string]float64{"teacher": 0, "baseline": 2, "student": 0.5} {
		s, err := metrics.NewScorer(task, k)
		if err != nil {
			t.Fatal(err)
		}
		rows := metrics.Rows{Values: truth, Teacher: teacher}
		own := rand.New(rand.NewPCG(7, uint64(noise*8)))
		for _, v := range teacher {
			rows.Out = append(rows.Out, v+float32(noise*own.NormFloat64()))
		}
		if err := s.Score(rows); err != nil {
			t.Fatal(err)
		}
		blocks[name] = &Block{Result: s.Result(), Name: name + ".onnx", Params: 100}
		if task == dataset.Regression {
			scale := make([]float64, k)
			for i := range scale {
				scale[i] = 1
			}
			errs[name] = metrics.AbsoluteErrors(nil, rows, scale)
		} else {
			right[name] = metrics.CorrectLabels(nil, rows, k)
		}
	}
	r := &Report{Title: "example", Task: task, Targets: names, Teacher: blocks["teacher"], Baseline: blocks["baseline"], Student: blocks["student"]}
	if task == dataset.Regression {
		r.Verdict = JudgeNumbers(r.Baseline.Result, r.Student.Result, metrics.Wilcoxon(errs["baseline"], errs["student"]))
		r.Provenance.Temperature = Number(math.NaN())
	} else {
		r.Verdict = Judge(r.Baseline.Result, r.Student.Result, metrics.McNemar(right["baseline"], right["student"]))
	}
	for e := range 3 {
		r.History.Student = append(r.History.Student, Epoch{Epoch: e + 1, Val: &Validation{Accuracy: Number(e), Loss: 1, Metric: chosenBy(task)}})
	}
	return r
}

func TestReportOfTasks(t *testing.T) {
	for name, c := range map[string]struct {
		report  *Report
		shown   []string
		missing []string
	}{
		"labels": {taskExample(t, dataset.MultiLabel, 400, "red", "round"),
			[]string{"micro-F1; ", "Micro-F1", "Mean average precision", "Rows with all labels right", "Label decisions right", "F1, baseline", "average precision", "probability of a label", "validation micro-F1", "wrong rows of 400 (one label or more)", "Distillation helps: "},
			[]string{"Confusion matrix", "too large to draw", "RMSE", "Accuracy by class"}},
		"one number": {taskExample(t, dataset.Regression, 400, "price"),
			[]string{"R²; RMSE ", "Root mean squared error", "predictions against values", "All rows where it is known.", "validation R²", "Distillation helps: a mean absolute error of ", "Wilcoxon"},
			[]string{"Reliability", "calibration", "Confusion", "too large to draw", "errors", "Temperature", ">Numbers<"}},
		"two numbers": {taskExample(t, dataset.Regression, 2000, "price", "area"),
			[]string{">Numbers<", "area is ", "price is ", " rows of the rows where it is known."}, nil},
		"no rows with a label": {taskExample(t, dataset.Regression, 0, "price"), []string{"no labelled rows", "No verdict"}, []string{"predictions against"}},
		"hostile names":        {shoutTargets(taskExample(t, dataset.MultiLabel, 30, "a", "b")), nil, []string{"<script"}},
		"hostile numbers":      {shoutTargets(taskExample(t, dataset.Regression, 30, "a", "b")), nil, []string{"<script"}},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := HTML(c.report)
			if err != nil {
				t.Fatal(err)
			}
			walk(t, page)
			if m := notNumber.Find(page); m != nil {
				t.Errorf("the page holds %s", m)
			}
			for _, want := range c.shown {
				if !strings.Contains(string(page), want) {
					t.Errorf("the page does not show %q", want)
				}
			}
			for _, bad := range c.missing {
				if strings.Contains(string(page), bad) {
					t.Errorf("the page shows %q", bad)
				}
			}
			data, err := json.Marshal(c.report)
			if err != nil {
				t.Fatal(err)
			}
			var back Report
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			whole := strings.ReplaceAll(string(data), `\ufffd`, "\ufffd") // broken UTF-8 is escaped once
			if again, _ := json.Marshal(&back); string(again) != whole {
				t.Error("read and written again it is another report")
			}
		})
	}
}

func shoutTargets(r *Report) *Report {
	for i := range r.Targets {
		r.Targets[i] = hostile
	}
	return r
}

// A block of numbers says nothing of errors and accuracy.
func TestBlocksOfTasks(t *testing.T) {
	for task, want := range map[dataset.Task]string{
		dataset.Regression: `^\{"task":"regression","n":20,"agreement":[\d.]+,"labelled":20,"compared":20,"rmse":[\d.]+,"mae":[\d.]+,"r2":[\d.]+,"teacher_rmse":[\d.]+,"per_target":\[`,
		dataset.MultiLabel: `^\{"task":"multi-label","n":20,"errors":\d+,"accuracy":[\d.]+,"agreement":[\d.]+,"ece":[\d.]+,"labelled":20,.*"micro_f1":[\d.]+,`,
	} {
		data, err := json.Marshal(taskExample(t, task, 20, "a").Student)
		if err != nil || !regexp.MustCompile(want).Match(data) {
			t.Errorf("%s: %v, expected %s", data, err, want)
		}
	}
}

func TestJudgeNumbers(t *testing.T) {
	res := func(mae float64) metrics.Result {
		return metrics.Result{Task: dataset.Regression, N: 100, Labelled: 100, Regression: &metrics.Regression{NumberScores: metrics.NumberScores{MAE: mae}}}
	}
	for _, c := range []struct {
		baseline, student float64
		paired            metrics.Paired
		helps             bool
		want              string
	}{
		{2, 1, metrics.Paired{P: 1e-5, RankA: 1, RankB: 9}, true, "Distillation helps: a mean absolute error of 1, against 2 of the same student trained on hard labels (Wilcoxon p = 1e−5)."},
		{2, 1, metrics.Paired{P: 0.2, RankA: 1, RankB: 9}, false, "Distillation is not helping here: a mean absolute error of 1, against 2 of the same student trained on hard labels, is within chance (Wilcoxon p = 0.2)."},
		{2, 1, metrics.Paired{P: 1e-5, RankA: 9, RankB: 1}, false, "Distillation is not helping here: a mean absolute error of 1, against 2 of the same student trained on hard labels, is of few rows: most are nearer without (Wilcoxon p = 1e−5)."},
		{1, 2, metrics.Paired{P: 1e-5, RankA: 9, RankB: 1}, false, "Distillation is not helping here: a mean absolute error of 2, against 1 of the same student trained on hard labels (Wilcoxon p = 1e−5)."},
	} {
		v := JudgeNumbers(res(c.baseline), res(c.student), c.paired)
		if got := strings.ReplaceAll(v.Sentence, "\u00a0", " "); got != c.want || v.Helps != c.helps || v.Wilcoxon == nil || v.McNemar != nil {
			t.Errorf("helps %v, %q; want %v, %q", v.Helps, got, c.helps, c.want)
		}
	}
	if v := JudgeNumbers(res(1), metrics.Result{Task: dataset.Regression, N: 3}, metrics.Paired{}); v.Helps || !strings.HasPrefix(v.Sentence, "No verdict") {
		t.Errorf("without labels: %+v", v)
	}
}
