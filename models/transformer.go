package models

import (
	"fmt"
	"math"
	"net/url"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func init() {
	register(Architecture{
		Name: "transformer", Help: "pre-norm encoder of the given width, depth and heads over the patches of an image (patch=N pixels a side), the rows of a matrix or the features of a row (patch=N features a token); the mean of the tokens is classified",
		Examples: []string{"transformer:64,4,4", "transformer:192,12,3?patch=4"},
		Options:  []string{"patch", "dropout"},
		Init:     "glorot",
		shapes: func(url.Values) (list []Shape) { // heads of 16
			for _, depth := range []int{1, 2, 4, 6, 8, 12} {
				list = append(list, Shape{1, maxWidth / 16, func(heads int) string { return fmt.Sprintf("transformer:%d,%d,%d", 16*heads, depth, heads) }})
			}
			return list
		},
		widened: func(s spec) Shape { // the width of each head
			if len(s.sizes) != 3 {
				return Shape{}
			}
			depth, heads := s.sizes[1], s.sizes[2]
			return Shape{1, max(1, maxWidth/heads), func(w int) string { return s.with("transformer", listed([]int{heads * w, depth, heads})) }}
		},
		build: buildTransformer,
	})
}

// Bounds of a transformer's tokens: the default patch gives about the first a
// side, or its square; more than the second is refused.
const (
	tokensASide = 8
	maxTokens   = 4096
)

// buildTransformer is the vision transformer of Dosovitskiy et al. 2021 (arXiv
// 2010.11929) with the mean of the tokens in place of a class token (Beyer et
// al. 2022, arXiv 2205.01580), learned positions and MLPs of four times the
// width. Weights are Glorot's as in that paper's code: DeiT's, whose deviation
// of 0.02 is meant for widths of 192 and more, learn small nets more slowly.
func buildTransformer(b *builder, s spec, classes int) error {
	if len(s.sizes) != 3 {
		return usage(s.field(), "has %d sizes, expected width, depth and heads, for example transformer:64,4,4", len(s.sizes))
	}
	dim, depth, heads := s.sizes[0], s.sizes[1], s.sizes[2]
	if dim%heads != 0 || depth > maxLayers {
		return usage(s.field(), "has width %d, depth %d and %d heads, expected a width that the heads divide and a depth of at most %d", dim, depth, heads, maxLayers)
	}
	ratio, err := s.dropout()
	if err != nil {
		return err
	}
	if err := b.tokens(s, dim); err != nil {
		return err
	}
	if b.shape[0] > maxTokens {
		return usage(s.field(), "cuts the input into %d tokens, expected at most %d: give a larger patch", b.shape[0], maxTokens)
	}
	b.dropout(ratio)
	for i := range depth {
		b.encoderBlock(fmt.Sprintf("blocks.%d", i), heads, ratio)
	}
	b.layerNorm("norm")
	b.node("ReduceMean", nil, onnx.IntsAttr("axes", 1), onnx.IntAttr("keepdims", 0))
	b.shape = []int{dim}
	b.head("head", classes)
	return nil
}

// tokens makes (T, dim) of what goes in, positions included.
func (b *builder) tokens(s spec, dim int) error {
	side := b.shape[len(b.shape)-1]
	if len(b.shape) == 1 {
		side = (side + tokensASide - 1) / tokensASide // about tokensASide² of them
	} else if len(b.shape) == 3 {
		if err := b.image("transformer"); err != nil {
			return err
		}
		side = min(b.shape[1], b.shape[2])
	}
	patch, err := s.count("patch", (side+tokensASide-1)/tokensASide, 1, maxWidth)
	if err != nil {
		return err
	}
	switch {
	case len(b.shape) == 2 && s.opts.Has("patch"):
		return usage(s.field(), "has patch=%d, expected none for rows of shape %v", patch, b.shape)
	case len(b.shape) == 2:
		b.linear("embed", dim)
	case len(b.shape) == 3:
		b.patches(min(patch, b.shape[1]), min(patch, b.shape[2]), dim)
	case patch == 1:
		b.featureTokens(dim)
		return nil
	default:
		b.reshape(1, 1, b.shape[0])
		b.patches(1, min(patch, b.shape[2]), dim)
	}
	b.node("Add", []string{b.weight("pos_embed", truncated(b.rng, 0.02), 1, b.shape[0], dim)})
	return nil
}

// patches makes (T, dim) of (C, H, W): a convolution whose stride is its
// kernel. What is missing from the last patches is zeros.
func (b *builder) patches(height, width, dim int) {
	in, h, w := b.shape[0], b.shape[1], b.shape[2]
	rows, cols := (h+height-1)/height, (w+width-1)/width
	weight := b.weight("patch_embed.weight", b.init(b.rng, in*height*width, dim), dim, in, height, width)
	bias := b.weight("patch_embed.bias", constant(0), dim)
	kh, kw := int64(height), int64(width)
	b.node("Conv", []string{weight, bias}, onnx.IntsAttr("kernel_shape", kh, kw),
		onnx.IntsAttr("pads", 0, 0, int64(rows*height-h), int64(cols*width-w)), onnx.IntsAttr("strides", kh, kw))
	b.ops += int64(rows*cols*dim) * int64(in*height*width)
	b.reshape(dim, rows*cols)
	b.node("Transpose", nil, onnx.IntsAttr("perm", 0, 2, 1))
	b.shape = []int{rows * cols, dim}
}

// featureTokens makes (D, dim) of (D): token d is x_d·w_d + b_d (Gorishniy et
// al. 2021, arXiv 2106.11959, section 3.3). The b_d are the positions too.
func (b *builder) featureTokens(dim int) {
	d := b.shape[0]
	b.reshape(d, 1)
	b.node("Mul", []string{b.weight("feature_embed.weight", b.init(b.rng, 1, dim), d, dim)})
	b.node("Add", []string{b.weight("feature_embed.bias", truncated(b.rng, 0.02), d, dim)})
	b.shape = []int{d, dim}
}

// encoderBlock is x + attention(norm(x)), then y + MLP(norm(y)).
func (b *builder) encoderBlock(name string, heads int, ratio float64) {
	x, dim := b.value(), b.shape[1]
	b.layerNorm(name + ".norm1")
	b.attention(name+".attn", heads)
	b.dropout(ratio)
	b.add(x)
	y := b.value()
	b.layerNorm(name + ".norm2")
	b.linear(name+".mlp.fc1", 4*dim)
	b.gelu()
	b.linear(name+".mlp.fc2", dim)
	b.dropout(ratio)
	b.add(y)
}

// attention is softmax(q·kᵀ/√(dim/heads))·v for each head, put side by side
// and mapped by proj (Vaswani et al. 2017, arXiv 1706.03762, section 3.2).
func (b *builder) attention(name string, heads int) {
	x, tokens, dim := b.value(), b.shape[0], b.shape[1]
	part := func(kind string, perm ...int64) value {
		b.resume(x)
		b.linear(name+"."+kind, dim)
		b.reshape(tokens, heads, dim/heads)
		b.node("Transpose", nil, onnx.IntsAttr("perm", perm...))
		return b.value()
	}
	q := part("q", 0, 2, 1, 3) // (heads, T, dim/heads)
	k := part("k", 0, 2, 3, 1) // (heads, dim/heads, T)
	v := part("v", 0, 2, 1, 3)
	b.resume(q)
	b.node("Mul", []string{b.scalar("attention_scale", float32(1/math.Sqrt(float64(dim/heads))))})
	b.node("MatMul", []string{k.name})
	b.node("Softmax", nil, onnx.IntAttr("axis", -1))
	b.node("MatMul", []string{v.name})
	b.ops += 2 * int64(tokens*tokens) * int64(dim)
	b.node("Transpose", nil, onnx.IntsAttr("perm", 0, 2, 1, 3))
	b.reshape(tokens, dim)
	b.linear(name+".proj", dim)
}

// linear maps the last axis of (T, D): w (in, out).
func (b *builder) linear(name string, out int) {
	in := b.shape[1]
	b.node("MatMul", []string{b.weight(name+".weight", b.init(b.rng, in, out), in, out)})
	b.node("Add", []string{b.weight(name+".bias", constant(0), out)})
	b.ops += int64(b.shape[0]*in) * int64(out)
	b.shape = []int{b.shape[0], out}
}

// layerNorm normalises the last axis of (T, D).
func (b *builder) layerNorm(name string) {
	d := b.shape[1]
	more := []string{b.weight(name+".weight", constant(1), d), b.weight(name+".bias", constant(0), d)}
	b.node("LayerNormalization", more, onnx.IntAttr("axis", -1), onnx.FloatAttr("epsilon", 1e-5))
}

// gelu is x·½(1 + erf(x/√2)) (Hendrycks and Gimpel 2016, arXiv 1606.08415), in
// the ops that a Gelu is made of before opset 20.
func (b *builder) gelu() {
	x := b.value()
	b.node("Div", []string{b.scalar("sqrt_2", math.Sqrt2)})
	b.node("Erf", nil)
	b.node("Add", []string{b.scalar("one", 1)})
	b.node("Mul", []string{x.name})
	b.node("Mul", []string{b.scalar("half", 0.5)})
}
