//go:build cgo && linux

package ort

import (
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	ortc "github.com/yalue/onnxruntime_go"
)

// describe reads the model's inputs and outputs by a cheap session without
// optimisation: the native session wants the names at its making.
func (s *Session) describe(src source, wanted []string) error {
	so, err := newOptions(1)
	if err != nil {
		return fault.New(fault.IO, s.model, "", "%s", cleanText(err.Error()))
	}
	defer so.Destroy()
	if err := so.SetGraphOptimizationLevel(ortc.GraphOptimizationLevelDisableAll); err != nil {
		return fault.New(fault.IO, s.model, "", "%s", cleanText(err.Error()))
	}
	ins, outs, err := src.describe(so)
	if err != nil {
		return s.refused(err)
	}
	if len(ins) == 0 || len(outs) == 0 {
		return fault.New(fault.Input, s.model, "graph", "found %d inputs and %d outputs, wanted at least one of each", len(ins), len(outs))
	}
	for _, in := range ins {
		info := infoOf(in)
		if info.Kind != onnx.KindTensor || !crosses(info.DType) {
			return fault.New(fault.Input, s.model, fmt.Sprintf("input %q", in.Name), "found %s, wanted a tensor of a standard type", kindText(info))
		}
		s.inputs = append(s.inputs, info)
	}
	return s.choose(outs, wanted)
}

// choose keeps the outputs asked for, in that order; all when none is named.
func (s *Session) choose(outs []ortc.InputOutputInfo, wanted []string) error {
	var names []string
	for _, out := range outs {
		names = append(names, out.Name)
	}
	if len(wanted) == 0 {
		wanted = names
	}
	for i, name := range wanted {
		at := slices.Index(names, name)
		if at < 0 {
			return fault.New(fault.Usage, s.model, "outputs", "no output %q, the model has %q", name, names)
		}
		if slices.Contains(wanted[:i], name) {
			return fault.New(fault.Usage, s.model, "outputs", "%q is asked for twice", name)
		}
		info := infoOf(outs[at])
		switch {
		case info.Kind == onnx.KindTensor && crosses(info.DType):
		case info.Kind == onnx.KindSequence || info.Kind == onnx.KindMap:
		default:
			return fault.New(fault.Input, s.model, fmt.Sprintf("output %q", name), "found %s, wanted a tensor of a standard type or a sequence of maps", kindText(info))
		}
		s.infos = append(s.infos, info)
	}
	return nil
}

// infoOf translates the native description.
func infoOf(in ortc.InputOutputInfo) Info {
	kinds := map[ortc.ONNXType]onnx.Kind{
		ortc.ONNXTypeTensor: onnx.KindTensor, ortc.ONNXTypeSequence: onnx.KindSequence, ortc.ONNXTypeMap: onnx.KindMap,
		ortc.ONNXTypeOptional: onnx.KindOptional, ortc.ONNXTypeSparseTensor: onnx.KindSparseTensor,
	}
	kind, ok := kinds[in.OrtValueType]
	if !ok {
		kind = onnx.KindUnknown
	}
	// The native numbers of element types are those of TensorProto.DataType.
	return Info{Name: in.Name, Kind: kind, DType: onnx.DType(in.DataType), Shape: slices.Clone(in.Dimensions)}
}

func kindText(in Info) string {
	switch in.Kind {
	case onnx.KindTensor:
		return "a tensor of " + in.DType.String()
	case onnx.KindSequence:
		return "a sequence"
	case onnx.KindMap:
		return "a map"
	case onnx.KindOptional:
		return "an optional"
	case onnx.KindSparseTensor:
		return "a sparse tensor"
	}
	return "an unknown type"
}
