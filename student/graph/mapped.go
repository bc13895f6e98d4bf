package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// mapped is the kernel of an op that picks the values of each axis by itself:
//
//	y[i₀,i₁,…] = x[m₀[i₀],m₁[i₁],…], or fill where an entry is −1
type mapped struct {
	outer   []int   // sizes of the output's axes before the last one that is picked from
	offsets [][]int // by such axis and index: where it reads, −1 for fill
	pick    []int   // of the last axis that is picked from
	block   int     // values that stay together after it
	rows    int
	fill    float32
	acc     []float64 // where a value is read more than once

	x, y     []float32
	fwd, bwd func(lo, hi int)
}

// newMapped makes the kernel of an input of dims with one list of indices an
// axis; nil takes the axis as it is.
func newMapped(dims []int, maps [][]int, fill float32) *mapped {
	k := &mapped{block: 1, rows: 1, fill: fill}
	last := len(dims) - 1
	for last > 0 && maps[last] == nil {
		k.block *= dims[last]
		last--
	}
	strides := make([]int, len(dims))
	for i, s := len(dims)-1, 1; i >= 0; i-- {
		strides[i] = s
		s *= dims[i]
	}
	repeats := false
	for i := 0; i <= last; i++ {
		m := maps[i]
		if m == nil {
			m = make([]int, dims[i])
			for j := range m {
				m[j] = j
			}
		}
		at, seen := make([]int, len(m)), make([]bool, dims[i])
		for j, v := range m {
			at[j] = -1
			if v >= 0 {
				at[j] = v * strides[i]
				repeats = repeats || seen[v]
				seen[v] = true
			}
		}
		if i == last {
			k.pick = at
		} else {
			k.outer, k.offsets = append(k.outer, len(m)), append(k.offsets, at)
			k.rows *= len(m)
		}
	}
	if k.pick == nil { // a scalar
		k.pick = []int{0}
	}
	if repeats {
		k.acc = make([]float64, product(dims))
	}
	k.fwd, k.bwd = k.forwardRows, k.backwardRows
	return k
}

// inMemory puts a list by axis into the order of In(0) and Out(0).
func (b *Build) inMemory(maps [][]int) [][]int {
	out := make([][]int, len(maps))
	for a, m := range maps {
		out[b.Axis(a)] = m
	}
	return out
}

// offset is where row r reads; −1 where it is all fill.
func (k *mapped) offset(r int) int {
	at := 0
	for i := len(k.outer) - 1; i >= 0; i-- {
		o := k.offsets[i][r%k.outer[i]]
		if o < 0 {
			return -1
		}
		at += o
		r /= k.outer[i]
	}
	return at
}

func (k *mapped) grain() int { return max(1, kernel.Grain/(len(k.pick)*k.block)) }

func (k *mapped) Forward(_ *Run, in, out [][]float32) {
	k.x, k.y = in[0], out[0]
	kernel.Parallel(k.rows, k.grain(), k.fwd)
}

func (k *mapped) forwardRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		at, y := k.offset(r), k.y[r*len(k.pick)*k.block:]
		for j, o := range k.pick {
			dst := y[j*k.block : (j+1)*k.block]
			if at < 0 || o < 0 {
				for i := range dst {
					dst[i] = k.fill
				}
				continue
			}
			if k.block == 1 {
				dst[0] = k.x[at+o]
				continue
			}
			copy(dst, k.x[at+o:])
		}
	}
}

// Backward adds up dy over the places that read a value, in float64 and in the
// order of the output.
func (k *mapped) Backward(_ *Run, _, _, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	k.x, k.y = din[0], dout[0]
	if k.acc == nil {
		clear(k.x)
		kernel.Parallel(k.rows, k.grain(), k.bwd)
		return
	}
	clear(k.acc)
	for r := range k.rows {
		at, dy := k.offset(r), k.y[r*len(k.pick)*k.block:]
		for j, o := range k.pick {
			if at < 0 || o < 0 {
				continue
			}
			acc := k.acc[at+o : at+o+k.block]
			for i, v := range dy[j*k.block : (j+1)*k.block] {
				acc[i] += float64(v)
			}
		}
	}
	for i, v := range k.acc {
		k.x[i] = float32(v)
	}
}

// backwardRows is for values that are read once at most.
func (k *mapped) backwardRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		at, dy := k.offset(r), k.y[r*len(k.pick)*k.block:]
		for j, o := range k.pick {
			if at >= 0 && o >= 0 {
				copy(k.x[at+o:], dy[j*k.block:(j+1)*k.block])
			}
		}
	}
}
