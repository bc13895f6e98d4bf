package specialist

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// labelled is a table with labels, some of them unknown.
type labelled struct {
	*table
	classes []string
	y       []int32
}

func (s *labelled) Spec() dataset.Spec {
	return dataset.Spec{Shape: []int{s.d}, Classes: s.classes, Task: dataset.MultiClass}
}

func (s *labelled) Read(ctx context.Context, rows []int, b *dataset.Batch) error {
	err := s.table.Read(ctx, rows, b)
	for j, i := range rows {
		b.Y[j] = s.y[i]
	}
	return err
}

// answers are the classes that the first n specialists of b and its generalist
// give.
func answers(t *testing.T, b *Bundle, n int, src dataset.Source) (classes []int, q [][]float32) {
	t.Helper()
	few := *b
	few.Specialists = few.Specialists[:n]
	err := open(t, &few, EnsembleOptions{Rows: src}).Each(t.Context(), src, func(_ int, row []float32, _ Fused) error {
		classes, q = append(classes, metrics.Argmax(row)), append(q, slices.Clone(row))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return classes, q
}

// TestEvaluate holds every count against ensembles of fewer specialists, opened
// by themselves.
func TestEvaluate(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	b := drawn(t, rng, 7, 5, 2, 2)
	src := &labelled{table: normals(rng, 700, 6), classes: b.Classes}
	for range src.Len() {
		src.y = append(src.y, int32(rng.IntN(8))-1)
	}
	v, err := Evaluate(t.Context(), open(t, b, EnsembleOptions{Rows: src}), src)
	if err != nil {
		t.Fatal(err)
	}
	right := func(classes []int, where func(y int) bool) (n int) {
		for i, k := range classes {
			if y := int(src.y[i]); y >= 0 && where(y) && k == y {
				n++
			}
		}
		return n
	}
	all := func(int) bool { return true }
	var alone, together []int
	var p, q [][]float32
	for n := range len(b.Specialists) + 1 {
		classes, rows := answers(t, b, n, src)
		if want := right(classes, all); v.Curve[n] != want {
			t.Errorf("with %d specialists %d rows are right, expected %d", n, v.Curve[n], want)
		}
		if n == 0 {
			alone, p = classes, rows
		}
		together, q = classes, rows
	}
	if slices.Equal(alone, together) || v.Curve[0] == v.Curve[len(v.Curve)-1] {
		t.Error("the specialists change nothing: the test sees too little")
	}
	if got, want := v.Ensemble.Labelled-v.Ensemble.Errors, right(together, all); got != want || v.Generalist.Labelled-v.Generalist.Errors != right(alone, all) {
		t.Errorf("%d rows are right, expected %d", got, want)
	}
	if got, want := v.Relative(), float64(right(together, all))/float64(right(alone, all))-1; math.Abs(got-want) > 1e-12 {
		t.Errorf("relative gain %g, expected %g", got, want)
	}
	if v.Paired.OnlyA-v.Paired.OnlyB != right(together, all)-right(alone, all) || v.Paired.Rows != v.Ensemble.Labelled {
		t.Errorf("%+v", v.Paired)
	}
	rows := 0
	for n, c := range v.Covering {
		covered := func(y int) bool {
			sets := Sets{}
			for _, x := range b.Specialists {
				sets.Sets = append(sets.Sets, x.Classes)
			}
			return sets.Covering(y) == n
		}
		if c.Specialists != n || c.Before != right(alone, covered) || c.After != right(together, covered) {
			t.Errorf("covered by %d: %+v, expected %d and %d", n, c, right(alone, covered), right(together, covered))
		}
		rows += c.Rows
	}
	if rows != v.Ensemble.Labelled {
		t.Errorf("%d rows are covered by some number of specialists, expected %d", rows, v.Ensemble.Labelled)
	}
	for i, c := range v.Conditional[1:] {
		set := b.Specialists[i].Classes
		restricted := func(rows [][]float32) (classes []int) {
			for _, row := range rows {
				best := set[0]
				for _, k := range set[1:] {
					if row[k] > row[best] {
						best = k
					}
				}
				classes = append(classes, best)
			}
			return classes
		}
		in := func(y int) bool { return slices.Contains(set, y) }
		if c.Set != i || c.Before != right(restricted(p), in) || c.After != right(restricted(q), in) {
			t.Errorf("set %d: %+v, expected %d and %d", i, c, right(restricted(p), in), right(restricted(q), in))
		}
	}
	confused := func(label, answer int) (c Confused) {
		c.Label, c.Answer = label, answer
		for i, y := range src.y {
			if int(y) == label {
				c.Before += one(alone[i] == answer)
				c.After += one(together[i] == answer)
			}
		}
		return c
	}
	less, more := 0, 0
	for y := range b.Classes {
		for k := range b.Classes {
			if d := confused(y, k); y != k && d.Before > d.After {
				less++
			} else if y != k && d.Before < d.After {
				more++
			}
		}
	}
	if len(v.Mended) != min(less, shownPairs) || len(v.Broken) != min(more, shownPairs) || v.Undercut != 0 || less == 0 || more == 0 {
		t.Errorf("%d pairs are mended and %d broken, expected %d and %d", len(v.Mended), len(v.Broken), less, more)
	}
	for i, c := range slices.Concat(v.Mended, v.Broken) {
		if want := confused(c.Label, c.Answer); c != want || (c.Before > c.After) != (i < len(v.Mended)) || c.Label == c.Answer {
			t.Errorf("%+v, expected %+v", c, want)
		}
		if i > 0 && i != len(v.Mended) {
			if last := slices.Concat(v.Mended, v.Broken)[i-1]; (last.Before-last.After)*(last.Before-last.After) < (c.Before-c.After)*(c.Before-c.After) {
				t.Errorf("%+v stands before %+v, which changed more", last, c)
			}
		}
	}
	if v.Coverage.Rows != src.Len() || v.Coverage.Errors != v.Generalist.Errors || len(v.Confusion) != len(b.Classes)*len(b.Classes) {
		t.Errorf("coverage of %d rows with %d errors, %d pairs", v.Coverage.Rows, v.Coverage.Errors, len(v.Confusion))
	}
	if !(v.Residual <= 1e-8) {
		t.Errorf("residual %g", v.Residual)
	}
	sum := 0
	for _, n := range v.Asked {
		sum += n
	}
	if sum != src.Len() {
		t.Errorf("%d rows asked some number of specialists, expected %d", sum, src.Len())
	}
	_, err = Evaluate(t.Context(), open(t, b, EnsembleOptions{Rows: src}), src.table)
	if fault.KindOf(err) != fault.Input {
		t.Errorf("rows without labels: %v", err)
	}
}

// TestPairCounts: with room for few pairs the frequent ones are there, and no
// count is too high, or too low by more than is said.
func TestPairCounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	few, all := newPairCounts(64), newPairCounts(1<<20)
	for range 20000 {
		y := rng.IntN(50)
		before, after := 50+rng.IntN(50), y
		if rng.IntN(3) == 0 {
			y, before, after = 7, 8, 7+rng.IntN(2)
		}
		few.add(y, before, after)
		all.add(y, before, after)
	}
	mended, _, undercut := few.most(1)
	want, _, none := all.most(1)
	if none != 0 || undercut == 0 || len(few.of) > 64 {
		t.Errorf("undercut %d and %d, %d pairs", none, undercut, len(few.of))
	}
	if mended[0].Label != 7 || mended[0].Answer != 8 || mended[0].Before > want[0].Before || mended[0].Before+undercut < want[0].Before {
		t.Errorf("%+v within %d, expected %+v", mended[0], undercut, want[0])
	}
	for pair, n := range few.of {
		true := all.of[pair]
		if n.before > true.before || n.before+undercut < true.before || n.after > true.after || n.after+undercut < true.after {
			t.Errorf("%v: %+v within %d, expected %+v", pair, n, undercut, true)
		}
	}
}

// TestPage: the page says what the evaluation does, the generalist first.
func TestPage(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	b := drawn(t, rng, 7, 5, 2, 2)
	src := &labelled{table: normals(rng, 300, 6), classes: b.Classes}
	for range src.Len() {
		src.y = append(src.y, int32(rng.IntN(7)))
	}
	v, err := Evaluate(t.Context(), open(t, b, EnsembleOptions{Rows: src}), src)
	if err != nil {
		t.Fatal(err)
	}
	p := v.Page(b)
	if p.Models[0].Scores["errors"].Mean != float64(v.Generalist.Errors) || p.Models[1].Scores["errors"].Mean != float64(v.Ensemble.Errors) || p.Labelled != 300 {
		t.Errorf("%+v", p.Models)
	}
	if m := p.Verdict.McNemar; m.OnlyA != v.Paired.OnlyB || m.OnlyB != v.Paired.OnlyA || m.P != v.Paired.P {
		t.Errorf("%+v, expected the generalist to be A of %+v", m, v.Paired)
	}
	if len(p.Sets) != len(b.Specialists) || p.Union.Rows != v.Conditional[0].Rows || !slices.IsSorted(p.Union.Classes) {
		t.Errorf("%d sets, union %+v", len(p.Sets), p.Union)
	}
	for m, set := range p.Sets {
		if c := v.Conditional[m+1]; set.Rows != c.Rows || set.Before != c.Before || set.After != c.After || set.Asked != v.AskedOf[m] || !slices.Equal(set.Classes, b.Specialists[m].Classes) || set.Seconds != 0 || float64(*set.Confusion) != v.Coverage.Sets[m] {
			t.Errorf("set %d: %+v, expected %+v", m, set, c)
		}
	}
	last := len(p.Curve) - 1
	if math.Abs(p.Curve[last].Mean-v.Ensemble.Accuracy) > 1e-12 || math.Abs(p.Curve[0].Mean-v.Generalist.Accuracy) > 1e-12 {
		t.Errorf("curve %v", p.Curve)
	}
}
