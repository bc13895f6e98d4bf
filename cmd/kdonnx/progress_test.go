package main

import (
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/loss"
)

// TestProgressLine shows rate, remaining time and the teacher's memory, the
// latter beside the teacher alone.
func TestProgressLine(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out)
	p.memory(300 << 20)
	for _, name := range []string{distill.RoleTeacher, distill.RoleStudent} {
		p.report(name, 100, 1000, nil)
		s := p.stages[name]
		s.began, s.printed = s.began.Add(-20*time.Second), s.printed.Add(-20*time.Second)
		p.report(name, 300, 1000, nil)
	}
	want := "teacher 300/1000, 10/s, 1m10s left  300 MiB\nstudent 300/1000, 10/s, 1m10s left\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestEpochText shows an epoch with its terms, and T, α and β where they
// change; of one that learns from labels alone the loss is all.
func TestEpochText(t *testing.T) {
	e := distill.EpochRecord{Epoch: 3, Loss: 1.25, Soft: 0.125, Hard: 0.5, SoftGrad: 2.5, HardGrad: 0.0625, Validated: true, ValAccuracy: 0.975}
	for want, e := range map[string]*distill.EpochRecord{
		"": nil,
		"  epoch 3: loss 1.25, validation 97.50 %, soft 0.125 (gradient 2.5), hard 0.5 (gradient 0.0625)": &e,
		"  epoch 3: loss 1.25, validation 97.50 %, soft 0.125 (gradient 2.5), hard 0.5 (gradient 0.0625), T 4.5, α 0.9, β 0.1": {
			Epoch: 3, Loss: 1.25, Soft: 0.125, Hard: 0.5, SoftGrad: 2.5, HardGrad: 0.0625, Validated: true, ValAccuracy: 0.975, Weights: &loss.Weights{Temperature: 4.5, Alpha: 0.9, Beta: 0.1}},
		"  epoch 1: loss 0.7, validation R² 0.5000": {Epoch: 1, Loss: 0.7, Hard: 0.7, HardGrad: 1, Metric: "R²", Validated: true, ValAccuracy: 0.5},
		"  epoch 2: loss 0.7":                       {Epoch: 2, Loss: 0.7, Hard: 0.7, HardGrad: 1},
	} {
		if got := epochText(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestOptionsFlag adds to what a recipe gives, and goes from one flag set to
// another whole.
func TestOptionsFlag(t *testing.T) {
	recipe := map[string]string{"a": "1", "b": "2"}
	given := map[string]string{}
	f := &optionsFlag{&given}
	for _, s := range []string{"b=3=4", "c="} {
		if err := f.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	merged := recipe
	if err := (&optionsFlag{&merged}).Replace(f.GetSlice()); err != nil {
		t.Fatal(err)
	}
	if got := (&optionsFlag{&merged}).String(); got != "a=1 b=3=4 c=" || recipe["b"] != "2" {
		t.Errorf("got %q, and the recipe's own is %v", got, recipe)
	}
	for _, s := range []string{"", "a", "=1"} {
		if f.Set(s) == nil {
			t.Errorf("%q was taken", s)
		}
	}
}
