package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func (im *importer) readInitializers(src *onnx.Graph, frozen map[string]bool) error {
	im.frozen = frozen
	im.uses = map[string]int{}
	for _, n := range src.Nodes {
		for _, in := range n.Inputs {
			im.uses[in]++
		}
	}
	im.given = map[string]bool{}
	kept := src.Initializers[:0]
	for _, t := range src.Initializers {
		im.given[t.Name] = true
		if im.uses[t.Name] == 0 {
			continue
		}
		kept = append(kept, t)
		v, err := im.constant(t, fmt.Sprintf("initializer %q", t.Name))
		if err != nil {
			return err
		}
		if v.param != nil && (frozen[t.Name] || len(t.Dims) == 0 && !im.slots[t.Name]) {
			v.param.Role = Frozen
		}
		if err := im.add(v); err != nil {
			return err
		}
	}
	src.Initializers = kept
	return nil
}

// constant makes a value of a tensor: a parameter when it is float32, a list
// of integers when it is int64, int32 or bool. A single number may be of
// another float type, for the arithmetic of constants before a Cast.
func (im *importer) constant(t *onnx.Tensor, field string) (*Value, error) {
	v := &Value{Name: t.Name, dtype: t.DType, producer: -1}
	size := 1
	if len(t.Dims) > maxRank {
		return nil, im.fail(field, "has rank %d, expected at most %d", len(t.Dims), maxRank)
	}
	for _, d := range t.Dims {
		if d < 0 || d > maxSize || int64(size)*d > maxSize {
			return nil, im.fail(field, "dims are %v, expected at most %d values", t.Dims, maxSize)
		}
		v.Shape = append(v.Shape, int(d))
		size *= int(d)
	}
	var err error
	switch {
	case t.DType == onnx.Float32 || isFloat(t.DType) && len(t.Dims) == 0:
		if size == 0 {
			return nil, im.fail(field, "is empty, dims %v", t.Dims)
		}
		v.param = &Param{Name: t.Name, Dims: v.Shape, index: len(im.g.Params)}
		v.param.Data, err = t.Float32s()
		im.g.Params = append(im.g.Params, v.param)
	case isInteger(t.DType):
		var list []int64
		list, err = t.Int64s()
		v.isInts, v.ints = true, numbers(list)
	default:
		return nil, im.fail(field, "has element type %v, a student needs float32 weights and int64 shapes: convert the model to float32, or use it as a teacher", t.DType)
	}
	if err != nil {
		return nil, im.fail(field, "%w", err)
	}
	return v, nil
}

// readConstant folds a Constant node: a parameter, frozen but in the slot of a
// weight, or integers.
func (im *importer) readConstant(src *onnx.Node, field string) error {
	if len(src.Outputs) != 1 || len(src.Attrs) != 1 {
		return im.fail(field, "has %d attributes, expected one value", len(src.Attrs))
	}
	a := src.Attrs[0]
	var t *onnx.Tensor
	switch a.Name {
	case "value":
		t = a.T
	case "value_float":
		t = onnx.FloatTensor("", nil, []float32{a.F})
	case "value_floats":
		t = onnx.FloatTensor("", []int64{int64(len(a.Floats))}, a.Floats)
	case "value_int":
		t = onnx.Int64Tensor("", nil, []int64{a.I})
	case "value_ints":
		t = onnx.Int64Tensor("", []int64{int64(len(a.Ints))}, a.Ints)
	}
	if t == nil {
		return im.fail(field, "has attribute %q, expected value, value_float(s) or value_int(s)", a.Name)
	}
	named := *t
	named.Name = src.Outputs[0]
	v, err := im.constant(&named, field)
	if err != nil {
		return err
	}
	if v.param != nil && (len(v.Shape) == 0 || !im.slots[v.Name] || im.frozen[v.Name]) {
		v.param.Role = Frozen
	}
	return im.add(v)
}
