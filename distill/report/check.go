package report

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Bounds on the numbers of a report that was read.
const (
	largest = 1e100   // of a number's magnitude
	whole   = 1 << 60 // of a whole number's
	most    = 1 << 40 // of a count of rows, so that 1024² of them have a sum
)

// check refuses what no run says and no page could be made of.
func (r *Report) check(path string) error {
	bad := func(field, format string, args ...any) error {
		return fault.New(fault.Input, path, field, format, args...)
	}
	models := modelsOf(r)
	if len(models) == 0 {
		return bad("", "neither teacher nor baseline nor student is in it, expected the metrics.json of a run")
	}
	if field, what := outside(reflect.ValueOf(r).Elem()); field != "" {
		return bad(field, "%s", what)
	}
	labels, targets := 0, 0
	for _, m := range models {
		if m.Task != r.Task {
			return bad(m.Label+".task", "got %s, expected %s as of the run", m.Task, r.Task)
		}
		if field, what := m.Block.odd(); field != "" {
			return bad(m.Label+"."+field, "%s", what)
		}
		switch n := m.Block; {
		case n.MultiLabel != nil && labels == 0:
			labels = len(n.PerLabel)
		case n.MultiLabel != nil && labels != len(n.PerLabel):
			return bad(m.Label+".per_label", "got %d labels, expected %d as of the other models", len(n.PerLabel), labels)
		case n.Regression != nil && targets == 0:
			targets = len(n.PerTarget)
		case n.Regression != nil && targets != len(n.PerTarget):
			return bad(m.Label+".per_target", "got %d numbers, expected %d as of the other models", len(n.PerTarget), targets)
		}
	}
	for role, epochs := range map[string][]Epoch{"history.student": r.History.Student, "history.baseline": r.History.Baseline} {
		for i, e := range epochs {
			if e.Epoch < 0 || i > 0 && e.Epoch <= epochs[i-1].Epoch {
				return bad(fmt.Sprintf("%s[%d].epoch", role, i), "got %d, expected epochs that rise", e.Epoch)
			}
		}
	}
	return nil
}

// outside finds a number beyond its bound, and says where.
func outside(v reflect.Value) (field, what string) {
	below := func(name string, v reflect.Value) (string, string) {
		f, w := outside(v)
		if w != "" && f != "" && name != "" && f[0] != '[' {
			name += "."
		}
		return name + f, w
	}
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		if x := v.Float(); math.Abs(x) > largest {
			return "", fmt.Sprintf("got %g, expected a number of at most %g", x, float64(largest))
		}
	case reflect.Int, reflect.Int64:
		if n := v.Int(); n > whole || n < -whole {
			return "", fmt.Sprintf("got %d, expected a whole number of at most %d", n, int64(whole))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return outside(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		if k := v.Type().Elem().Kind(); k == reflect.String || k == reflect.Uint8 {
			return "", ""
		}
		for i := range v.Len() {
			if f, w := below("", v.Index(i)); w != "" {
				if f != "" && f[0] != '[' {
					f = "." + f
				}
				return fmt.Sprintf("[%d]%s", i, f), w
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			t := v.Type().Field(i)
			if !t.IsExported() {
				continue
			}
			name, _, _ := strings.Cut(t.Tag.Get("json"), ",")
			if f, w := below(name, v.Field(i)); w != "" {
				return f, w
			}
		}
	}
	return "", ""
}

// odd finds what cannot be of one model's rows.
func (b *Block) odd() (field, what string) {
	count := func(name string, n, of int) {
		if field == "" && (n < 0 || n > of) {
			field, what = name, fmt.Sprintf("got %d, expected 0 to %d", n, of)
		}
	}
	share := func(name string, x float64) {
		if field == "" && !(x >= 0 && x <= 1) {
			field, what = name, fmt.Sprintf("got %g, expected 0 to 1", x)
		}
	}
	count("n", b.N, most)
	count("labelled", b.Labelled, b.N)
	count("compared", b.Compared, b.N)
	count("errors", b.Errors, b.Labelled)
	count("params", int(b.Params), whole)
	count("bytes", int(b.Bytes), whole)
	count("flops", int(b.FLOPs), whole)
	share("accuracy", b.Accuracy)
	share("ece", b.ECE)
	if b.Task != dataset.Regression {
		share("agreement", b.Agreement)
	}
	if field == "" && (b.MultiLabel != nil) != (b.Task == dataset.MultiLabel) {
		return "micro_f1", "expected of labels, and of nothing else"
	}
	if field == "" && (b.Regression != nil) != (b.Task == dataset.Regression) {
		return "rmse", "expected of numbers, and of nothing else"
	}
	for i, bin := range b.Bins {
		at := fmt.Sprintf("bins[%d].", i)
		share(at+"low", bin.Low)
		share(at+"high", bin.High)
		share(at+"accuracy", bin.Accuracy)
		share(at+"confidence", bin.Confidence)
		count(at+"count", bin.Count, most)
	}
	if n := len(b.Confusion); field == "" && n > metrics.MaxConfusion {
		return "confusion", fmt.Sprintf("got %d rows, expected at most %d", n, metrics.MaxConfusion)
	}
	for i, line := range b.Confusion {
		if field == "" && len(line) != len(b.Confusion) {
			return fmt.Sprintf("confusion[%d]", i), fmt.Sprintf("got %d numbers, expected %d, one a class", len(line), len(b.Confusion))
		}
		for k, n := range line {
			if n < 0 || n > most {
				count(fmt.Sprintf("confusion[%d][%d]", i, k), n, most)
			}
		}
	}
	for i, c := range b.PerClass {
		at := fmt.Sprintf("per_class[%d].", i)
		count(at+"support", c.Support, most)
		count(at+"correct", c.Correct, c.Support)
		count(at+"predicted", c.Predicted, most)
		share(at+"accuracy", c.Accuracy)
		if field != "" {
			break
		}
	}
	b.oddLabels(count, share)
	return field, what
}

// oddLabels is odd of labels and numbers.
func (b *Block) oddLabels(count func(string, int, int), share func(string, float64)) {
	if b.MultiLabel != nil {
		share("label_accuracy", b.LabelAccuracy)
		share("micro_f1", b.MicroF1)
		share("macro_f1", b.MacroF1)
		for i, l := range b.PerLabel {
			at := fmt.Sprintf("per_label[%d].", i)
			count(at+"known", l.Known, most)
			count(at+"support", l.Support, l.Known)
			count(at+"predicted", l.Predicted, l.Known)
			count(at+"correct", l.Correct, l.Support)
			share(at+"precision", l.Precision)
			share(at+"recall", l.Recall)
			share(at+"f1", l.F1)
			if l.AP != nil {
				share(at+"ap", *l.AP)
			}
		}
	}
	if b.Regression != nil {
		for i, t := range b.PerTarget {
			count(fmt.Sprintf("per_target[%d].known", i), t.Known, most)
		}
	}
}
