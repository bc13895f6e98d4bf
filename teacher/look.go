package teacher

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// The rows that Detect looks at: fewer when they are large, and lookAgain
// times as many when those do not decide.
const (
	minLook    = 64
	maxLook    = 512
	lookValues = 4 << 20
	lookAgain  = 4
)

// look is the rows that a contract is detected on.
type look struct {
	spec   dataset.Spec
	rows   []int
	b      dataset.Batch
	x      []float32 // (n, Size), of b
	y      []int32   // (n)
	v      []float32 // (n, len(Targets)), NaN where unknown
	n      int
	labels []int32 // of all rows of the source

	origin func(row int) int // position in the file of a row of the source
}

// labelled is how many of the rows have a label.
func (l *look) labelled() int {
	n := 0
	if k := len(l.spec.Targets); k > 0 && len(l.v) == l.n*k {
		for r := range l.n {
			if slices.ContainsFunc(l.v[r*k:(r+1)*k], func(v float32) bool { return v == v }) {
				n++
			}
		}
		return n
	}
	for _, y := range l.y {
		if y >= 0 {
			n++
		}
	}
	return n
}

// lookAt reads a seeded sample, of labelled rows where there are any, times
// larger than the usual one.
func (t *Teacher) lookAt(ctx context.Context, src dataset.Source, times int) (*look, error) {
	l := &look{spec: src.Spec()}
	if src.Len() == 0 {
		return nil, fault.New(fault.Input, t.path, "", "no rows to try the teacher on, expected at least 1")
	}
	var err error
	if l.labels, err = dataset.Labels(ctx, src); err != nil {
		return nil, err
	}
	labelled := 0
	for _, y := range l.labels {
		if y >= 0 {
			labelled++
		}
	}
	all := labelled == 0
	if all {
		labelled = src.Len()
	}
	n := min(labelled, times*max(minLook, min(maxLook, lookValues/l.spec.Size())))
	chosen := choose(rand.New(rand.NewPCG(t.o.Seed, 0x7465616368657273)), labelled, n)
	seen := 0 // labelled rows before r
	for r := 0; len(l.rows) < n; r++ {
		if !all && l.labels[r] < 0 {
			continue
		}
		if seen == chosen[len(l.rows)] {
			l.rows = append(l.rows, r)
		}
		seen++
	}
	if err := src.Read(ctx, l.rows, &l.b); err != nil {
		return nil, err
	}
	l.x, l.y, l.v, l.n = l.b.X, l.b.Y, l.b.V, n
	l.origin = func(row int) int { _, at := dataset.Origin(src, row); return at }
	return l, nil
}

// choose draws n different numbers below m, ascending, in memory that does not
// depend on m (Floyd 1987).
func choose(rng *rand.Rand, m, n int) []int {
	taken := make(map[int]bool, n)
	out := make([]int, 0, n)
	for j := m - n; j < m; j++ {
		k := rng.IntN(j + 1)
		if taken[k] {
			k = j
		}
		taken[k] = true
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
