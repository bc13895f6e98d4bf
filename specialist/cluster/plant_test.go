package cluster

import (
	"math"
	"math/rand/v2"
)

// planted predicts rows of classes in blocks of look-alikes: class c is mistaken
// for those of its own block, c/size, and hardly ever for another.
func planted(rows, classes, size int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	p := make([]float32, rows*classes)
	for r := range rows {
		plant(p[r*classes:(r+1)*classes], size, rng)
	}
	return p
}

// plant fills a row: nearly all of the mass lies on the true class and two of its
// block, the rest is spread evenly.
func plant(row []float32, size int, rng *rand.Rand) {
	classes := len(row)
	c := rng.IntN(classes)
	noise := 0.05 * rng.Float64()
	for k := range row {
		row[k] = float32(noise / float64(classes))
	}
	share := 0.3 * rng.Float64() * (1 - noise)
	row[c] += float32(1 - noise - share)
	for range 2 {
		row[c/size*size+rng.IntN(size)] += float32(share / 2)
	}
}

// blocks are the sets that planted has.
func blocks(classes, size int) [][]int {
	var sets [][]int
	for lo := 0; lo < classes; lo += size {
		var s []int
		for k := lo; k < min(lo+size, classes); k++ {
			s = append(s, k)
		}
		sets = append(sets, s)
	}
	return sets
}

// together is the share of pairs of classes of one set of want that are in one
// of got too, and the other way round: recall and precision of pairs.
func together(got, want [][]int, classes int) (recall, precision float64) {
	number := func(sets [][]int) []int {
		of := make([]int, classes)
		for m, set := range sets {
			for _, k := range set {
				of[k] = m + 1
			}
		}
		return of
	}
	a, b := number(got), number(want)
	var both, inGot, inWant float64
	for j := range classes {
		for k := range j {
			g, w := a[j] == a[k] && a[j] > 0, b[j] == b[k] && b[j] > 0
			if g {
				inGot++
			}
			if w {
				inWant++
			}
			if g && w {
				both++
			}
		}
	}
	return both / math.Max(1, inWant), both / math.Max(1, inGot)
}
