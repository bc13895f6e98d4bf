package onnx

import (
	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// ParseTensor reads one TensorProto from memory, as files beside a model hold
// test inputs and outputs, within the default limits. name stands in errors
// for the path. The tensor's bytes must be in it, not external.
func ParseTensor(name string, data []byte) (*Tensor, error) {
	lim := Limits{}.withDefaults()
	t, err := parseTensor(data, lim)
	if err != nil {
		return nil, in(name, err)
	}
	return t, nil
}

func parseTensor(data []byte, lim Limits) (*Tensor, error) {
	if err := fits(int64(len(data)), lim); err != nil {
		return nil, err
	}
	if err := scan(data, "TensorProto", lim); err != nil {
		return nil, err
	}
	root := &loc{field: "tensor", index: -1}
	p := new(pb.TensorProto)
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, p); err != nil {
		return nil, root.bad("no ONNX tensor: %v", err)
	}
	d := new(decoder)
	t := d.tensor(root, p)
	if d.err != nil {
		return nil, d.err
	}
	if t.External != nil {
		return nil, root.bad("its bytes are external, expected them in the file")
	}
	c := &checker{lim: lim}
	return t, c.tensor(root, t, false)
}
