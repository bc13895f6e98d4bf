package contracts

import (
	"fmt"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// several are cases of more than one model.
var several = []Case{
	{"folds", "a folder of three folds, each of which knows other features", func(d *dir) *Trial {
		p := blobs(4, 6)
		for k := range 3 {
			n := newNet()
			mask := make([]float32, 6)
			for i := range mask {
				if i%3 != k {
					mask[i] = 1
				}
			}
			x := n.do("Mul", []string{n.input("x", onnx.Float32, "N", 6), n.floats(mask, 6)})
			n.output("scores", n.scores(x, p), onnx.Float32, "N", 4)
			d.file("folds/keep", nil)
			n.write(d, fmt.Sprintf("folds/fold%d.onnx", k))
		}
		return &Trial{Teacher: teacher(d.path + "/folds"), Data: d.file("rows.csv", p.csv()), Says: []string{"3 teachers"}, Least: 0.85}
	}},
	{"unlike-members", "two teachers of unlike contracts, weighed 2 to 1, geometric mean", func(d *dir) *Trial {
		p := pictures(8, 1)
		a := newNet()
		x := a.do("Mul", []string{a.input("pixels", onnx.Float32, "N", 64), a.floats([]float32{255}, 1)})
		a.output("probs", a.softmax(a.scores(x, p)), onnx.Float32, "N", 4)
		b := newNet()
		raw := b.do("Flatten", []string{b.input("image", onnx.Float32, 1, 1, 8, 8)})
		b.output("scores", b.scores(raw, p), onnx.Float32, 1, 4)
		return &Trial{Teacher: []string{"--teacher", a.write(d, "a.onnx"), "--teacher", b.write(d, "b.onnx"), "--weights", "2,1", "--mean", "geometric"},
			Data: p.images(d), Says: []string{"2 teachers", "geometric"}, Least: 0.9}
	}},
}
