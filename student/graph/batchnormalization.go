package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// BatchNormalization is y = scale·(x−mean)/√(var+ε) + bias by channel (Ioffe
// and Szegedy 2015, arXiv 1502.03167); kernel.BatchNorm has the gradients.
func init() {
	Register(Op{Type: "BatchNormalization", Layout: ChannelsLast, GradInPlace: true, MinIn: 5, MaxIn: 5, Weights: []int{1, 2}, State: []int{3, 4}, Infer: inferBatchNorm, Build: buildBatchNorm})
}

// inferBatchNorm gives the shape of x (N, C, ...); scale, bias, mean and
// variance are (C).
func inferBatchNorm(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	if len(x) < 2 || x[0] >= 0 || x[1] < 0 {
		return nil, fmt.Errorf("input is %v, expected (N, C, ...)", x)
	}
	if n.Opset < 9 && n.Int("spatial", 1) == 0 {
		return nil, fmt.Errorf("spatial is 0, expected 1: statistics of every pixel are not supported")
	}
	for i := 1; i < 5; i++ {
		if s := n.In[i].Shape; len(s) != 1 || s[0] != x[1] {
			return nil, fmt.Errorf("input %d is %v, expected (%d)", i, s, x[1])
		}
	}
	return sameShape(n)
}

func batchNormEpsilon(n *Node) float32 { return n.Float("epsilon", 1e-5) }

// batchNorm uses the batch's statistics in training and the running ones
// otherwise. A training forward moves those by ONNX's momentum:
// running = running·momentum + batch·(1−momentum), variances of the population.
//
// In a plan it may add a residual, input 5, and rectify.
type batchNorm struct {
	*kernel.BatchNorm
	moments  *kernel.Columns // of x, from the convolution that made it; may be nil
	training bool
	momentum float32
}

func buildBatchNorm(b *Build) (Kernel, error) {
	x := b.In(0)
	k := kernel.NewBatchNorm(product(x)/x[1], x[1], batchNormEpsilon(b.Node), b.Node.relu)
	if b.Training && k.R < 2 {
		return nil, fmt.Errorf("one value a channel has no variance: train with a batch of at least 2")
	}
	if b.Node.cap > 0 {
		k.Cap = b.Node.cap
	}
	return &batchNorm{BatchNorm: k, training: b.Training, momentum: b.Node.Float("momentum", 0.9)}, nil
}

func (k *batchNorm) Forward(_ *Run, in, out [][]float32) {
	if k.training {
		k.Train(out[0], in[0], optional(in, 5), in[1], in[2], k.moments)
		return
	}
	k.Infer(out[0], in[0], optional(in, 5), in[1], in[2], in[3], in[4])
}

func (k *batchNorm) Backward(_ *Run, in, out, dout, din [][]float32) {
	k.BatchNorm.Backward(din[0], optional(din, 5), din[1], din[2], dout[0], in[0], out[0], in[1])
}

// Commit moves the running statistics.
func (k *batchNorm) Commit(in [][]float32) {
	mean, variance := k.Stats()
	keep := float64(k.momentum)
	for c := range mean {
		in[3][c] = float32(float64(float64(in[3][c])*keep) + float64(mean[c]*(1-keep)))
		in[4][c] = float32(float64(float64(in[4][c])*keep) + float64(variance[c]*(1-keep)))
	}
}
