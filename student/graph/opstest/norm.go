package opstest

import (
	"math"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func init() {
	const eps = 1e-3
	epsilon := onnx.FloatAttr("epsilon", eps)
	for _, op := range []struct {
		name  string
		opset int64
		rms   bool
	}{{"LayerNormalization", 17, false}, {"RMSNormalization", 23, true}} {
		for _, c := range []struct {
			name  string
			x     []int
			axis  int64
			scale Input
			bias  bool
		}{
			{"features", []int{7}, -1, param(7), true},
			{"without bias", []int{7}, 1, param(7), false},
			{"tokens", []int{3, 19}, -1, param(19), true},
			{"two axes", []int{3, 5, 7}, 2, param(5, 7), true},
			{"all axes", []int{2, 3, 4}, -3, param(2, 3, 4), true},
			{"leading one", []int{3, 17}, -1, param(1, 17), false},
			{"many rows", []int{27, 5}, -1, param(5), true},
			{"one value", []int{3, 1}, -1, param(1), true},
		} {
			in := []Input{data(c.x...), c.scale.between(0.5, 2)}
			if c.bias && !op.rms {
				in = append(in, param(c.scale.Shape...))
			}
			from := int(c.axis)
			if from < 0 {
				from += 1 + len(c.x)
			}
			Add(Case{
				Op: op.name, Name: c.name, Opset: op.opset, Inputs: in, Attrs: attrs(epsilon, onnx.IntAttr("axis", c.axis)),
				Ref: refRowNorm(from, float64(float32(eps)), op.rms),
			})
		}
		Add(Case{Op: op.name, Name: "defaults", Opset: op.opset, Inputs: []Input{data(2, 6), param(6)}, Ref: refRowNorm(2, float64(float32(1e-5)), op.rms)})
		Add(Case{Op: op.name, Name: "parameters", Opset: op.opset, Inputs: []Input{param(6, 6), param(6)}, Ref: refRowNorm(1, float64(float32(1e-5)), op.rms)})
	}
	for _, c := range []struct {
		name   string
		opset  int64
		x      []int
		groups int
		scale  int
	}{
		{"a scale a group", 18, []int{6, 3, 5}, 3, 3},
		{"a scale a channel", 21, []int{6, 3, 5}, 3, 6},
		{"one group", 21, []int{5, 7}, 1, 5},
		{"a group a channel", 18, []int{4, 9}, 4, 4},
		{"features", 21, []int{8}, 2, 8},
		{"large", 21, []int{4, 5, 7}, 2, 4},
	} {
		Add(Case{
			Op: "GroupNormalization", Name: c.name, Opset: c.opset,
			Attrs:  attrs(epsilon, onnx.IntAttr("num_groups", int64(c.groups))),
			Inputs: []Input{data(c.x...), param(c.scale).between(0.5, 2), param(c.scale)},
			Ref:    refGroupNorm(c.groups, float64(float32(eps))),
		})
	}
	for _, c := range []struct {
		name string
		x    []int
	}{{"image", []int{3, 5, 7}}, {"sequence", []int{2, 19}}, {"volume", []int{2, 3, 2, 3}}, {"one channel", []int{1, 4, 4}}} {
		ch := c.x[0]
		Add(Case{
			Op: "InstanceNormalization", Name: c.name, Attrs: attrs(epsilon),
			Inputs: []Input{data(c.x...), param(ch).between(0.5, 2), param(ch)},
			Ref:    refGroupNorm(ch, float64(float32(eps))),
		})
	}
	for _, c := range []struct {
		name string
		x    []int
		axis int64
		p    int64
	}{{"p 2", []int{7}, -1, 2}, {"p 1", []int{8}, -1, 1}, {"channels", []int{3, 4, 5}, 1, 2}, {"channels, p 1", []int{4, 4, 5}, 1, 1}, {"rows", []int{3, 5}, -2, 2}} {
		from := int(c.axis)
		if from < 0 {
			from += 1 + len(c.x)
		}
		Add(Case{Op: "LpNormalization", Name: c.name, Attrs: attrs(onnx.IntAttr("axis", c.axis), onnx.IntAttr("p", c.p)), Inputs: []Input{data(c.x...)}, Ref: refLpNorm(from, c.p)})
	}
	Add(Case{Op: "LpNormalization", Name: "default", Inputs: []Input{data(2, 5)}, Ref: refLpNorm(2, 2)})
}

// stats is the mean and the population variance of x.
func stats(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, variance
}

// refRowNorm normalises the axes from axis on, with rms without the mean.
func refRowNorm(axis int, eps float64, rms bool) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		x := in[0]
		n := size(x.Dims[axis:])
		y := Tensor{x.Dims, make([]float64, len(x.Data))}
		for at := 0; at < len(x.Data); at += n {
			mean, variance := stats(x.Data[at : at+n])
			if rms {
				mean, variance = 0, variance+mean*mean
			}
			for i, v := range x.Data[at : at+n] {
				y.Data[at+i] = (v - mean) / math.Sqrt(variance+eps) * in[1].Data[i]
				if len(in) > 2 {
					y.Data[at+i] += in[2].Data[i]
				}
			}
		}
		return y
	}
}

// refGroupNorm normalises each of so many groups of channels; scale and bias
// are one a group or one a channel.
func refGroupNorm(groups int, eps float64) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		x := in[0]
		row := size(x.Dims[1:])
		group := row / groups
		run := row / len(in[1].Data) // values that share a scale
		y := Tensor{x.Dims, make([]float64, len(x.Data))}
		for at := 0; at < len(x.Data); at += group {
			mean, variance := stats(x.Data[at : at+group])
			for i := at; i < at+group; i++ {
				k := i % row / run
				y.Data[i] = (x.Data[i]-mean)/math.Sqrt(variance+eps)*in[1].Data[k] + in[2].Data[k]
			}
		}
		return y
	}
}

// refLpNorm divides by Σ|x| or √Σx² along one axis.
func refLpNorm(axis int, p int64) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		x := in[0]
		y := Tensor{Dims: x.Dims}
		walk(x.Dims, func(at []int) {
			norm := 0.0
			line := append([]int{}, at...)
			for line[axis] = range x.Dims[axis] {
				norm += math.Pow(math.Abs(x.Data[index(x.Dims, line)]), float64(p))
			}
			y.Data = append(y.Data, x.Data[index(x.Dims, at)]/math.Pow(norm, 1/float64(p)))
		})
		return y
	}
}
