package opstest

import (
	"math"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

func init() {
	logistic := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	softplus := func(x float64) float64 { return math.Log1p(math.Exp(x)) }
	third := float64(float32(1.0 / 3))
	for _, c := range []struct {
		op, name string
		attrs    []*onnx.Attr
		lo, hi   float64
		f        func(x float64) float64
	}{
		{"Erf", "wide", nil, -4, 4, math.Erf},
		{"Erf", "small", nil, -0.3, 0.3, math.Erf},
		{"Softplus", "wide", nil, -12, 12, softplus},
		{"Softsign", "wide", nil, -5, 5, func(x float64) float64 { return x / (1 + math.Abs(x)) }},
		{"Mish", "wide", nil, -9, 9, func(x float64) float64 { return x * math.Tanh(softplus(x)) }},
		{"Exp", "wide", nil, -3, 3, math.Exp},
		{"Log", "wide", nil, 0.1, 3, math.Log},
		{"Sqrt", "wide", nil, 0.1, 3, math.Sqrt},
		{"Reciprocal", "positive", nil, 0.4, 3, func(x float64) float64 { return 1 / x }},
		{"Reciprocal", "negative", nil, -3, -0.4, func(x float64) float64 { return 1 / x }},
		{"Abs", "wide", nil, -3, 3, math.Abs},
		{"Neg", "wide", nil, -3, 3, func(x float64) float64 { return -x }},
		{"Sin", "wide", nil, -9, 9, math.Sin},
		{"Cos", "wide", nil, -9, 9, math.Cos},
		{"Gelu", "default", nil, -6, 6, func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }},
		{"Gelu", "tanh", attrs(onnx.StringAttr("approximate", "tanh")), -6, 6, func(x float64) float64 {
			return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}},
		{"Swish", "default", nil, -9, 9, func(x float64) float64 { return x * logistic(x) }},
		{"Swish", "alpha", attrs(onnx.FloatAttr("alpha", -1.75)), -5, 5, func(x float64) float64 { return x * logistic(-1.75*x) }},
		{"Elu", "default", nil, -5, 5, elu(1, 1, 1)},
		{"Elu", "alpha", attrs(onnx.FloatAttr("alpha", 0.75)), -5, 5, elu(1, 0.75, 1)},
		{"Selu", "default", nil, -5, 5, elu(1.0507009873554805, 1.0507009873554805*1.6732632423543772, 1)},
		{"Selu", "both", attrs(onnx.FloatAttr("alpha", 0.5), onnx.FloatAttr("gamma", 2)), -5, 5, elu(2, 1, 1)},
		{"Celu", "default", nil, -5, 5, elu(1, 1, 1)},
		{"Celu", "alpha", attrs(onnx.FloatAttr("alpha", 2.5)), -5, 5, elu(1, 2.5, 0.4)},
		{"Celu", "negative", attrs(onnx.FloatAttr("alpha", -2.5)), -5, 5, elu(1, -2.5, -0.4)},
		{"ThresholdedRelu", "default", nil, -3, 3.5, threshold(1)},
		{"ThresholdedRelu", "alpha", attrs(onnx.FloatAttr("alpha", 0.2513)), -1, 1, threshold(float64(float32(0.2513)))},
		{"HardSigmoid", "default", nil, -4, 4.1, hardSigmoid(float64(float32(0.2)), 0.5)},
		{"HardSigmoid", "both", attrs(onnx.FloatAttr("alpha", float32(third)), onnx.FloatAttr("beta", 0.625)), -4, 4.1, hardSigmoid(third, 0.625)},
		{"HardSwish", "wide", nil, -5, 5.2, func(x float64) float64 { return x * hardSigmoid(1.0/6, 0.5)(x) }},
	} {
		for _, v := range []struct {
			suffix string
			in     Input
		}{{"", data(3, 5)}, {" image", data(2, 3, 5)}, {" parameter", param(13)}} {
			in := v.in
			Add(Case{Op: c.op, Name: c.name + v.suffix, Opset: graph.MaxOpset, Attrs: c.attrs, Inputs: []Input{in.between(c.lo, c.hi)}, Ref: each(c.f)})
		}
	}
}

// elu is a·x for x > 0, else b·(e^cx − 1).
func elu(a, b, c float64) func(float64) float64 {
	return func(x float64) float64 {
		if x > 0 {
			return a * x
		}
		return b * math.Expm1(c*x)
	}
}

func threshold(alpha float64) func(float64) float64 {
	return func(x float64) float64 {
		if x > alpha {
			return x
		}
		return 0
	}
}

func hardSigmoid(alpha, beta float64) func(float64) float64 {
	return func(x float64) float64 { return max(0, min(1, alpha*x+beta)) }
}
