package graph

import "math"

// convNorm is a convolution with the normalisation, residual and rectifier
// that follow it, for inference: the running statistics are folded into
// weights and bias (Jacob et al. 2018, arXiv 1712.05877, section 3.2). Its
// inputs are x, w, b, scale, bias, mean, variance and the residual, those
// from b on nil where they are left out. It is known to plans alone.
var convNorm = &Op{Type: "Conv", Layout: ChannelsLast, Infer: inferConv, Build: buildConvNorm, MultiplyAdds: convMultiplyAdds}

const (
	convNormScale    = 3 // first input of the normalisation
	convNormResidual = 7
	convNormInputs   = 8
)

type convNormKernel struct {
	conv
	epsilon float32
	normal  bool
	w, b    []float32
}

func buildConvNorm(b *Build) (Kernel, error) {
	k, err := buildConv(b)
	if err != nil {
		return nil, err
	}
	c := &convNormKernel{conv: k.(conv), normal: b.Node.In[convNormScale] != nil, epsilon: b.Node.epsilon}
	c.ReLU, c.Cap = b.Node.relu, b.Node.cap
	if c.normal || b.Node.Has(2) {
		c.b = make([]float32, c.M)
	}
	if c.normal {
		c.w = make([]float32, product(b.In(1)))
	}
	return c, nil
}

// Prepare folds: w' = w·k, b' = (b − mean)·k + bias with k = scale/√(variance+ε).
func (c *convNormKernel) Prepare(in [][]float32) {
	if b := in[2]; b != nil {
		copy(c.b, b)
	} else {
		clear(c.b)
	}
	if !c.normal {
		c.Conv.Prepare(in[1])
		return
	}
	scale, bias, mean, variance := in[convNormScale], in[convNormScale+1], in[convNormScale+2], in[convNormScale+3]
	row := len(c.w) / c.M
	for m := range c.M {
		k := float64(scale[m]) / math.Sqrt(float64(variance[m])+float64(c.epsilon))
		for i, v := range in[1][m*row : (m+1)*row] {
			c.w[m*row+i] = float32(float64(v) * k)
		}
		c.b[m] = float32(float64((float64(c.b[m])-float64(mean[m]))*k) + float64(bias[m]))
	}
	c.Conv.Prepare(c.w)
}

func (c *convNormKernel) Forward(r *Run, in, out [][]float32) {
	c.Residual = in[convNormResidual]
	c.Conv.Forward(out[0], in[0], nil, c.b, r.Work)
}
