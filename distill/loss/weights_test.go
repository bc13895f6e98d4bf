package loss

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// TestSetIsNew: a loss whose weights are set is, to the bit, one that was made
// with them, goes back as well, and allocates nothing on the way.
func TestSetIsNew(t *testing.T) {
	b := randomBatch(50, 9, 5)
	grad := make([]float32, b.N*b.C)
	for _, text := range everyLoss() {
		at := func(w Weights) (Loss, Terms, []float32) {
			l, err := New(text, Settings{Temperature: w.Temperature, Alpha: w.Alpha, Beta: &w.Beta, Smoothing: 0.1})
			if err != nil {
				t.Fatal(err)
			}
			terms := l.Eval(b, grad)
			return l, terms, slices.Clone(grad)
		}
		first, second := Weights{8, 0.9, 0.1}, Weights{0.75, 0.2, 1.5}
		l, terms, g := at(first)
		_, other, h := at(second)
		for k, c := range []struct {
			w     Weights
			terms Terms
			grad  []float32
		}{{second, other, h}, {first, terms, g}} {
			l.Set(c.w)
			if got := l.Eval(b, grad); got != c.terms || !slices.Equal(grad, c.grad) {
				t.Errorf("%s, change %d: got %v and %v, made with these weights %v and %v", text, k, got, grad, c.terms, c.grad)
			}
		}
		turn := 0
		if n := testing.AllocsPerRun(10, func() {
			turn++
			l.Set([]Weights{first, second}[turn%2])
			l.Eval(b, grad)
		}); n != 0 {
			t.Errorf("%s: %v allocations a step, want 0", text, n)
		}
	}
}

// TestLacks: what a loss says that it has not changes nothing, and all else does.
func TestLacks(t *testing.T) {
	b := randomBatch(51, 6, 5)
	base := Weights{4, 0.5, 0.5}
	for _, text := range everyLoss() {
		l, err := New(text, Settings{Temperature: 4, Alpha: 0.5})
		if err != nil {
			t.Fatal(err)
		}
		e, _ := (&Settings{}).parse(text)
		before := l.Eval(b, nil)
		for name, w := range map[string]Weights{"temperature": {5, 0.5, 0.5}, "alpha": {4, 0.75, 0.5}, "beta": {4, 0.5, 0.75}} {
			l.Set(w)
			same := l.Eval(b, nil) == before
			l.Set(base)
			if lacks := slices.Contains(e.Lacks, name); same != lacks {
				t.Errorf("%s: another %s changes nothing: %v, lacks it: %v", text, name, same, lacks)
			}
			words := map[string]Schedules{"temperature": {Temperature: "4 → 1"}, "alpha": {Alpha: "0 → 1"}, "beta": {Beta: "0 → 1"}}[name]
			_, err := New(text, Settings{Temperature: 4, Alpha: 0.5, Schedules: words})
			if same != (err != nil) || err != nil && (fault.KindOf(err) != fault.Usage || !strings.HasPrefix(err.Error(), "--"+name+"-schedule: ") || !strings.Contains(err.Error(), "has no "+name)) {
				t.Errorf("%s with a schedule of %s: %v", text, name, err)
			}
		}
	}
}

// TestGradientNorms: the norms are those of the gradients that each term alone
// gives, by row and before the division by N; they do not depend on N, and
// those of parts of a batch join by their squares.
func TestGradientNorms(t *testing.T) {
	for _, text := range everyLoss() {
		norm := func(b Batch, alpha, beta float64) float64 {
			l, err := New(text, Settings{Temperature: 3, Alpha: alpha, Beta: &beta, Smoothing: 0.1})
			if err != nil {
				t.Fatal(err)
			}
			grad := make([]float32, b.N*b.C)
			l.Eval(b, grad)
			sum := 0.0
			for _, g := range grad {
				sum += float64(b.N) * float64(b.N) * float64(g) * float64(g)
			}
			return math.Sqrt(sum / float64(b.N))
		}
		beta := 0.4
		l, err := New(text, Settings{Temperature: 3, Alpha: 0.7, Beta: &beta, Smoothing: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		b := randomBatch(52, 8, 5)
		whole := l.Eval(b, nil)
		soft, hard := norm(b, 0.7, 0), norm(b, 0, beta)
		if text == "hard-label" {
			soft, hard = 0, norm(b, 0, 1)
		}
		near(t, text+" soft", whole.SoftGradient, soft, 1e-6)
		near(t, text+" hard", whole.HardGradient, hard, 1e-6)

		if strings.HasSuffix(text, "dist") { // a class's correlation is over all rows
			continue
		}
		joined := [2]float64{}
		for _, cut := range [][2]int{{0, 3}, {3, 8}} {
			part := l.Eval(rowsOf(b, cut[0], cut[1]), nil)
			share := float64(cut[1]-cut[0]) / 8
			joined[0] += share * part.SoftGradient * part.SoftGradient
			joined[1] += share * part.HardGradient * part.HardGradient
		}
		near(t, text+" soft in parts", math.Sqrt(joined[0]), whole.SoftGradient, 1e-13)
		near(t, text+" hard in parts", math.Sqrt(joined[1]), whole.HardGradient, 1e-13)
	}
}

// rowsOf are rows lo to hi−1 of b.
func rowsOf(b Batch, lo, hi int) Batch {
	return Batch{N: hi - lo, C: b.C, Student: b.Student[lo*b.C : hi*b.C], Teacher: b.Teacher[lo*b.C : hi*b.C],
		Labels: b.Labels[lo:hi], Values: b.Values[lo*b.C : hi*b.C]}
}

// By hand: T = 2, one row, v = (2·ln 3, 0), z = (0, 0), y = 0, α = 0.7, β = 0.3
// (see TestByHand): the soft gradient is 0.7·2·(−1/4, 1/4), the hard one
// 0.3·(−1/2, 1/2). A second row without teacher's opinion or label halves the
// mean square.
func TestGradientNormsByHand(t *testing.T) {
	b := Batch{N: 2, C: 2, Student: []float32{0, 0, 0, 0}, Teacher: []float32{float32(2 * math.Log(3)), 0, 0, 0}, Labels: []int32{0, Unlabelled}}
	got := classic(t, 2, 0.7).Eval(b, nil)
	near(t, "soft", got.SoftGradient, 0.7*2*math.Sqrt(2./16)/math.Sqrt2, 1e-7)
	near(t, "hard", got.HardGradient, 0.3*math.Sqrt(2./4)/math.Sqrt2, 1e-12)
}
