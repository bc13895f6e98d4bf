package loss

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// goldens holds, by the name of a loss, its settings and the terms and
// gradient on goldenBatch. A loss registers its row in its own test file; one
// without a row fails TestGolden.
var goldens = map[string]golden{}

// anyWidth holds the settings of those losses whose golden ones go with three
// columns only.
var anyWidth = map[string]Settings{}

// settingsOf are settings of a loss that go with batches of any width.
func settingsOf(name string) Settings {
	if s, ok := anyWidth[name]; ok {
		return s
	}
	return goldens[name].settings
}

type golden struct {
	settings Settings
	terms    Terms
	grad     []float64 // (4, 3)
}

// unknown is a value that a row lacks.
var unknown = float32(math.NaN())

// goldenBatch has a row that the teacher gets wrong, one that both get right,
// one without a label, and one whose teacher is of no opinion. A value is a
// mixture, and one more is not known. Its values are exact in float32.
func goldenBatch() Batch {
	return Batch{
		N: 4, C: 3,
		Student: []float32{1.5, -0.25, 3, 0.5, 2, -1, -2, 0, 4.5, 0.75, 0.25, -0.5},
		Teacher: []float32{2, 1, -1, 0, 3.5, 0.5, 10, -10, 0.25, 1, 1, 1},
		Labels:  []int32{0, 1, Unlabelled, 2},
		Values:  []float32{1, 0, 0.25, unknown, 1, 0, unknown, unknown, unknown, 0, 1, 1},
	}
}

func TestGolden(t *testing.T) {
	for _, e := range Entries() {
		t.Run(e.Name, func(t *testing.T) {
			want, ok := goldens[e.Name]
			if !ok {
				t.Fatalf("loss %q has no golden row", e.Name)
			}
			l, err := New(e.Name, want.settings)
			if err != nil {
				t.Fatal(err)
			}
			if l.Name() != e.Name {
				t.Errorf("Name() = %q, registered as %q", l.Name(), e.Name)
			}
			if l.Formula() == "" || e.Doc == "" {
				t.Error("no formula or no line for lists")
			}
			b := goldenBatch()
			grad := make([]float32, b.N*b.C)
			got := l.Eval(b, grad)
			near(t, "total", got.Total, want.terms.Total, 1e-12)
			near(t, "soft", got.Soft, want.terms.Soft, 1e-12)
			near(t, "hard", got.Hard, want.terms.Hard, 1e-12)
			for i, g := range grad {
				near(t, "gradient", float64(g), want.grad[i], 1e-7)
			}
		})
	}
}

// TestFiniteDifferences holds every gradient against the slope of the value.
// The logits lie on a grid of 2⁻¹² so that z ± h is exact in float32.
func TestFiniteDifferences(t *testing.T) {
	for _, e := range Entries() {
		t.Run(e.Name, func(t *testing.T) {
			l, err := New(e.Name, settingsOf(e.Name))
			if err != nil {
				t.Fatal(err)
			}
			if worst := worstSlope(l.Eval, randomBatch(7, 6, 5)); worst > 1e-6 {
				t.Errorf("gradient and slope differ by %g", worst)
			}
		})
	}
}

// A checker that lets a wrong gradient pass proves nothing: one 5 % off, and
// one of the mean without 1/N, must be seen.
func TestFiniteDifferencesSeeAWrongGradient(t *testing.T) {
	l, err := New("classic", goldens["classic"].settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, factor := range []float32{0.95, 1.05, 6} {
		wrong := func(b Batch, grad []float32) Terms {
			terms := l.Eval(b, grad)
			for i := range grad {
				grad[i] *= factor
			}
			return terms
		}
		if worst := worstSlope(wrong, randomBatch(7, 6, 5)); worst < 1e-3 {
			t.Errorf("a gradient times %v passes: worst difference %g", factor, worst)
		}
	}
}

func worstSlope(eval func(Batch, []float32) Terms, b Batch) float64 {
	const h = 1.0 / 1024
	grad := make([]float32, b.N*b.C)
	eval(b, grad)
	scratch := make([]float32, b.N*b.C)
	worst := 0.0
	for i := range b.Student {
		z := b.Student[i]
		b.Student[i] = z + h
		up := eval(b, scratch).Total
		b.Student[i] = z - h
		down := eval(b, scratch).Total
		b.Student[i] = z
		worst = math.Max(worst, math.Abs((up-down)/(2*h)-float64(grad[i])))
	}
	return worst
}

func TestEvalDoesNotAllocateAndOverwrites(t *testing.T) {
	b := randomBatch(3, 32, 10)
	for _, e := range Entries() {
		l, err := New(e.Name, settingsOf(e.Name))
		if err != nil {
			t.Fatal(err)
		}
		grad, again := make([]float32, b.N*b.C), make([]float32, b.N*b.C)
		first := l.Eval(b, grad)
		for i := range again {
			again[i] = float32(math.NaN())
		}
		if second := l.Eval(b, again); second != first {
			t.Errorf("%s: second call gives %v, first gave %v", e.Name, second, first)
		}
		for i := range grad {
			if math.Float32bits(grad[i]) != math.Float32bits(again[i]) {
				t.Fatalf("%s: gradient %d is %v, was %v", e.Name, i, again[i], grad[i])
			}
		}
		if without := l.Eval(b, nil); without != first {
			t.Errorf("%s: %v without a gradient, %v with it", e.Name, without, first)
		}
		if n := testing.AllocsPerRun(10, func() { l.Eval(b, grad) }); n != 0 {
			t.Errorf("%s: %v allocations a call, want 0", e.Name, n)
		}
	}
}

func TestEmptyBatch(t *testing.T) {
	for _, e := range Entries() {
		l, err := New(e.Name, settingsOf(e.Name))
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Eval(Batch{C: 3}, []float32{}); got != (Terms{}) {
			t.Errorf("%s: an empty batch gives %v, want zeros", e.Name, got)
		}
	}
}

func TestWrongLengthsPanic(t *testing.T) {
	good := goldenBatch
	bad := map[string]func() (Batch, []float32){
		"student":  func() (Batch, []float32) { b := good(); b.Student = b.Student[1:]; return b, nil },
		"teacher":  func() (Batch, []float32) { b := good(); b.Teacher = b.Teacher[1:]; return b, nil },
		"labels":   func() (Batch, []float32) { b := good(); b.Labels = b.Labels[1:]; return b, nil },
		"values":   func() (Batch, []float32) { b := good(); b.Values = b.Values[1:]; return b, nil },
		"gradient": func() (Batch, []float32) { return good(), make([]float32, 11) },
		"classes":  func() (Batch, []float32) { return Batch{}, nil },
		"label":    func() (Batch, []float32) { b := good(); b.Labels[2] = 3; return b, nil },
		"negative": func() (Batch, []float32) { b := good(); b.Labels[2] = -2; return b, nil },
	}
	for _, e := range Entries() {
		for name, spoil := range bad {
			if e.Task != dataset.MultiClass && (name == "label" || name == "negative") {
				continue // looks at no class
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: a wrong %s does not panic", e.Name, name)
					}
				}()
				l, err := New(e.Name, settingsOf(e.Name))
				if err != nil {
					t.Fatal(err)
				}
				b, g := spoil()
				l.Eval(b, g)
			}()
		}
	}
}

// randomBatch has logits in [-4, 4] on a grid of 2⁻¹², a row without a label,
// and a value that is not known.
func randomBatch(seed uint64, n, c int) Batch {
	r := rand.New(rand.NewPCG(seed, 0))
	b := Batch{N: n, C: c}
	for range n {
		for range c {
			b.Student = append(b.Student, float32(r.IntN(1<<15)-1<<14)/(1<<12))
			b.Teacher = append(b.Teacher, float32(r.IntN(1<<15)-1<<14)/(1<<12))
		}
		b.Labels = append(b.Labels, int32(r.IntN(c)))
	}
	for range n * c {
		b.Values = append(b.Values, float32(r.IntN(2)))
	}
	b.Values[0] = 0.25
	if n > 1 {
		b.Labels[1] = Unlabelled
		b.Values[c] = unknown
	}
	return b
}

// near fails unless got is within tol of want, relative to the larger of
// |want| and 1.
func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*math.Max(1, math.Abs(want))) {
		t.Errorf("%s: got %.15g, want %.15g", what, got, want)
	}
}
