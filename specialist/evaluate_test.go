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
