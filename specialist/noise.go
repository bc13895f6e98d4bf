package specialist

import (
	"context"
	"math/rand/v2"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
)

// noiseSource are random rows: normal values, of a row with a deviation of 1, 16 or
// 256, since nothing tells what is usual for the model.
type noiseSource struct{ spec dataset.Spec }

// noise are random rows for the model at path.
func noise(path string) (dataset.Source, error) {
	st, err := student.Load(path)
	if err != nil {
		return nil, err
	}
	if st.InputType() != onnx.Float32 {
		return nil, fault.New(fault.Usage, path, "input "+st.InputName(), "is of %s, expected rows to prove the export on (--data): random ones would be no tokens", st.InputType())
	}
	var d []int
	for _, n := range st.InputShape() {
		if n != 1 {
			d = append(d, n)
		}
	}
	switch len(d) {
	case 0:
		return &noiseSource{dataset.Spec{Shape: []int{1}}}, nil
	case 1:
		return &noiseSource{dataset.Spec{Shape: d}}, nil
	case 2:
		return &noiseSource{dataset.Spec{Shape: []int{d[0], d[1], 1}, Image: true}}, nil
	case 3: // channels first
		return &noiseSource{dataset.Spec{Shape: []int{d[1], d[2], d[0]}, Image: true}}, nil
	}
	return nil, fault.New(fault.Usage, path, "input "+st.InputName(), "has shape %v, expected rows to prove the export on (--data)", st.InputShape())
}

func (s *noiseSource) Spec() dataset.Spec { return s.spec }
func (s *noiseSource) Len() int           { return parityRows }
func (s *noiseSource) Close() error       { return nil }

// Read draws each row from its own generator.
func (s *noiseSource) Read(_ context.Context, rows []int, b *dataset.Batch) error {
	b.ResetTo(len(rows), s.spec)
	size := s.spec.Size()
	for j, i := range rows {
		rng := rand.New(rand.NewPCG(uint64(i), 5))
		for k := range size {
			b.X[j*size+k] = float32(rng.NormFloat64() * []float64{1, 16, 256}[i%3])
		}
		b.Y[j] = dataset.Unlabelled
	}
	return nil
}

// inputs gives raw rows of spec as the model at path takes them.
func inputs(path string, spec dataset.Spec) (func(rows *dataset.Batch) ort.Value, error) {
	st, err := student.Load(path)
	if err != nil {
		return nil, err
	}
	pre, err := distill.InputOf(st.InputShape(), spec)
	if err != nil {
		return nil, fault.New(fault.Input, path, "input "+st.InputName(), "%w", err)
	}
	pipe, err := pre.Compile(spec)
	if err != nil {
		return nil, err
	}
	return func(rows *dataset.Batch) ort.Value {
		x := make([]float32, rows.N*pipe.OutSize())
		pipe.Apply(x, rows.X, rows.N)
		shape := []int64{int64(rows.N)}
		for _, d := range st.InputShape() {
			shape = append(shape, int64(d))
		}
		return export.Input(st.InputType(), shape, x)
	}, nil
}
