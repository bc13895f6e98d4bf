package distill

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// varied is images(n) as training with text sees them at T = 2.
func varied(tb testing.TB, n int, text string) *rows {
	tb.Helper()
	r := images(tb, n)
	a, err := dataset.ParseAugment(text)
	if err != nil {
		tb.Fatal(err)
	}
	r.vary = &variation{text: a.String()}
	if r.vary.augmenter, err = a.Compile(r.src.Spec(), []float32{255}); err != nil {
		tb.Fatal(err)
	}
	if a.Mixes() {
		if r.vary.mixer, err = loss.NewMixer(dataset.MultiClass, 2); err != nil {
			tb.Fatal(err)
		}
	}
	return r
}

// seen is all that training sees of each row in passes 0 and 1, by pass and
// position, from the given step on, in batches of the given size.
func seen(t *testing.T, r *rows, batch, first int) map[[2]int]string {
	t.Helper()
	n, ctx := r.src.Len(), context.Background()
	last := 2 * ceilDiv(n, batch)
	views := map[[2]int]string{}
	f := startFeed(ctx, r, 7, batch, first, last)
	for g := first; g < last; g++ {
		m, err := f.next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		pass := g / ceilDiv(n, batch)
		lo, hi := cut(n, batch, g%ceilDiv(n, batch))
		b := m.part(0, m.n, r.classes, nil)
		for i, row := range dataset.Order(n, 7, pass)[lo:hi] {
			view := fmt.Sprint(m.x[i*784:(i+1)*784], b.Labels[i], b.Teacher[i*r.classes:(i+1)*r.classes])
			if b.Others != nil {
				view += fmt.Sprint(b.Others[i], b.Shares[i])
			}
			views[[2]int{pass, row}] = view
		}
		f.done(m)
	}
	return views
}

// TestFeedVaries holds that what a row looks like in a pass, and what its
// targets are, depends neither on the size of batches, nor on where a feed
// began, nor on GOMAXPROCS; and that another pass shows it otherwise.
func TestFeedVaries(t *testing.T) {
	const n = 150
	for _, text := range []string{"shift=2 flip cutout=8 noise=0.05", "affine=10,0.1 mixup=0.5"} {
		r := varied(t, n, text)
		want := seen(t, r, 64, 0)
		if len(want) != 2*n {
			t.Fatalf("%d views, expected %d", len(want), 2*n)
		}
		for row := range n {
			if want[[2]int{0, row}] == want[[2]int{1, row}] {
				t.Errorf("%s: row %d looks the same in two passes", text, row)
			}
		}
		same := func(how string, got map[[2]int]string, least int) {
			if len(got) < least {
				t.Errorf("%s, %s: %d views", text, how, len(got))
			}
			for at, view := range got {
				if view != want[at] {
					t.Fatalf("%s, %s: row %d of pass %d looks otherwise", text, how, at[1], at[0])
				}
			}
		}
		same("batches of 40", seen(t, r, 40, 0), 2*n)
		same("from step 4 on", seen(t, r, 64, 4), n/2)
		before := runtime.GOMAXPROCS(1)
		one := seen(t, r, 64, 0)
		runtime.GOMAXPROCS(before)
		same("one processor", one, 2*n)
	}
}

// TestFeedKeepsTargets holds that an augmented row has the target of the row
// before augmentation, and that only what trains sees it augmented.
func TestFeedKeepsTargets(t *testing.T) {
	const n = 60
	r, ctx := varied(t, n, "shift=2"), context.Background()
	order := dataset.Order(n, 3, 0)
	var m, plain mini
	if err := r.learn(ctx, order, 3, 0, &m); err != nil {
		t.Fatal(err)
	}
	if err := r.read(ctx, order, &plain); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.teacher, plain.teacher) || !slices.Equal(m.labels, plain.labels) || m.part(0, m.n, r.classes, nil).Others != nil {
		t.Error("shifted rows have other targets")
	}
	still := 0
	for i := range n {
		if slices.Equal(m.x[i*784:(i+1)*784], plain.x[i*784:(i+1)*784]) {
			still++
		}
	}
	if still > n/5 { // one in 25 is shifted by (0, 0)
		t.Errorf("%d of %d rows were left alone", still, n)
	}
	err := eachBatch(ctx, r, func(m *mini) error {
		raw := dataset.Batch{}
		if err := r.src.Read(ctx, rowsFrom(0, m.n), &raw); err != nil {
			return err
		}
		if !slices.Equal(raw.X, m.x) {
			t.Error("rows are judged augmented")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func rowsFrom(lo, n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = lo + i
	}
	return rows
}

// TestFeedMixes recomputes mixed rows, mirrored before, and their targets from
// the definition: λ·x_i + (1−λ)·x_j, λ·softmax(v_i/T) + (1−λ)·softmax(v_j/T), and both labels.
func TestFeedMixes(t *testing.T) {
	const n, temperature = 60, 2
	r, ctx := varied(t, n, "mixup=1 flip=1"), context.Background()
	order := rowsFrom(0, n)
	var m, plain mini
	if err := r.read(ctx, order, &plain); err != nil {
		t.Fatal(err)
	}
	for line := range slices.Chunk(plain.x, 28) {
		slices.Reverse(line)
	}
	if err := r.learn(ctx, order, 3, 5, &m); err != nil {
		t.Fatal(err)
	}
	partners, shares := make([]int, n), make([]float32, n)
	r.vary.augmenter.Partners(partners, shares, order, n, 3, 5)
	b := m.part(0, m.n, r.classes, nil)
	soft := func(v []float32) []float64 {
		p, sum := make([]float64, len(v)), 0.0
		for i, x := range v {
			p[i] = math.Exp(float64(x-slices.Max(v)) / temperature)
			sum += p[i]
		}
		for i := range p {
			p[i] /= sum
		}
		return p
	}
	for i, j := range partners {
		if b.Labels[i] != plain.labels[i] || b.Others[i] != plain.labels[j] || b.Shares[i] != shares[i] {
			t.Fatalf("row %d has labels %d and %d with a share of %v", i, b.Labels[i], b.Others[i], b.Shares[i])
		}
		if p := m.part(i, i+1, r.classes, nil); p.Labels[0] != b.Labels[i] || p.Others[0] != b.Others[i] || p.Shares[0] != b.Shares[i] || p.Teacher[0] != b.Teacher[i*r.classes] {
			t.Fatalf("row %d alone has other targets", i)
		}
		l := float64(shares[i])
		for k := range 784 {
			if want := l*float64(plain.x[i*784+k]) + (1-l)*float64(plain.x[j*784+k]); math.Abs(float64(m.x[i*784+k])-want) > 1e-3 {
				t.Fatalf("row %d mixed with row %d: value %d is %v, expected %v", i, j, k, m.x[i*784+k], want)
			}
		}
		c := r.classes
		p, q := soft(plain.teacher[i*c:(i+1)*c]), soft(plain.teacher[j*c:(j+1)*c])
		for k, got := range soft(m.teacher[i*c : (i+1)*c]) {
			if want := l*p[k] + (1-l)*q[k]; math.Abs(got-want) > 1e-6 {
				t.Fatalf("row %d mixed with row %d: class %d has probability %v, expected %v", i, j, k, got, want)
			}
		}
	}
}

// TestAugmentedRun tells of the augmentation everywhere, changes student and
// baseline, and refuses what does not fit before the teacher is asked.
func TestAugmentedRun(t *testing.T) {
	r := stored(t)
	plain := mustRun(t, r, newRecord().Env)
	r.Output.Model, r.Train.Augment = strings.Replace(r.Output.Model, "student.onnx", "other.onnx", 1), " noise=0.3   mixup=0.2"
	env := newRecord()
	result := mustRun(t, r, env.Env)
	const text = "noise=0.3 mixup=0.2"
	for _, line := range []string{"augmentation of the training rows of student and baseline, drawn anew each pass: " + text, "what the teacher said of the row before it", "mixture of the teacher's two distributions"} {
		if !env.has(line) || !slices.ContainsFunc(result.Notes, func(n string) bool { return strings.Contains(n, line) }) {
			t.Errorf("nobody was told %q: %q", line, env.lines)
		}
	}
	if result.Provenance.Augment != text || plain.Provenance.Augment != "" {
		t.Errorf("provenance has %q and %q", result.Provenance.Augment, plain.Provenance.Augment)
	}
	if page := string(mustRead(t, result.Files.Report)); !strings.Contains(page, text) {
		t.Error("the report does not name the augmentation")
	}
	if model := string(mustRead(t, unverified(r))); !strings.Contains(model, "kdonnx.augment") || !strings.Contains(model, text) {
		t.Error("the student does not name its augmentation")
	}
	if result.History.Student[0].Train == plain.History.Student[0].Train || result.History.Baseline[0].Train == plain.History.Baseline[0].Train {
		t.Error("student or baseline was trained on rows as they are")
	}

	r = small(t)
	r.Train.Augment = "shift=2"
	r.Teacher.Model = "missing.onnx"
	_, err := Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, `augment "shift=2": "shift=2" is for images, but the rows are a table of 4 features`)
}

// BenchmarkFeedVaries is BenchmarkFeed with what a row costs more.
func BenchmarkFeedVaries(b *testing.B) {
	for _, text := range []string{"shift=2", "shift=2 flip cutout=8 noise=0.05", "affine=10,0.1", "shift=2 mixup=0.2"} {
		b.Run(text, func(b *testing.B) { benchmarkFeed(b, varied(b, 4096, text)) })
	}
}
