package teacher

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// settleBatch finds how many rows a call may have and returns the outputs of
// the first such call.
func (t *Teacher) settleBatch(ctx context.Context, c *Contract, e *encoder, l *look) ([]ort.Value, error) {
	c.Batch = usualBatch(e.pipe.OutSize(), c.Provider)
	if t.o.Batch > 0 {
		c.Batch = t.o.Batch
	}
	n := min(l.n, c.Batch)
	var b encoded
	rows := someOf(&l.b, 0, n)
	if err := t.openBatch(ctx, e, &b, rows, e.plan.fixed); err != nil {
		return nil, t.badRow(err, rows, func(i int) int { return l.origin(l.rows[i]) })
	}
	if e.plan.bare {
		c.FixedBatch, c.Single = 1, true
		return t.single(ctx, &b, n, func(one []ort.Value) ([]ort.Value, error) { return t.run(ctx, one) })
	}
	if fixed := e.plan.fixed; fixed > 0 {
		c.FixedBatch = fixed
		c.why("batch: %d, declared", fixed)
		values, err := t.run(ctx, b.values)
		if err == nil && t.anyColumns(values, n, l.spec) || fixed > 1 || isTeacher(err) {
			return values, err
		}
		return t.rowByRow(ctx, c, e, &b, rows, err)
	}
	values, err := t.run(ctx, b.values)
	if err == nil {
		var why string
		if values, why, err = t.checkRows(ctx, c, e, l, values, n); err != nil {
			if ctx.Err() != nil || fault.KindOf(err) != fault.Input {
				return nil, err
			}
			return t.onlyTogether(ctx, c, e, l.spec, rows, values, err)
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
	if again := t.openBatch(ctx, e, &b, rows, 1); again != nil {
		return nil, again
	}
	values, again := t.run(ctx, b.values)
	if again == nil && t.anyColumns(values, n, l.spec) {
		return values, nil
	}
	if values, why, some := t.someRows(ctx, c, e, l, again); some != nil || values != nil {
		if some == nil {
			c.Why[len(c.Why)-1] = why
		}
		return values, some
	}
	return t.rowByRow(ctx, c, e, &b, rows, again)
}

// openBatch opens the model for calls of batch rows, and encodes rows for it.
func (t *Teacher) openBatch(ctx context.Context, e *encoder, b *encoded, rows *dataset.Batch, batch int) error {
	if t.opened.Batch != batch {
		if err := t.open(ctx, t.outputs, batch); err != nil {
			return err
		}
	}
	e.batch = batch
	return e.encode(b, rows)
}

// onlyTogether settles for the number of rows that ran, and gave values, where
// one alone does not run. The rows backwards must give the values backwards.
func (t *Teacher) onlyTogether(ctx context.Context, c *Contract, e *encoder, spec dataset.Spec, rows *dataset.Batch, values []ort.Value, alone error) ([]ort.Value, error) {
	n := rows.N
	off, err := t.turned(ctx, e, spec, rows, values, n)
	if err != nil {
		return nil, err
	}
	if off > 0 {
		return nil, fault.New(fault.Input, t.path, "batch", "a row's output depends on the rows beside it (by %.2g), and one alone does not run: %s", off, reasonOf(alone))
	}
	c.FixedBatch = n
	c.why("batch: %d, though declared free: one row alone fails: %s", n, reasonOf(alone))
	return values, nil
}

// turned runs rows backwards, batch at a time, and tells by how much the
// outputs are not values backwards: 0 where each row has its own.
func (t *Teacher) turned(ctx context.Context, e *encoder, spec dataset.Spec, rows *dataset.Batch, values []ort.Value, batch int) (off float64, err error) {
	n := rows.N
	back := &dataset.Batch{N: n}
	for r := n - 1; r >= 0; r-- {
		one := someOf(rows, r, r+1)
		back.X, back.S = append(back.X, one.X...), append(back.S, one.S...)
	}
	want := make([][]float32, len(values)) // they lie where the next run puts its own
	for i, v := range values {
		want[i] = scores(nil, v)
	}
	var b encoded
	if err := t.openBatch(ctx, e, &b, back, batch); err != nil {
		return 0, err
	}
	turned, err := t.run(ctx, b.values)
	if err != nil {
		return 0, err
	}
	for i, v := range turned {
		cols, err := t.width(v, n, spec)
		if err != nil || len(want[i]) != n*cols {
			continue
		}
		got := scores(nil, v)
		for r := range n {
			if d, ok := differ(got[(n-1-r)*cols:(n-r)*cols], want[i][r*cols:(r+1)*cols]); ok {
				off = max(off, d)
			}
		}
	}
	return off, nil
}

// someBatches are numbers of rows that a model may have been made for.
var someBatches = []int{2, 4, 8, 16, 32, 64, 128, 256, 10, 20, 50, 100}

// someRows looks for a number of rows that the model takes where it takes
// neither many nor one, which gave err. Nil values say that there is none.
func (t *Teacher) someRows(ctx context.Context, c *Contract, e *encoder, l *look, err error) (values []ort.Value, why string, failed error) {
	if err == nil || ctx.Err() != nil || fault.KindOf(err) != fault.Input {
		return nil, "", nil
	}
	var b encoded
	whole := someOf(&l.b, 0, min(l.n, c.Batch))
	if err := t.openBatch(ctx, e, &b, whole, 0); err != nil {
		return nil, "", err
	}
	for _, k := range someBatches {
		if err := e.encode(&b, repeatRows(&l.b, k)); err != nil {
			return nil, "", err
		}
		if _, err := t.run(ctx, b.values); err != nil {
			if ctx.Err() != nil || isTeacher(err) {
				return nil, "", err
			}
			continue
		}
		if err := t.openBatch(ctx, e, &b, whole, k); err != nil {
			return nil, "", err
		}
		values, err := t.run(ctx, b.values)
		if err == nil && t.anyColumns(values, whole.N, l.spec) {
			off, err := t.turned(ctx, e, l.spec, whole, values, k)
			if err != nil {
				return nil, "", err
			}
			if err := t.openBatch(ctx, e, &b, whole, k); err != nil {
				return nil, "", err
			}
			if off > 0 { // as many values as rows, by chance
				continue
			}
			if values, err = t.run(ctx, b.values); err != nil {
				return nil, "", err
			}
			c.FixedBatch = k
			return values, fmt.Sprintf("batch: %d, though declared free: neither %d rows nor one at a time run", k, whole.N), nil
		}
		if err := t.openBatch(ctx, e, &b, whole, 0); err != nil {
			return nil, "", err
		}
	}
	return nil, "", nil
}

// repeatRows is n rows of b, over and over.
func repeatRows(b *dataset.Batch, n int) *dataset.Batch {
	out := &dataset.Batch{N: n}
	for r := range n {
		one := someOf(b, r%b.N, r%b.N+1)
		out.X, out.S = append(out.X, one.X...), append(out.S, one.S...)
	}
	return out
}

// rowByRow runs a model whose outputs have no axis for the batch. err is what
// the attempt before gave; it stands when this fails too.
func (t *Teacher) rowByRow(ctx context.Context, c *Contract, e *encoder, b *encoded, rows *dataset.Batch, err error) ([]ort.Value, error) {
	if ctx.Err() != nil || isTeacher(err) {
		return nil, err
	}
	if again := t.openBatch(ctx, e, b, rows, 0); again != nil {
		return nil, again
	}
	values, again := t.single(ctx, b, rows.N, func(one []ort.Value) ([]ort.Value, error) { return t.run(ctx, one) })
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
	var b encoded
	for _, r := range []int{0, n - 1} {
		if err := e.encode(&b, someOf(&l.b, r, r+1)); err != nil {
			return nil, "", err
		}
		alone, err := t.run(ctx, b.values)
		if err != nil {
			return kept, "", err
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
