package kernel

import "unsafe"

// correlateArgs is what one tile of a correlation works on. Strides and
// offsets are in bytes; the lists of offsets have segments entries.
//
//	C[i] = Σ over segments s and k < count of A[aOff[s] + i·rs + k·ks] · B[bOff[s] + k·bs]
//
// plus C when add is not 0. The assembly reads the fields as [12]int.
type correlateArgs struct {
	a, b, c    *float32
	aOff, bOff *int
	segments   int
	count      int
	rs, ks     int
	bs, ldc    int
	add        int
}

func (a *correlateArgs) ints() *[12]int { return (*[12]int)(unsafe.Pointer(a)) }

const floatSize = 4

// A correlateTile computes rows × cols elements of C. For a depthwise tile A's
// element is a vector like B's; for the others it is one number for all cols.
type correlateTile struct {
	rows, cols int
	run        func(args *[12]int)
}

// correlateTiles are those of one variant, each list in ascending rows.
type correlateTiles struct {
	narrow    []correlateTile // lanes columns
	wide      []correlateTile // 2·lanes columns
	depthwise []correlateTile // lanes columns
}

// tallest is the tile with the most rows, at most n.
func tallest(tiles []correlateTile, n int) *correlateTile {
	best := &tiles[0]
	for i := range tiles {
		if tiles[i].rows <= n {
			best = &tiles[i]
		}
	}
	return best
}

// A cutting covers n rows by tiles, in order.
type cutting []*correlateTile

// cutRows covers n rows with few tiles of about equal height, which keeps
// each of them tall enough to hide the latency of its sums.
func cutRows(tiles []correlateTile, n int) cutting {
	var out cutting
	top := tiles[len(tiles)-1].rows
	for n > 0 {
		left := (n + top - 1) / top
		want := (n + left - 1) / left
		best := tallest(tiles, n)
		for i := range tiles {
			if r := tiles[i].rows; r >= want && r <= n {
				best = &tiles[i]
				break
			}
		}
		out = append(out, best)
		n -= best.rows
	}
	return out
}

// portableTile is a tile in plain Go with the bits of the assembly.
func portableTile(rows, cols int, depthwise bool) correlateTile {
	return correlateTile{rows, cols, func(args *[12]int) {
		p := (*correlateArgs)(unsafe.Pointer(args))
		at := func(x *float32, off int) float32 { return *(*float32)(unsafe.Add(unsafe.Pointer(x), off)) }
		list := func(x *int, i int) int { return *(*int)(unsafe.Add(unsafe.Pointer(x), i*int(unsafe.Sizeof(*x)))) }
		for i := range rows {
			for j := range cols {
				var sum float32
				for s := range p.segments {
					a, b := list(p.aOff, s)+i*p.rs, list(p.bOff, s)+j*floatSize
					if depthwise {
						a += j * floatSize
					}
					for k := range p.count {
						sum = fusedMulAdd(at(p.a, a+k*p.ks), at(p.b, b+k*p.bs), sum)
					}
				}
				c := (*float32)(unsafe.Add(unsafe.Pointer(p.c), i*p.ldc+j*floatSize))
				if p.add != 0 {
					sum += *c
				}
				*c = sum
			}
		}
	}}
}

var portableTiles = correlateTiles{
	narrow:    []correlateTile{portableTile(1, 4, false), portableTile(4, 4, false)},
	wide:      []correlateTile{portableTile(1, 8, false), portableTile(4, 8, false)},
	depthwise: []correlateTile{portableTile(1, 4, true), portableTile(4, 4, true)},
}
