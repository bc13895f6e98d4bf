package dataset

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
)

// Bounds of the search for neighbours: of the multiplications that it takes, of
// the values that lie in memory, and of the rows that are looked at all the same.
const (
	nearestWork   = 1 << 35
	nearestMemory = 1 << 26
	nearestRows   = 1000
)

// neighbours are the nearest rows of some rows.
type neighbours struct {
	k    int
	at   map[int]int // row to its place
	rows []int32     // (len(at), k), −1 where there are fewer
}

// of are the neighbours of row, the nearest first.
func (n *neighbours) of(row int) (rows []int) {
	at := n.at[row]
	for _, r := range n.rows[at*n.k : (at+1)*n.k] {
		if r >= 0 {
			rows = append(rows, int(r))
		}
	}
	return rows
}

// point is a row as distances see it: numbers in deviations, and categories as
// the digests of their values.
type point struct {
	x     []float32
	codes []uint32
}

// nearest finds the k nearest rows, of those that differ, of each parent. The
// square of the distance is Σ((x−y)/std)² over numbers, a missing one being the
// mean, and 1 for each category that differs: what SMOTE-NC (Chawla et al. 2002)
// has for columns of deviation 1. Of too many rows a part that the seed chooses
// is searched.
func (p *parents) nearest(ctx context.Context, k int) (*neighbours, error) {
	n, size := p.src.Len(), p.src.Spec().Size()
	rows := make([]int, 0, min(n, len(p.made)))
	for _, r := range p.made[:min(n, len(p.made))] { // each row once, in the first pass
		rows = append(rows, int(r))
	}
	most := max(nearestRows, nearestWork/size/len(rows))
	most = min(n, most, max(k+1, nearestMemory/size))
	among := Order(n, p.seed, -1)[:most]
	slices.Sort(among)
	if most < n {
		p.notes = append(p.notes, fmt.Sprintf("the neighbours of a row are sought among %d of the %d rows", most, n))
	}
	candidates := make([]point, 0, most)
	err := Batches(ctx, p.src, among, 256, func(_ []int, b *Batch) error {
		for i := range b.N {
			candidates = append(candidates, p.point(b.row(i)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	near := &neighbours{k: k, at: make(map[int]int, len(rows)), rows: make([]int32, 0, len(rows)*k)}
	type part struct {
		b    Batch
		rows []int32
	}
	const piece = 32
	search := func(ctx context.Context, i int, s *part) error {
		of := rows[i*piece : min((i+1)*piece, len(rows))]
		if err := read(ctx, p.src, of, &s.b); err != nil {
			return err
		}
		s.rows = s.rows[:0]
		for r := range of {
			s.rows = closest(s.rows, p.point(s.b.row(r)), candidates, among, k)
		}
		return nil
	}
	err = inOrder(ctx, (len(rows)+piece-1)/piece, search, func(i int, s *part) error {
		for r := range len(s.rows) / k {
			near.at[rows[i*piece+r]] = i*piece + r
		}
		near.rows = append(near.rows, s.rows...)
		return nil
	})
	return near, err
}

// point makes the point of a row.
func (p *parents) point(r rowOf) (to point) {
	for i := range p.fields {
		f := &p.fields[i]
		if f.kind == category {
			h := fnv.New32a()
			for _, v := range r.x[f.x : f.x+f.n] {
				bits := math.Float32bits(v)
				h.Write([]byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)})
			}
			if f.s >= 0 {
				h.Write([]byte(r.s[f.s]))
			}
			to.codes = append(to.codes, h.Sum32())
			continue
		}
		for k, v := range r.x[f.x : f.x+f.n] {
			if v != v {
				v = f.mean[k]
			}
			if f.std[k] > 0 {
				v /= f.std[k]
			}
			to.x = append(to.x, v)
		}
	}
	return to
}

// closest appends the k of candidates nearest to p and unlike it, the nearest
// first, of two alike the earlier, as positions of among; −1 where there are
// fewer.
func closest(to []int32, p point, candidates []point, among []int, k int) []int32 {
	best := make([]float32, 0, k)
	rows := make([]int32, 0, k)
	for c := range candidates {
		limit := float32(math.Inf(1))
		if len(best) == k {
			limit = best[k-1]
		}
		far := p.from(&candidates[c], limit)
		if far == 0 || far >= limit {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, far, func(a, b float32) int {
			if a <= b {
				return -1
			}
			return 1
		})
		if len(best) == k {
			best, rows = best[:k-1], rows[:k-1]
		}
		best, rows = slices.Insert(best, at, far), slices.Insert(rows, at, int32(among[c]))
	}
	for len(rows) < k {
		rows = append(rows, -1)
	}
	return append(to, rows...)
}

// from is the square of the distance between two points, or something that is
// not below limit.
func (p point) from(o *point, limit float32) float32 {
	far := float32(0)
	for i, c := range p.codes {
		if c != o.codes[i] {
			far++
		}
	}
	const some = 64
	for lo := 0; lo < len(p.x) && far < limit; lo += some {
		a, b := p.x[lo:min(lo+some, len(p.x))], o.x[lo:]
		for i, v := range a {
			d := v - b[i]
			far += float32(d * d)
		}
	}
	return far
}
