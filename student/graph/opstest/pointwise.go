package opstest

import (
	"math"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func init() {
	same := func(x float64) float64 { return x }
	Add(Case{Op: "Relu", Name: "image", Inputs: []Input{data(3, 5, 3)}, Ref: each(func(x float64) float64 { return max(x, 0) })})
	Add(Case{Op: "LeakyRelu", Name: "default", Inputs: []Input{data(7)}, Ref: each(leaky(float64(float32(0.01))))})
	Add(Case{Op: "LeakyRelu", Name: "alpha", Attrs: attrs(onnx.FloatAttr("alpha", 0.25)), Inputs: []Input{data(7)}, Ref: each(leaky(0.25))})
	Add(Case{Op: "Sigmoid", Name: "wide", Inputs: []Input{data(11).between(-9, 9)}, Ref: each(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })})
	Add(Case{Op: "Tanh", Name: "wide", Inputs: []Input{data(11).between(-5, 5)}, Ref: each(math.Tanh)})
	Add(Case{Op: "Tanh", Name: "small", Inputs: []Input{data(11).between(-0.02, 0.02)}, Ref: each(math.Tanh)})
	Add(Case{Op: "Identity", Name: "image", Inputs: []Input{data(2, 3, 4)}, Ref: each(same)})
	Add(Case{Op: "Cast", Name: "float32", Attrs: attrs(onnx.IntAttr("to", int64(onnx.Float32))), Inputs: []Input{data(6)}, Ref: each(same)})
	clip := func(lo, hi float64) func(float64) float64 {
		return func(x float64) float64 { return min(max(x, lo), hi) }
	}
	Add(Case{Op: "Clip", Name: "inputs", Inputs: []Input{data(13), scalar(-0.513), scalar(0.311)}, Ref: each(clip(-0.513, 0.311))})
	Add(Case{Op: "Clip", Name: "max only", Inputs: []Input{data(13), {Kind: None}, scalar(0.311)}, Ref: each(clip(-9, 0.311))})
	Add(Case{Op: "Clip", Name: "attributes", Opset: 7, Attrs: attrs(onnx.FloatAttr("min", -0.25), onnx.FloatAttr("max", 0.7512)), Inputs: []Input{data(13)}, Ref: each(clip(-0.25, 0.7512))})
}

func attrs(a ...*onnx.Attr) []*onnx.Attr { return a }

func leaky(alpha float64) func(float64) float64 {
	return func(x float64) float64 {
		if x < 0 {
			return alpha * x
		}
		return x
	}
}
