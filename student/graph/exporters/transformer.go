package exporters

import "github.com/kdonnx/kdonnx/runtime/onnx"

func init() {
	add(func() Idiom { // qkv in one product, cut by Gather; LayerNormalization as an op
		b := encoder(17)
		b.node("LayerNormalization", "x norm1.weight norm1.bias", "ln1", axis(-1), onnx.FloatAttr("epsilon", 1e-5))
		qkv(b, "ln1")
		b.node("Transpose", "k", "kt", onnx.IntsAttr("perm", 0, 1, 3, 2)).node("MatMul", "q kt", "scores")
		b.float("scale", 0.5).node("Mul", "scores scale", "scaled")
		attend(b)
		b.node("LayerNormalization", "r1 norm2.weight norm2.bias", "ln2", axis(-1), onnx.FloatAttr("epsilon", 1e-5))
		b.node("MatMul", "ln2 onnx::MatMul_101", "m1").node("Add", "mlp.0.bias m1", "h").node("Relu", "h", "act")
		return finish(b, "pytorch encoder")
	})
}

// The encoder has 3 tokens of width 4 and 2 heads; weights of Linear layers
// that see more than two axes are transposed by the exporter, under names of
// its own.
const tokens, width, heads = 3, 4, 2

func encoder(opset int64) *builder {
	b := start(opset, onnx.Float32, tokens, width)
	b.fill("norm1.weight", 1, width).weight("norm1.bias", width).weight("onnx::MatMul_99", width, 3*width).weight("attn.qkv.bias", 3*width)
	b.weight("onnx::MatMul_100", width, width).weight("attn.proj.bias", width).fill("norm2.weight", 1, width).weight("norm2.bias", width)
	b.weight("onnx::MatMul_101", width, 6).weight("mlp.0.bias", 6).weight("onnx::MatMul_102", 6, width).weight("mlp.2.bias", width)
	return b.weight("head.weight", 2, width).weight("head.bias", 2)
}

// qkv makes q, k and v, (N, heads, tokens, width/heads) each.
func qkv(b *builder, in string) {
	b.node("MatMul", in+" onnx::MatMul_99", "mm").node("Add", "attn.qkv.bias mm", "qkv").node("Shape", in, "s")
	b.constant("i0", 0).constant("i1", 1).constant("i2", 2).node("Gather", "s i0", "n", axis(0)).node("Gather", "s i1", "t", axis(0)).node("Gather", "s i2", "c", axis(0))
	b.constant("heads", heads).node("Div", "c heads", "d64").node("Cast", "d64", "d65", onnx.IntAttr("to", int64(onnx.Int64))).list("zero", 0).list("three", 3)
	for _, name := range []string{"n", "t", "c", "heads", "d65"} {
		b.node("Unsqueeze", name+" zero", name+"1")
	}
	b.node("Concat", "n1 t1 three heads1 d651", "shape", axis(0)).node("Reshape", "qkv shape", "parts")
	b.node("Transpose", "parts", "swapped", onnx.IntsAttr("perm", 2, 0, 3, 1, 4))
	b.node("Gather", "swapped i0", "q", axis(0)).node("Gather", "swapped i1", "k", axis(0)).node("Gather", "swapped i2", "v", axis(0))
}

// attend goes from the scaled scores to the first residual.
func attend(b *builder) {
	b.node("Softmax", "scaled", "p", axis(-1)).node("MatMul", "p v", "pv").node("Transpose", "pv", "back", onnx.IntsAttr("perm", 0, 2, 1, 3))
	b.node("Concat", "n1 t1 c1", "joined_shape", axis(0)).node("Reshape", "back joined_shape", "joined")
	b.node("MatMul", "joined onnx::MatMul_100", "proj").node("Add", "attn.proj.bias proj", "attn").node("Add", "x attn", "r1")
}

// finish goes from the activation to the class scores of the first token.
func finish(b *builder, name string) Idiom {
	b.node("MatMul", "act onnx::MatMul_102", "m2").node("Add", "mlp.2.bias m2", "mlp").node("Add", "r1 mlp", "r2")
	b.node("Gather", "r2 i0", "token", axis(1)).node("Gemm", "token head.weight head.bias", "y", onnx.IntAttr("transB", 1))
	return Idiom{Name: name, Model: b.m, Row: []int{tokens, width}, Classes: 2, Trained: []string{
		"norm1.weight", "norm1.bias", "onnx::MatMul_99", "attn.qkv.bias", "onnx::MatMul_100", "attn.proj.bias",
		"norm2.weight", "norm2.bias", "onnx::MatMul_101", "mlp.0.bias", "onnx::MatMul_102", "mlp.2.bias", "head.weight", "head.bias",
	}}
}
