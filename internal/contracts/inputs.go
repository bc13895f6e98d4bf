package contracts

import (
	"fmt"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// inputs are cases of what goes in.
var inputs = []Case{
	{"one-input-a-feature", "31 inputs [N,1] named as the columns, in another order", func(d *dir) *Trial {
		p := blobs(4, 31)
		n := newNet()
		in := make([]string, 31)
		for i := range in { // declared backwards, joined in the table's order
			k := len(in) - 1 - i
			in[k] = n.input(p.columns()[k], onnx.Float32, "N", 1)
		}
		n.output("scores", n.scores(n.do("Concat", in, onnx.IntAttr("axis", 1)), p), onnx.Float32, "N", 4)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", p.csv()),
			Says: []string{`from column "f31"`}, Least: 0.9}
	}},
	{"inputs-of-other-names", "one input [N] a feature, named as nothing in the table", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		var in []string
		axis := n.ints([]int64{1}, 1)
		for i := range 5 {
			in = append(in, n.do("Unsqueeze", []string{n.input(fmt.Sprintf("input_%d", i), onnx.Float32, "N"), axis}))
		}
		n.output("scores", n.scores(n.do("Concat", in, onnx.IntAttr("axis", 1)), p), onnx.Float32, "N", 4)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", p.csv()),
			Says: []string{"in their order"}, Least: 0.9}
	}},
	{"mixed-types", "float, string and double inputs beside each other, matched by name", func(d *dir) *Trial {
		p, words, table := mixed()
		n := newNet()
		w := n.input("width", onnx.Float32, "N", 1)
		c := n.input("colour", onnx.String, "N", 1)
		h := n.cast(n.input("height", onnx.Float64, "N", 1), onnx.Float32)
		n.output("scores", n.coloured(n.do("Concat", []string{w, h}, onnx.IntAttr("axis", 1)), c, p, words), onnx.Float32, "N", 3)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", table),
			Says: []string{"colour", "string"}, Least: 0.9}
	}},
	{"groups-of-columns", "a group of numbers [N,2] and a group of words [N,1], as a column transformer has them", func(d *dir) *Trial {
		p, words, table := mixed()
		n := newNet()
		num := n.input("num", onnx.Float32, "N", 2)
		cat := n.input("cat", onnx.String, "N", 1)
		n.output("scores", n.coloured(num, cat, p, words), onnx.Float32, "N", 3)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", table),
			Says: []string{"num", "cat"}, Least: 0.9}
	}},
	{"named-by-flag", "inputs whose names say nothing and whose order is wrong", func(d *dir) *Trial {
		p := blobs(4, 3)
		n := newNet()
		in := make([]string, 3)
		for i, name := range []string{"x", "y", "z"} {
			in[2-i] = n.input(name, onnx.Float32, "N", 1)
		}
		n.output("scores", n.scores(n.do("Concat", in, onnx.IntAttr("axis", 1)), p), onnx.Float32, "N", 4)
		return &Trial{Teacher: append(teacher(n.write(d, "model.onnx")), "--input", "x=f3", "--input", "y=f2", "--input", "z=f1"),
			Data: d.file("rows.csv", p.csv()), Least: 0.9}
	}},
	{"text", "one string input [N,1]: words are cut, counted and weighed by the model", func(d *dir) *Trial {
		n := newNet()
		n.m.Opsets[0].Version = 20
		n.m.IRVersion = 9
		text := n.do("Reshape", []string{n.input("text", onnx.String, "N", 1), n.ints([]int64{-1}, 1)})
		words := n.many("StringSplit", []string{text}, 2)[0]
		pool := make([][]byte, len(vocabulary))
		index := make([]int64, len(pool))
		for i, w := range vocabulary {
			pool[i], index[i] = []byte(w), int64(i)
		}
		counts := n.do("TfIdfVectorizer", []string{words},
			onnx.StringAttr("mode", "TF"), onnx.IntAttr("min_gram_length", 1), onnx.IntAttr("max_gram_length", 1), onnx.IntAttr("max_skip_count", 0),
			onnx.IntsAttr("ngram_counts", 0), onnx.IntsAttr("ngram_indexes", index...),
			&onnx.Attr{Name: "pool_strings", Type: onnx.AttrStrings, Strings: pool})
		w := make([]float32, len(vocabulary)*3)
		for i := range 9 {
			w[i*3+i/3] = 2
		}
		n.output("logits", n.do("MatMul", []string{counts, n.floats(w, int64(len(vocabulary)), 3)}), onnx.Float32, "N", 3)
		n.classNames("sport", "politics", "music")
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", sentences()),
			Says: []string{"string"}, Least: 0.9}
	}},
	{"integers", "int32 and int64 features through one Gather each", func(d *dir) *Trial {
		p := blobs(3, 2)
		for r := range p.x { // codes of 0 to 9
			for i, v := range p.x[r] {
				p.x[r][i] = float64(int(min(9, max(0, v+5))))
			}
		}
		table := make([]float32, 10*3)
		n := newNet()
		var sum string
		for i, t := range []onnx.DType{onnx.Int32, onnx.Int64} {
			for code := range 10 {
				for c := range 3 {
					off := float32(code) - 4.5 - float32(p.centre[c][i])
					table[code*3+c] = -off * off / 2
				}
			}
			part := n.do("Gather", []string{n.floats(table, 10, 3), n.input(p.columns()[i], t, "N")})
			if sum != "" {
				part = n.do("Add", []string{sum, part})
			}
			sum = part
		}
		n.output("scores", sum, onnx.Float32, "N", 3)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", p.csv()), Says: []string{"int32", "int64"}, Least: 0.75}
	}},
	{"channels-last", "images as [N,H,W,C] with one channel", func(d *dir) *Trial {
		p := pictures(8, 3)
		n := newNet()
		x := n.do("Flatten", []string{n.input("image", onnx.Float32, "N", 8, 8, 3)})
		n.output("scores", n.scores(x, p), onnx.Float32, "N", 4)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: p.images(d), Says: []string{"layout: NHWC"}, Least: 0.9}
	}},
	{"flat-images", "images as [N,784] of 0 to 1", func(d *dir) *Trial {
		p := pictures(8, 1)
		n := newNet()
		x := n.do("Mul", []string{n.input("pixels", onnx.Float32, "N", 64), n.floats([]float32{255}, 1)})
		n.output("scores", n.scores(x, p), onnx.Float32, "N", 4)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: p.images(d), Says: []string{"layout: flat", "/255"}, Least: 0.9}
	}},
	{"bytes", "images as uint8", func(d *dir) *Trial {
		p := pictures(8, 1)
		n := newNet()
		x := n.do("Flatten", []string{n.cast(n.input("image", onnx.Uint8, "N", 1, 8, 8), onnx.Float32)})
		n.output("scores", n.scores(x, p), onnx.Float32, "N", 4)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: p.images(d), Says: []string{"uint8"}, Least: 0.9}
	}},
	{"no-declared-axes", "an input of rank 4 of which no axis is declared, that wants channels last", func(d *dir) *Trial {
		p := pictures(8, 3)
		n := newNet()
		x := n.input("image", onnx.Float32, "a", "b", "c", "e")
		back := n.do("Transpose", []string{x}, onnx.IntsAttr("perm", 0, 3, 1, 2))
		kernel := make([]float32, 3)
		for k := range kernel { // a 1×1 convolution fails on anything but 3 channels
			kernel[k] = 1
		}
		same := n.do("Conv", []string{back, n.floats(kernel, 3, 1, 1, 1)}, onnx.IntAttr("group", 3), onnx.IntsAttr("kernel_shape", 1, 1))
		flat := n.do("Flatten", []string{n.do("Transpose", []string{same}, onnx.IntsAttr("perm", 0, 2, 3, 1))})
		n.output("scores", n.scores(flat, p), onnx.Float32, "a", 4)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: p.images(d), Says: []string{"NHWC"}, Least: 0.9}
	}},
	{"grey-for-colour", "grey images for a teacher of three channels and another size", func(d *dir) *Trial {
		p := pictures(8, 1)
		n := newNet()
		x := n.input("image", onnx.Float32, "N", 3, 16, 16)
		mean := n.do("ReduceMean", []string{x}, onnx.IntsAttr("axes", 1), onnx.IntAttr("keepdims", 1))
		small := n.do("AveragePool", []string{mean}, onnx.IntsAttr("kernel_shape", 2, 2), onnx.IntsAttr("strides", 2, 2))
		n.output("scores", n.scores(n.do("Flatten", []string{small}), p), onnx.Float32, "N", 4)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: p.images(d), Says: []string{"resized", "channel"}, Least: 0.9}
	}},
	{"constant-input", "an input that is no row: a temperature", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		z := n.scores(n.input("x", onnx.Float32, "N", 5), p)
		n.output("scores", n.do("Div", []string{z, n.input("temperature", onnx.Float32)}), onnx.Float32, "N", 4)
		return &Trial{Teacher: append(teacher(n.write(d, "model.onnx")), "--input", "temperature=@2"), Data: d.file("rows.csv", p.csv()),
			Says: []string{"temperature"}, Least: 0.9}
	}},
	{"input-with-default", "an input that an initializer of its name gives a value", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		z := n.scores(n.input("x", onnx.Float32, "N", 5), p)
		n.input("scale", onnx.Float32, 1)
		n.tensor(onnx.FloatTensor("scale", []int64{1}, []float32{1}))
		n.output("scores", n.do("Mul", []string{z, "scale"}), onnx.Float32, "N", 4)
		return &Trial{Teacher: teacher(n.write(d, "model.onnx")), Data: d.file("rows.csv", p.csv()), Least: 0.9}
	}},
}

// coloured is the scores of numbers (N,2) and a word (N,1), of which two in
// three are that of the class.
func (n *net) coloured(num, word string, p *problem, words []string) string {
	levels := make([][]byte, len(words))
	for i, w := range words {
		levels[i] = []byte(w)
	}
	hot := n.do("OneHotEncoder", []string{word}, onnx.IntAttr("zeros", 1), &onnx.Attr{Name: "cats_strings", Type: onnx.AttrStrings, Strings: levels})
	flat := n.do("Reshape", []string{hot, n.ints([]int64{-1, int64(len(words))}, 2)})
	w := make([]float32, len(words)*len(words))
	for i := range words {
		w[i*len(words)+i] = 1.95 // log 7: 7/9 against 1/9
	}
	return n.do("Add", []string{n.scores(num, p), n.do("MatMul", []string{flat, n.floats(w, int64(len(words)), int64(len(words)))})})
}
