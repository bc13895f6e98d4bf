package distill

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/teacher"
)

// imported is a student that begins as a file with its weights, to be
// fine-tuned.
type imported struct {
	path     string
	digest   string
	net      *student.Student
	ours     bool // exported by kdonnx: takes rows as they are
	stripped bool // its last Softmax or Sigmoid was left out
}

// File is the .onnx file that the student begins as; "" for an architecture
// by name.
func (s StudentRecipe) File() string {
	if strings.HasSuffix(strings.ToLower(s.Arch), ".onnx") {
		return s.Arch
	}
	return ""
}

// name is the student for people: the architecture, or the file's own name.
func (s StudentRecipe) name() string {
	if f := s.File(); f != "" {
		return filepath.Base(f)
	}
	return s.Arch
}

// openStudent reads the file that the student begins as, if it does, and
// refuses one that cannot be trained before any other work is spent.
func (d *run) openStudent(context.Context) error {
	path := d.recipe.Student.File()
	if path == "" {
		return nil
	}
	m, err := onnx.Read(path, onnx.ReadOptions{Weights: true, Strict: true})
	if err != nil {
		return err
	}
	s := &imported{path: path}
	if s.digest, err = onnx.Digest(path); err != nil {
		return err
	}
	_, s.ours = m.Meta(MetaVersion)
	if s.stripped = student.DropSoftmax(m); s.stripped {
		d.note(fmt.Sprintf("student: %s ends in Softmax, which is left out: the student gives logits", path))
	}
	if d.expects() == dataset.MultiLabel && student.DropSigmoid(m) {
		s.stripped = true
		d.note(fmt.Sprintf("student: %s ends in Sigmoid, which is left out: the student gives logits", path))
	}
	if s.net, err = student.FromModel(m, path); err != nil {
		return err
	}
	if _, err := InputOf(s.net.InputShape(), d.data.Transfer.Spec()); err != nil && d.recipe.Student.Prep == "" {
		return s.misfit(err)
	}
	if d.spec.params, err = models.Count(m); err != nil {
		return err
	}
	d.spec.from = s
	return d.freeze(s.net)
}

func (s *imported) misfit(err error) error {
	return fault.New(fault.Input, s.path, fmt.Sprintf("graph input %q", s.net.InputName()), "%w", err)
}

// freeze stops the training of what the recipe names.
func (d *run) freeze(net *student.Student) error {
	patterns := d.recipe.Student.Freeze
	if len(patterns) == 0 {
		return nil
	}
	if err := net.Freeze(patterns...); err != nil {
		return fault.New(fault.Usage, "", "--freeze", "%w", err)
	}
	return nil
}

// importStudent makes the imported student take the data's rows: its own
// preprocessing, as asked for or found out as for a teacher, goes into its
// graph, but for layout and size.
func (d *run) importStudent(ctx context.Context) error {
	s, from, spec := &d.spec, d.spec.from, d.data.Transfer.Spec()
	if got := from.net.Classes(); got != d.teacher.classes {
		return fault.New(fault.Input, from.path, fmt.Sprintf("graph output %q", from.net.OutputName()),
			"has %d values a row, expected %d, one for each class of the teacher", got, d.teacher.classes)
	}
	pre, err := d.inputWanted(ctx)
	if err != nil {
		return err
	}
	s.pre, err = inputAs(dataset.Preprocess{Layout: pre.Layout, Resize: pre.Resize}, from.net.InputShape(), spec)
	if err != nil {
		return from.misfit(err)
	}
	if s.pipe, err = s.pre.Compile(spec); err != nil {
		return err
	}
	in := models.Input{Name: from.net.InputName(), Shape: from.net.InputShape(), NHWC: s.pre.Layout == dataset.NHWC}
	if d.recipe.Output.InputName != "" {
		in.Name = d.recipe.Output.InputName
	}
	pre.Layout, pre.Resize = s.pre.Layout, s.pre.Resize
	if pre.Scale != 0 || len(pre.Mean) > 0 || len(pre.Std) > 0 {
		if in.Scale, in.Shift, err = affine(pre, spec); err != nil {
			return err
		}
	}
	s.model = from.net.Model()
	if !fillsItself(s.model) {
		if in.Fill, err = filling(ctx, d.data.Transfer); err != nil {
			return err
		}
	}
	return models.Prefix(s.model, in)
}

// fillsItself tells whether a model looks for missing values in its input.
func fillsItself(m *onnx.Model) bool {
	return slices.ContainsFunc(m.Graph.Nodes, func(n *onnx.Node) bool {
		return n.OpType == "IsNaN" && len(n.Inputs) == 1 && n.Inputs[0] == m.Graph.Inputs[0].Name
	})
}

// inputWanted is what the imported student's input wants of raw rows: what
// the recipe says, raw rows for an earlier export, else what a few rows in ONNX
// Runtime show, as for a teacher.
func (d *run) inputWanted(ctx context.Context) (dataset.Preprocess, error) {
	from, t := d.spec.from, d.recipe.Teacher
	asked, err := dataset.ParsePreprocess(d.recipe.Student.Prep)
	if err != nil || d.recipe.Student.Prep != "" || from.ours {
		return asked, err
	}
	if _, missing := ort.Find(t.Library); ort.Available() != nil || missing != nil {
		d.note("student: " + from.path + " is fed raw rows, for there is no ONNX Runtime to try others: --student-preprocess says otherwise")
		return asked, nil
	}
	probe := TeacherRecipe{ModelRecipe: ModelRecipe{Model: from.path}, Provider: "cpu", Library: t.Library, Threads: t.Threads, Timeout: t.Timeout, Memory: t.Memory}
	m, closeModel, err := OpenTeacher(ctx, &probe, d.env.Cache)
	if err != nil {
		return asked, err
	}
	defer closeModel()
	m.NameRows(d.recipe.Data.Train)
	c, err := m.Detect(ctx, d.probeRows())
	if err != nil {
		return asked, err
	}
	if slices.Contains([]teacher.Kind{teacher.Probabilities, teacher.Sigmoids}, c.Kind) && !from.stripped {
		return asked, fault.New(fault.Input, from.path, fmt.Sprintf("graph output %q", from.net.OutputName()),
			"gives probabilities, and not by a last Softmax or Sigmoid, expected logits to train")
	}
	for _, line := range c.Why {
		d.env.log("student: " + line)
	}
	return c.Preprocess, nil
}
