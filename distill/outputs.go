package distill

import (
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/report/stream"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// checkOutputs refuses outputs that cannot be written, that are one file, or
// that are a file which the run reads.
func (r *Recipe) checkOutputs() error {
	read := []struct{ path, is string }{
		{r.Teacher.ClassMap, "the class map"}, {r.Data.LabelMap, "the label map"}, {r.Student.File(), "the student to begin with"}, {r.Teacher.Library, "the ONNX Runtime library"}, {dataset.PathOf(r.Data.Train), "the training rows"},
		{dataset.PathOf(r.Data.Unlabelled), "the unlabelled rows"}, {dataset.PathOf(r.Data.Val), "the validation rows"}, {dataset.PathOf(r.Data.Test), "the test rows"},
	}
	for _, path := range r.Teacher.files() {
		read = append(read, struct{ path, is string }{path, "the teacher"})
	}
	written := []struct{ flag, path string }{{"-o", r.Output.Model}, {"--report", r.Output.Report}, {"--metrics", r.Output.Metrics}, {"--csv", r.Output.CSV}, {"--stream", r.Output.Stream}}
	for i, w := range written {
		for _, f := range read {
			if sameFile(w.path, f.path) {
				return fault.New(fault.Usage, w.path, w.flag, "the output is %s, expected another file", f.is)
			}
		}
		for _, other := range written[:i] {
			if filepath.Clean(w.path) == filepath.Clean(other.path) || sameFile(w.path, other.path) {
				return fault.New(fault.Usage, w.path, w.flag, "the file is two outputs, %s too, expected another file", other.flag)
			}
		}
		if err := durable.Writable(w.path); err != nil {
			return err
		}
	}
	if dir := r.Output.TensorBoard; dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fault.New(fault.IO, dir, "--tensorboard", "cannot create the folder: %w", err)
		}
		return durable.Writable(filepath.Join(dir, stream.EventFile))
	}
	return nil
}

func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

// cleanOutputs removes the temporaries that killed runs left of the outputs.
// Those of other files in the same folders may be in use.
func (r *Recipe) cleanOutputs() error {
	for _, path := range []string{r.Output.Model, r.Output.Report, r.Output.Metrics, r.Output.CSV} {
		err := durable.Clean(filepath.Dir(path), func(name string) bool { return name == filepath.Base(path) })
		if err != nil {
			return err
		}
	}
	return nil
}
