package exporters

import "github.com/kdonnx/kdonnx/runtime/onnx"

// What tf2onnx and keras2onnx write.

func init() {
	add(func() Idiom { // NHWC outside, NCHW around each convolution
		b := start(13, onnx.Float32, 6, 6, 2).weight("conv/kernel", 3, 2, 3, 3).weight("conv/bias", 3).weight("dense/kernel", 27, 4).weight("dense/bias", 4)
		b.node("Transpose", "x", "t1", onnx.IntsAttr("perm", 0, 3, 1, 2))
		b.node("Conv", "t1 conv/kernel conv/bias", "c", kernel(3), strides(1), onnx.StringAttr("auto_pad", "SAME_UPPER"))
		b.node("Relu", "c", "r").node("MaxPool", "r", "p", kernel(2), strides(2), onnx.StringAttr("auto_pad", "VALID"))
		b.node("Transpose", "p", "t2", onnx.IntsAttr("perm", 0, 2, 3, 1)).ints("const_fold", -1, 27).node("Reshape", "t2 const_fold", "flat")
		b.node("MatMul", "flat dense/kernel", "m").node("Add", "m dense/bias", "y")
		return Idiom{Name: "tf2onnx image", Model: b.m, Row: []int{6, 6, 2}, Classes: 4, Trained: []string{"conv/kernel", "conv/bias", "dense/kernel", "dense/bias"}}
	})
	add(func() Idiom { // tf.shape, strided_slice and pack; int32 arithmetic with Casts
		b := start(15, onnx.Float32, 2, 4).weight("dense/kernel", 8, 3).weight("dense/bias", 3)
		b.node("Shape", "x", "s64").node("Cast", "s64", "s", onnx.IntAttr("to", int64(onnx.Int32)))
		b.ints("i0", 0).ints("i1", 1).node("Slice", "s i0 i1 i0", "n1").node("Squeeze", "n1 i0", "n")
		b.init(&onnx.Tensor{Name: "eight", DType: onnx.Int32, Dims: []int64{1}, Data: []byte{8, 0, 0, 0}})
		b.node("Unsqueeze", "n i0", "nu").node("Concat", "nu eight", "packed", axis(0)).node("Cast", "packed", "shape", onnx.IntAttr("to", int64(onnx.Int64)))
		b.node("Reshape", "x shape", "flat").node("MatMul", "flat dense/kernel", "m").node("Add", "m dense/bias", "l").node("Softmax", "l", "y", axis(-1))
		return Idiom{Name: "tf2onnx shape", Model: b.m, Row: []int{2, 4}, Classes: 3, Trained: []string{"dense/kernel", "dense/bias"}}
	})
	add(func() Idiom { // weights in Constant nodes, one of them transposed; opset 9
		b := start(9, onnx.Float32, 1, 5, 5).tensor("kernel", 2, 1, 3, 3).tensor("beta", 2).tensor("wt", 3, 18).tensor("bias", 3)
		b.node("Constant", "", "mean", onnx.TensorAttr("value", onnx.FloatTensor("", []int64{1, 1, 1}, []float32{0.25})))
		b.node("Sub", "x mean", "centred").node("Conv", "centred kernel beta", "c", kernel(3)).node("Relu", "c", "r")
		b.node("Flatten", "r", "f").node("Transpose", "wt", "w", onnx.IntsAttr("perm", 1, 0)).node("MatMul", "f w", "m").node("Add", "m bias", "y")
		return Idiom{Name: "keras2onnx constants", Model: b.m, Row: []int{1, 5, 5}, Classes: 3, Trained: []string{"kernel", "beta", "wt", "bias"}}
	})
	add(func() Idiom { // Keras Dropout and BatchNormalization of an old opset, with the outputs of training
		b := start(8, onnx.Float32, 3, 2).fill("gamma", 1.5, 3).fill("beta", 0.5, 3).fill("mean", 0.25, 3).fill("var", 2, 3).weight("w", 6, 2)
		b.node("BatchNormalization", "x gamma beta mean var", "bn m v sm sv", onnx.FloatAttr("epsilon", 0.001), onnx.IntAttr("spatial", 1))
		b.node("Dropout", "bn", "d mask", onnx.FloatAttr("ratio", 0.25)).ints("shape", 0, -1).node("Reshape", "d shape", "f").node("MatMul", "f w", "y")
		return Idiom{Name: "keras old training outputs", Model: b.m, Row: []int{3, 2}, Classes: 2, Trained: []string{"gamma", "beta", "w"}}
	})
	add(func() Idiom { // squeeze and excitation; the pooled features stay an image
		b := start(13, onnx.Float32, 4, 3, 3).weight("reduce/kernel", 2, 4, 1, 1).fill("reduce/bias", 0.75, 2).weight("expand/kernel", 4, 2, 1, 1).weight("expand/bias", 4).weight("w", 4, 3)
		b.node("GlobalAveragePool", "x", "p").node("Conv", "p reduce/kernel reduce/bias", "c1", kernel(1)).node("Relu", "c1", "r")
		b.node("Conv", "r expand/kernel expand/bias", "c2", kernel(1)).node("Sigmoid", "c2", "gate").node("Mul", "x gate", "scaled")
		b.node("GlobalAveragePool", "scaled", "g").node("Squeeze", "g", "f").node("MatMul", "f w", "y")
		return Idiom{Name: "squeeze and excitation", Model: b.m, Row: []int{4, 3, 3}, Classes: 3,
			Trained: []string{"reduce/kernel", "reduce/bias", "expand/kernel", "expand/bias", "w"}}
	})
}
