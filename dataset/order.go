package dataset

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Order is the order of n rows in one epoch: a permutation of 0..n-1 that
// depends on n, seed and epoch alone.
func Order(n int, seed uint64, epoch int) []int {
	return rand.New(rand.NewPCG(seed, uint64(epoch)*0x9e3779b97f4a7c15+1)).Perm(n)
}

// Split parts the rows of src into train and held, about fraction of the rows
// of each of the Strata in held, at least one row of each in train. Both are
// ascending, and depend on the labels, fraction and seed alone.
func Split(ctx context.Context, src Source, fraction float64, seed uint64) (train, held []int, err error) {
	if !(fraction >= 0 && fraction < 1) {
		return nil, nil, fault.New(fault.Usage, "", "split", "fraction %v, expected from 0 to below 1", fraction)
	}
	labels, err := Strata(ctx, src)
	if err != nil {
		return nil, nil, err
	}
	byClass := groups(labels)
	for i, g := range byClass { // one row of each class is not up for choice
		if g.label != Unlabelled {
			shuffle(g, seed)
			byClass[i].rows = g.rows[1:]
		}
	}
	held = choose(byClass, int(math.Round(fraction*float64(len(labels)))), seed)
	next := 0
	for r := range labels {
		if next < len(held) && held[next] == r {
			next++
			continue
		}
		train = append(train, r)
	}
	return train, held, nil
}

// group is the rows of one class.
type group struct {
	label int32
	rows  []int
}

// groups sorts rows by label, ascending; within one, by position.
func groups(labels []int32) []group {
	byLabel := map[int32][]int{}
	for r, y := range labels {
		byLabel[y] = append(byLabel[y], r)
	}
	gs := make([]group, 0, len(byLabel))
	for y, rows := range byLabel {
		gs = append(gs, group{y, rows})
	}
	slices.SortFunc(gs, func(a, b group) int { return cmp.Compare(a.label, b.label) })
	return gs
}

func shuffle(g group, seed uint64) {
	r := rand.New(rand.NewPCG(seed, uint64(uint32(g.label))))
	r.Shuffle(len(g.rows), func(i, j int) { g.rows[i], g.rows[j] = g.rows[j], g.rows[i] })
}

// choose takes n rows in proportion to the groups (largest remainder, ties to
// the lower label), one of each group at least when n is enough for that, and
// returns them ascending; all rows when there are no more than n.
func choose(gs []group, n int, seed uint64) []int {
	total := 0
	for _, g := range gs {
		total += len(g.rows)
	}
	n = max(0, min(n, total))
	quota := make([]int, len(gs))
	share := make([]float64, len(gs)) // of the exact share, what quota lacks
	left := n
	for i, g := range gs {
		exact := 0.0
		if total > 0 {
			exact = float64(n) * float64(len(g.rows)) / float64(total)
		}
		quota[i] = int(exact)
		if quota[i] == 0 && len(g.rows) > 0 && n >= len(gs) {
			quota[i] = 1
		}
		share[i] = exact - float64(quota[i])
		left -= quota[i]
	}
	for ; left != 0; left -= sign(left) {
		best := -1
		for i, g := range gs {
			if left > 0 && quota[i] == len(g.rows) || left < 0 && quota[i] <= 1 {
				continue
			}
			if best < 0 || share[i]*float64(sign(left)) > share[best]*float64(sign(left)) {
				best = i
			}
		}
		quota[best] += sign(left)
		share[best] -= float64(sign(left))
	}
	var rows []int
	for i, g := range gs {
		shuffle(g, seed)
		rows = append(rows, g.rows[:quota[i]]...)
	}
	slices.Sort(rows)
	return rows
}

func sign(n int) int { return cmp.Compare(n, 0) }
