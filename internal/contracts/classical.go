package contracts

import (
	"math"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// classical are models of ai.onnx.ml, as converters of scikit-learn write them.
var classical = []Case{
	{"linear-classifier", "LinearClassifier with names, probabilities in a ZipMap", func(d *dir) *Trial {
		p := blobs(3, 5)
		n := newNet()
		w, b := p.linear()
		byClass := make([]float32, 0, len(w))
		for c := range 3 {
			for i := range 5 {
				byClass = append(byClass, w[i*3+c])
			}
		}
		names := &onnx.Attr{Name: "classlabels_strings", Type: onnx.AttrStrings, Strings: [][]byte{[]byte("a"), []byte("b"), []byte("c")}}
		out := n.many("LinearClassifier", []string{n.input("float_input", onnx.Float32, "N", 5)}, 2, names,
			&onnx.Attr{Name: "coefficients", Type: onnx.AttrFloats, Floats: byClass}, &onnx.Attr{Name: "intercepts", Type: onnx.AttrFloats, Floats: b},
			onnx.IntAttr("multi_class", 1), onnx.StringAttr("post_transform", "SOFTMAX"))
		n.output("output_label", out[0], onnx.String, "N")
		maps := n.do("ZipMap", []string{out[1]}, names)
		n.g.Outputs = append(n.g.Outputs, &onnx.Value{Name: maps, Kind: onnx.KindSequence, KeyDType: onnx.String, DType: onnx.Float32})
		return n.trial(d, p, "probabilities")
	}},
	{"tree", "a decision tree of two splits, sure of every class", func(d *dir) *Trial {
		p := blobs(3, 2)
		p.centre = [][]float64{{-4, 0}, {4, -4}, {4, 4}}
		p.x, p.y = nil, nil
		p.draw(3, false)
		n := newNet()
		ints := func(name string, v ...int64) *onnx.Attr { return onnx.IntsAttr(name, v...) }
		floats := func(name string, v ...float32) *onnx.Attr {
			return &onnx.Attr{Name: name, Type: onnx.AttrFloats, Floats: v}
		}
		modes := &onnx.Attr{Name: "nodes_modes", Type: onnx.AttrStrings, Strings: [][]byte{[]byte("BRANCH_LEQ"), []byte("LEAF"), []byte("BRANCH_LEQ"), []byte("LEAF"), []byte("LEAF")}}
		out := n.many("TreeEnsembleClassifier", []string{n.input("x", onnx.Float32, "N", 2)}, 2,
			ints("nodes_treeids", 0, 0, 0, 0, 0), ints("nodes_nodeids", 0, 1, 2, 3, 4), ints("nodes_featureids", 0, 0, 1, 0, 0),
			floats("nodes_values", 0, 0, 0, 0, 0), modes,
			ints("nodes_truenodeids", 1, 0, 3, 0, 0), ints("nodes_falsenodeids", 2, 0, 4, 0, 0), ints("nodes_missing_value_tracks_true", 0, 0, 0, 0, 0),
			ints("class_treeids", 0, 0, 0), ints("class_nodeids", 1, 3, 4), ints("class_ids", 0, 1, 2), floats("class_weights", 1, 1, 1),
			&onnx.Attr{Name: "classlabels_strings", Type: onnx.AttrStrings, Strings: [][]byte{[]byte("a"), []byte("b"), []byte("c")}}, onnx.StringAttr("post_transform", "NONE"))
		n.output("label", out[0], onnx.String, "N")
		n.output("probabilities", out[1], onnx.Float32, "N", 3)
		return n.trial(d, p, "probabilities")
	}},
	{"missing-values", "empty cells, which the model's Imputer fills", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		x := n.do("Imputer", []string{n.input("x", onnx.Float32, "N", 5)},
			&onnx.Attr{Name: "imputed_value_floats", Type: onnx.AttrFloats, Floats: []float32{0, 0, 0, 0, 0}}, onnx.FloatAttr("replaced_value_float", float32(math.NaN())))
		n.output("scores", n.scores(x, p), onnx.Float32, "N", 4)
		rows := p.table(append(p.columns(), "label"), func(r int) []string {
			cells := append(numbers(p.x[r]), p.names[p.y[r]])
			if r%9 == 0 {
				cells[r%5] = ""
			}
			return cells
		})
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", rows), Least: 0.85}
	}},
	{"scaler-before", "a chain of two models: a Scaler, and what learned from its output", func(d *dir) *Trial {
		p := blobs(4, 5)
		s := newNet()
		s.output("variable", s.do("Scaler", []string{s.input("X", onnx.Float32, "N", 5)},
			&onnx.Attr{Name: "offset", Type: onnx.AttrFloats, Floats: []float32{1, 2, 3, 4, 5}}, &onnx.Attr{Name: "scale", Type: onnx.AttrFloats, Floats: []float32{2, 2, 2, 2, 2}}), onnx.Float32, "N", 5)
		n := newNet()
		half := n.do("Mul", []string{n.input("input", onnx.Float32, "N", 5), n.floats([]float32{0.5}, 1)})
		x := n.do("Add", []string{half, n.floats([]float32{1, 2, 3, 4, 5}, 5)})
		n.output("scores", n.scores(x, p), onnx.Float32, "N", 4)
		t := n.trial(d, p, "chain")
		t.Teacher = append(t.Teacher, "--before", s.write(d, "scaler.onnx"))
		return t
	}},
}
