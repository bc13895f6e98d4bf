package exporters

import "github.com/kdonnx/kdonnx/runtime/onnx"

func init() {
	add(func() Idiom { // BERT's embeddings: words, positions from a buffer, token types expanded to the batch
		const tokens, width = 4, 3
		b := start(14, onnx.Int64, tokens).weight("word.weight", 9, width).weight("position.weight", 6, width).weight("type.weight", 2, width).weight("head.weight", 2, tokens*width)
		b.init(onnx.Int64Tensor("position_ids", []int64{1, 6}, []int64{0, 1, 2, 3, 4, 5})).init(onnx.Int64Tensor("token_type_ids", []int64{1, 6}, []int64{0, 0, 1, 1, 0, 0}))
		b.node("Shape", "x", "s").constant("one", 1).node("Gather", "s one", "t", axis(0)).list("zero", 0).list("axes", 1).node("Unsqueeze", "t zero", "t1")
		b.node("Slice", "position_ids zero t1 axes", "positions").node("Slice", "token_type_ids zero t1 axes", "types")
		b.node("Expand", "types s", "types_n").node("Gather", "word.weight x", "w").node("Gather", "type.weight types_n", "ty")
		b.node("Add", "w ty", "wt").node("Gather", "position.weight positions", "p").node("Add", "wt p", "emb")
		b.constant("i0", 0).node("Gather", "s i0", "n", axis(0)).node("Unsqueeze", "n zero", "n1").list("rest", -1).node("Concat", "n1 rest", "shape", axis(0))
		b.node("Reshape", "emb shape", "f").node("Gemm", "f head.weight", "y", onnx.IntAttr("transB", 1))
		return Idiom{Name: "pytorch embeddings", Model: b.m, Row: []int{tokens}, Ids: 9, Classes: 2,
			Trained: []string{"word.weight", "position.weight", "type.weight", "head.weight"}}
	})
	add(func() Idiom { // Keras: int32 tokens, and the mask that Masking makes of a Cast
		b := start(12, onnx.Int32, 3).weight("embedding", 5, 2).weight("dense/kernel", 6, 2).weight("dense/bias", 2)
		b.node("Gather", "embedding x", "e").node("Cast", "x", "f", onnx.IntAttr("to", int64(onnx.Float32))).node("Unsqueeze", "f", "fu", onnx.IntsAttr("axes", -1))
		b.float("scale", 0.125).node("Mul", "fu scale", "fs").node("Mul", "e fs", "m").node("Flatten", "m", "flat")
		b.node("MatMul", "flat dense/kernel", "mm").node("Add", "mm dense/bias", "y")
		return Idiom{Name: "keras tokens", Model: b.m, Row: []int{3}, Ids: 5, Classes: 2, Trained: []string{"embedding", "dense/kernel", "dense/bias"}}
	})
}
