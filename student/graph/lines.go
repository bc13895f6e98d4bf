package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// lines is the kernel of an op that treats each line of n values, stride
// apart, by itself.
type lines struct {
	count, n, stride int
	x, y, dx, dy     []float32
	fwd, bwd         func(lo, hi int)
}

// newLines cuts an array of dims into lines along axes [from, to). The
// functions get the number of a line and where it begins; backward has dx, dy
// and y.
func newLines(dims []int, from, to int, forward, backward func(l *lines, i, off int)) *lines {
	l := &lines{n: product(dims[from:to]), stride: product(dims[to:])}
	l.count = product(dims) / l.n
	each := func(f func(l *lines, i, off int)) func(lo, hi int) {
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				f(l, i, i/l.stride*l.n*l.stride+i%l.stride)
			}
		}
	}
	l.fwd, l.bwd = each(forward), each(backward)
	return l
}

func (l *lines) grain() int { return max(1, 1024/l.n) }

func (l *lines) Forward(_ *Run, in, out [][]float32) {
	l.x, l.y = in[0], out[0]
	kernel.Parallel(l.count, l.grain(), l.fwd)
}

func (l *lines) Backward(_ *Run, _, out, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	l.y, l.dy, l.dx = out[0], dout[0], din[0]
	kernel.Parallel(l.count, l.grain(), l.bwd)
}
