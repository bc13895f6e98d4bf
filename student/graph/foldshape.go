package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// foldShape is Shape, since opset 15 of the axes start to end, and Size.
func (im *importer) foldShape(n *Node) (*Value, error) {
	if len(n.In) != 1 || n.In[0] == nil {
		return nil, fmt.Errorf("has %d inputs, expected 1", len(n.In))
	}
	s := n.In[0].Shape
	dims := s.integers()
	if n.source.OpType == "Size" {
		size := number(1)
		for _, d := range dims {
			var err error
			if size, err = size.mul(d); err != nil {
				return nil, err
			}
		}
		return intsOf(onnx.Int64, Shape{}, []integer{size}), nil
	}
	clamp := func(a int) int {
		if a < 0 {
			a += len(s)
		}
		return min(max(a, 0), len(s))
	}
	start, end := clamp(n.Int("start", 0)), clamp(n.Int("end", len(s)))
	dims = dims[start:max(start, end)]
	return intsOf(onnx.Int64, Shape{len(dims)}, dims), nil
}

// foldFill is ConstantOfShape: a tensor of one value, 0 by default.
func (im *importer) foldFill(n *Node) (*Value, error) {
	if len(n.In) != 1 || !n.In[0].isInts {
		return nil, fmt.Errorf("has no constant shape")
	}
	shape, size := Shape{}, 1
	for _, a := range n.In[0].ints {
		d, ok := a.dim()
		if !ok || d < 0 || len(shape) == maxRank {
			return nil, fmt.Errorf("shape is %s, expected at most %d numbers", integersText(n.In[0].ints), maxRank)
		}
		if shape = append(shape, d); d > 0 && size > maxSize/d {
			return nil, fmt.Errorf("shape %v has more than %d values", shape, maxSize)
		}
		size *= d
	}
	if err := im.spend(size); err != nil {
		return nil, err
	}
	t := onnx.FloatTensor("", nil, []float32{0})
	if a := n.source.Attr("value"); a != nil && a.T != nil {
		t = a.T
	}
	v, err := im.constant(t, "attribute value")
	if err != nil {
		return nil, err
	}
	if v.Shape.Size(1) != 1 {
		return nil, fmt.Errorf("value has %d values, expected 1", v.Shape.Size(1))
	}
	v.Shape = shape
	if v.isInts {
		v.ints = repeat(v.ints[0], size)
		return v, nil
	}
	v.param.Dims, v.param.Data, v.param.Role = shape, repeat(v.param.Data[0], size), Frozen
	return v, nil
}

func repeat[T any](x T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = x
	}
	return out
}

// foldRange is start, start+delta, ... before limit, of integers.
func (im *importer) foldRange(n *Node) (*Value, error) {
	var arg [3]int64
	for i := range arg {
		if len(n.In) != 3 || n.In[i] == nil || !n.In[i].isInts || len(n.In[i].ints) != 1 {
			return nil, fmt.Errorf("expected three integers: start, limit and delta")
		}
		a := n.In[i].ints[0]
		if a.n != 0 || a.c > maxSize || a.c < -maxSize {
			return nil, fmt.Errorf("input %q is %v, expected a number: a range over the batch is no constant", n.In[i].Name, a)
		}
		arg[i] = a.c
	}
	start, limit, delta := arg[0], arg[1], arg[2]
	if delta == 0 {
		return nil, fmt.Errorf("delta is 0")
	}
	size := max(0, (limit-start+delta-sign(delta))/delta)
	if err := im.spend(int(size)); err != nil {
		return nil, err
	}
	list := make([]integer, size)
	for i := range list {
		list[i] = number(start + int64(i)*delta)
	}
	return intsOf(n.In[0].dtype, Shape{len(list)}, list), nil
}

func sign(a int64) int64 {
	if a < 0 {
		return -1
	}
	return 1
}

// foldCast is Cast of constants, towards 0 from floats to integers.
func (im *importer) foldCast(n *Node) (*Value, error) {
	if len(n.In) != 1 {
		return nil, fmt.Errorf("has %d inputs, expected 1", len(n.In))
	}
	v, to := n.In[0], onnx.DType(n.Int("to", 0))
	toInts := isInteger(to)
	if !toInts && !isFloat(to) {
		return nil, fmt.Errorf("casts to %v, a student computes in float32 only", to)
	}
	size := v.Shape.Size(1)
	if err := im.spendTotal(size); err != nil {
		return nil, err
	}
	switch {
	case v.isInts && toInts:
		list := append([]integer{}, v.ints...)
		for i, a := range list {
			if to == onnx.Bool {
				s, different, err := a.sign(integer{})
				if err != nil && !different {
					return nil, err
				}
				list[i] = boolean(different || s != 0)
			}
		}
		return intsOf(to, v.Shape, list), nil
	case v.isInts:
		data := make([]float32, size)
		for i, a := range v.ints {
			if a.n != 0 {
				return nil, fmt.Errorf("input %q holds %v, which is no constant float", v.Name, a)
			}
			data[i] = float32(a.c)
		}
		out := &Value{Shape: v.Shape, dtype: to, producer: -1}
		out.param = im.param(v.Shape, data, Frozen)
		return out, nil
	case toInts:
		if err := im.spend(size); err != nil {
			return nil, err
		}
		list := make([]integer, size)
		for i, x := range v.param.Data {
			if !(x > -1<<62 && x < 1<<62) {
				return nil, fmt.Errorf("input %q holds %g, which is no integer", v.Name, x)
			}
			list[i] = number(int64(x))
			if to == onnx.Bool {
				list[i] = boolean(x != 0)
			}
		}
		return intsOf(to, v.Shape, list), nil
	}
	out := &Value{Shape: v.Shape, dtype: to, producer: -1}
	out.param = im.param(v.Shape, append([]float32{}, v.param.Data...), Frozen)
	return out, nil
}

// isInteger and isFloat tell the element types of what import folds.
func isInteger(d onnx.DType) bool { return d == onnx.Int64 || d == onnx.Int32 || d == onnx.Bool }

func isFloat(d onnx.DType) bool {
	return d == onnx.Float32 || d == onnx.Float64 || d == onnx.Float16 || d == onnx.BFloat16
}
