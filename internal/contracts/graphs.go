package contracts

import "github.com/kdonnx/kdonnx/runtime/onnx"

// graphs are cases of how a model is written.
var graphs = []Case{
	{"old-opset", "opset 7 of IR 3, whose weights are listed as inputs", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		n.m.IRVersion, n.m.Opsets = 3, []onnx.Opset{{Version: 7}}
		x := n.input("x", onnx.Float32, "N", 5)
		w, b := p.linear()
		z := n.do("Gemm", []string{x, n.floats(w, 5, 4), n.floats(b, 4)})
		for _, t := range n.g.Initializers {
			v := value(t.Name, t.DType)
			for _, dim := range t.Dims {
				v.Shape = append(v.Shape, onnx.Dim{Value: dim})
			}
			n.g.Inputs = append(n.g.Inputs, v)
		}
		n.output("scores", n.do("Softmax", []string{z}, onnx.IntAttr("axis", 1)), onnx.Float32, "N", 4)
		return n.trial(d, p, "probabilities")
	}},
	{"no-declared-shape", "an input and an output of no declared shape", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("scores", z, onnx.Float32)
		n.g.Inputs[0].HasShape, n.g.Outputs[0].HasShape = false, false
		n.g.Inputs[0].Shape, n.g.Outputs[0].Shape = nil, nil
		return n.trial(d, p)
	}},
	{"local-function", "a function of the model's own", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.m.Opsets = append(n.m.Opsets, onnx.Opset{Domain: "own", Version: 1})
		n.m.Functions = []*onnx.Function{{Domain: "own", Name: "Twice", Inputs: []string{"a"}, Outputs: []string{"b"},
			Opsets: []onnx.Opset{{Version: 17}}, Nodes: []*onnx.Node{{Name: "sum", OpType: "Add", Inputs: []string{"a", "a"}, Outputs: []string{"b"}}}}}
		twice := n.do("Twice", []string{z})
		n.g.Nodes[len(n.g.Nodes)-1].Domain = "own"
		n.output("scores", twice, onnx.Float32, "N", 4)
		return n.trial(d, p)
	}},
	{"branches", "If with a branch for each of two ways to write the same", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		branch := func(op string) *onnx.Graph {
			name := "in_" + op
			return &onnx.Graph{Name: op, Nodes: []*onnx.Node{{Name: name, OpType: op, Inputs: []string{z}, Outputs: []string{name}}},
				Outputs: []*onnx.Value{value(name, onnx.Float32, "N", 4)}}
		}
		big := n.do("Greater", []string{n.do("ReduceMax", []string{z}, onnx.IntAttr("keepdims", 0)), n.floats([]float32{0}, 1)})
		either := n.do("If", []string{n.do("Reshape", []string{big, n.ints([]int64{1}, 1)})},
			onnx.GraphAttr("then_branch", branch("Identity")), onnx.GraphAttr("else_branch", branch("Abs")))
		n.output("scores", either, onnx.Float32, "N", 4)
		return n.trial(d, p)
	}},
	{"awkward-names", "names with spaces, slashes, quotes and no ASCII", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		z := n.scores(n.input("Eingabe/größe x:0", onnx.Float32, "Größe der Menge", 5), p)
		n.output("ausgabe \"z\" / 日本", z, onnx.Float32, "Größe der Menge", 4)
		return n.trial(d, p)
	}},
	{"draws-lots", "an output with a little noise, other in each run", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		noise := n.do("RandomNormalLike", []string{z}, onnx.FloatAttr("scale", 0.05))
		n.output("scores", n.do("Add", []string{z, noise}), onnx.Float32, "N", 4)
		return n.trial(d, p)
	}},
	{"convolution", "convolution and pooling, grey images of 0 to 1", func(d *dir) *Trial {
		p := pictures(8, 1)
		n := newNet()
		x := n.do("Mul", []string{n.input("image", onnx.Float32, "N", 1, 8, 8), n.floats([]float32{255}, 1)})
		ones := make([]float32, 9)
		ones[4] = 1
		same := n.do("Conv", []string{x, n.floats(ones, 1, 1, 3, 3)}, onnx.IntsAttr("kernel_shape", 3, 3), onnx.IntsAttr("pads", 1, 1, 1, 1))
		n.output("scores", n.scores(n.do("Flatten", []string{same}), p), onnx.Float32, "N", 4)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: p.images(d), Says: []string{"/255"}, Least: 0.9}
	}},
}
