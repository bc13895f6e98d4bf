package exporters

import "github.com/kdonnx/kdonnx/runtime/onnx"

// What torch.onnx.export writes, from the TorchScript exporter of 1.2 to the
// dynamo one.

func init() {
	add(func() Idiom { // x.view(x.size(0), -1), opset 11: Unsqueeze with attributes
		b := start(11, onnx.Float32, 2, 3).weight("fc.weight", 4, 6).weight("fc.bias", 4)
		b.node("Shape", "x", "s").constant("zero", 0).node("Gather", "s zero", "n", axis(0))
		b.constant("rest", -1)
		b.node("Unsqueeze", "n", "n1", onnx.IntsAttr("axes", 0)).node("Unsqueeze", "rest", "rest1", onnx.IntsAttr("axes", 0))
		b.node("Concat", "n1 rest1", "shape", axis(0)).node("Reshape", "x shape", "flat")
		b.node("Gemm", "flat fc.weight fc.bias", "y", onnx.IntAttr("transB", 1))
		return Idiom{Name: "pytorch view 11", Model: b.m, Row: []int{2, 3}, Classes: 4, Trained: []string{"fc.weight", "fc.bias"}}
	})
	add(leNet)
	add(func() Idiom { // no dynamic axes: the batch of 2 is in the constant
		b := start(13, onnx.Float32, 1, 4, 4).fixed(2).weight("w", 3, 1, 3, 3).weight("fc.weight", 5, 12).weight("fc.bias", 5)
		b.node("Conv", "x w", "c", kernel(3)).node("Relu", "c", "r").list("shape", 2, 12).node("Reshape", "r shape", "flat")
		b.node("Gemm", "flat fc.weight fc.bias", "y", onnx.IntAttr("transB", 1))
		return Idiom{Name: "pytorch fixed batch", Model: b.m, Row: []int{1, 4, 4}, Classes: 5, Trained: []string{"w", "fc.weight", "fc.bias"}}
	})
	add(func() Idiom { // the same of a class token: expanded to a batch of 1 by the exporter's own folding
		b := start(17, onnx.Float32, 2, 3).fixed(1).weight("onnx::Concat_12", 1, 1, 3).weight("fc.weight", 2, 9).list("shape", 1, -1)
		b.node("Concat", "onnx::Concat_12 x", "cat", axis(1)).node("Reshape", "cat shape", "f").node("Gemm", "f fc.weight", "y", onnx.IntAttr("transB", 1))
		return Idiom{Name: "pytorch fixed class token", Model: b.m, Row: []int{2, 3}, Classes: 2, Trained: []string{"onnx::Concat_12", "fc.weight"}}
	})
	add(func() Idiom { // dynamo: numbers are initializers, of rank 0 where Python has them
		b := start(20, onnx.Float32, 6).weight("fc1.weight", 6, 6).weight("fc1.bias", 6).weight("fc2.weight", 3, 6).weight("fc2.bias", 3)
		b.init(onnx.FloatTensor("scalar_tensor_default", []int64{}, []float32{0.5})).ints("val_3", -1, 6)
		b.node("Gemm", "x fc1.weight fc1.bias", "h", onnx.IntAttr("transB", 1)).node("Mul", "h scalar_tensor_default", "hs")
		b.node("Reshape", "hs val_3", "hr", onnx.IntAttr("allowzero", 1)).node("Tanh", "hr", "t")
		b.node("Gemm", "t fc2.weight fc2.bias", "y", onnx.IntAttr("transB", 1))
		return Idiom{Name: "pytorch dynamo", Model: b.m, Row: []int{6}, Classes: 3, Trained: []string{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}}
	})
	add(linearFunction)
	add(shuffle)
	add(classToken)
	add(trainingExport)
	add(func() Idiom { // initializers of equal values are one, given on by Identity
		b := start(17, onnx.Float32, 3, 2, 2).fill("ones", 1, 3).fill("zeros", 0, 3).weight("fc.weight", 2, 12)
		b.node("Identity", "zeros", "bn.running_mean").node("Identity", "ones", "bn.running_var")
		b.node("BatchNormalization", "x ones zeros bn.running_mean bn.running_var", "bn").node("Flatten", "bn", "f")
		b.node("Transpose", "fc.weight", "wt", onnx.IntsAttr("perm", 1, 0)).node("MatMul", "f wt", "y")
		return Idiom{Name: "pytorch shared initializers", Model: b.m, Row: []int{3, 2, 2}, Classes: 2, Trained: []string{"ones", "zeros", "fc.weight"}}
	})
	add(func() Idiom { // F.pad, PixelShuffle, slices, stack and squeeze
		b := start(18, onnx.Float32, 4, 3, 3).weight("w", 2, 1, 2, 2).ints("pads", 0, 0, 1, 1, 0, 0, 1, 1)
		b.node("DepthToSpace", "x", "d", onnx.IntAttr("blocksize", 2), onnx.StringAttr("mode", "CRD"))
		b.node("Pad", "d pads", "p", onnx.StringAttr("mode", "reflect")).node("Conv", "p w", "c", kernel(2), strides(2))
		b.ints("one", 1).ints("two", 2).ints("zero", 0).ints("far", 1<<63-1).ints("minus", -1)
		b.node("Slice", "c zero far two two", "even").node("Slice", "c one far two two", "odd")
		b.node("Slice", "odd minus far two minus", "bad").node("Unsqueeze", "even one", "u")
		b.node("Squeeze", "u one", "e").node("Concat", "e odd", "cat", axis(2)).node("Flatten", "cat", "y")
		b.m.Graph.Nodes = append(b.m.Graph.Nodes[:5], b.m.Graph.Nodes[6:]...) // "bad" is read by nothing
		return Idiom{Name: "pytorch pixels", Model: b.m, Row: []int{4, 3, 3}, Classes: 32, Trained: []string{"w"}}
	})
}

// leNet is opset 13: x.view(-1, numel) with the number computed.
func leNet() Idiom {
	b := start(13, onnx.Float32, 1, 12, 12).weight("conv1.weight", 3, 1, 3, 3).weight("conv1.bias", 3)
	b.weight("fc1.weight", 8, 75).weight("fc1.bias", 8).weight("fc2.weight", 4, 8).weight("fc2.bias", 4)
	b.node("Conv", "x conv1.weight conv1.bias", "c", kernel(3), strides(1), onnx.IntsAttr("pads", 0, 0, 0, 0), onnx.IntAttr("group", 1), onnx.IntsAttr("dilations", 1, 1))
	b.node("Relu", "c", "r").node("MaxPool", "r", "p", kernel(2), strides(2), onnx.IntAttr("ceil_mode", 0))
	b.node("Shape", "p", "s").list("from", 1).list("to", 4).list("axes", 0).node("Slice", "s from to axes", "chw")
	b.node("ReduceProd", "chw", "numel", onnx.IntAttr("keepdims", 1)).list("rest", -1)
	b.node("Concat", "rest numel", "shape", axis(0)).node("Reshape", "p shape", "flat")
	b.node("Gemm", "flat fc1.weight fc1.bias", "h", onnx.FloatAttr("alpha", 1), onnx.FloatAttr("beta", 1), onnx.IntAttr("transB", 1))
	b.node("Relu", "h", "hr").node("Gemm", "hr fc2.weight fc2.bias", "y", onnx.IntAttr("transB", 1))
	return Idiom{Name: "pytorch lenet", Model: b.m, Row: []int{1, 12, 12}, Classes: 4,
		Trained: []string{"conv1.weight", "conv1.bias", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}}
}

// linearFunction calls a model-local function, as dynamo does for a module.
func linearFunction() Idiom {
	b := start(18, onnx.Float32, 3).weight("layer.weight", 4, 3).weight("layer.bias", 4).weight("head.weight", 2, 4).weight("head.bias", 2)
	const domain = "pkg.torch.2.3.0"
	b.m.Opsets = append(b.m.Opsets, onnx.Opset{Domain: domain, Version: 1})
	slope := onnx.FloatAttr("alpha", 0)
	slope.Ref = "negative_slope"
	b.m.Functions = []*onnx.Function{{
		Domain: domain, Name: "torch_nn_linear", Inputs: []string{"input", "weight", "bias"}, Outputs: []string{"addmm"},
		AttrDefaults: []*onnx.Attr{onnx.FloatAttr("negative_slope", 0.25)}, Opsets: []onnx.Opset{{Version: 18}},
		Nodes: []*onnx.Node{
			{OpType: "Transpose", Inputs: []string{"weight"}, Outputs: []string{"t"}, Attrs: []*onnx.Attr{onnx.IntsAttr("perm", 1, 0)}},
			{OpType: "MatMul", Inputs: []string{"input", "t"}, Outputs: []string{"mm"}},
			{OpType: "Add", Inputs: []string{"mm", "bias"}, Outputs: []string{"sum"}},
			{OpType: "LeakyRelu", Inputs: []string{"sum"}, Outputs: []string{"addmm"}, Attrs: []*onnx.Attr{slope}},
		},
	}}
	b.node("torch_nn_linear", "x layer.weight layer.bias", "h").node("torch_nn_linear", "h head.weight head.bias", "y", onnx.FloatAttr("negative_slope", 0.75))
	for _, n := range b.m.Graph.Nodes {
		n.Domain = domain
	}
	return Idiom{Name: "pytorch functions", Model: b.m, Row: []int{3}, Classes: 2,
		Trained: []string{"layer.weight", "layer.bias", "head.weight", "head.bias"}}
}

// shuffle is a ShuffleNet v2 unit: chunk, a branch, concatenation and
// channel_shuffle with every size computed from the shape.
func shuffle() Idiom {
	b := start(13, onnx.Float32, 4, 3, 3).weight("branch.weight", 2, 1, 3, 3).weight("head.weight", 3, 4)
	b.node("Split", "x", "a half", axis(1)).node("Conv", "half branch.weight", "c", kernel(3), onnx.IntsAttr("pads", 1, 1, 1, 1), onnx.IntAttr("group", 2))
	b.node("Concat", "a c", "cat", axis(1)).node("Shape", "cat", "s").list("zero", 0)
	var dims []string
	for i, name := range []string{"n", "ch", "h", "w"} {
		b.constant("i"+name, int64(i)).node("Gather", "s i"+name, name, axis(0))
		dims = append(dims, name)
	}
	b.constant("groups", 2).node("Div", "ch groups", "per")
	for _, name := range append(dims, "groups", "per") {
		b.node("Unsqueeze", name+" zero", name+"1")
	}
	b.node("Concat", "n1 groups1 per1 h1 w1", "split_shape", axis(0)).node("Reshape", "cat split_shape", "grouped")
	b.node("Transpose", "grouped", "swapped", onnx.IntsAttr("perm", 0, 2, 1, 3, 4))
	b.list("minus", -1).node("Concat", "n1 minus h1 w1", "join_shape", axis(0)).node("Reshape", "swapped join_shape", "shuffled")
	b.node("GlobalAveragePool", "shuffled", "pool").node("Flatten", "pool", "f").node("Gemm", "f head.weight", "y", onnx.IntAttr("transB", 1))
	return Idiom{Name: "pytorch shuffle", Model: b.m, Row: []int{4, 3, 3}, Classes: 3, Trained: []string{"branch.weight", "head.weight"}}
}

// classToken is the stem and the head of a vision transformer: patches, a
// class token expanded to the batch by the Where that PyTorch writes for −1,
// position embeddings, and the first and the last token.
func classToken() Idiom {
	b := start(17, onnx.Float32, 1, 4, 4).weight("cls_token", 1, 1, 3).weight("pos_embed", 1, 5, 3).weight("proj.weight", 3, 1, 2, 2).weight("head.weight", 2, 6).weight("head.bias", 2)
	b.node("Conv", "x proj.weight", "patches", kernel(2), strides(2)).node("Shape", "patches", "s")
	b.list("zero", 0).list("two", 2).node("Slice", "s zero two", "nc").list("rest", -1).node("Concat", "nc rest", "flat_shape", axis(0))
	b.node("Reshape", "patches flat_shape", "flat").node("Transpose", "flat", "tokens", onnx.IntsAttr("perm", 0, 2, 1))
	b.node("Shape", "x", "sx").constant("first", 0).node("Gather", "sx first", "n", axis(0)).node("Unsqueeze", "n zero", "n1")
	b.list("minus", -1).node("Concat", "n1 minus minus", "want", axis(0))
	b.list("three", 3).node("ConstantOfShape", "three", "ones", onnx.TensorAttr("value", onnx.Int64Tensor("", []int64{1}, []int64{1})))
	b.constant("m1", -1).node("Mul", "ones m1", "negative").node("Equal", "want negative", "keep").node("Where", "keep ones want", "target")
	b.node("Expand", "cls_token target", "cls").node("Concat", "cls tokens", "cat", axis(1)).node("Add", "cat pos_embed", "emb")
	b.constant("head", 0).node("Gather", "emb head", "t0", axis(1)).constant("last", -1).node("Gather", "emb last", "t4", axis(1))
	b.node("Concat", "t0 t4", "token", axis(-1)).node("Gemm", "token head.weight head.bias", "y", onnx.IntAttr("transB", 1))
	return Idiom{Name: "pytorch class token", Model: b.m, Row: []int{1, 4, 4}, Classes: 2,
		Trained: []string{"cls_token", "pos_embed", "proj.weight", "head.weight", "head.bias"}}
}

// trainingExport is torch.onnx.TrainingMode.TRAINING at opset 14.
func trainingExport() Idiom {
	b := start(14, onnx.Float32, 4).weight("fc.weight", 6, 4).fill("bn.weight", 1, 6).fill("bn.bias", 0, 6).fill("bn.mean", 0.1, 6).fill("bn.var", 2, 6).weight("head.weight", 3, 6)
	b.node("Gemm", "x fc.weight", "h", onnx.IntAttr("transB", 1))
	b.node("BatchNormalization", "h bn.weight bn.bias bn.mean bn.var", "bn bn_mean bn_var", onnx.IntAttr("training_mode", 1), onnx.FloatAttr("momentum", 0.9))
	b.float("ratio", 0.5).node("Constant", "", "training", onnx.TensorAttr("value", &onnx.Tensor{DType: onnx.Bool, Dims: []int64{}, Data: []byte{1}}))
	b.node("Dropout", "bn ratio training", "d mask").node("Gemm", "d head.weight", "y", onnx.IntAttr("transB", 1))
	return Idiom{Name: "pytorch training export", Model: b.m, Row: []int{4}, Classes: 3, Trained: []string{"fc.weight", "bn.weight", "bn.bias", "head.weight"}}
}
