package contracts

import "github.com/kdonnx/kdonnx/runtime/onnx"

// batches are cases of how many rows a call may have.
var batches = []Case{
	{"batch-of-one", "a batch declared as 1", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		n.output("scores", n.scores(n.input("x", onnx.Float32, 1, 5), p), onnx.Float32, 1, 4)
		return n.trial(d, p, "batch: 1, declared")
	}},
	{"batch-of-seven", "a batch declared as 7, which the rows are no multiple of", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		z := n.scores(n.input("x", onnx.Float32, 7, 5), p)
		n.output("scores", n.do("Reshape", []string{z, n.ints([]int64{7, 4}, 2)}), onnx.Float32, 7, 4)
		return n.trial(d, p, "batch: 7, declared")
	}},
	{"free-but-one", "a batch declared free that fails above 1", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		x := n.do("Reshape", []string{n.input("x", onnx.Float32, "N", 5), n.ints([]int64{1, 5}, 2)})
		n.output("scores", n.scores(x, p), onnx.Float32, "N", 4)
		return n.trial(d, p, "batch: 1, though declared free")
	}},
	{"mixes-rows", "a batch declared free whose rows change each other's output", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		mean := n.do("ReduceMean", []string{z}, onnx.IntsAttr("axes", 0), onnx.IntAttr("keepdims", 1))
		n.output("scores", n.do("Sub", []string{z, n.do("Mul", []string{mean, n.floats([]float32{0.1}, 1)})}), onnx.Float32, "N", 4)
		return n.trial(d, p, "depends on the rows beside it")
	}},
	{"no-batch-axis", "one row [5] in, [4] out", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		x := n.do("Unsqueeze", []string{n.input("x", onnx.Float32, 5), n.ints([]int64{0}, 1)})
		n.output("scores", n.do("Squeeze", []string{n.scores(x, p), n.ints([]int64{0}, 1)}), onnx.Float32, 4)
		return n.trial(d, p, "row")
	}},
	{"output-without-batch", "rows in as [N,5], and only one row out as [4]", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("scores", n.do("Reshape", []string{n.do("Slice", []string{z, n.ints([]int64{0}, 1), n.ints([]int64{1}, 1)}), n.ints([]int64{4}, 1)}), onnx.Float32, 4)
		return n.trial(d, p, "batch: 1")
	}},
	{"fixed-that-takes-any", "a batch declared as 1 in the output only", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("scores", z, onnx.Float32, 1, 4)
		return n.trial(d, p, "batch: any")
	}},
}
