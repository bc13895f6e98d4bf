package graph

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Dropout is y = x·mask/(1−ratio) in training (Srivastava et al. 2014) and y =
// x otherwise; dx = dy·mask/(1−ratio).
func init() {
	Register(Op{Type: "Dropout", Layout: AnyOrder, MinIn: 1, MaxIn: 3, NoGrad: []int{1, 2}, Infer: inferDropout, Build: buildDropout})
}

// dropoutRatio reads an attribute before opset 12 and an input since.
func dropoutRatio(n *Node) (float32, error) {
	r, err := n.ConstFloat(1, n.Float("ratio", 0.5))
	if err == nil && !(r >= 0 && r < 1) {
		err = fmt.Errorf("ratio is %g, expected 0 ≤ ratio < 1", r)
	}
	return r, err
}

func inferDropout(n *Node) ([]Shape, error) {
	if _, err := dropoutRatio(n); err != nil {
		return nil, err
	}
	return sameShape(n)
}

// dropout is the kernel of training. The mask is a pure function of seed, step,
// node and index, so it is the same for any GOMAXPROCS, in the backward pass
// and after a resume.
type dropout struct {
	pointwise
	node      uint64
	key       uint64
	threshold uint32 // drop where 32 random bits are below
	scale     float32
}

func buildDropout(b *Build) (Kernel, error) {
	ratio, err := dropoutRatio(b.Node)
	if err != nil {
		return nil, err
	}
	if !b.Training || ratio == 0 {
		return copies(b)
	}
	d := &dropout{node: uint64(b.Node.index), threshold: uint32(float64(ratio) * (1 << 32)), scale: 1 / (1 - ratio)}
	d.fwd = func(lo, hi int) { d.mask(d.y, d.x, lo, hi) }
	d.bwd = func(lo, hi int) { d.mask(d.dx, d.dy, lo, hi) }
	return d, nil
}

func (d *dropout) Forward(r *Run, in, out [][]float32) {
	d.key = mix(mix(mix(r.Seed)+r.Step) + d.node)
	d.x, d.y = in[0], out[0]
	kernel.Parallel(len(d.y), kernel.Grain, d.fwd)
}

// mask is dst = src·mask/(1−ratio) on [lo, hi). It chooses without a branch,
// which no processor could predict.
func (d *dropout) mask(dst, src []float32, lo, hi int) {
	dst, src = dst[lo:hi], src[lo:hi]
	key := d.key + uint64(lo)
	for i, x := range src {
		random := mix(key+uint64(i)) >> 32
		keep := uint32(int64(uint64(d.threshold)-1-random) >> 63) // all ones where random ≥ threshold
		dst[i] = math.Float32frombits(math.Float32bits(x*d.scale) & keep)
	}
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood 2014) after
// one increment: a bijection whose output bits look independent.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
