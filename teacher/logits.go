package teacher

import (
	"context"
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// Logits runs raw rows as the detected Source gives them, values and texts, and
// writes their targets to out, (N, Classes): the logits of classes, the logits
// of labels each on its own, or the values of a regression. Targets that are not finite are a
// fault.Input that names the row; a worker that dies or times out is restarted
// once a batch, and a fault.Teacher when that does not help.
func (t *Teacher) Logits(ctx context.Context, rows *dataset.Batch, out []float32) error {
	c := t.contract
	if c == nil {
		return fault.New(fault.Usage, t.path, "", "not known yet what the teacher wants: detect it first")
	}
	if n := rows.N; len(rows.X) != n*t.encode.size || len(rows.S) != n*t.encode.texts || len(out) != n*c.Classes {
		panic("teacher: rows are not of the detected Spec or out is not (N, Classes)")
	}
	var b encoded
	d := c.decoder()
	var raw []float32
	for at := 0; at < rows.N; at += c.Batch {
		m := min(c.Batch, rows.N-at)
		err := t.encode.encode(&b, someOf(rows, at, at+m))
		if cell, ok := err.(*badCell); ok {
			return fault.New(fault.Input, t.path, fmt.Sprintf("row %d (%v)", at+cell.row, rows.ID(at+cell.row)), "%s", cell.Error())
		}
		if raw, err = t.callInto(ctx, c, raw[:0], &b, nil, m, d.raw); err != nil {
			return err
		}
		if bad := d.logits(out[at*c.Classes:(at+m)*c.Classes], raw, m); bad >= 0 {
			return t.notFinite(rows.ID(at+bad), at+bad)
		}
	}
	return nil
}

// callInto runs n encoded rows and appends the chosen output, (n, raw), to dst.
func (t *Teacher) callInto(ctx context.Context, c *Contract, dst []float32, b, next *encoded, n, raw int) ([]float32, error) {
	v, err := t.callOne(ctx, c, b, next, n)
	if err != nil {
		return dst, err
	}
	return t.read(c, dst, v, n, raw)
}

// callOne runs n encoded rows and returns the chosen output.
func (t *Teacher) callOne(ctx context.Context, c *Contract, b, next *encoded, n int) (ort.Value, error) {
	var values []ort.Value
	var err error
	if c.Single {
		values, err = t.single(ctx, b, n, func(one []ort.Value) ([]ort.Value, error) { return t.run(ctx, one) })
	} else {
		var then []ort.Value
		if next != nil {
			then = next.values
		}
		values, err = t.runThen(ctx, b.values, then)
	}
	if err != nil {
		return ort.Value{}, err
	}
	return t.only(values)
}

// only is the chosen output, the one that is fetched.
func (t *Teacher) only(values []ort.Value) (ort.Value, error) {
	if len(values) != 1 {
		return ort.Value{}, fault.New(fault.Teacher, t.path, "outputs", "got %d, expected 1", len(values))
	}
	return values[0], nil
}

// single runs n rows one at a time, for a model whose outputs have no axis for
// the batch: what it says of a row becomes one row of (n, values).
func (t *Teacher) single(ctx context.Context, b *encoded, n int, run func(one []ort.Value) ([]ort.Value, error)) ([]ort.Value, error) {
	var out []ort.Value
	one := make([]ort.Value, len(b.values))
	for r := range n {
		for i, v := range b.values {
			if one[i] = v; b.same[i] {
				continue
			}
			if one[i].Shape = slices.Clone(v.Shape); b.bare {
				one[i].Shape = one[i].Shape[1:]
			} else {
				one[i].Shape[0] = 1
			}
			per, texts := len(v.Data)/n, len(v.Strings)/n
			one[i].Data, one[i].Strings = slices.Clone(v.Data[r*per:(r+1)*per]), v.Strings[r*texts:(r+1)*texts]
		}
		values, err := run(one)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			if r == 0 {
				shape := v.Shape
				if len(shape) > 1 && shape[0] == 1 {
					shape = shape[1:]
				}
				out = append(out, ort.Value{DType: v.DType, Keys: slices.Clone(v.Keys), Shape: append([]int64{int64(n)}, shape...), Data: slices.Clone(v.Data), Strings: slices.Clone(v.Strings)})
				continue
			}
			out[i].Strings = append(out[i].Strings, v.Strings...)
			if len(v.Data)*r != len(out[i].Data) {
				return nil, fault.New(fault.Input, t.path, fmt.Sprintf("output %d", i), "gives %d bytes for row %d, %d for those before", len(v.Data), r, len(out[i].Data)/r)
			}
			out[i].Data = append(out[i].Data, v.Data...)
		}
	}
	return out, nil
}

// notFinite is the fault of row number row of a source.
func (t *Teacher) notFinite(id dataset.RowID, row int) error {
	field := fmt.Sprintf("row %d (%v)", row, id)
	if t.strange != "" {
		return fault.New(fault.Input, t.path, field, "the teacher gives the label %q, which none of the rows gave that it was tried on: name it by --class-map", clip(t.strange))
	}
	return fault.New(fault.Input, t.path, field, "the teacher's output is not finite")
}
