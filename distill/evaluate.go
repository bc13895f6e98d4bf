package distill

import (
	"context"
	"math"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// Predictor gives logits or numbers: a native student, or a model in ONNX
// Runtime.
type Predictor interface {
	// Predict puts the outputs of the n rows in x into out, (n, C).
	Predict(ctx context.Context, x []float32, n int, out []float32) error
}

const evalBatch = 256

// predict puts the outputs of net for the rows of m into z; a model that takes raw rows
// has their texts too.
func predict(ctx context.Context, net Predictor, m *mini, z []float32) error {
	if model, ok := net.(*Model); ok {
		return model.PredictRows(ctx, &m.raw, z)
	}
	return net.Predict(ctx, m.x, m.n, z)
}

// evaluate scores net on every row of r.
func evaluate(ctx context.Context, net Predictor, r *rows) (metrics.Result, error) {
	var z []float32
	return score(ctx, r, func(m *mini) ([]float32, error) {
		z = grow(z, m.n*r.classes)
		return z, answer(ctx, net, m, z)
	})
}

// answer is predict that finds the outputs of a net which training has ruined.
func answer(ctx context.Context, net Predictor, m *mini, z []float32) error {
	if err := predict(ctx, net, m, z); err != nil {
		return err
	}
	if _, trained := net.(*student.Student); trained {
		for _, v := range z {
			if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
				return fault.New(fault.Diverged, "", "", "the net's outputs are not finite")
			}
		}
	}
	return nil
}

// evaluateTeacher scores what the target store says on every row of r.
func evaluateTeacher(ctx context.Context, r *rows) (metrics.Result, error) {
	return score(ctx, r, func(m *mini) ([]float32, error) { return m.teacher, nil })
}

// score measures what answer says of every row of r.
func score(ctx context.Context, r *rows, answer func(m *mini) ([]float32, error)) (metrics.Result, error) {
	scorer, err := metrics.NewScorer(r.task, r.classes)
	if err != nil {
		return metrics.Result{}, err
	}
	err = eachBatch(ctx, r, func(m *mini) error {
		out, err := answer(m)
		if err != nil {
			return err
		}
		return scorer.Score(m.scored(out))
	})
	if err != nil {
		return metrics.Result{}, err
	}
	return scorer.Result(), nil
}

// scored is out with what is known of the rows of m.
func (m *mini) scored(out []float32) metrics.Rows {
	return metrics.Rows{Out: out, Labels: m.labels, Values: m.values, Teacher: m.teacher}
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

// Evaluate scores m, which takes raw rows, on src. targets adds the agreement
// with a teacher and may be nil.
func Evaluate(ctx context.Context, m *Model, src dataset.Source, targets *store.Store) (metrics.Result, error) {
	if err := sameTask(src.Spec(), m.Task, m.Classes); err != nil {
		return metrics.Result{}, err
	}
	if targets != nil {
		if got := dataset.Task(targets.Key().Task); got != m.Task {
			return metrics.Result{}, fault.New(fault.Input, targets.Dir(), "task", "the targets are of %s, the model is of %s", got, m.Task)
		}
	}
	r, err := openRows(ctx, src, nil, targets, m.Task, m.Classes)
	if err != nil {
		return metrics.Result{}, err
	}
	return evaluate(ctx, m, r)
}

// EachOutput calls f with what m gives each row of src, in order: logits or
// numbers.
func EachOutput(ctx context.Context, m *Model, src dataset.Source, f func(z []float32) error) error {
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
