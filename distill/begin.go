package distill

import (
	"context"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/student"
)

// Begin is the net that the training t begins as, before any step: of an
// architecture by name the fresh one, of a file its weights, which take the
// rows as the trained net does.
func (s *Session) Begin(ctx context.Context, t Trial) (*Trained, error) {
	d, err := s.run(ctx, t)
	if err != nil {
		return nil, Interrupted(ctx, err)
	}
	if d.spec.net, err = student.FromModel(d.spec.model, d.recipe.Student.name()); err != nil {
		return nil, err
	}
	return &Trained{Net: d.spec.net, Params: d.spec.params, FLOPs: d.spec.flops, Epoch: d.epochRows(), Notes: d.result.Notes, ran: d}, nil
}

// Widened is the net whose widths are those of arch but for one factor, and whose
// trained parameters come nearest to params, for the rows of the session: see
// models.Widened. An arch without widths is a fault of kind Usage.
func (s *Session) Widened(ctx context.Context, arch string, params int64) (string, error) {
	shape, err := models.Widened(arch)
	if err != nil {
		return "", err
	}
	o := s.opened
	d := &run{recipe: o.recipe, data: o.data, teacher: o.teacher}
	in, err := d.studentInput(ctx)
	if err != nil {
		return "", err
	}
	spec, _, err := shape.Nearest(params, in, d.teacher.classes)
	return spec, err
}

// Classes are the names of the classes of the session: the rows' where they
// have labels, else the teacher's.
func (s *Session) Classes() []string { return s.opened.classNames() }

// Answers calls f with what the teacher said of each row of src, in order: the
// logits of its classes, which f must not keep. The rows are among those of the
// session. Without a teacher it is never called.
func (s *Session) Answers(ctx context.Context, src dataset.Source, f func(z []float32) error) error {
	d := s.opened
	if d.teacher.targets == nil {
		return nil
	}
	r, err := openRows(ctx, src, nil, d.teacher.targets, d.task, d.teacher.classes)
	if err != nil {
		return err
	}
	return eachBatch(ctx, r, func(m *mini) error { return eachRow(m.teacher, r.classes, f) })
}

// Outputs calls f with what the net gives each row of src, in order: its logits,
// which f must not keep.
func (t *Trained) Outputs(ctx context.Context, src dataset.Source, f func(z []float32) error) error {
	r := &rows{src: src, pipe: t.ran.spec.pipe, task: t.ran.task, classes: t.Net.Classes()}
	var z []float32
	return eachBatch(ctx, r, func(m *mini) error {
		z = grow(z, m.n*r.classes)
		if err := answer(ctx, t.Net, m, z); err != nil {
			return err
		}
		return eachRow(z, r.classes, f)
	})
}

// eachRow calls f with the rows of z, (n, c).
func eachRow(z []float32, c int, f func(z []float32) error) error {
	for ; len(z) > 0; z = z[c:] {
		if err := f(z[:c]); err != nil {
			return err
		}
	}
	return nil
}

// Export writes the net, with bias added to its logits where that is not nil, to
// path once ONNX Runtime reproduces it on the first rows that it learned from;
// where the recipe says unverified, the name must, see export.WriteUnverified.
func (t *Trained) Export(ctx context.Context, path string, bias []float32) error {
	net, d := t.Net, t.ran
	if bias != nil {
		m := net.Model()
		if err := models.AddBias(m, bias); err != nil {
			return err
		}
		var err error
		if net, err = student.FromModel(m, path); err != nil {
			return err
		}
	}
	if d.recipe.Output.Unverified {
		return export.WriteUnverified(net, path, d.provenance())
	}
	x, n, err := firstRows(ctx, d.train, parityRows)
	if err != nil {
		return err
	}
	p, err := export.Write(ctx, net, path, x, n, export.Options{Library: d.recipe.Teacher.Library, Metadata: d.provenance(), Task: d.task})
	if err == nil {
		d.env.log("export: parity with ONNX Runtime " + p.Library + ": " + p.String())
	}
	return err
}
