package teacher

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// settleBatch finds how many rows a call may have and returns the outputs of
// the first such call.
func (t *Teacher) settleBatch(ctx context.Context, c *Contract, e *encoder, l *look) ([]ort.Value, error) {
	c.Batch = DefaultBatch
	if t.o.Batch > 0 {
		c.Batch = t.o.Batch
	}
	n := min(l.n, c.Batch)
	var b encoded
	e.encode(&b, l.x, n)
	if fixed := e.plan.fixed; fixed > 0 {
		c.FixedBatch = fixed
		c.why("batch: %d, declared", fixed)
		if err := t.open(ctx, t.outputs, fixed); err != nil {
			return nil, err
		}
		values, err := t.run(ctx, b.values)
		if err == nil && t.anyColumns(values, n, l.spec) || fixed > 1 || isTeacher(err) {
			return values, err
		}
		return t.rowByRow(ctx, c, b.values, n, err)
	}
	values, err := t.run(ctx, b.values)
	if err == nil {
		var why string
		if values, why, err = t.checkRows(ctx, c, e, l, values, n); err != nil {
			return nil, err
		}
		if why == "" {
			c.why("batch: any, %d rows a call", c.Batch)
			return values, nil
		}
		c.why("batch: 1, for %s", why)
	} else {
		if ctx.Err() != nil || n == 1 {
			return nil, err
		}
		c.why("batch: 1, though declared free: %d rows at once fail: %v", n, err)
	}
	c.FixedBatch = 1
	if again := t.open(ctx, t.outputs, 1); again != nil {
		return nil, again
	}
	values, again := t.run(ctx, b.values)
	if again == nil && t.anyColumns(values, n, l.spec) {
		return values, nil
	}
	return t.rowByRow(ctx, c, b.values, n, again)
}

// rowByRow runs a model whose outputs have no axis for the batch. err is what
// the attempt before gave; it stands when this fails too.
func (t *Teacher) rowByRow(ctx context.Context, c *Contract, in []ort.Value, n int, err error) ([]ort.Value, error) {
	if ctx.Err() != nil || isTeacher(err) {
		return nil, err
	}
	if again := t.open(ctx, t.outputs, 0); again != nil {
		return nil, again
	}
	values, again := t.single(ctx, in, n)
	if again != nil {
		if err != nil {
			again = err
		}
		return nil, again
	}
	c.FixedBatch, c.Single = 1, true
	return values, nil
}

// anyColumns tells whether an output gives what can be taught for n rows: one
// of scores, or of labels where there are no others.
func (t *Teacher) anyColumns(values []ort.Value, n int, spec dataset.Spec) bool {
	labels := !slices.ContainsFunc(values, scored)
	return slices.ContainsFunc(values, func(v ort.Value) bool {
		_, err := t.width(v, n, spec)
		return err == nil || labels && oneLabel(v, n)
	})
}

// checkRows requires that the outputs have a row for each of the n rows, and
// that a row alone gives what it gives in company. It says what is wrong, and
// returns copies of values.
func (t *Teacher) checkRows(ctx context.Context, c *Contract, e *encoder, l *look, values []ort.Value, n int) (kept []ort.Value, why string, err error) {
	for _, v := range values {
		v.Data, v.Shape, v.Strings = slices.Clone(v.Data), slices.Clone(v.Shape), slices.Clone(v.Strings)
		kept = append(kept, v)
	}
	if n == 1 {
		return kept, "", nil
	}
	if !t.anyColumns(kept, n, l.spec) {
		shapes := make([]string, len(kept))
		for i, v := range kept {
			shapes[i] = shapeText(v.Shape)
		}
		return kept, fmt.Sprintf("%d rows give outputs of shape %s", n, strings.Join(shapes, " and ")), nil
	}
	size := l.spec.Size()
	var b encoded
	for _, r := range []int{0, n - 1} {
		e.encode(&b, l.x[r*size:(r+1)*size], 1)
		alone, err := t.run(ctx, b.values)
		if err != nil {
			return nil, "", err
		}
		for i, v := range kept {
			cols, err := t.width(v, n, l.spec)
			if err != nil {
				continue
			}
			got, want := scores(nil, alone[i]), scores(nil, v)[r*cols:(r+1)*cols]
			if d, ok := differ(got, want); ok {
				return kept, fmt.Sprintf("a row's output depends on the rows beside it (by %.2g)", d), nil
			}
		}
	}
	return kept, "", nil
}

// differ tells whether two outputs for one row differ by more than rounding.
func differ(a, b []float32) (by float64, yes bool) {
	if len(a) != len(b) {
		return math.Inf(1), true
	}
	span := 0.0
	for i := range a {
		if math.IsNaN(float64(a[i])) || math.IsNaN(float64(b[i])) {
			continue // reported later, with its row
		}
		span = max(span, math.Abs(float64(b[i])))
		by = max(by, math.Abs(float64(a[i])-float64(b[i])))
	}
	return by, by > 1e-3*span+1e-5
}
