// Package datasettest is the proof that a dataset.Source keeps its promises.
package datasettest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// most is the number of rows that are compared one by one.
const most = 200

// Suite runs every check on the source that open gives, which must be the same
// rows each time. The source needs at least one row.
func Suite(t *testing.T, open func() dataset.Source) {
	t.Helper()
	for _, problem := range Check(open) {
		t.Error(problem)
	}
}

// Check lists the promises that the source breaks.
func Check(open func() dataset.Source) []error {
	c := &checker{src: open()}
	defer c.src.Close()
	if !c.spec() || !c.reference() {
		return c.problems
	}
	c.orders()
	c.concurrent()
	c.labels()
	c.reuse()
	c.refusals()
	c.again(open)
	return c.problems
}

type checker struct {
	src      dataset.Source
	n, size  int
	ref      dataset.Batch // the first n rows
	mu       sync.Mutex
	problems []error
}

func (c *checker) errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

// spec checks what the source says of itself.
func (c *checker) spec() bool {
	s := c.src.Spec()
	if len(s.Shape) == 0 || slices.Min(s.Shape) < 1 {
		c.errorf("Spec: shape %v", s.Shape)
		return false
	}
	if s.Image && len(s.Shape) != 3 {
		c.errorf("Spec: an image of shape %v, want (H, W, C)", s.Shape)
	}
	if s.Image && s.Columns != nil || !s.Image && len(s.Columns) != s.Size() {
		c.errorf("Spec: %d columns for shape %v", len(s.Columns), s.Shape)
	}
	if s.DType != dataset.Uint8 && s.DType != dataset.Float32 {
		c.errorf("Spec: dtype %q", s.DType)
	}
	if len(s.Targets) > 0 != (s.Task != dataset.MultiClass) || len(s.Targets) > 0 && len(s.Classes) > 0 {
		c.errorf("Spec: task %q with targets %q and classes %q", s.Task, s.Targets, s.Classes)
	}
	names := slices.Sorted(slices.Values(s.Classes))
	if len(slices.Compact(names)) != len(s.Classes) {
		c.errorf("Spec: a class named twice in %q", s.Classes)
	}
	c.n, c.size = min(most, c.src.Len()), s.Size()
	if c.n < 1 {
		c.errorf("Len is %d", c.src.Len())
	}
	return c.n > 0
}

// reference reads the first rows once and checks their values.
func (c *checker) reference() bool {
	if err := c.src.Read(context.Background(), count(c.n), &c.ref); err != nil {
		c.errorf("Read: %v", err)
		return false
	}
	if c.ref.N != c.n || len(c.ref.X) != c.n*c.size || len(c.ref.Y) != c.n {
		c.errorf("Read of %d rows of %d values gives N %d, %d values, %d labels", c.n, c.size, c.ref.N, len(c.ref.X), len(c.ref.Y))
		return false
	}
	s := c.src.Spec()
	if len(c.ref.S) != c.n*len(s.Texts) || len(c.ref.V) != c.n*len(s.Targets) {
		c.errorf("Read of %d rows with %d texts and %d targets gives %d and %d", c.n, len(s.Texts), len(s.Targets), len(c.ref.S), len(c.ref.V))
		return false
	}
	for i, v := range c.ref.V {
		if s.Task == dataset.MultiLabel && v != 0 && v != 1 && v == v || math.IsInf(float64(v), 0) {
			c.errorf("row %d has target %v of a task of %s", i/len(s.Targets), v, s.Task)
			break
		}
	}
	for i, v := range c.ref.X {
		if math.IsNaN(float64(v)) && !s.Missing || math.IsInf(float64(v), 0) {
			c.errorf("row %d holds %v", i/c.size, v)
			break
		}
		if s.DType == dataset.Uint8 && (v < 0 || v > 255 || v != float32(uint8(v))) {
			c.errorf("row %d holds %v, but its dtype is uint8", i/c.size, v)
			break
		}
	}
	for i, y := range c.ref.Y {
		if y != dataset.Unlabelled && (y < 0 || int(y) >= len(s.Classes)) {
			c.errorf("row %d has label %d of %d classes", i, y, len(s.Classes))
		}
	}
	return true
}

func count(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// compare reads rows into b and holds them against the reference.
func (c *checker) compare(what string, rows []int, b *dataset.Batch) {
	asked := slices.Clone(rows)
	if err := c.src.Read(context.Background(), rows, b); err != nil {
		c.errorf("%s: %v", what, err)
		return
	}
	if !slices.Equal(asked, rows) {
		c.errorf("%s: Read changed the list of rows", what)
	}
	if b.N != len(rows) || len(b.X) != len(rows)*c.size || len(b.Y) != len(rows) {
		c.errorf("%s: %d rows give N %d, %d values, %d labels", what, len(rows), b.N, len(b.X), len(b.Y))
		return
	}
	texts, targets := len(c.src.Spec().Texts), len(c.src.Spec().Targets)
	if len(b.S) != len(rows)*texts || len(b.V) != len(rows)*targets {
		c.errorf("%s: %d rows give %d texts and %d targets", what, len(rows), len(b.S), len(b.V))
		return
	}
	for i, r := range rows {
		if !equal(b.X, c.ref.X, i, r, c.size) || !equal(b.V, c.ref.V, i, r, targets) || b.Y[i] != c.ref.Y[r] ||
			!slices.Equal(b.S[i*texts:(i+1)*texts], c.ref.S[r*texts:(r+1)*texts]) {
			c.errorf("%s: row %d is not what it was", what, r)
			return
		}
	}
}

// equal compares row i of a with row j of b, bit by bit but for NaN.
func equal(a, b []float32, i, j, size int) bool {
	return slices.EqualFunc(a[i*size:(i+1)*size], b[j*size:(j+1)*size], func(x, y float32) bool {
		return x == y || x != x && y != y
	})
}

// orders reads in any order, one at a time, with repeats, and nothing.
func (c *checker) orders() {
	backwards := count(c.n)
	slices.Reverse(backwards)
	c.compare("backwards", backwards, &dataset.Batch{})
	c.compare("shuffled", dataset.Order(c.n, 1, 0), &dataset.Batch{})
	c.compare("one row", []int{c.n - 1}, &dataset.Batch{})
	c.compare("three times", []int{0, c.n - 1, 0, c.n / 2, 0}, &dataset.Batch{})
	c.compare("no rows", []int{}, &dataset.Batch{})
}

// concurrent reads from several goroutines at once.
func (c *checker) concurrent() {
	var done sync.WaitGroup
	for g := range 4 {
		done.Go(func() {
			var b dataset.Batch
			for epoch := range 3 {
				c.compare("from several goroutines", dataset.Order(c.n, uint64(g), epoch), &b)
			}
		})
	}
	done.Wait()
}

// labels compares what Labels says with what Read gives.
func (c *checker) labels() {
	y, err := dataset.Labels(context.Background(), c.src)
	switch {
	case err != nil:
		c.errorf("Labels: %v", err)
	case len(y) != c.src.Len():
		c.errorf("Labels gives %d, Len is %d", len(y), c.src.Len())
	case !slices.Equal(y[:c.n], c.ref.Y):
		c.errorf("Labels differ from those of Read")
	}
}

// reuse reads into a batch that holds the rows of a read before.
func (c *checker) reuse() {
	var b dataset.Batch
	b.Reset(c.n+3, c.size+2)
	for i := range b.X {
		b.X[i] = -77
	}
	for i := range b.Y {
		b.Y[i] = 1 << 20
	}
	backwards := count(c.n)
	slices.Reverse(backwards)
	c.compare("into a used batch", backwards, &b)
	c.compare("into a larger batch", []int{c.n / 2}, &b)
	c.compare("into a smaller batch", count(c.n), &b)
}

// refusals are the reads that must fail and must not panic.
func (c *checker) refusals() {
	for _, rows := range [][]int{{-1}, {c.src.Len()}, {0, c.src.Len() + 5}, {math.MaxInt}, {math.MinInt}} {
		if err := c.read(context.Background(), rows); err == nil {
			c.errorf("Read of rows %v of %d gives no error", rows, c.src.Len())
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.read(ctx, count(c.n)); !errors.Is(err, context.Canceled) {
		c.errorf("Read in a cancelled context gives %v", err)
	}
}

// read reports a panic as a problem.
func (c *checker) read(ctx context.Context, rows []int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.errorf("Read of rows %v panics: %v", rows, p)
		}
	}()
	return c.src.Read(ctx, rows, &dataset.Batch{})
}

// again opens the source a second time: same specification, identities and
// digest.
func (c *checker) again(open func() dataset.Source) {
	other := open()
	defer other.Close()
	if a, b := fmt.Sprint(c.src.Spec()), fmt.Sprint(other.Spec()); a != b || c.src.Len() != other.Len() {
		c.errorf("opened twice: %d rows of %s, then %d of %s", c.src.Len(), a, other.Len(), b)
		return
	}
	ctx := context.Background()
	a, err := dataset.IDs(ctx, c.src)
	if err != nil {
		c.errorf("IDs: %v", err)
		return
	}
	b, err := dataset.IDs(ctx, other)
	if err != nil || !slices.Equal(a, b) {
		c.errorf("opened twice: other identities (%v)", err)
	}
	x, err1 := dataset.Digest(ctx, c.src)
	y, err2 := dataset.Digest(ctx, other)
	if err1 != nil || err2 != nil || x != y {
		c.errorf("opened twice: digest %s (%v), then %s (%v)", x, err1, y, err2)
	}
}
