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

func init() {
	add(func() Idiom { // opset 14: LayerNormalization in parts, the scale computed from a shape, GELU by Erf
		b := encoder(14)
		b.float("eps", 1e-5).float("square", 2)
		layerNorm(b, "x", "norm1", "ln1")
		qkv(b, "ln1")
		b.list("minus", -1).list("far", 1<<63-1).node("Shape", "q", "sq").node("Slice", "sq minus far", "width1").node("Cast", "width1", "widthf", onnx.IntAttr("to", int64(onnx.Float32)))
		b.node("Sqrt", "widthf", "root").float("unit", 1).node("Div", "unit root", "scale").node("Sqrt", "scale", "half")
		b.node("Mul", "q half", "qs").node("Transpose", "k", "kt", onnx.IntsAttr("perm", 0, 1, 3, 2)).node("Mul", "kt half", "ks").node("MatMul", "qs ks", "scaled")
		attend(b)
		layerNorm(b, "r1", "norm2", "ln2")
		b.node("MatMul", "ln2 onnx::MatMul_101", "m1").node("Add", "mlp.0.bias m1", "h").float("sqrt2", 1.4142135)
		b.node("Div", "h sqrt2", "hd").node("Erf", "hd", "erf").node("Add", "erf unit", "e1").node("Mul", "h e1", "he").float("point5", 0.5).node("Mul", "he point5", "act")
		return finish(b, "pytorch encoder in parts")
	})
	add(func() Idiom { // squeeze and excitation of MobileNetV3, with a hard sigmoid and means
		b := start(13, onnx.Float32, 4, 3, 3).weight("fc1.weight", 2, 4, 1, 1).fill("fc1.bias", 0.75, 2).weight("fc2.weight", 4, 2, 1, 1).weight("fc2.bias", 4).weight("head.weight", 3, 4)
		b.node("ReduceMean", "x", "p", onnx.IntsAttr("axes", 2, 3), onnx.IntAttr("keepdims", 1)).node("Conv", "p fc1.weight fc1.bias", "c1", kernel(1)).node("Relu", "c1", "r")
		b.node("Conv", "r fc2.weight fc2.bias", "c2", kernel(1)).node("HardSigmoid", "c2", "gate", onnx.FloatAttr("alpha", 1.0/6)).node("Mul", "gate x", "s").node("HardSwish", "s", "h")
		b.m.Opsets[0].Version = 14 // the first with HardSwish
		b.node("ReduceMean", "h", "f", onnx.IntsAttr("axes", -1, -2), onnx.IntAttr("keepdims", 0)).node("Gemm", "f head.weight", "y", onnx.IntAttr("transB", 1))
		return Idiom{Name: "pytorch squeeze and excitation", Model: b.m, Row: []int{4, 3, 3}, Classes: 3,
			Trained: []string{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "head.weight"}}
	})
}

// layerNorm is (x−mean)/√(variance+ε)·weight + bias as PyTorch writes it before
// opset 17.
func layerNorm(b *builder, x, name, y string) {
	last := onnx.IntsAttr("axes", -1)
	part := func(s string) string { return name + "_" + s }
	b.node("ReduceMean", x, part("mean"), last).node("Sub", x+" "+part("mean"), part("diff")).node("Pow", part("diff")+" square", part("sq"))
	b.node("ReduceMean", part("sq"), part("var"), last).node("Add", part("var")+" eps", part("vareps")).node("Sqrt", part("vareps"), part("std"))
	b.node("Div", part("diff")+" "+part("std"), part("norm")).node("Mul", part("norm")+" "+name+".weight", part("scaled"))
	b.node("Add", part("scaled")+" "+name+".bias", y)
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
