package models

import (
	"fmt"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// image makes the last value (C, H, W), or says that it is none.
func (b *builder) image(arch string) error {
	if len(b.shape) != 3 {
		return usage("student", "%s needs images, the input has shape %v", arch, b.shape)
	}
	if b.nhwc {
		b.node("Transpose", nil, onnx.IntsAttr("perm", 0, 3, 1, 2))
		b.shape = []int{b.shape[2], b.shape[0], b.shape[1]}
		b.nhwc = false
	}
	return nil
}

// flatten makes the last value (D).
func (b *builder) flatten() {
	if len(b.shape) == 1 {
		return
	}
	size := 1
	for _, d := range b.shape {
		size *= d
	}
	b.node("Flatten", nil, onnx.IntAttr("axis", 1))
	b.shape = []int{size}
}

// reshape gives the rows of the last value another shape of the same size.
func (b *builder) reshape(shape ...int) {
	dims := []int64{0}
	for _, d := range shape {
		dims = append(dims, int64(d))
	}
	b.node("Reshape", []string{b.axes("shape", dims...)})
	b.shape = shape
}

// dense is a fully connected layer: w (out, in).
func (b *builder) dense(name string, out int) { b.gemm(name, out, b.init) }

// head is the last layer, whose outputs are the logits.
func (b *builder) head(name string, classes int) { b.gemm(name, classes, glorot) }

func (b *builder) gemm(name string, out int, init initialiser) {
	in := b.shape[0]
	w := b.weight(name+".weight", init(b.rng, in, out), out, in)
	bias := b.weight(name+".bias", constant(0), out)
	b.node("Gemm", []string{w, bias}, onnx.FloatAttr("alpha", 1), onnx.FloatAttr("beta", 1), onnx.IntAttr("transB", 1))
	b.ops += int64(in) * int64(out)
	b.shape = []int{out}
}

// conv says what a convolution with a square kernel is like.
type conv struct {
	out, kernel, stride, pad int
	groups                   int // 0 means 1
	bias                     bool
}

// conv appends a convolution: w (out, in/groups, k, k).
func (b *builder) conv(name string, c conv) {
	in, area, groups := b.shape[0], c.kernel*c.kernel, max(c.groups, 1)
	draw := b.init(b.rng, in/groups*area, c.out/groups*area)
	more := []string{b.weight(name+".weight", draw, c.out, in/groups, c.kernel, c.kernel)}
	if c.bias {
		more = append(more, b.weight(name+".bias", constant(0), c.out))
	}
	size, p, stride := int64(c.kernel), int64(c.pad), int64(c.stride)
	attrs := []*onnx.Attr{onnx.IntsAttr("kernel_shape", size, size), onnx.IntsAttr("pads", p, p, p, p), onnx.IntsAttr("strides", stride, stride)}
	if groups > 1 {
		attrs = append(attrs, onnx.IntAttr("group", int64(groups)))
	}
	b.node("Conv", more, attrs...)
	b.shape = []int{c.out, (b.shape[1]+2*c.pad-c.kernel)/c.stride + 1, (b.shape[2]+2*c.pad-c.kernel)/c.stride + 1}
	b.ops += int64(c.out*b.shape[1]*b.shape[2]) * int64(in/groups*area)
}

// conv3x3 keeps the size of its image, or halves it, rounded up, with stride 2.
func (b *builder) conv3x3(name string, out, stride int) {
	b.conv(name, conv{out: out, kernel: 3, stride: stride, pad: 1})
}

// conv1x1 maps channels pixel by pixel.
func (b *builder) conv1x1(name string, out, stride int) {
	b.conv(name, conv{out: out, kernel: 1, stride: stride})
}

func (b *builder) relu() { b.node("Relu", nil) }

// relu6 is min(max(x, 0), 6).
func (b *builder) relu6() {
	b.node("Clip", []string{b.scalar("relu6_min", 0), b.scalar("relu6_max", 6)})
}

// add is last + v; both have one shape.
func (b *builder) add(v value) { b.node("Add", []string{v.name}) }

// halve is a 2×2 maximum pooling of stride 2, left out on an axis of 1.
func (b *builder) halve() {
	if b.shape[1] < 2 || b.shape[2] < 2 {
		return
	}
	b.node("MaxPool", nil, onnx.IntsAttr("kernel_shape", 2, 2), onnx.IntsAttr("pads", 0, 0, 0, 0), onnx.IntsAttr("strides", 2, 2))
	b.shape = []int{b.shape[0], b.shape[1] / 2, b.shape[2] / 2}
}

// averageImage makes (C) of (C, H, W): the mean of each plane.
func (b *builder) averageImage() {
	b.node("GlobalAveragePool", nil)
	b.shape = []int{b.shape[0], 1, 1}
	b.flatten()
}

// batchNorm normalises channels, with the momentum that PyTorch calls 0.1.
func (b *builder) batchNorm(name string) { b.scaledNorm(name, 1) }

// lastNorm is the batch normalisation that ends a residual branch. Zero draws
// its scale as 0, so that the block begins as its shortcut (Goyal et al. 2017,
// arXiv 1706.02677, section 5.1).
func (b *builder) lastNorm(name string, zero bool) {
	if zero {
		b.scaledNorm(name, 0)
		return
	}
	b.scaledNorm(name, 1)
}

func (b *builder) scaledNorm(name string, scale float32) {
	c := b.shape[0]
	b.stats += 2 * c
	more := []string{
		b.weight(name+".weight", constant(scale), c), b.weight(name+".bias", constant(0), c),
		b.weight(name+".running_mean", constant(0), c), b.weight(name+".running_var", constant(1), c),
	}
	b.node("BatchNormalization", more, onnx.FloatAttr("epsilon", 1e-5), onnx.FloatAttr("momentum", 0.9))
}

func (b *builder) dropout(ratio float64) {
	if ratio == 0 {
		return
	}
	b.node("Dropout", []string{b.scalar(fmt.Sprintf("dropout_ratio_%d", b.counts["Dropout"]+1), float32(ratio))})
}
