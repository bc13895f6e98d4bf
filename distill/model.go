package distill

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/teacher"
)

// Engines that run a model.
const (
	EngineORT    = "ort"    // ONNX Runtime, any .onnx classifier
	EngineNative = "native" // pure Go, what a student can be
)

// Model gives logits or numbers of raw rows, whichever engine runs it.
type Model struct {
	Task       dataset.Task
	Classes    int      // values of a row: classes, labels or numbers
	ClassNames []string // names of these; nil when the file does not name them
	Lines      []string // what was concluded of an ONNX Runtime model, and why
	logits     func(ctx context.Context, rows *dataset.Batch, out []float32) error
	latency    func(ctx context.Context, rows *dataset.Batch) (time.Duration, error)
	close      func()
}

// Predict puts what the model gives the n raw rows in x, which have no texts,
// into out, (n, Classes).
func (m *Model) Predict(ctx context.Context, x []float32, n int, out []float32) error {
	return m.logits(ctx, &dataset.Batch{N: n, X: x}, out)
}

// PredictRows puts what the model gives raw rows into out, (N, Classes).
func (m *Model) PredictRows(ctx context.Context, rows *dataset.Batch, out []float32) error {
	return m.logits(ctx, rows, out)
}

// Latency is the median time of the first row of rows by itself, measured as
// export.Latency does: ONNX Runtime inside its process on as many threads as
// the recipe says, or natively with the row's preprocessing.
func (m *Model) Latency(ctx context.Context, rows *dataset.Batch) (time.Duration, error) {
	return m.latency(ctx, rows)
}

// Close ends the process that runs the model, if there is one.
func (m *Model) Close() { m.close() }

// OpenModel opens the .onnx file that t names for rows like those of src.
// An exported student says in its metadata that it takes raw rows and gives
// logits, or numbers; of other models this is detected.
// rows is what faults call those of src, such as their file.
func OpenModel(ctx context.Context, engine string, t TeacherRecipe, src dataset.Source, rows, cache string) (*Model, error) {
	file, err := onnx.Read(t.Model, onnx.ReadOptions{})
	if err != nil {
		return nil, err
	}
	labels, err := labelOptions(file)
	if err != nil {
		return nil, fault.At(t.Model, err)
	}
	names := slices.Concat(labels.Classes, labels.Targets)
	task, _, err := dataset.ParseTask(labels.Task)
	if err != nil {
		return nil, fault.At(t.Model, err)
	}
	if _, ours := file.Meta(MetaVersion); ours {
		if t.Input == "auto" {
			t.Input = "raw"
		}
		if t.Task == "auto" || t.Task == "" {
			t.Task = task.String()
		}
		if t.Kind == "auto" && task == dataset.Regression {
			t.Kind = string(teacher.Values)
		} else if t.Kind == "auto" {
			t.Kind = string(teacher.Logits)
		}
	}
	switch engine {
	case EngineNative:
		return openNative(t.Model, src.Spec(), task, names)
	case EngineORT:
	default:
		return nil, fault.New(fault.Usage, "", "--engine", "got %q, expected %s or %s", engine, EngineORT, EngineNative)
	}
	m, closeTeacher, err := OpenTeacher(ctx, &t, cache)
	if err != nil {
		return nil, err
	}
	m.NameRows(rows)
	c, err := m.Detect(ctx, src)
	if err != nil {
		closeTeacher()
		return nil, err
	}
	if len(names) == 0 {
		names = c.ClassNames
	}
	return &Model{Task: c.Task, Classes: c.Classes, ClassNames: names, Lines: c.Lines(), logits: m.Logits, close: closeTeacher,
		latency: func(ctx context.Context, rows *dataset.Batch) (time.Duration, error) {
			l, err := m.Latency(ctx, rows, export.LatencyTime)
			return l[0].Median, err
		}}, nil
}

// openNative runs a student in this process, on raw rows in the layout and
// size that its input has.
func openNative(path string, spec dataset.Spec, task dataset.Task, names []string) (*Model, error) {
	st, err := student.Load(path)
	if err != nil {
		return nil, err
	}
	pre, err := InputOf(st.InputShape(), spec)
	if err != nil {
		return nil, fault.New(fault.Input, path, fmt.Sprintf("graph input %q", st.InputName()), "%w", err)
	}
	pipe, err := pre.Compile(spec)
	if err != nil {
		return nil, err
	}
	var x []float32
	net := st.Predictor()
	logits := func(ctx context.Context, rows *dataset.Batch, out []float32) error {
		x = grow(x, rows.N*pipe.OutSize())
		pipe.Apply(x, rows.X, rows.N)
		return net.Predict(ctx, x, rows.N, out)
	}
	return &Model{Task: task, Classes: st.Classes(), ClassNames: names, logits: logits, close: func() {},
		latency: func(ctx context.Context, rows *dataset.Batch) (time.Duration, error) {
			one, out := dataset.Batch{N: 1, X: rows.X[:spec.Size()]}, make([]float32, st.Classes())
			l, err := ort.Measure(ctx, export.LatencyTime, func() error { return logits(ctx, &one, out) })
			return l.Median, err
		}}, nil
}

// InputOf finds the layout, and for images the size, in which rows of spec have
// the shape that a model wants.
func InputOf(want []int, spec dataset.Spec) (dataset.Preprocess, error) {
	return inputAs(dataset.Preprocess{}, want, spec)
}

// inputAs is InputOf where layout or size may be asked for.
func inputAs(asked dataset.Preprocess, want []int, spec dataset.Spec) (dataset.Preprocess, error) {
	tries := []dataset.Preprocess{{Layout: dataset.NCHW}, {Layout: dataset.NHWC}, {Layout: dataset.Flat}}
	if spec.Image && len(want) == 3 {
		tries = append(tries, dataset.Preprocess{Layout: dataset.NCHW, Resize: want[1:]}, dataset.Preprocess{Layout: dataset.NHWC, Resize: want[:2]})
	}
	for _, pre := range tries {
		if asked.Layout != "" && pre.Layout != asked.Layout {
			continue
		}
		if len(asked.Resize) > 0 {
			pre.Resize = asked.Resize
		}
		if pipe, err := pre.Compile(spec); err == nil && sameAxes(pipe.OutShape(), want) {
			return pre, nil
		}
	}
	return dataset.Preprocess{}, fmt.Errorf("got rows of shape %v, expected %v", spec.Shape, want)
}

// sameAxes compares shapes without their axes of 1, which move no value.
func sameAxes(a, b []int) bool {
	long := func(s []int) []int { return slices.DeleteFunc(slices.Clone(s), func(d int) bool { return d == 1 }) }
	return slices.Equal(long(a), long(b))
}
