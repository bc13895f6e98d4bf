package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/datasettest"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// csvOf is a table whose row i is (i, i²) with the given labels, "" for none.
func csvOf(t testing.TB, labels ...string) dataset.Source {
	t.Helper()
	text := "v,w,label\n"
	for i, l := range labels {
		text += fmt.Sprintf("%d,%d,%s\n", i, i*i, l)
	}
	src, err := dataset.Open(put(t, t.TempDir(), "t.csv", []byte(text)), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// skewed has 60 rows of a, 30 of b, 9 of c and 1 of d.
func skewed(t testing.TB) dataset.Source {
	var labels []string
	for i := range 100 {
		switch {
		case i == 50:
			labels = append(labels, "d")
		case i%11 == 5:
			labels = append(labels, "c")
		case i%10 < 3:
			labels = append(labels, "b")
		default:
			labels = append(labels, "a")
		}
	}
	return csvOf(t, labels...)
}

func classCounts(t testing.TB, src dataset.Source) map[int32]int {
	t.Helper()
	n := map[int32]int{}
	for _, y := range must(dataset.Labels(context.Background(), src)) {
		n[y]++
	}
	return n
}

func TestViewsPassTheSuite(t *testing.T) {
	ctx := context.Background()
	for name, open := range map[string]func() dataset.Source{
		"Subset":     func() dataset.Source { return dataset.Subset(skewed(t), []int{9, 3, 3, 70}) },
		"Unlabel":    func() dataset.Source { return dataset.Unlabel(skewed(t)) },
		"WithLabels": func() dataset.Source { return must(dataset.WithLabels(ctx, skewed(t), 10, 1)) },
		"Limit":      func() dataset.Source { return must(dataset.Limit(ctx, skewed(t), 10, 1)) },
		"Concat": func() dataset.Source {
			return must(dataset.Concat(skewed(t), dataset.Unlabel(csvOf(t, "z")), skewed(t)))
		},
	} {
		t.Run(name, func(t *testing.T) { datasettest.Suite(t, open) })
	}
}

func TestSplit(t *testing.T) {
	ctx, src := context.Background(), skewed(t)
	train, held, err := dataset.Split(ctx, src, 0.2, 7)
	if err != nil {
		t.Fatal(err)
	}
	if len(held) != 20 || len(train) != 80 {
		t.Fatalf("%d and %d rows, want 80 and 20", len(train), len(held))
	}
	all := slices.Sorted(slices.Values(slices.Concat(train, held)))
	for i, r := range all {
		if i != r {
			t.Fatalf("rows are not parted: %v", all)
		}
	}
	if !slices.IsSorted(train) || !slices.IsSorted(held) {
		t.Error("not ascending")
	}
	whole, kept := classCounts(t, src), classCounts(t, dataset.Subset(src, held))
	for y, n := range whole {
		if d := float64(kept[y]) - 0.2*float64(n); math.Abs(d) > 1 {
			t.Errorf("class %d: %d of %d held", y, kept[y], n)
		}
	}
	if kept[3] != 0 {
		t.Error("the only row of a class was held")
	}
	again, _, _ := dataset.Split(ctx, src, 0.2, 7)
	other, _, _ := dataset.Split(ctx, src, 0.2, 8)
	if !slices.Equal(train, again) || slices.Equal(train, other) {
		t.Error("the split does not depend on the seed alone")
	}
	for _, f := range []float64{-0.1, 1, math.NaN()} {
		if _, _, err := dataset.Split(ctx, src, f, 1); fault.KindOf(err) != fault.Usage {
			t.Errorf("fraction %v: %v", f, err)
		}
	}
	if train, held, _ := dataset.Split(ctx, csvOf(t, "a", "b"), 0.5, 1); len(train) != 2 || len(held) != 0 {
		t.Errorf("one row a class: %v and %v", train, held)
	}
}

func TestWithLabelsAndLimit(t *testing.T) {
	ctx, src := context.Background(), skewed(t)
	for n := 1; n <= 100; n++ {
		some := must(dataset.WithLabels(ctx, src, n, 3))
		got := classCounts(t, some)
		if some.Len() != 100 || 100-got[dataset.Unlabelled] != n {
			t.Fatalf("%d labels asked for, %v", n, got)
		}
		few := must(dataset.Limit(ctx, src, n, 3))
		rows := classCounts(t, few)
		if few.Len() != n {
			t.Fatalf("Limit to %d gives %d rows", n, few.Len())
		}
		if n >= 4 && (len(rows) != 4 || got[0] < 1 || got[1] < 1 || got[2] < 1 || got[3] != 1) {
			t.Fatalf("%d of 4 classes: labels %v, rows %v", n, got, rows)
		}
	}
	if src != must(dataset.WithLabels(ctx, src, 101, 1)) || src != must(dataset.Limit(ctx, src, 100, 1)) {
		t.Error("more than all rows: not the source itself")
	}
	for _, err := range []error{second(dataset.WithLabels(ctx, src, 0, 1)), second(dataset.Limit(ctx, src, -1, 1))} {
		if fault.KindOf(err) != fault.Usage {
			t.Errorf("no rows: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestConcat(t *testing.T) {
	a, b := csvOf(t, "x", "y"), csvOf(t, "x", "z")
	err := second(dataset.Concat(a, b))
	if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), `two lists of classes: ["x" "y"], and ["x" "z"]`) {
		t.Errorf("other classes: %v", err)
	}
	images := must(dataset.Open("glyphs:?rows=3", dataset.Options{}))
	err = second(dataset.Concat(a, images))
	if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "tables of [2] features, and images of (H, W, C) = [28 28 1]") {
		t.Errorf("other shape: %v", err)
	}
	c := must(dataset.Concat(dataset.Unlabel(b), a))
	if !slices.Equal(c.Spec().Classes, []string{"x", "y"}) || c.Len() != 4 {
		t.Errorf("classes %q of %d rows", c.Spec().Classes, c.Len())
	}
	var got dataset.Batch
	if err := c.Read(context.Background(), []int{3, 0, 2, 1}, &got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.X, []float32{1, 1, 0, 0, 0, 0, 1, 1}) || !slices.Equal(got.Y, []int32{1, -1, 0, -1}) {
		t.Errorf("got %v %v", got.X, got.Y)
	}
}

func TestOrder(t *testing.T) {
	a := dataset.Order(1000, 1, 0)
	for i, r := range slices.Sorted(slices.Values(a)) {
		if i != r {
			t.Fatal("not a permutation")
		}
	}
	if slices.Equal(a, dataset.Order(1000, 1, 1)) || slices.Equal(a, dataset.Order(1000, 2, 0)) || !slices.Equal(a, dataset.Order(1000, 1, 0)) {
		t.Error("does not depend on seed and epoch alone")
	}
	if got := dataset.Order(8, 42, 3); !slices.Equal(got, []int{0, 5, 7, 1, 4, 3, 6, 2}) {
		t.Errorf("Order(8, 42, 3) is %v: runs that were begun would not resume", got)
	}
}

func TestBatches(t *testing.T) {
	ctx, src := context.Background(), skewed(t)
	order := dataset.Order(100, 5, 0)
	for _, cores := range []int{1, 2, 5} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		for _, size := range []int{1, 7, 100, 1000} {
			var seen []int
			err := dataset.Batches(ctx, src, order, size, func(rows []int, b *dataset.Batch) error {
				for i, r := range rows {
					if b.X[2*i] != float32(r) {
						return fmt.Errorf("row %d reads %v", r, b.X[2*i])
					}
				}
				seen = append(seen, rows...)
				return nil
			})
			if err != nil || !slices.Equal(seen, order) {
				t.Errorf("batches of %d: %v, %d rows", size, err, len(seen))
			}
		}
	}
	stop, calls := errors.New("stop"), 0
	err := dataset.Batches(ctx, src, nil, 10, func([]int, *dataset.Batch) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("after an error: %v, %d calls", err, calls)
	}
	if err := dataset.Batches(ctx, src, []int{0, 100}, 1, func([]int, *dataset.Batch) error { return nil }); fault.KindOf(err) != fault.Input {
		t.Errorf("row out of range: %v", err)
	}
	if err := dataset.Batches(ctx, src, nil, 0, nil); fault.KindOf(err) != fault.Usage {
		t.Errorf("batches of 0: %v", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	err = dataset.Batches(ctx, src, nil, 10, func([]int, *dataset.Batch) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestDigest(t *testing.T) {
	ctx, src := context.Background(), skewed(t)
	base := must(dataset.Digest(ctx, src))
	for name, other := range map[string]dataset.Source{
		"one row less": dataset.Subset(src, dataset.Order(100, 1, 0)[:99]),
		"other order":  dataset.Subset(src, dataset.Order(100, 1, 0)),
		"no labels":    dataset.Unlabel(src),
	} {
		if must(dataset.Digest(ctx, other)) == base {
			t.Errorf("%s: same digest", name)
		}
	}
	ids := must(dataset.IDs(ctx, src))
	if ids[3] != dataset.IDOf([]float32{3, 9}) || ids[3] == ids[4] {
		t.Error("an identity is not the digest of its row")
	}
}

func TestStats(t *testing.T) {
	ctx := context.Background()
	mean, std, err := dataset.Stats(ctx, csvOf(t, slices.Repeat([]string{"a", "b"}, 500)...))
	if err != nil {
		t.Fatal(err)
	}
	// v = 0..999: mean 499.5, variance (n²−1)/12
	if mean[0] != 499.5 || math.Abs(float64(std[0])-math.Sqrt((1e6-1)/12)) > 1e-4 {
		t.Errorf("got %v and %v", mean, std)
	}
	d := t.TempDir()
	put(t, d, "a.npy", npyBytes([]byte{1, 10, 100, 3, 10, 200}, 1, 1, 2, 3))
	mean, std, err = dataset.Stats(ctx, must(dataset.Open(d+"/a.npy", dataset.Options{Layout: dataset.NHWC})))
	if err != nil || !slices.Equal(mean, []float32{2, 10, 150}) || !slices.Equal(std, []float32{1, 0, 50}) {
		t.Errorf("channels: %v %v %v", mean, std, err)
	}
}
