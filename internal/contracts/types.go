package contracts

import (
	"encoding/binary"
	"math"
	"path/filepath"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// types are cases of numbers that are not float32.
var types = []Case{
	{"float16", "float16 in, weights and out", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		w, b := p.linear()
		half := func(v []float32, dims ...int64) string { return n.bytes(onnx.Float16, halves(v), dims...) }
		z := n.do("Add", []string{n.do("MatMul", []string{n.input("x", onnx.Float16, "N", 5), half(w, 5, 4)}), half(b, 4)})
		n.output("scores", n.softmax(z), onnx.Float16, "N", 4)
		return n.trial(d, p, "float16")
	}},
	{"float64", "double in and out", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		w, b := p.linear()
		double := func(v []float32, dims ...int64) string {
			var data []byte
			for _, x := range v {
				data = binary.LittleEndian.AppendUint64(data, math.Float64bits(float64(x)))
			}
			return n.bytes(onnx.Float64, data, dims...)
		}
		z := n.do("Add", []string{n.do("MatMul", []string{n.input("x", onnx.Float64, "N", 5), double(w, 5, 4)}), double(b, 4)})
		n.output("scores", z, onnx.Float64, "N", 4)
		return n.trial(d, p, "float64")
	}},
	{"external-data", "weights in a file beside the model", func(d *dir) *Trial {
		p := blobs(4, 5)
		n, z := plain(p)
		n.output("scores", z, onnx.Float32, "N", 4)
		path := filepath.Join(d.path, "model.onnx")
		if err := onnx.WriteBeside(path, "weights.bin", n.m, 1); err != nil && d.err == nil {
			d.err = err
		}
		return &Trial{Teacher: teacher(path), Data: d.file("rows.csv", p.csv()), Least: 0.9}
	}},
	{"qdq", "int8 weights and uint8 activations between QuantizeLinear and DequantizeLinear", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		q := n.quantizer()
		x := q.both(n.input("x", onnx.Float32, "N", 5), 0.08)
		z := n.do("MatMul", []string{x, q.weights(p)})
		_, b := p.linear()
		n.output("scores", q.both(n.do("Add", []string{z, n.floats(b, 4)}), 0.5), onnx.Float32, "N", 4)
		return n.trial(d, p)
	}},
	{"qlinear", "QLinearMatMul, whose bytes are the output", func(d *dir) *Trial {
		p := blobs(4, 5)
		p.centre = centred(p)
		p.x, p.y = nil, nil
		p.draw(1, false)
		n := newNet()
		q := n.quantizer()
		one := n.do("Concat", []string{n.input("x", onnx.Float32, "N", 5), n.do("Expand", []string{n.floats([]float32{1}, 1, 1), q.rows("x")})}, onnx.IntAttr("axis", 1))
		x := n.do("QuantizeLinear", []string{one, q.scale(0.1), q.zero})
		w, b := p.linear()
		all := make([]byte, 0, 6*4)
		for _, v := range append(w, b...) {
			all = append(all, byte(int8(math.Round(float64(v)*8))))
		}
		z := n.do("QLinearMatMul", []string{x, q.scale(0.1), q.zero, n.bytes(onnx.Int8, all, 6, 4), q.scale(0.125), q.zeroInt8, q.scale(0.25), q.zero})
		n.output("scores", z, onnx.Uint8, "N", 4)
		return n.trial(d, p, "uint8")
	}},
	{"dynamic-quantization", "MatMulInteger of bytes quantised on the way", func(d *dir) *Trial {
		p := blobs(4, 5)
		n := newNet()
		q := n.quantizer()
		x := n.many("DynamicQuantizeLinear", []string{n.input("x", onnx.Float32, 1, 5)}, 3)
		w, b := p.linear()
		var all []byte
		for _, v := range w {
			all = append(all, byte(int8(math.Round(float64(v)*8))))
		}
		z := n.cast(n.do("MatMulInteger", []string{x[0], n.bytes(onnx.Int8, all, 5, 4), x[2], q.zeroInt8}), onnx.Float32)
		z = n.do("Mul", []string{n.do("Mul", []string{z, x[1]}), n.floats([]float32{0.125}, 1)})
		n.output("scores", n.do("Add", []string{z, n.floats(b, 4)}), onnx.Float32, 1, 4)
		return n.trial(d, p)
	}},
}

// centred is the classes' centres drawn together, so that small integers do.
func centred(p *problem) [][]float64 {
	for _, c := range p.centre {
		for i := range c {
			c[i] = math.Min(4, math.Max(-4, c[i]))
		}
	}
	return p.centre
}

// quantizer holds the constants of quantised models.
type quantizer struct {
	n              *net
	zero, zeroInt8 string
}

func (n *net) quantizer() *quantizer {
	return &quantizer{n, n.bytes(onnx.Uint8, []byte{128}), n.bytes(onnx.Int8, []byte{0})}
}

func (q *quantizer) scale(s float32) string { return q.n.floats([]float32{s}) }

// both quantises x to bytes and back.
func (q *quantizer) both(x string, scale float32) string {
	s := q.scale(scale)
	return q.n.do("DequantizeLinear", []string{q.n.do("QuantizeLinear", []string{x, s, q.zero}), s, q.zero})
}

// weights is the matrix of p as int8, back as float.
func (q *quantizer) weights(p *problem) string {
	w, _ := p.linear()
	var data []byte
	for _, v := range w {
		data = append(data, byte(int8(math.Round(float64(v)*16))))
	}
	return q.n.do("DequantizeLinear", []string{q.n.bytes(onnx.Int8, data, int64(p.size()), int64(p.classes)), q.scale(1.0 / 16), q.zeroInt8})
}

// rows is the shape (rows of x, 1).
func (q *quantizer) rows(x string) string {
	n := q.n
	first := n.do("Slice", []string{n.do("Shape", []string{x}), n.ints([]int64{0}, 1), n.ints([]int64{1}, 1)})
	return n.do("Concat", []string{first, n.ints([]int64{1}, 1)}, onnx.IntAttr("axis", 0))
}
