package opstest

import (
	"math"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func init() {
	state := func(c int, lo, hi float64) Input { return Input{Kind: State, Shape: []int{c}}.between(lo, hi) }
	for _, c := range []struct {
		name string
		x    Input
		min  int
	}{{"image", data(3, 2, 5), 1}, {"features", data(6), 2}, {"one channel", data(1, 3, 3), 1}} {
		ch := c.x.Shape[1]
		Add(Case{
			Op: "BatchNormalization", Name: c.name, MinBatch: c.min, Attrs: attrs(onnx.FloatAttr("epsilon", 1e-3)),
			Inputs: []Input{c.x, param(ch).between(0.5, 2), param(ch), state(ch, -0.5, 0.5), state(ch, 0.5, 2)},
			Ref:    refBatchNorm(float64(float32(1e-3))),
		})
	}
	Add(Case{Op: "Dropout", Name: "default", Inputs: []Input{data(3, 5)}, Ref: refDropout(0.5)})
	Add(Case{Op: "Dropout", Name: "ratio", Inputs: []Input{data(9), scalar(0.2)}, Ref: refDropout(0.2)})
	Add(Case{Op: "Dropout", Name: "zero", Inputs: []Input{data(9), scalar(0)}, Ref: refDropout(0)})
	Add(Case{Op: "Dropout", Name: "attribute", Opset: 10, Attrs: attrs(onnx.FloatAttr("ratio", 0.75)), Inputs: []Input{data(9)}, Ref: refDropout(0.75)})
}

// refBatchNorm uses the batch's population statistics in training.
func refBatchNorm(eps float64) func(Env, []Tensor) Tensor {
	return func(e Env, in []Tensor) Tensor {
		x := in[0]
		c, s := x.Dims[1], size(x.Dims[2:])
		mean, variance := in[3].Data, in[4].Data
		if e.Training {
			mean, variance = make([]float64, c), make([]float64, c)
			m := float64(x.Dims[0] * s)
			for i, v := range x.Data {
				mean[i/s%c] += v / m
			}
			for i, v := range x.Data {
				d := v - mean[i/s%c]
				variance[i/s%c] += d * d / m
			}
		}
		y := Tensor{x.Dims, make([]float64, len(x.Data))}
		for i, v := range x.Data {
			k := i / s % c
			y.Data[i] = in[1].Data[k]*(v-mean[k])/math.Sqrt(variance[k]+eps) + in[2].Data[k]
		}
		return y
	}
}

// refDropout draws the mask from the SplitMix64 stream of (seed, step, node).
func refDropout(ratio float64) func(Env, []Tensor) Tensor {
	next := func(x uint64) uint64 {
		z := x + 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	return func(e Env, in []Tensor) Tensor {
		y := Tensor{in[0].Dims, make([]float64, len(in[0].Data))}
		key := next(next(next(e.Seed)+e.Step) + uint64(e.Node))
		for i, v := range in[0].Data {
			uniform := float64(next(key+uint64(i))>>32) / (1 << 32)
			switch {
			case !e.Training:
				y.Data[i] = v
			case uniform >= float64(float32(ratio)):
				y.Data[i] = v / (1 - float64(float32(ratio)))
			}
		}
		return y
	}
}
