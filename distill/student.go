package distill

import (
	"cmp"
	"context"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// studentSpec is the net that student and baseline both start from.
type studentSpec struct {
	from   *imported // the file that it begins as; nil for an architecture by name
	model  *onnx.Model
	pipe   *dataset.Pipeline
	pre    dataset.Preprocess
	params int64
	flops  int64
	scale  []float32        // deviation of each number to predict; nil for other tasks
	net    *student.Student // the trained student
}

// designStudent builds the net that student and baseline start from, and pairs
// the rows with what the teacher said of them.
func (d *run) designStudent(ctx context.Context) (err error) {
	s := &d.spec
	var mean []float32
	if mean, s.scale, err = d.unitsOfNumbers(ctx); err != nil {
		return err
	}
	if s.from != nil {
		err = d.importStudent(ctx)
	} else {
		err = d.buildStudent(ctx, mean)
	}
	if err != nil {
		return err
	}
	if s.flops, err = models.FLOPs(s.model); err != nil {
		return err
	}
	return d.openRoles(ctx)
}

// buildStudent builds the architecture by name; mean is that of numbers to
// predict.
func (d *run) buildStudent(ctx context.Context, mean []float32) error {
	in, err := d.studentInput(ctx)
	if err != nil {
		return err
	}
	d.spec.model, d.spec.params, err = d.buildNet(d.recipe.Student.Arch, in, mean)
	return err
}

// studentInput is what a net by name is fed: it takes the teacher's input by
// name and layout, in the data's own units; the normalisation is part of its
// graph.
func (d *run) studentInput(ctx context.Context) (in models.Input, err error) {
	in, asked, err := d.studentShape()
	if err != nil {
		return in, err
	}
	if in.Scale, in.Shift, err = normalisation(ctx, asked, d.data.Transfer); err != nil {
		return in, err
	}
	in.Fill, err = filling(ctx, d.data.Transfer)
	return in, err
}

// studentShape is the input of a student by name and shape, which needs no row,
// and the preprocessing that is asked for.
func (d *run) studentShape() (in models.Input, asked dataset.Preprocess, err error) {
	spec := d.data.Transfer.Spec()
	s := &d.spec
	s.pre = dataset.Preprocess{Layout: dataset.Flat}
	in.Name = "input"
	if spec.Image {
		s.pre.Layout = dataset.NCHW
	}
	if c := d.teacher.contract; c != nil {
		s.pre.Layout, s.pre.Resize = c.Preprocess.Layout, c.Preprocess.Resize
		if c.InputName != "" {
			in.Name = c.InputName
		}
	}
	if d.recipe.Output.InputName != "" {
		in.Name = d.recipe.Output.InputName
	}
	if asked, err = dataset.ParsePreprocess(d.recipe.Student.Prep); err != nil {
		return in, asked, err
	}
	if asked.Layout != "" {
		s.pre.Layout = asked.Layout
	}
	if len(asked.Resize) > 0 {
		s.pre.Resize = asked.Resize
	}
	if s.pipe, err = s.pre.Compile(spec); err != nil {
		return in, asked, err
	}
	in.Shape, in.NHWC = s.pipe.OutShape(), s.pre.Layout == dataset.NHWC
	asked.Layout, asked.Resize = s.pre.Layout, s.pre.Resize
	return in, asked, nil
}

// buildNet builds arch for rows like in, with its trained parameters counted.
// Numbers to predict, whose means are given, get their units in the graph.
func (d *run) buildNet(arch string, in models.Input, mean []float32) (m *onnx.Model, params int64, err error) {
	if m, err = models.Build(arch, in, d.teacher.classes, d.recipe.Train.Seed); err != nil {
		return nil, 0, err
	}
	if d.task == dataset.Regression {
		if err := models.Suffix(m, "values", d.spec.scale, mean); err != nil {
			return nil, 0, err
		}
	}
	if params, err = models.Count(m); err != nil || len(d.recipe.Student.Freeze) == 0 {
		return m, params, err
	}
	net, err := student.FromModel(m, arch)
	if err != nil {
		return nil, 0, err
	}
	if err := d.freeze(net); err != nil {
		return nil, 0, err
	}
	return net.Model(), params, nil
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

// filling is what takes the place of missing values in a student's graph: the
// mean of the others of the feature. It is nil where none is missing.
func filling(ctx context.Context, src dataset.Source) ([]float32, error) {
	if !src.Spec().Missing {
		return nil, nil
	}
	mean, _, err := dataset.Stats(ctx, src)
	return mean, err
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
