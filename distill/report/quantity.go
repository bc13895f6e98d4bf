package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// quantity is one column of a comparison.
type quantity struct {
	key, name string
	better    int // 1: more is better; −1: less is; 0: neither
	get       func(r *Report) (float64, bool)
	sd        func(r *Report) (float64, bool) // over seeds; nil where it has none
	text      func(x float64) string
}

// measured is a number of one of a run's models, of several seeds their mean.
func measured(key, name string, better int, who role, score string, text func(float64) string) quantity {
	sd := func(r *Report) (float64, bool) {
		s, ok := r.spread(who, score)
		return s.SD, ok
	}
	return quantity{key, name, better, of(who, score), sd, text}
}

// of is what measured measures.
func of(who role, score string) func(r *Report) (float64, bool) {
	return func(r *Report) (float64, bool) {
		if s, ok := r.spread(who, score); ok {
			return s.Mean, finite(s.Mean)
		}
		b := r.block(who)
		if b == nil {
			return 0, false
		}
		for _, s := range b.Scores() {
			if s.Name == score {
				return float64(s.Value), finite(float64(s.Value))
			}
		}
		return 0, false
	}
}

// spread is a number over seeds; ok is false where there is one seed.
func (r *Report) spread(who role, score string) (s Spread, ok bool) {
	if r.Seeds != nil {
		s, ok = r.Seeds.of(who)[score]
	}
	return s, ok
}

// block is one of r's models, or nil.
func (r *Report) block(who role) *Block {
	switch who {
	case teacherRole:
		return r.Teacher
	case baselineRole:
		return r.Baseline
	}
	return r.Student
}

// gainSD is the deviation of the gain over seeds.
func gainSD(r *Report) (float64, bool) {
	if g := r.Verdict.Gain; g != nil {
		return g.SD, true
	}
	return 0, false
}

func asCount(x float64) string   { return errorsText(x) }
func asPercent(x float64) string { return percent(x, 2) }
func asP(x float64) string       { return strings.TrimPrefix(pValue(x), "=\u00a0") }

func signed(text func(float64) string) func(float64) string {
	return func(x float64) string {
		if x > 0 {
			return "+" + text(x)
		}
		return text(x)
	}
}

// results are the columns of what runs of a task come to.
func results(task dataset.Task) []quantity {
	p := quantity{"p", "p", 0, func(r *Report) (float64, bool) {
		if g := r.Verdict.Gain; g != nil {
			return g.P, finite(g.P)
		}
		paired, _ := r.Verdict.paired()
		if paired == nil {
			return 0, false
		}
		return paired.P, finite(paired.P)
	}, nil, asP}
	switch task {
	case dataset.MultiLabel:
		return []quantity{
			measured("micro_f1", "micro-F1", 1, studentRole, "micro_f1", asPercent),
			measured("macro_f1", "macro-F1", 1, studentRole, "macro_f1", asPercent),
			measured("errors", "wrong rows", -1, studentRole, "errors", asCount),
			measured("agreement", "agreement", 1, studentRole, "agreement", asPercent),
			measured("ece", "ECE", -1, studentRole, "ece", asPercent),
			measured("teacher_errors", "teacher's", 0, teacherRole, "errors", asCount),
			measured("baseline_errors", "baseline's", 0, baselineRole, "errors", asCount),
			{"gain", "gain", 1, gained, gainSD, signed(asCount)}, p,
		}
	case dataset.Regression:
		return []quantity{
			measured("r2", "R²", 1, studentRole, "r2", general),
			measured("rmse", "RMSE", -1, studentRole, "rmse", general),
			measured("mae", "MAE", -1, studentRole, "mae", general),
			measured("agreement", "R² to teacher", 1, studentRole, "agreement", general),
			measured("teacher_mae", "teacher's MAE", 0, teacherRole, "mae", general),
			measured("baseline_mae", "baseline's MAE", 0, baselineRole, "mae", general),
			{"gain", "gain", 1, gained, gainSD, signed(general)}, p,
		}
	}
	return []quantity{
		measured("errors", "errors", -1, studentRole, "errors", asCount),
		measured("accuracy", "accuracy", 1, studentRole, "accuracy", asPercent),
		measured("agreement", "agreement", 1, studentRole, "agreement", asPercent),
		measured("ece", "ECE", -1, studentRole, "ece", asPercent),
		measured("teacher_errors", "teacher's errors", 0, teacherRole, "errors", asCount),
		measured("baseline_errors", "baseline's", 0, baselineRole, "errors", asCount),
		{"gain", "gain", 1, gained, gainSD, signed(asCount)}, p,
	}
}

// sizes are the columns of what a student costs.
var sizes = []quantity{
	measured("params", "parameters", -1, studentRole, "params", asCount),
	measured("flops", "FLOPs a row", -1, studentRole, "flops", func(x float64) string { return count(int64(x)) }),
	measured("bytes", "file", -1, studentRole, "bytes", func(x float64) string { return size(int64(x)) }),
	measured("latency_ms", "latency", -1, studentRole, "latency_ms", func(x float64) string { return seconds(x / 1000) }),
}

// best says which runs no other is better than; none where all are alike.
func (q quantity) best(runs []Named) []bool {
	marks := make([]bool, len(runs))
	var top float64
	n, alike := 0, true
	for _, r := range runs {
		x, ok := q.get(r.Report)
		if !ok {
			continue
		}
		if n > 0 && x != top {
			alike = false
		}
		if n == 0 || float64(q.better)*x > float64(q.better)*top {
			top = x
		}
		n++
	}
	if q.better == 0 || alike {
		return marks
	}
	for i, r := range runs {
		x, ok := q.get(r.Report)
		marks[i] = ok && x == top
	}
	return marks
}

// show is the column's text of a run: of several seeds mean and deviation.
func (q quantity) show(r *Report) string {
	mean, sd := q.parts(r)
	if sd == "" {
		return mean
	}
	return plusMinus(mean, sd)
}

// parts are the column's text of a run, and its deviation where there are seeds.
func (q quantity) parts(r *Report) (text, deviation string) {
	x, ok := q.get(r)
	if !ok {
		return none, ""
	}
	if q.sd != nil {
		if sd, several := q.sd(r); several {
			deviation = strings.TrimPrefix(q.text(sd), "+")
		}
	}
	return q.text(x), deviation
}

// Text prints the comparison for a terminal; a star marks the best.
func (c *Comparison) Text(w io.Writer) error {
	for _, note := range c.Notes {
		fmt.Fprintf(w, "note: %s\n", fault.Printable(note))
	}
	for _, g := range c.Groups {
		fmt.Fprintf(w, "\non %s:\n", fault.Printable(g.rows()))
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		columns := append(results(g.Task), sizes...)
		fmt.Fprint(tw, "run")
		for _, q := range columns {
			fmt.Fprintf(tw, "\t%s", q.name)
		}
		fmt.Fprintln(tw)
		best := make([][]bool, len(columns))
		for k, q := range columns {
			best[k] = q.best(g.members)
		}
		for i, n := range g.members {
			fmt.Fprint(tw, fault.Printable(n.Name))
			for k, q := range columns {
				star := ""
				if best[k][i] {
					star = " *"
				}
				fmt.Fprintf(tw, "\t%s%s", q.show(n.Report), star)
			}
			fmt.Fprintln(tw)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	if len(c.Differences) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nwhat differs in the recipes:")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "key")
	for _, n := range c.runs {
		fmt.Fprintf(tw, "\t%s", fault.Printable(n.Name))
	}
	fmt.Fprintln(tw)
	for _, d := range c.Differences {
		fmt.Fprint(tw, fault.Printable(d.Key))
		for _, v := range d.Values {
			fmt.Fprintf(tw, "\t%s", fault.Printable(shorten(shownValue(v), 40)))
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// shownValue is a setting's value for people.
func shownValue(v *string) string {
	switch {
	case v == nil:
		return "not known"
	case *v == "":
		return none
	}
	return clean(*v)
}
