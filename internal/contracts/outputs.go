package contracts

import (
	"fmt"
	"math"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// plain begins a model of the problem with one float input x (N, features).
func plain(p *problem) (n *net, logits string) {
	n = newNet()
	return n, n.scores(n.input("x", onnx.Float32, "N", p.size()), p)
}

// trial is the rows of a table with the model that n holds.
func (n *net) trial(d *dir, p *problem, says ...string) *Trial {
	return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", p.csv()), Says: says, Least: 0.9}
}

// classNames says in the metadata what the classes are.
func (n *net) classNames(names ...string) {
	n.m.Metadata = append(n.m.Metadata, onnx.Entry{Key: "classes", Value: strings.Join(names, ",")})
}

// outputs are cases of what comes out.
var outputs = []Case{
	{"wrong-declared-output", "an output declared as [1,1000] that is [N,4]", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("scores", z, onnx.Float32, 1, 1000)
		return n.trial(d, p)
	}},
	{"probabilities", "softmax in the graph", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("out", n.softmax(z), onnx.Float32, "N", 4)
		return n.trial(d, p, "probabilities")
	}},
	{"log-probabilities", "log-softmax in the graph, under a name that says probabilities", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("probs", n.do("LogSoftmax", []string{z}, onnx.IntAttr("axis", 1)), onnx.Float32, "N", 4)
		return n.trial(d, p, "log-probabilities", "whatever the name")
	}},
	{"axes-of-one", "scores as [N,4,1,1]", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("scores", n.do("Reshape", []string{z, n.ints([]int64{-1, 4, 1, 1}, 4)}), onnx.Float32, "N", 4, 1, 1)
		return n.trial(d, p)
	}},
	{"thousand-classes", "[1,1000,1,1] with the rows' ten classes among them, by name", func(d *dir) *Trial {
		p := blobs(10, 12)
		n := newNet()
		z := n.scores(n.input("x", onnx.Float32, 1, 12), p)
		w, names := make([]float32, 10*1000), make([]string, 1000)
		for k := range names {
			names[k] = fmt.Sprintf("thing %d", k)
		}
		for c := range 10 { // spread over the thousand
			k := 37 + 91*c
			w[c*1000+k], names[k] = 1, p.names[c]
		}
		b := make([]float32, 1000)
		for k := range b {
			b[k] = -40
		}
		for c := range 10 {
			b[37+91*c] = 0
		}
		wide := n.do("Add", []string{n.do("MatMul", []string{z, n.floats(w, 10, 1000)}), n.floats(b, 1000)})
		n.output("scores", n.do("Reshape", []string{wide, n.ints([]int64{1, 1000, 1, 1}, 4)}), onnx.Float32, 1, 1000, 1, 1)
		n.classNames(names...)
		return n.trial(d, p, "1000")
	}},
	{"one-sigmoid", "two classes and one column of probability [N,1]", func(d *dir) *Trial {
		p, n, z := twoClasses()
		n.output("prob", n.do("Sigmoid", []string{z}), onnx.Float32, "N", 1)
		return n.trial(d, p, "one column")
	}},
	{"rank-one", "two classes and one logit, of rank 1", func(d *dir) *Trial {
		p, n, z := twoClasses()
		n.output("score", n.do("Squeeze", []string{z, n.ints([]int64{1}, 1)}), onnx.Float32, "N")
		return n.trial(d, p, "one column")
	}},
	{"sigmoid-a-class", "one sigmoid a class for rows of one class", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		mean := n.do("ReduceMean", []string{z}, onnx.IntsAttr("axes", 1), onnx.IntAttr("keepdims", 1))
		n.output("out", n.do("Sigmoid", []string{n.do("Sub", []string{z, mean})}), onnx.Float32, "N", 4)
		return n.trial(d, p, "sigmoid")
	}},
	{"label-first", "a label of int64, then the probabilities", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("label", n.do("ArgMax", []string{z}, onnx.IntAttr("axis", 1), onnx.IntAttr("keepdims", 0)), onnx.Int64, "N")
		n.output("probabilities", n.softmax(z), onnx.Float32, "N", 4)
		return n.trial(d, p, "the only one that gives scores")
	}},
	{"label-only", "nothing but a label of int64", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("label", n.do("ArgMax", []string{z}, onnx.IntAttr("axis", 1), onnx.IntAttr("keepdims", 0)), onnx.Int64, "N")
		return n.trial(d, p, "labels")
	}},
	{"name-only", "nothing but the name of the class", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		at := n.do("ArgMax", []string{z}, onnx.IntAttr("axis", 1), onnx.IntAttr("keepdims", 0))
		n.output("label", n.do("LabelEncoder", []string{at}, onnx.IntsAttr("keys_int64s", 0, 1, 2, 3),
			&onnx.Attr{Name: "values_strings", Type: onnx.AttrStrings, Strings: [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("d")}}), onnx.String, "N")
		return n.trial(d, p, "labels")
	}},
	{"zipmap-of-names", "label and a sequence of maps, whose names come in another order", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		order := n.do("Gather", []string{n.softmax(z), n.ints([]int64{2, 0, 3, 1}, 4)}, onnx.IntAttr("axis", 1))
		n.zipMap(order, &onnx.Attr{Name: "classlabels_strings", Type: onnx.AttrStrings, Strings: [][]byte{[]byte("c"), []byte("a"), []byte("d"), []byte("b")}}, onnx.String)
		return n.trial(d, p, "named as the rows")
	}},
	{"zipmap-of-numbers", "a sequence of maps from int64, for classes that are numbers", func(d *dir) *Trial {
		p := blobs(3, 5)
		p.names = []string{"1", "2", "3"}
		n, z := plain(p)
		n.zipMap(n.softmax(z), onnx.IntsAttr("classlabels_int64s", 1, 2, 3), onnx.Int64)
		return n.trial(d, p, "probabilities")
	}},
	{"two-heads", "a head for something else before the one of the classes", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("box", n.do("MatMul", []string{"x", n.floats(make([]float32, 5*7), 5, 7)}), onnx.Float32, "N", 7)
		n.output("scores", z, onnx.Float32, "N", 4)
		return n.trial(d, p, "the only one with 4 classes")
	}},
	{"both-sides-of-softmax", "logits and their probabilities both", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("probabilities", n.softmax(z), onnx.Float32, "N", 4)
		n.output("logits", z, onnx.Float32, "N", 4)
		return n.trial(d, p, "not normalised")
	}},
	{"value-inside", "the logits are a value inside the graph, whose output is rounded to tenths", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		ten := n.floats([]float32{10}, 1)
		n.output("rounded", n.do("Div", []string{n.do("Round", []string{n.do("Mul", []string{n.softmax(z), ten})}), ten}), onnx.Float32, "N", 4)
		t := n.trial(d, p)
		t.Teacher = append(t.Teacher, "--teacher-output", z)
		return t
	}},
	{"other-names", "classes by other names, two of which are one of the rows'", func(d *dir) *Trial {
		p := blobs(3, 5)
		n, z := plain(p)
		half := n.do("Sub", []string{n.do("Slice", []string{z, n.ints([]int64{2}, 1), n.ints([]int64{3}, 1), n.ints([]int64{1}, 1)}), n.floats([]float32{float32(math.Ln2)}, 1)})
		first := n.do("Slice", []string{z, n.ints([]int64{0}, 1), n.ints([]int64{2}, 1), n.ints([]int64{1}, 1)})
		n.output("scores", n.do("Concat", []string{half, first, half}, onnx.IntAttr("axis", 1)), onnx.Float32, "N", 4)
		n.classNames("gull", "ant", "bee", "crow")
		t := n.trial(d, p, "gull")
		t.Teacher = append(t.Teacher, "--class-map", "ant=a,bee=b,gull=c,crow=c")
		return t
	}},
	{"regression", "one number [N,1]", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		n.output("y", n.do("MatMul", []string{n.input("x", onnx.Float32, "N", 5), n.floats([]float32{3, -1, 2, 0.5, 4}, 5, 1)}), onnx.Float32, "N", 1)
		rows := p.table(append(p.columns(), "price"), func(r int) []string {
			x := p.x[r]
			return append(numbers(x), fmt.Sprintf("%.4f", 100+3*x[0]-x[1]+2*x[2]+0.5*x[3]+4*x[4]))
		})
		z := n.g.Nodes[len(n.g.Nodes)-1]
		z.OpType, z.Inputs = "Add", []string{z.Inputs[0], n.floats([]float32{100}, 1)}
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", rows),
			More: []string{"--label", "price"}, Says: []string{"regression"}, Least: 0.95}
	}},
	{"multi-label", "five labels, each with its sigmoid", func(d *dir) *Trial {
		p := blobs(4, 6)
		n := newNet()
		w := make([]float32, 6*5)
		for i := range 6 {
			for l := range 5 {
				w[i*5+l] = float32(math.Sin(float64(1 + i*5 + l)))
			}
		}
		n.output("tags", n.do("Sigmoid", []string{n.do("MatMul", []string{n.input("x", onnx.Float32, "N", 6), n.floats(w, 6, 5)})}), onnx.Float32, "N", 5)
		rows := p.table(append(p.columns(), "t1", "t2", "t3", "t4", "t5"), func(r int) []string {
			out := numbers(p.x[r])
			for l := range 5 {
				z := 0.0
				for i, x := range p.x[r] {
					z += x * float64(w[i*5+l])
				}
				out = append(out, map[bool]string{true: "1", false: "0"}[z > 0])
			}
			return out
		})
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", rows),
			More: []string{"--label", "t1,t2,t3,t4,t5"}, Says: []string{"multi-label"}, Least: 0.75, Student: "mlp:32"}
	}},
}

// twoClasses is a problem of two classes with the logit (N,1) of the second.
func twoClasses() (*problem, *net, string) {
	p := blobs(2, 5)
	n, z := plain(p)
	return p, n, n.do("MatMul", []string{z, n.floats([]float32{-1, 1}, 2, 1)})
}

// zipMap declares a label and a sequence of maps, as scikit-learn's converter
// writes them.
func (n *net) zipMap(probabilities string, labels *onnx.Attr, key onnx.DType) {
	n.output("output_label", n.do("ArgMax", []string{probabilities}, onnx.IntAttr("axis", 1), onnx.IntAttr("keepdims", 0)), onnx.Int64, "N")
	maps := n.do("ZipMap", []string{probabilities}, labels)
	n.g.Outputs = append(n.g.Outputs, &onnx.Value{Name: maps, Kind: onnx.KindSequence, KeyDType: key, DType: onnx.Float32})
}
