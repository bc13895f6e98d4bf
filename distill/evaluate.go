package distill

import (
	"context"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// Predictor gives logits: a native student, or a model in ONNX Runtime.
type Predictor interface {
	// Predict puts the logits of the n rows in x into out, (n, C).
	Predict(ctx context.Context, x []float32, n int, out []float32) error
}

const evalBatch = 256

// predict puts the logits of the rows of m into z; a model that takes raw rows
// has their texts too.
func predict(ctx context.Context, net Predictor, m *mini, z []float32) error {
	if model, ok := net.(*Model); ok {
		return model.PredictRows(ctx, &m.raw, z)
	}
	return net.Predict(ctx, m.x, m.n, z)
}

// evaluate scores net on every row of r.
func evaluate(ctx context.Context, net Predictor, r *rows) (metrics.Result, error) {
	acc, err := metrics.NewAccumulator(r.classes)
	if err != nil {
		return metrics.Result{}, err
	}
	err = eachBatch(ctx, r, func(m *mini) error {
		z := make([]float32, m.n*r.classes)
		if err := predict(ctx, net, m, z); err != nil {
			return err
		}
		return acc.Add(z, m.labels, m.teacher)
	})
	if err != nil {
		return metrics.Result{}, err
	}
	return acc.Result(), nil
}

// evaluateTeacher scores what the target store says on every row of r.
func evaluateTeacher(ctx context.Context, r *rows) (metrics.Result, error) {
	acc, err := metrics.NewAccumulator(r.classes)
	if err != nil {
		return metrics.Result{}, err
	}
	err = eachBatch(ctx, r, func(m *mini) error { return acc.Add(m.teacher, m.labels, m.teacher) })
	if err != nil {
		return metrics.Result{}, err
	}
	return acc.Result(), nil
}

// eachBatch calls f with every row of r in order, evalBatch at a time.
func eachBatch(ctx context.Context, r *rows, f func(m *mini) error) error {
	m, order := &mini{}, make([]int, 0, evalBatch)
	for lo := 0; lo < r.src.Len(); lo += evalBatch {
		if err := ctx.Err(); err != nil {
			return err
		}
		order = order[:0]
		for i := lo; i < min(lo+evalBatch, r.src.Len()); i++ {
			order = append(order, i)
		}
		if err := r.read(ctx, order, m); err != nil {
			return err
		}
		if err := f(m); err != nil {
			return err
		}
	}
	return nil
}

// Evaluate scores p, which takes raw rows, on src. targets adds the agreement
// with a teacher and may be nil.
func Evaluate(ctx context.Context, p Predictor, src dataset.Source, classes int, targets *store.Store) (metrics.Result, error) {
	r, err := openRows(ctx, src, nil, targets, classes)
	if err != nil {
		return metrics.Result{}, err
	}
	return evaluate(ctx, p, r)
}

// EachLogits calls f with the logits that m gives each row of src, in order.
func EachLogits(ctx context.Context, m *Model, src dataset.Source, f func(z []float32) error) error {
	var z []float32
	return eachBatch(ctx, &rows{src: src, classes: m.Classes}, func(b *mini) error {
		z = grow(z, b.n*m.Classes)
		if err := m.PredictRows(ctx, &b.raw, z); err != nil {
			return err
		}
		for i := range b.n {
			if err := f(z[i*m.Classes : (i+1)*m.Classes]); err != nil {
				return err
			}
		}
		return nil
	})
}

// firstRows reads up to n rows of r as the student takes them, for parity.
func firstRows(ctx context.Context, r *rows, n int) (x []float32, rows int, err error) {
	n = min(n, r.src.Len())
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	m := &mini{}
	err = r.read(ctx, order, m)
	return m.x, n, err
}
