package onnx

import (
	"math"
)

// tensor checks that a constant has as many bytes as its shape says.
func (c *checker) tensor(at *loc, t *Tensor, initializer bool) error {
	if !t.DType.Known() {
		return at.bad("unknown element type %d", int32(t.DType))
	}
	if len(t.Dims) > c.lim.Rank {
		return at.bad("has %d axes, limit %d", len(t.Dims), c.lim.Rank)
	}
	for i, d := range t.Dims {
		if d < 0 {
			return at.bad("axis %d has length %d, expected at least 0", i, d)
		}
	}
	want, ok := t.wantBytes()
	if !ok {
		return at.bad("shape %v of %v does not fit 64 bits", t.Dims, t.DType)
	}
	if t.External != nil {
		if err := checkExternal(at.in("external_data"), t, want); err != nil || t.Data == nil {
			return err
		}
	}
	switch {
	case t.DType == String && int64(len(t.Strings)) != t.NumElements():
		return at.bad("holds %d strings, expected %d for shape %v", len(t.Strings), t.NumElements(), t.Dims)
	case t.DType != String && int64(len(t.Data)) != want:
		return at.bad("holds %d bytes, expected %d for %v of shape %v", len(t.Data), want, t.DType, t.Dims)
	}
	return nil
}

// checkExternal checks what the file says of external bytes. want is the bytes
// that the shape asks for.
func checkExternal(at *loc, t *Tensor, want int64) error {
	e := t.External
	if t.DType == String {
		return at.bad("strings cannot be external")
	}
	if why := badLocation(e.Location); why != "" {
		return at.bad("location %s %s, expected a file in the model's folder", quote(e.Location), why)
	}
	switch {
	case e.Offset < 0:
		return at.bad("offset is %d, expected at least 0", e.Offset)
	case e.Length != want:
		return at.bad("length is %d, expected %d for %v of shape %v", e.Length, want, t.DType, t.Dims)
	case e.Offset > math.MaxInt64-e.Length:
		return at.bad("offset %d + length %d does not fit 64 bits", e.Offset, e.Length)
	}
	return nil
}

// sparse checks a sparse constant: values (nnz), indices int64 (nnz) or
// (nnz, rank), in range. Indices that were not loaded are left to ONNX Runtime.
func (c *checker) sparse(at *loc, s *SparseTensor) error {
	if len(s.Dims) > c.lim.Rank {
		return at.bad("has %d axes, limit %d", len(s.Dims), c.lim.Rank)
	}
	total, ok := numElements(s.Dims)
	if !ok {
		return at.bad("shape %v has a negative axis or does not fit 64 bits", s.Dims)
	}
	nnz := s.Values.NumElements()
	if len(s.Values.Dims) != 1 || nnz > total {
		return at.bad("values have shape %v, expected one axis of at most %d", s.Values.Dims, total)
	}
	flat := len(s.Indices.Dims) == 1
	if s.Indices.DType != Int64 || s.Indices.NumElements() < 0 || len(s.Indices.Dims) == 0 || s.Indices.Dims[0] != nnz ||
		!flat && (len(s.Indices.Dims) != 2 || s.Indices.Dims[1] != int64(len(s.Dims))) {
		return at.bad("indices are %v of shape %v, expected int64 of shape [%d] or [%d %d]", s.Indices.DType, s.Indices.Dims, nnz, nnz, len(s.Dims))
	}
	if s.Indices.External != nil && s.Indices.Data == nil {
		return nil
	}
	indices, err := s.Indices.Int64s()
	if err != nil {
		return at.in("indices").bad("%v", err)
	}
	for i, x := range indices {
		most := total
		if !flat {
			most = s.Dims[i%len(s.Dims)]
		}
		if x < 0 || x >= most {
			return at.in("indices").bad("element %d is %d, expected 0 to %d", i, x, most-1)
		}
	}
	return nil
}
