package onnx

import (
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/sniff"
)

// refuseStranger refuses what is plainly something else than an ONNX model,
// given the first bytes of the file.
func refuseStranger(head []byte) error {
	if len(head) == 0 {
		return fault.New(fault.Input, "", "", "no graph: the file is empty, expected an ONNX model")
	}
	what, remedy := sniff.What(head)
	switch {
	case what == "":
		return nil
	case remedy == "":
		return fault.New(fault.Input, "", "", "no ONNX model: it looks like %s", what)
	}
	return fault.New(fault.Input, "", "", "no ONNX model: it looks like %s: %s", what, remedy)
}
