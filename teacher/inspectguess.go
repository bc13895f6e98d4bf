package teacher

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// guessInput reads what would be fed off the declaration of one of n inputs.
func guessInput(v *onnx.Value, n int) string {
	if v.Kind != onnx.KindTensor || !slices.Contains(feedable, v.DType) {
		return ""
	}
	in := ort.Info{Name: v.Name, DType: v.DType}
	for _, d := range v.Shape {
		in.Shape = append(in.Shape, d.Value)
	}
	if value, _, ok := usualValue(in); ok && n > 1 {
		return "always " + value
	}
	few := func(d onnx.Dim) bool { return d.Value == 1 || d.Value == 3 || d.Value == 4 }
	columns, what := width(in), "columns"
	if v.DType == onnx.String {
		what = "texts"
	}
	switch {
	case !v.HasShape:
		return ""
	case len(v.Shape) == 0:
		return "a constant, to be given"
	case len(v.Shape) == 4 && few(v.Shape[1]):
		return "NCHW"
	case len(v.Shape) == 4 && few(v.Shape[3]):
		return "NHWC"
	case len(v.Shape) == 1 && v.Shape[0].Value > 1 && n == 1:
		return "one row a call"
	case len(v.Shape) > 2:
		return ""
	case columns == 1:
		return "one " + strings.TrimSuffix(what, "s")
	case n == 1 && what == "columns":
		return "flat"
	case columns < 0:
		return what
	}
	return fmt.Sprintf("%d %s", columns, what)
}

// keepsKind are operators that hand on the meaning of their first input.
var keepsKind = []string{"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "DequantizeLinear", "QuantizeLinear", "Clip"}

// guessKind reads what an output means off the operator that makes it.
func guessKind(maker map[string]*onnx.Node, v *onnx.Value) string {
	name := v.Name
	for range 16 {
		n := maker[name]
		if n == nil {
			return ""
		}
		switch op := n.OpType; {
		case op == "Softmax":
			return "probabilities"
		case op == "LogSoftmax":
			return "log-probabilities"
		case op == "Log" && len(n.Inputs) == 1 && maker[n.Inputs[0]] != nil && maker[n.Inputs[0]].OpType == "Softmax":
			return "log-probabilities"
		case op == "QLinearSoftmax":
			return "probabilities"
		case op == "Sigmoid" || op == "QLinearSigmoid":
			return endSigmoid
		case op == "ArgMax":
			return "labels"
		case op == "ZipMap":
			return "probabilities by class name"
		case strings.HasSuffix(op, "Regressor"):
			return endRegressor
		case strings.HasSuffix(op, "Classifier"):
			if len(n.Outputs) > 0 && n.Outputs[0] == name {
				return "labels"
			}
			return "scores of a classifier"
		case slices.Contains(keepsKind, op) && len(n.Inputs) > 0:
			name = n.Inputs[0]
			continue
		case quantised[op] > 0:
			return endLogits
		case v.Kind == onnx.KindTensor && !v.DType.Float():
			return "labels"
		case slices.Contains([]string{"Gemm", "MatMul", "Add", "Conv", "MatMulInteger", "QLinearMatMul", "Mul"}, op):
			return endLogits
		}
		return ""
	}
	return ""
}
