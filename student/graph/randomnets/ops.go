package randomnets

import (
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// grow adds one op, or a few that belong together.
func (d *drawer) grow() {
	v := d.pick()
	if d.rng.IntN(3) == 0 {
		d.anywhere(v)
		return
	}
	if len(v.shape) == 1 {
		d.rows(v)
		return
	}
	d.image(v)
}

// anywhere adds an op that takes values of any shape.
func (d *drawer) anywhere(v value) {
	switch d.rng.IntN(8) {
	case 0:
		d.add(v.shape, "Add", []string{v.name, d.like(v, equal).name})
	case 1:
		gate := d.raw("Sigmoid", []string{d.like(v, equal).name})
		d.add(v.shape, "Mul", []string{v.name, gate})
	case 2:
		d.add(v.shape, []string{"Sum", "Mean", "Max"}[d.rng.IntN(3)], []string{d.like(v, equal).name, v.name, d.like(v, equal).name})
	case 3:
		d.add(v.shape, []string{"Identity", "Tanh", "Sigmoid", "LeakyRelu"}[d.rng.IntN(4)], []string{v.name})
	case 4:
		lo, hi := []float64{0, 0, -0.5}[d.rng.IntN(3)], 0.3+d.rng.Float64()
		d.add(v.shape, "Clip", []string{v.name, d.weight(lo, lo), d.weight(hi, hi)})
	default:
		d.add(v.shape, "Relu", []string{v.name})
	}
}

// norm adds a BatchNormalization, with a Relu or a residual after it or not.
func (d *drawer) norm(v value) {
	c := v.shape[0]
	y := d.add(v.shape, "BatchNormalization", []string{v.name, d.learnt(0.5, 1.5, c), d.learnt(-0.5, 0.5, c), d.weight(-0.5, 0.5, c), d.weight(0.5, 1.5, c)},
		onnx.FloatAttr("epsilon", 0.05))
	if d.rng.IntN(3) == 0 {
		in := []string{y.name, d.like(y, equal).name}
		d.rng.Shuffle(2, func(i, j int) { in[i], in[j] = in[j], in[i] })
		y = d.add(v.shape, "Add", in)
	}
	if d.rng.IntN(2) == 0 {
		d.add(v.shape, "Relu", []string{y.name})
	}
}

func (d *drawer) image(v value) {
	c, area := v.shape[0], v.shape[1:]
	op := d.rng.IntN(14)
	if len(area) > 2 && (op < 4 || op == 6) { // no windows in 3-D
		op = 4
	}
	switch op {
	case 0, 1, 2, 3:
		d.conv(v)
	case 4, 5:
		d.norm(v)
	case 6:
		d.pool(v)
	case 7:
		one := make([]int, len(v.shape))
		one[0] = c
		for i := range area {
			one[i+1] = 1
		}
		g := d.add(one, []string{"GlobalAveragePool", "GlobalMaxPool"}[d.rng.IntN(2)], []string{v.name})
		if d.rng.IntN(3) == 0 {
			axes := []int64{2, 3, 4}[:len(area)]
			g = d.add(one, "ReduceMean", []string{v.name}, onnx.IntsAttr("axes", axes...))
		}
		if d.rng.IntN(2) == 0 {
			d.add(v.shape, "Mul", []string{v.name, g.name})
		}
	case 8:
		d.constant(v)
	case 9:
		axis := d.rng.IntN(len(v.shape))
		u := d.like(v, func(a, b []int) bool {
			return len(a) == len(b) && equal(a[:axis], b[:axis]) && equal(a[axis+1:], b[axis+1:])
		})
		shape := slices.Clone(v.shape)
		shape[axis] += u.shape[axis]
		d.add(shape, "Concat", []string{v.name, u.name}, onnx.IntAttr("axis", int64(axis+1)))
	case 10:
		d.part(v)
	case 11:
		size := c
		for _, n := range area {
			size *= n
		}
		d.add([]int{size}, "Flatten", []string{v.name})
	case 12:
		order := d.rng.Perm(len(v.shape))
		shape, perm := make([]int, len(order)), []int64{0}
		for i, a := range order {
			shape[i] = v.shape[a]
			perm = append(perm, int64(a+1))
		}
		d.add(shape, "Transpose", []string{v.name}, onnx.IntsAttr("perm", perm...))
	case 13:
		k := v.shape[len(v.shape)-1]
		m := d.rng.IntN(4) + 1
		shape := append(slices.Clone(v.shape[:len(v.shape)-1]), m)
		d.add(shape, "MatMul", []string{v.name, d.learnt(-0.7, 0.7, k, m)})
	}
}

// constant adds an op of v and weights that are broadcast.
func (d *drawer) constant(v value) {
	c := v.shape[0]
	dims := make([]int, len(v.shape)+d.rng.IntN(2))
	for i := range dims {
		dims[i] = 1
	}
	dims[len(dims)-len(v.shape)] = c
	switch d.rng.IntN(6) {
	case 4:
		d.add(v.shape, "Add", []string{v.name, d.learnt(-1, 1, append([]int{1}, v.shape...)...)})
	case 5:
		d.add(v.shape, "InstanceNormalization", []string{v.name, d.learnt(0.5, 1.5, c), d.learnt(-1, 1, c)}, onnx.FloatAttr("epsilon", 0.05))
	case 0:
		d.add(v.shape, "PRelu", []string{v.name, d.learnt(0.1, 0.4, dims...)})
	case 1:
		d.add(v.shape, "Mul", []string{d.learnt(-1, 1, v.shape[len(v.shape)-1]), v.name})
	default:
		d.add(v.shape, []string{"Add", "Mul", "Sub"}[d.rng.IntN(3)], []string{v.name, d.learnt(-1, 1, dims...)})
	}
}

// part adds a Slice, a Pad or a Split that is joined again the other way round.
func (d *drawer) part(v value) {
	axis := d.rng.IntN(len(v.shape))
	n, shape := v.shape[axis], slices.Clone(v.shape)
	switch op := d.rng.IntN(3); {
	case op == 0:
		pads := make([]int64, 2*len(v.shape)+2)
		pads[axis+1], pads[len(v.shape)+1+axis+1] = int64(d.rng.IntN(3)), 1
		shape[axis] += int(pads[axis+1]) + 1
		d.add(shape, "Pad", []string{v.name, d.ints(pads...)}, onnx.StringAttr("mode", []string{"constant", "edge"}[d.rng.IntN(2)]))
	case n < 2:
	case op == 1:
		from := d.rng.IntN(n - 1)
		shape[axis] = n - from - 1
		d.add(shape, "Slice", []string{v.name, d.ints(int64(from)), d.ints(int64(n - 1)), d.ints(int64(axis + 1))})
	default:
		at := 1 + d.rng.IntN(n-1)
		a, b := d.name("v"), d.name("v")
		d.nodes = append(d.nodes, &onnx.Node{Name: a, OpType: "Split", Inputs: []string{v.name, d.ints(int64(at), int64(n-at))}, Outputs: []string{a, b},
			Attrs: []*onnx.Attr{onnx.IntAttr("axis", int64(axis+1))}})
		d.read[v.name] = true
		d.add(shape, "Concat", []string{b, a}, onnx.IntAttr("axis", int64(axis+1)))
	}
}

// window draws strides, pads and dilations up to the given one for a kernel
// over the given sides, and the sides that come out; nil where it does not fit.
func (d *drawer) window(area, kernel []int, dilation int, most func(extent int) int) (attrs []*onnx.Attr, out []int) {
	var strides, dilations, begin, end []int64
	for i, n := range area {
		s, dil := d.rng.IntN(3)+1, d.rng.IntN(dilation)+1
		extent := (kernel[i]-1)*dil + 1
		b, e := d.rng.IntN(most(extent)+1), d.rng.IntN(most(extent)+1)
		if n+b+e < extent {
			return nil, nil
		}
		out = append(out, (n+b+e-extent)/s+1)
		strides, dilations, begin, end = append(strides, int64(s)), append(dilations, int64(dil)), append(begin, int64(b)), append(end, int64(e))
	}
	attrs = []*onnx.Attr{onnx.IntsAttr("strides", strides...), onnx.IntsAttr("pads", append(begin, end...)...)}
	if dilation > 1 {
		attrs = append(attrs, onnx.IntsAttr("dilations", dilations...))
	}
	return attrs, out
}

func (d *drawer) kernel(area []int) []int {
	var k []int
	for range area {
		k = append(k, d.rng.IntN(3)+1)
	}
	return k
}

func (d *drawer) conv(v value) {
	c, area := v.shape[0], v.shape[1:]
	groups, m := 1, d.rng.IntN(8)+1
	switch d.rng.IntN(4) {
	case 0:
		groups, m = c, c
	case 1:
		for g := 2; g <= c; g++ {
			if c%g == 0 {
				groups, m = g, g*(d.rng.IntN(3)+1)
				break
			}
		}
	}
	k := d.kernel(area)
	attrs, out := d.window(area, k, 2, func(extent int) int { return 1 + extent*d.rng.IntN(2) })
	if out == nil {
		return
	}
	fan := c / groups
	for _, n := range k {
		fan *= n
	}
	r := 1.5 / math.Sqrt(float64(fan))
	in := []string{v.name, d.learnt(-r, r, append([]int{m, c / groups}, k...)...)}
	if d.rng.IntN(2) == 0 {
		in = append(in, d.learnt(-0.5, 0.5, m))
	}
	y := d.add(append([]int{m}, out...), "Conv", in, append(attrs, onnx.IntAttr("group", int64(groups)))...)
	switch d.rng.IntN(4) {
	case 0, 1:
		d.norm(y)
	case 2:
		d.add(y.shape, "Relu", []string{y.name})
	}
}

func (d *drawer) pool(v value) {
	area := v.shape[1:]
	op, dilation, k := "MaxPool", 2, d.kernel(area)
	if d.rng.IntN(2) == 0 {
		op, dilation = "AveragePool", 1
	}
	attrs, out := d.window(area, k, dilation, func(extent int) int { return (extent - 1) / 2 })
	if out == nil || slices.Min(area) < 2 { // a window must read something
		return
	}
	if dilation == 1 {
		attrs = append(attrs, onnx.IntAttr("count_include_pad", int64(d.rng.IntN(2))))
	}
	d.add(append([]int{v.shape[0]}, out...), op, []string{v.name}, append(attrs, onnx.IntsAttr("kernel_shape", long(k)...))...)
}

func long(v []int) []int64 {
	var out []int64
	for _, n := range v {
		out = append(out, int64(n))
	}
	return out
}

func (d *drawer) rows(v value) {
	n := v.shape[0]
	switch d.rng.IntN(6) {
	case 0, 1:
		m, transB := d.rng.IntN(7)+1, d.rng.IntN(2)
		dims := [][]int{{n, m}, {m, n}}[transB]
		r := 1.5 / math.Sqrt(float64(n))
		in := []string{v.name, d.learnt(-r, r, dims...)}
		if d.rng.IntN(2) == 0 {
			in = append(in, d.learnt(-0.5, 0.5, m))
		}
		d.add([]int{m}, "Gemm", in, onnx.IntAttr("transB", int64(transB)))
	case 2:
		m := d.rng.IntN(7) + 1
		r := 1.5 / math.Sqrt(float64(n))
		y := d.add([]int{m}, "MatMul", []string{v.name, d.learnt(-r, r, n, m)})
		d.add([]int{m}, "Add", []string{y.name, d.learnt(-0.5, 0.5, m)})
	case 3:
		d.norm(v)
	case 4:
		u := d.like(v, func(a, b []int) bool { return len(a) == 1 })
		d.add([]int{n + u.shape[0]}, "Concat", []string{v.name, u.name}, onnx.IntAttr("axis", 1))
	case 5:
		shape := []int{n, 1, 1}
		for k := 2; k <= n; k++ {
			if n%k == 0 {
				shape = [][]int{{n / k, k, 1}, {k, n / k, 1}, {n / k, k}, {1, k, n / k}}[d.rng.IntN(4)]
				break
			}
		}
		d.add(shape, "Reshape", []string{v.name, d.ints(append([]int64{-1}, long(shape)...)...)})
	}
}
