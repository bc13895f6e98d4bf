package distill

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/optim"
)

// studentSpec is the net that student and baseline both start from.
type studentSpec struct {
	from   *imported // the file that it begins as; nil for an architecture by name
	model  *onnx.Model
	pipe   *dataset.Pipeline
	pre    dataset.Preprocess
	params int64
	flops  int64
	net    *student.Student // the trained student
}

// designStudent builds the net that student and baseline start from, and pairs
// the rows with what the teacher said of them.
func (d *run) designStudent(ctx context.Context) (err error) {
	s := &d.spec
	if s.from != nil {
		err = d.importStudent(ctx)
	} else {
		err = d.buildStudent(ctx)
	}
	if err != nil {
		return err
	}
	if s.flops, err = models.FLOPs(s.model); err != nil {
		return err
	}
	return d.openRoles(ctx)
}

// buildStudent builds the architecture by name: it takes the teacher's input
// by name and layout, in the data's own units; the normalisation is part of
// its graph.
func (d *run) buildStudent(ctx context.Context) error {
	spec := d.data.Transfer.Spec()
	s := &d.spec
	s.pre = dataset.Preprocess{Layout: dataset.Flat}
	name := "input"
	if spec.Image {
		s.pre.Layout = dataset.NCHW
	}
	if c := d.teacher.contract; c != nil {
		s.pre.Layout, s.pre.Resize = c.Preprocess.Layout, c.Preprocess.Resize
		if c.InputName != "" {
			name = c.InputName
		}
	}
	if d.recipe.Output.InputName != "" {
		name = d.recipe.Output.InputName
	}
	asked, err := dataset.ParsePreprocess(d.recipe.Student.Prep)
	if err != nil {
		return err
	}
	if asked.Layout != "" {
		s.pre.Layout = asked.Layout
	}
	if len(asked.Resize) > 0 {
		s.pre.Resize = asked.Resize
	}
	if s.pipe, err = s.pre.Compile(spec); err != nil {
		return err
	}
	in := models.Input{Name: name, Shape: s.pipe.OutShape(), NHWC: s.pre.Layout == dataset.NHWC}
	asked.Layout, asked.Resize = s.pre.Layout, s.pre.Resize
	if in.Scale, in.Shift, err = normalisation(ctx, asked, d.data.Transfer); err != nil {
		return err
	}
	if s.model, err = models.Build(d.recipe.Student.Arch, in, d.teacher.classes, d.recipe.Train.Seed); err != nil {
		return err
	}
	if s.params, err = models.Count(s.model); err != nil || len(d.recipe.Student.Freeze) == 0 {
		return err
	}
	net, err := student.FromModel(s.model, d.recipe.Student.Arch)
	if err != nil {
		return err
	}
	if err := d.freeze(net); err != nil {
		return err
	}
	s.model = net.Model()
	return nil
}

// normalisation is x·scale + shift for the graph: (x·Scale − Mean)/Std where
// that is asked for, else what a fresh net learns well from, bytes to 0..1 and
// features to mean 0 and standard deviation 1.
func normalisation(ctx context.Context, asked dataset.Preprocess, src dataset.Source) (scale, shift []float32, err error) {
	if asked.Scale != 0 || len(asked.Mean) > 0 || len(asked.Std) > 0 {
		return affine(asked, src.Spec())
	}
	if spec := src.Spec(); spec.Image && spec.DType == dataset.Uint8 {
		return []float32{1.0 / 255}, []float32{0}, nil
	}
	mean, std, err := dataset.Stats(ctx, src)
	if err != nil {
		return nil, nil, err
	}
	for i := range mean {
		if std[i] == 0 {
			std[i] = 1
		}
		scale = append(scale, 1/std[i])
		shift = append(shift, -mean[i]/std[i])
	}
	return scale, shift, nil
}

// affine writes (x·Scale − Mean)/Std as x·scale + shift: one value, one a
// channel, or one a feature; those of channels are repeated for each of their
// values where rows are flat.
func affine(p dataset.Preprocess, spec dataset.Spec) (scale, shift []float32, err error) {
	pipe, err := p.Compile(spec)
	if err != nil {
		return nil, nil, err
	}
	n, each := max(len(p.Mean), len(p.Std), 1), 1
	if n > 1 && spec.Image && p.Layout == dataset.Flat {
		each = pipe.OutSize() / n
	}
	for i := range n {
		mean, std := at(p.Mean, i, 0), at(p.Std, i, 1)
		scale = append(scale, slices.Repeat([]float32{cmp.Or(p.Scale, 1) / std}, each)...)
		shift = append(shift, slices.Repeat([]float32{-mean / std}, each)...)
	}
	return scale, shift, nil
}

// at is v[i] of a list of one value for all, one for each, or none.
func at(v []float32, i int, none float32) float32 {
	switch len(v) {
	case 0:
		return none
	case 1:
		return v[0]
	}
	return v[i]
}

// openRoles pairs the rows with what the teacher said of them.
func (d *run) openRoles(ctx context.Context) (err error) {
	c := d.teacher.classes
	if d.train, err = openRows(ctx, d.data.Transfer, d.spec.pipe, d.teacher.targets, c); err != nil {
		return err
	}
	d.train.vary = d.variation
	if d.test, err = openRows(ctx, d.data.Test, d.spec.pipe, d.teacher.test, c); err != nil {
		return err
	}
	if d.data.Val == nil {
		return nil
	}
	targets := d.teacher.targets
	if d.teacher.contract == nil { // nobody can be asked about rows that the store lacks
		if targets, err = d.teacher.covers(ctx, d.data.Val); err != nil {
			return err
		}
	}
	if labelled, err := labelledRows(ctx, d.data.Val); err != nil {
		return err
	} else if targets == nil && len(labelled) == 0 {
		d.note("the validation rows have neither labels nor targets: the last epoch is kept")
		return nil
	}
	d.val, err = openRows(ctx, d.data.Val, d.spec.pipe, targets, c)
	return err
}

// fewSteps is a budget too small to judge a student by.
const fewSteps = 200

// follow trains a fresh copy of the net in one role.
func (d *run) follow(ctx context.Context, role string, train *rows) (*student.Student, *outcome, error) {
	net, err := student.FromModel(d.spec.model, role)
	if err != nil {
		return nil, nil, err
	}
	l, err := d.lossOf(role)
	if err != nil {
		return nil, nil, err
	}
	perEpoch := ceilDiv(d.train.src.Len(), d.recipe.Train.Batch)
	t := d.recipe.Train
	if steps := t.Epochs * perEpoch; t.Warmup >= steps {
		return nil, nil, fault.New(fault.Usage, "", "--warmup", "got %d steps, expected fewer than the %d of the run", t.Warmup, steps)
	}
	schedule, err := optim.Named(t.Schedule, uint64(t.Epochs*perEpoch), uint64(t.Warmup))
	if err != nil {
		return nil, nil, err
	}
	identity, err := d.identity(ctx, role)
	if err != nil {
		return nil, nil, err
	}
	d.env.log(fmt.Sprintf("%s: %s, %d parameters, %d epochs of %d steps, loss %s", role, d.recipe.Student.name(), d.spec.params, t.Epochs, perEpoch, l.Formula()))
	if steps := t.Epochs * perEpoch; role == RoleStudent && steps < fewSteps {
		d.note(fmt.Sprintf("only %d steps in all, which teaches little: raise --epochs or lower --batch", steps))
	}
	c := &course{role: role, recipe: &d.recipe, net: net, train: train, val: d.val, loss: l, perEpoch: perEpoch, run: identity,
		files: checkpointFile{d.work, role}, every: d.env.checkpointEvery(), progress: d.env.Progress, schedule: schedule, note: d.note, tuned: d.spec.from != nil}
	out, err := c.follow(ctx)
	return net, out, err
}

// lossOf is the loss that a role is trained with.
func (d *run) lossOf(role string) (loss.Loss, error) {
	if role == RoleBaseline {
		return loss.New("hard-label", loss.Settings{})
	}
	built, err := d.recipe.Loss.build()
	if err == nil {
		d.result.Provenance.Loss = built.Formula()
	}
	return built, err
}

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
	t, l := d.recipe.Train, d.recipe.Loss
	id := map[string]string{
		"version": d.env.Version, "machine": runtime.GOARCH, "role": role, "architecture": d.recipe.Student.name(), "student preprocess": d.recipe.Student.Prep, "input": d.spec.model.Graph.Inputs[0].Name,
		"freeze": fmt.Sprintf("%q", d.recipe.Student.Freeze), "classes": strconv.Itoa(d.teacher.classes), "transfer rows": digest, "labelled rows": labelled,
		"epochs": strconv.Itoa(t.Epochs), "batch": strconv.Itoa(t.Batch), "optimizer": t.Optimizer, "lr": fmt.Sprint(t.LR),
		"momentum": fmt.Sprint(t.Momentum), "beta1": fmt.Sprint(t.Beta1), "beta2": fmt.Sprint(t.Beta2),
		"weight decay": fmt.Sprint(t.WeightDecay), "decay": fmt.Sprintf("%q", t.Decay),
		"schedule": t.Schedule, "warmup": strconv.Itoa(t.Warmup), "clip": fmt.Sprint(t.Clip), "clip value": fmt.Sprint(t.ClipValue),
		"max norm": fmt.Sprint(t.MaxNorm), "ema": fmt.Sprint(t.EMA), "accumulate": strconv.Itoa(t.Accumulate),
		"patience": strconv.Itoa(t.Patience), "seed": strconv.FormatUint(t.Seed, 10),
	}
	if d.spec.from != nil {
		id["student file"] = d.spec.from.digest
	}
	if augment := d.augment(); augment != "" {
		id["augment"] = augment
	}
	if d.data.Val != nil {
		if id["validation rows"], err = dataset.Digest(ctx, d.data.Val); err != nil {
			return nil, err
		}
	}
	if role == RoleStudent {
		id["targets"] = d.teacher.targets.Content()
		id["loss"] = l.Name
		id["temperature"] = fmt.Sprint(l.Temperature)
		id["alpha"] = fmt.Sprint(l.Alpha)
		id["beta"] = fmt.Sprint(*l.Beta)
	}
	return id, nil
}

// provenance is written into the metadata of student.onnx: where it comes
// from, and nothing that differs between two equal runs.
func (d *run) provenance() []onnx.Entry {
	t, l := d.recipe.Train, d.recipe.Loss
	key := d.teacher.targets.Key()
	e := []onnx.Entry{
		{Key: "version", Value: d.env.Version},
		{Key: "architecture", Value: d.recipe.Student.name()},
		{Key: "teacher", Value: d.teacher.name},
		{Key: "teacher.sha256", Value: key.Teacher},
		{Key: "data.sha256", Value: key.Dataset},
		{Key: "temperature", Value: fmt.Sprint(l.Temperature)},
		{Key: "alpha", Value: fmt.Sprint(l.Alpha)},
		{Key: "beta", Value: fmt.Sprint(*l.Beta)},
		{Key: "seed", Value: strconv.FormatUint(t.Seed, 10)},
		{Key: "epochs", Value: strconv.Itoa(t.Epochs)},
		{Key: export.ClassesKey, Value: export.JoinClasses(d.classNames())},
		{Key: "preprocess", Value: d.spec.pre.String()},
		{Key: "test.rows", Value: strconv.Itoa(d.result.Student.N)},
		{Key: "test.errors", Value: strconv.Itoa(d.result.Student.Errors)},
	}
	if d.spec.from != nil {
		e = append(e, onnx.Entry{Key: "student.sha256", Value: d.spec.from.digest})
	}
	if augment := d.augment(); augment != "" {
		e = append(e, onnx.Entry{Key: "augment", Value: augment})
	}
	slices.SortFunc(e, func(a, b onnx.Entry) int { return strings.Compare(a.Key, b.Key) })
	return e
}

// classNames are the data's names of the classes, else the teacher's, else
// their numbers.
func (d *run) classNames() []string {
	if names := d.data.Transfer.Spec().Classes; len(names) == d.teacher.classes {
		return names
	}
	if c := d.teacher.contract; c != nil && len(c.ClassNames) == d.teacher.classes {
		return c.ClassNames
	}
	names := make([]string, d.teacher.classes)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}
