package loss

import (
	"math"
	"testing"
)

// −(1/4)·Σ over the three labelled rows of log softmax(z)_y, and its gradient
// (softmax(z) − onehot(y))/4, in 40-digit arithmetic.
func init() {
	const hard = 0.965528720542919
	goldens["hard-label"] = golden{Settings{}, Terms{Total: hard, Hard: hard}, hardGolden}
}

var hardGolden = []float64{
	-0.205794954473, 0.00768168508161, 0.198113269392,
	0.043822598035, -0.0536007413527, 0.00977814331767,
	0, 0, 0,
	0.132063030902, 0.0801002772567, -0.212163308159,
}

// By hand: z = (0, ln 3) has softmax (1/4, 3/4); label 0 gives ln 4 and the
// gradient (−3/4, 3/4).
func TestHardLabelByHand(t *testing.T) {
	grad := make([]float32, 2)
	got := NewHardLabel().Eval(Batch{N: 1, C: 2, Student: []float32{0, float32(math.Log(3))}, Labels: []int32{0}}, grad)
	near(t, "total", got.Total, math.Log(4), 1e-7)
	near(t, "gradient", float64(grad[0]), -0.75, 1e-7)
	near(t, "gradient", float64(grad[1]), 0.75, 1e-7)
}

// The baseline is the classic loss with α = 0, and does not look at the
// teacher even where that is all NaN.
func TestHardLabelIsClassicWithoutTeacher(t *testing.T) {
	b := randomBatch(9, 6, 5)
	want, got := make([]float32, 30), make([]float32, 30)
	classic(t, 4, 0).Eval(b, want)
	for i := range b.Teacher {
		b.Teacher[i] = float32(math.NaN())
	}
	NewHardLabel().Eval(b, got)
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("gradient %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestExp(t *testing.T) {
	for x := -745.0; x <= 0; x += 0.0173 {
		want := float(bigExp(bigOf(x)))
		ulp := math.Nextafter(want, 1) - want
		if got := exp(x); !(math.Abs(got-want) <= 2*ulp) {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	for x, want := range map[float64]float64{0: 1, -746: 0, math.Inf(-1): 0, -1e300: 0} {
		if got := exp(x); got != want {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	if !math.IsNaN(exp(math.NaN())) {
		t.Error("exp(NaN) is not NaN")
	}
	for x := -0.25; x <= 0.25; x += 0.00037 {
		want := float(bigSub(bigSub(bigExp(bigOf(x)), bigOf(1)), bigOf(x)))
		if got := expRemainder(x); !(math.Abs(got-want) <= 1e-15*want) {
			t.Fatalf("expRemainder(%v) = %v, want %v", x, got, want)
		}
	}
}
