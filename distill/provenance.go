package distill

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// identity is everything that the weights of a role depend on, by name; a
// checkpoint that differs in any of it belongs to another run.
func (d *run) identity(ctx context.Context, role string) (map[string]string, error) {
	digest, err := dataset.Digest(ctx, d.train.src)
	if err != nil {
		return nil, err
	}
	labelled, err := dataset.Digest(ctx, d.data.Labelled)
	if err != nil {
		return nil, err
	}
	net, err := onnx.Marshal(d.spec.model)
	if err != nil {
		return nil, err
	}
	t, l := d.recipe.Train, d.recipe.Loss
	id := map[string]string{
		"version": d.env.Version, "machine": runtime.GOARCH, "role": role, "architecture": d.recipe.Student.name(), "student preprocess": d.spec.pre.String(), "input": d.spec.model.Graph.Inputs[0].Name,
		"freeze": fmt.Sprintf("%q", d.recipe.Student.Freeze), "classes": strconv.Itoa(d.teacher.classes), "transfer rows": digest, "labelled rows": labelled,
		"epochs": strconv.Itoa(t.Epochs), "batch": strconv.Itoa(t.Batch), "optimizer": t.Optimizer, "lr": fmt.Sprint(t.LR),
		"momentum": fmt.Sprint(t.Momentum), "beta1": fmt.Sprint(t.Beta1), "beta2": fmt.Sprint(t.Beta2),
		"weight decay": fmt.Sprint(t.WeightDecay), "decay": fmt.Sprintf("%q", t.Decay),
		"schedule": t.Schedule, "warmup": strconv.Itoa(t.Warmup), "clip": fmt.Sprint(t.Clip), "clip value": fmt.Sprint(t.ClipValue),
		"max norm": fmt.Sprint(t.MaxNorm), "ema": fmt.Sprint(t.EMA), "accumulate": strconv.Itoa(t.Accumulate),
		"label smoothing": fmt.Sprint(l.Smoothing),
		"patience":        strconv.Itoa(t.Patience), "seed": strconv.FormatUint(t.Seed, 10),
		startingNet: fmt.Sprintf("%x", sha256.Sum256(net)), // what it wants of its input among it, which may be detected
	}
	if d.spec.from != nil {
		id["student file"] = d.spec.from.digest
	}
	if augment := d.augment(); augment != "" {
		id["augment"] = augment
	}
	if d.task != dataset.MultiClass {
		id["task"] = d.task.String()
	}
	if d.data.Val != nil {
		if id["validation rows"], err = dataset.Digest(ctx, d.data.Val); err != nil {
			return nil, err
		}
	}
	if d.task != dataset.MultiClass { // decides the hard term too
		id["loss"] = l.Name
		id["huber delta"] = fmt.Sprint(l.Delta)
	}
	if d.part != nil {
		d.part.identify(id)
	}
	if !d.recipe.taught() {
		return id, nil
	}
	id["targets"] = d.teacher.targets.Content() // give the baseline its scale of numbers, and its best epoch where no validation row has a label
	if d.teaches(role) {
		err = d.identifyTeaching(id)
	}
	return id, err
}

// identifyTeaching adds to id what the weights of a student depend on besides.
func (d *run) identifyTeaching(id map[string]string) error {
	l := d.recipe.Loss
	s, err := l.schedules()
	if err != nil {
		return err
	}
	id["loss"] = l.Name
	id["temperature"], id["alpha"], id["beta"] = fmt.Sprint(l.Temperature), fmt.Sprint(l.Alpha), fmt.Sprint(*l.Beta)
	id["temperature schedule"], id["alpha schedule"], id["beta schedule"] = s.text()
	if v := d.variation; v != nil && !v.mode.stored() {
		id["teacher mode"] = v.mode.String()
		if v.mode.online {
			id["teacher"] = d.teacher.targets.Key().Hash()
		}
	}
	if d.train.hint != nil {
		maps.Copy(id, d.teacher.hint.identity(l))
	}
	return nil
}

// startingNet is the field of an identity that is another for each architecture.
const startingNet = "weights at start"

// provenance is written into the metadata of student.onnx: where it comes
// from, and nothing that differs between two equal runs.
func (d *run) provenance() []onnx.Entry {
	t, l := d.recipe.Train, d.recipe.Loss
	e := []onnx.Entry{
		{Key: "version", Value: d.env.Version},
		{Key: "architecture", Value: d.recipe.Student.name()},
		{Key: "seed", Value: strconv.FormatUint(d.seed, 10)},
		{Key: "epochs", Value: strconv.Itoa(t.Epochs)},
		{Key: "preprocess", Value: d.spec.pre.String()},
	}
	if d.recipe.taught() {
		key := d.teacher.key()
		e = append(e, onnx.Entry{Key: "teacher", Value: d.teacher.name}, onnx.Entry{Key: "teacher.sha256", Value: key.Teacher}, onnx.Entry{Key: "data.sha256", Value: key.Dataset},
			onnx.Entry{Key: "alpha", Value: fmt.Sprint(l.Alpha)}, onnx.Entry{Key: "beta", Value: fmt.Sprint(*l.Beta)})
		if l.Hint != "" {
			e = append(e, onnx.Entry{Key: "hint", Value: l.Hint}, onnx.Entry{Key: "hint.weight", Value: fmt.Sprint(l.HintWeight)})
		}
		if d.task != dataset.Regression {
			e = append(e, onnx.Entry{Key: "temperature", Value: fmt.Sprint(l.Temperature)})
		}
	}
	if judged := d.result.Student; judged != nil {
		e = append(e, onnx.Entry{Key: "test.rows", Value: strconv.Itoa(judged.N)})
		if d.task != dataset.Regression {
			e = append(e, onnx.Entry{Key: "test.errors", Value: strconv.Itoa(judged.Errors)})
		} else if judged.Labelled > 0 {
			e = append(e, onnx.Entry{Key: "test.rmse", Value: fmt.Sprint(judged.RMSE)})
		}
	}
	if d.task == dataset.MultiClass {
		e = append(e, onnx.Entry{Key: export.ClassesKey, Value: export.JoinClasses(d.classNames())})
	} else {
		e = append(e, onnx.Entry{Key: export.TaskKey, Value: d.task.String()}, onnx.Entry{Key: export.TargetsKey, Value: export.JoinClasses(d.targetNames())})
	}
	if t.Seeds > 1 {
		e = append(e, onnx.Entry{Key: "seeds", Value: fmt.Sprintf("%d from %d", t.Seeds, t.Seed)})
	}
	if s, err := l.schedules(); err == nil && d.recipe.taught() && !s.constant() {
		temperature, alpha, beta := s.text()
		e = append(e, onnx.Entry{Key: "temperature.schedule", Value: temperature}, onnx.Entry{Key: "alpha.schedule", Value: alpha}, onnx.Entry{Key: "beta.schedule", Value: beta})
	}
	if d.shares != nil {
		e = append(e, onnx.Entry{Key: sharesKey, Value: joinNumbers(d.shares, 4, 64)})
	}
	if d.spec.from != nil {
		e = append(e, onnx.Entry{Key: "student.sha256", Value: d.spec.from.digest})
	}
	if augment := d.augment(); augment != "" {
		e = append(e, onnx.Entry{Key: "augment", Value: augment}, onnx.Entry{Key: "teacher.mode", Value: d.variation.mode.String()})
	}
	if s := d.data.Transfer.Spec().Schema; !s.IsZero() && !s.Plain() {
		e = append(e, onnx.Entry{Key: schemaKey, Value: s.JSON()})
	}
	slices.SortFunc(e, func(a, b onnx.Entry) int { return strings.Compare(a.Key, b.Key) })
	return e
}

// forecast is a result whose provenance is as long as any that d can come to.
func (d *run) forecast() *Result {
	n := d.data.Test.Len()
	scored := metrics.Result{N: n, Errors: n, Labelled: n, Compared: n, Regression: &metrics.Regression{}}
	scored.RMSE = -math.MaxFloat64 // the longest number there is
	return &Result{Report: report.Report{Student: &report.Block{Result: scored}}}
}

// classNames are the data's names of the classes, else the teacher's, else
// their numbers.
func (d *run) classNames() []string {
	if names := d.data.Transfer.Spec().Classes; len(names) == d.teacher.classes {
		return names
	}
	return d.teacherNames()
}

// teacherNames are the teacher's names of its outputs, else their numbers.
func (d *run) teacherNames() []string {
	if c := d.teacher.contract; c != nil && len(c.ClassNames) == d.teacher.classes {
		return c.ClassNames
	}
	names := make([]string, d.teacher.classes)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}
