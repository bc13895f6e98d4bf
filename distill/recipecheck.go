package distill

import (
	"fmt"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student/optim"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// Validate checks every number and name of the recipe before anything is
// spent. Errors name the flag, the value and the range.
func (r *Recipe) Validate() error {
	for _, check := range []func() error{r.checkNumbers, r.checkNames, r.checkGiven, r.checkTeacherMode, r.checkHint} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// numberCheck is one number of a recipe beside its range.
type numberCheck struct {
	flag  string
	value float64
	ok    bool
	want  string
}

// checkNumbers is about ranges.
func (r *Recipe) checkNumbers() error {
	for _, c := range r.numbers() {
		if !c.ok {
			return fault.New(fault.Usage, "", c.flag, "got %v, expected %s", c.value, c.want)
		}
	}
	return nil
}

// Range is what a recipe's number may be that a flag sets, such as --epochs, in
// words; "" where the flag is not of a number, or its help says the range.
func Range(flag string) string {
	r := Default()
	for _, c := range append(r.numbers(), r.Specialist.numbers()...) {
		if c.flag == flag {
			return c.want
		}
	}
	return ""
}

// numbers are the numbers of r with their ranges.
func (r *Recipe) numbers() []numberCheck {
	t, d := &r.Train, &r.Data
	return []numberCheck{
		{"--epochs", float64(t.Epochs), t.Epochs >= 1 && t.Epochs <= 1e6, "a number from 1 to 1000000"},
		{"--batch", float64(t.Batch), t.Batch >= 1 && t.Batch <= 1<<16, "a number from 1 to 65536"},
		{"--lr", t.LR, t.LR > 0 && t.LR <= 1000, "a number above 0, at most 1000"},
		{"--momentum", t.Momentum, t.Momentum >= 0 && t.Momentum < 1, "a number from 0, below 1"},
		{"--beta1", t.Beta1, t.Beta1 >= 0 && t.Beta1 < 1, "a number from 0 (the optimiser's own), below 1"},
		{"--beta2", t.Beta2, t.Beta2 >= 0 && t.Beta2 < 1, "a number from 0 (the optimiser's own), below 1"},
		{"--weight-decay", t.WeightDecay, within(t.WeightDecay, 0, 1), "a number from 0 to 1"},
		{"--warmup", float64(t.Warmup), t.Warmup >= 0, "a number of at least 0"},
		{"--clip", t.Clip, within(t.Clip, 0, 1e18), "a number from 0 to 1e+18"},
		{"--clip-value", t.ClipValue, within(t.ClipValue, 0, 1e18), "a number from 0 to 1e+18"},
		{"--max-norm", t.MaxNorm, within(t.MaxNorm, 0, 1e18), "a number from 0 to 1e+18"},
		{"--ema", t.EMA, t.EMA >= 0 && t.EMA < 1, "a number from 0, below 1"},
		{"--accumulate", float64(t.Accumulate), t.Accumulate == 1 || t.Accumulate > 1 && t.Accumulate <= t.Batch/2, fmt.Sprintf("a number from 1 to %d, half of --batch", max(1, t.Batch/2))},
		{"--patience", float64(t.Patience), t.Patience >= 0, "a number of at least 0"},
		{"--seeds", float64(t.Seeds), t.Seeds >= 1 && t.Seeds <= 1000, "a number from 1 to 1000"},
		{"--parallel", float64(t.Parallel), t.Parallel >= 0 && t.Parallel <= maxParallel, fmt.Sprintf("a number from 0 (one a core) to %d", maxParallel)},
		{"--val-split", d.ValSplit, d.ValSplit >= 0 && d.ValSplit < 1, "a number from 0, below 1"},
		{"--labelled", float64(d.Labelled), d.Labelled >= 0, "a number of at least 0"},
		{"--limit", float64(d.Limit), d.Limit >= 0, "a number of at least 0"},
		{"--synthetic", float64(d.Synthetic), d.Synthetic >= 0 && d.Synthetic <= dataset.MaxSynthetic, fmt.Sprintf("a number from 0 to %d", dataset.MaxSynthetic)},
		{"--threads", float64(r.Teacher.Threads), r.Teacher.Threads >= 0 && r.Teacher.Threads <= 1024, "a number from 0 to 1024"},
		{"--teacher-smoothing", r.Teacher.Smooth, r.Teacher.Smooth >= 1e-6 && r.Teacher.Smooth < 0.5, "a probability from 1e-6 to below 0.5"},
		{"--teacher-timeout", r.Teacher.Timeout.Seconds(), r.Teacher.Timeout >= 0, "a duration of at least 0"},
		{"--teacher-memory", float64(r.Teacher.Memory), r.Teacher.Memory >= -1 && r.Teacher.Memory <= 1<<40, "a number of MiB to 1099511627776, 0 for the default or -1 for none"},
	}
}

// checkNames is about names, and texts that others read.
func (r *Recipe) checkNames() error {
	if err := r.Teacher.check(); err != nil {
		return err
	}
	task, asked, err := dataset.ParseTask(r.Data.Task)
	if err != nil {
		return err
	}
	if asked && r.Loss.Name != "auto" {
		if err := loss.Suits(r.Loss.Name, task, 0); err != nil {
			return err
		}
	}
	if _, err := r.Loss.build(task, nil, r.Train.Epochs); err != nil {
		return err
	}
	if err := r.Student.check(); err != nil {
		return err
	}
	if err := optim.CheckPatterns("--decay", r.Train.Decay); err != nil {
		return err
	}
	if err := optim.CheckPatterns("--freeze", r.Student.Freeze); err != nil {
		return err
	}
	if _, err := store.ParseDType(r.Teacher.StoreDType); err != nil {
		return err
	}
	if p, err := dataset.ParsePreprocess(r.Student.Prep); err != nil {
		return err
	} else if p.BGR || p.Transpose || p.Channels != 0 {
		return fault.New(fault.Usage, "", "--student-preprocess", "got %q, expected no bgr, transpose or channels=: the student takes the rows as they are", r.Student.Prep)
	}
	if _, err := dataset.ParseAugment(r.Train.Augment); err != nil {
		return err
	}
	if _, err := dataset.ParseSynthesis(r.Data.Synthesis); err != nil {
		return err
	}
	if _, err := dataset.ParseColumns(r.Data.Columns); err != nil {
		return err
	}
	if _, err := dataset.ParseLabelMap(r.Data.LabelMap); err != nil {
		return err
	}
	if _, err := r.Train.optimizer(); err != nil {
		return err
	}
	_, err = optim.Named(r.Train.Schedule, 1, 0)
	return err
}

// checkGiven is about what must be there, and what does not go together.
func (r *Recipe) checkGiven() error {
	d := &r.Data
	switch {
	case !r.Sweep.isZero():
		return fault.New(fault.Usage, "", "sweep", "the recipe is that of a sweep: kdonnx sweep follows it, and writes the recipe of the best")
	case !r.Specialist.isDefault():
		return fault.New(fault.Usage, "", "specialist", "the recipe is that of a generalist and its specialists: kdonnx specialist run follows it")
	case r.Output.Model == "":
		return fault.New(fault.Usage, "", "-o", "empty: name the student's file")
	case d.Train == "":
		return fault.New(fault.Usage, "", "--train", "missing: name the rows to learn from")
	case d.Train == Embedded && (d.Unlabelled != "" || d.Val != "" || d.Test != "" || d.Limit > 0 || d.Task != "" || len(d.Without)+len(d.Only) > 0):
		return fault.New(fault.Usage, "", "--train", "missing: name rows of your own, since --unlabelled, --val, --test, --limit, --task, --without and --only do not go with the embedded ones")
	case len(d.Without) > 0 && len(d.Only) > 0:
		return fault.New(fault.Usage, "", "--without", "got both --without and --only, expected one or the other")
	case d.Synthetic > 0 && !r.taught():
		return fault.New(fault.Usage, "", "--synthetic", "got %d without a teacher, expected 0: nobody would say what they are", d.Synthetic)
	case d.Synthesis != "" && d.Synthetic == 0:
		return fault.New(fault.Usage, "", "--synthesis", "got %q without --synthetic, expected the number of rows to make", d.Synthesis)
	case !r.Teacher.Named() && r.Teacher.Store == "":
		return fault.New(fault.Usage, "", "--teacher", "missing: name the .onnx file that teaches, or a store of its targets by --targets")
	case !r.taught() && (len(r.Teacher.Ensemble) > 0 || len(r.Teacher.Before) > 0 || r.Teacher.Store != ""):
		return fault.New(fault.Usage, "", "--teacher", "got %q beside other models or targets, expected it alone", NoTeacher)
	case r.Teacher.Model == Embedded && d.Train != Embedded:
		return fault.New(fault.Usage, "", "--teacher", "missing: the embedded teacher knows only the embedded characters; name the .onnx file that teaches %s", d.Train)
	}
	return nil
}

func within(x, lo, hi float64) bool { return x >= lo && x <= hi } // false for NaN
