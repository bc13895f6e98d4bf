package loss

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// The golden rows are the definitions of section 2 of arXiv 1503.02531,
// evaluated in 40-digit arithmetic:
//
//	p = softmax(v/4), q = softmax(z/4), α = 0.75, β = 0.25, N = 4
//	soft = (1/4)·Σ over the rows of Σ p·log(p/q)   (or −Σ p·log q)
//	hard = (1/4)·Σ over the three labelled rows of −log softmax(z)_y
//	total = 0.75·16·soft + 0.25·hard
func init() {
	grad := []float64{
		-0.142723672181, -0.101372175402, 0.244095847583,
		0.0841468080211, -0.0631100611677, -0.0210367468534,
		-0.588423806337, 0.155406932327, 0.43301687401,
		0.0699200095332, 0.0232171828728, -0.0931371924059,
	}
	s := Settings{Temperature: 4, Alpha: 0.75}
	goldens["classic"] = golden{s, Terms{Total: 5.572513493973796, Soft: 0.4442609428198388, Hard: 0.965528720542919}, grad}
	goldens["classic-ce"] = golden{s, Terms{Total: 16.03078551253526, Soft: 1.315783611033294, Hard: 0.965528720542919}, grad}
}

func classic(t *testing.T, temperature, alpha float64, beta ...float64) *Classic {
	t.Helper()
	s := Settings{Temperature: temperature, Alpha: alpha}
	if len(beta) > 0 {
		s.Beta = &beta[0]
	}
	l, err := NewClassic(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// By hand: T = 2, v = (2·ln 3, 0), z = (0, 0), y = 0, α = 0.7, β = 0.3.
//
//	p = (3, 1)/4, q = (1, 1)/2
//	KL = 3/4·ln(3/2) + 1/4·ln(1/2) = ln(27/16)/4
//	CE = ln 2
//	L = 0.7·4·KL + 0.3·CE
//	g = 0.7·2·(−1/4, 1/4) + 0.3·(−1/2, 1/2) = (−1/2, 1/2)
func TestByHand(t *testing.T) {
	b := Batch{N: 1, C: 2, Student: []float32{0, 0}, Teacher: []float32{float32(2 * math.Log(3)), 0}, Labels: []int32{0}}
	grad := make([]float32, 2)
	got := classic(t, 2, 0.7).Eval(b, grad)
	wantKL := math.Log(27./16) / 4
	near(t, "soft", got.Soft, wantKL, 1e-7)
	near(t, "hard", got.Hard, math.Ln2, 1e-15)
	near(t, "total", got.Total, 0.7*4*wantKL+0.3*math.Ln2, 1e-7)
	near(t, "gradient", float64(grad[0]), -0.5, 1e-7)
	near(t, "gradient", float64(grad[1]), 0.5, 1e-7)
}

// Both conventions give the same loss where they meet, and the free one keeps
// α = 1 with a small β.
func TestWeightingConventions(t *testing.T) {
	b := goldenBatch()
	if got, want := classic(t, 4, 0.75, 0.25).Eval(b, nil), classic(t, 4, 0.75).Eval(b, nil); got != want {
		t.Errorf("β = 0.25 gives %v, β = 1−α gives %v", got, want)
	}
	got := classic(t, 4, 1, 0.1).Eval(b, nil)
	near(t, "total", got.Total, 16*got.Soft+0.1*got.Hard, 1e-15)
	if f := classic(t, 4, 1, 0.1).Formula(); f != "L = T²·KL(softmax(v/T) ‖ softmax(z/T)) + 0.1·CE(y, softmax(z)), T = 4; summed over classes, mean over the batch" {
		t.Errorf("formula reads %q", f)
	}
}

// A row without a label has no hard term and a batch without a teacher no soft
// term, but all rows count in N.
func TestMissingLabelsAndTeachers(t *testing.T) {
	whole := randomBatch(5, 2, 4)
	whole.Labels = []int32{1, 2}
	l := classic(t, 3, 0.5)
	full := l.Eval(whole, nil)
	first := Batch{N: 1, C: 4, Student: whole.Student[:4], Teacher: whole.Teacher[:4], Labels: whole.Labels[:1]}
	one := l.Eval(first, nil)

	noLabel := whole
	noLabel.Labels = []int32{1, Unlabelled}
	grad := make([]float32, 8)
	got := l.Eval(noLabel, grad)
	near(t, "hard of an unlabelled row", got.Hard, one.Hard/2, 1e-15)
	near(t, "soft of an unlabelled row", got.Soft, full.Soft, 1e-15)
	for i, g := range softGradient(t, whole.Student[4:], whole.Teacher[4:], 3) {
		near(t, "gradient of an unlabelled row", float64(grad[4+i]), 0.5*g/2, 1e-7)
	}

	noTeacher := whole
	noTeacher.Teacher = nil
	got = l.Eval(noTeacher, nil)
	near(t, "soft without a teacher", got.Soft, 0, 0)
	near(t, "hard without a teacher", got.Hard, full.Hard, 1e-15)

	nothing := Batch{N: 2, C: 4, Student: whole.Student}
	if got := l.Eval(nothing, grad); got != (Terms{}) {
		t.Errorf("rows with neither label nor teacher give %v, want zeros", got)
	}
	for _, g := range grad {
		if g != 0 {
			t.Fatalf("rows with neither label nor teacher have gradient %v, want zeros", grad)
		}
	}
}

// softGradient is T·(q − p) of one row, by the definition.
func softGradient(t *testing.T, z, v []float32, temp float64) []float64 {
	t.Helper()
	_, _, g := refClassic(Batch{N: 1, C: len(z), Student: z, Teacher: v}, temp, 1, 0)
	return g
}

// Section 2.1 of the paper: for T large beside zero-mean logits the
// T²-scaled soft gradient is (z − v)/C per example. Our largest T, 1000, comes
// within 1 % of it for logits of about 1; T = 1 is far off.
func TestHighTemperatureMatchesLogits(t *testing.T) {
	z, v := []float32{1.5, -0.5, 0.25, -1.25}, []float32{-1, 2, -1.5, 0.5}
	distance := func(temp float64) float64 {
		grad := make([]float32, 4)
		classic(t, temp, 1).Eval(Batch{N: 1, C: 4, Student: z, Teacher: v}, grad)
		worst := 0.0
		for i := range grad {
			worst = math.Max(worst, math.Abs(float64(grad[i])-float64(z[i]-v[i])/4))
		}
		return worst
	}
	if d := distance(1000); d > 2e-3 {
		t.Errorf("at T = 1000 the gradient is %g from (z−v)/C", d)
	}
	if d := distance(1); d < 0.1 {
		t.Errorf("at T = 1 the gradient is only %g from (z−v)/C: the limit is not tested", d)
	}
	if at10, at100 := distance(10), distance(100); at100 > at10/8 {
		t.Errorf("ten times the temperature brings %g to %g, want about a tenth", at10, at100)
	}
}

func TestStudentEqualsTeacher(t *testing.T) {
	b := randomBatch(11, 8, 10)
	b.Teacher, b.Labels = b.Student, nil
	grad := make([]float32, b.N*b.C)
	for _, temp := range []float64{0.01, 1, 20, 1000} {
		if got := classic(t, temp, 1).Eval(b, grad); got != (Terms{}) {
			t.Errorf("T = %v: a student equal to its teacher has loss %v", temp, got)
		}
		for _, g := range grad {
			if g != 0 {
				t.Fatalf("T = %v: a student equal to its teacher has gradient %v", temp, g)
			}
		}
	}
}

// Targets of probability exactly 0 and 1, from -Inf and from underflow.
func TestZeroAndOneTargets(t *testing.T) {
	inf := float32(math.Inf(-1))
	for name, v := range map[string][]float32{
		"one -Inf":     {2, inf, 1},
		"one-hot":      {inf, 3, inf},
		"underflow":    {-1e4, 1e4, -1e4},
		"all equal":    {5, 5, 5},
		"largest":      {math.MaxFloat32, -math.MaxFloat32, 0},
		"subnormal":    {1e-45, -1e-45, 0},
		"negative 0":   {float32(math.Copysign(0, -1)), 0, 0},
		"beyond range": {3e38, 3e38, inf},
	} {
		for _, temp := range []float64{0.01, 1, 7, 1000} {
			for _, z := range [][]float32{{0, 0, 0}, {1e4, -1e4, 3}, {-3e38, 3e38, 0}, {1, 2, 3}} {
				b := Batch{N: 1, C: 3, Student: z, Teacher: v, Labels: []int32{2}}
				grad := make([]float32, 3)
				got := classic(t, temp, 0.5).Eval(b, grad)
				want, _, wantGrad := refClassic(b, temp, 0.5, 0.5)
				relative(t, name, got.Total, want.Total)
				for c := range grad {
					relative(t, name, float64(grad[c]), float64(float32(wantGrad[c])))
				}
			}
		}
	}
}

// relative fails unless got is within 1e-6 of want. Below 1e-30, where a
// float32 gradient has no digits left, it does not look.
func relative(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-6*math.Abs(want)+1e-30) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// Every digit that the promise names: |logit| to 1e4, T from 0.01 to 1000,
// values and gradients within 1e-6 of 400-bit arithmetic, relatively.
func TestAgainstBigReference(t *testing.T) {
	r := rand.New(rand.NewPCG(42, 1))
	for _, size := range []float64{1e-3, 1, 30, 1e4} {
		for _, temp := range []float64{0.01, 0.3, 1, 4, 20, 1000} {
			b := Batch{N: 3, C: 5, Labels: []int32{4, Unlabelled, 0}}
			for range b.N * b.C {
				b.Student = append(b.Student, float32(size*(2*r.Float64()-1)))
				b.Teacher = append(b.Teacher, float32(size*(2*r.Float64()-1)))
			}
			copy(b.Teacher[5:10], b.Student[5:10]) // a row that is nearly learned
			b.Teacher[7] += float32(size / 1e4)
			want, wantCE, wantGrad := refClassic(b, temp, 0.9, 0.1)
			grad := make([]float32, b.N*b.C)
			got := classic(t, temp, 0.9, 0.1).Eval(b, grad)
			relative(t, "total", got.Total, want.Total)
			relative(t, "soft", got.Soft, want.Soft)
			relative(t, "hard", got.Hard, want.Hard)
			for i := range grad {
				// q − p has an absolute error of float64's last digit.
				if !(math.Abs(float64(grad[i])-wantGrad[i]) <= 1e-6*math.Abs(wantGrad[i])+1e-15*temp) {
					t.Errorf("gradient: got %v, want %v", grad[i], wantGrad[i])
				}
			}
			beta := 0.1
			ce, err := NewClassicCE(Settings{Temperature: temp, Alpha: 0.9, Beta: &beta})
			if err != nil {
				t.Fatal(err)
			}
			relative(t, "cross-entropy", ce.Eval(b, nil).Soft, wantCE)
		}
	}
}

// A student that is nearly right keeps the digits of a tiny loss and gradient.
func TestTinyDifferences(t *testing.T) {
	b := Batch{N: 1, C: 3, Student: []float32{40, 0, 1}, Teacher: []float32{41, 0.5, 0}, Labels: []int32{0}}
	for _, temp := range []float64{0.7, 1, 1000} {
		want, _, wantGrad := refClassic(b, temp, 0.5, 0.5)
		grad := make([]float32, 3)
		got := classic(t, temp, 0.5).Eval(b, grad)
		relative(t, "soft", got.Soft, want.Soft)
		relative(t, "hard", got.Hard, want.Hard)
		for i := range grad {
			relative(t, "gradient", float64(grad[i]), wantGrad[i])
		}
	}
}

func drawBatch(t *rapid.T) Batch {
	b := Batch{N: rapid.IntRange(1, 5).Draw(t, "n"), C: rapid.IntRange(1, 6).Draw(t, "c")}
	logit := rapid.OneOf(rapid.Float32Range(-5, 5), rapid.Float32Range(-1e4, 1e4), rapid.SampledFrom([]float32{0, 1e4, -1e4, 3e38, -3e38, 1e-45}))
	target := rapid.OneOf(logit, rapid.Just(float32(math.Inf(-1))))
	for range b.N {
		for c := range b.C {
			b.Student = append(b.Student, logit.Draw(t, "z"))
			if c == 0 {
				b.Teacher = append(b.Teacher, logit.Draw(t, "v"))
			} else {
				b.Teacher = append(b.Teacher, target.Draw(t, "v"))
			}
		}
		b.Labels = append(b.Labels, int32(rapid.IntRange(-1, b.C-1).Draw(t, "y")))
	}
	return b
}

// On any batch: finite, KL ≥ 0, each gradient row sums to 0, both forms have
// one gradient, and the order of the rows does not matter to a row's own.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBatch(t)
		s := Settings{Temperature: rapid.Float64Range(MinTemperature, MaxTemperature).Draw(t, "T"), Alpha: rapid.Float64Range(0, 1).Draw(t, "α")}
		l, err := NewClassic(s)
		if err != nil {
			t.Fatal(err)
		}
		ce, err := NewClassicCE(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Check(); err != nil {
			t.Fatalf("Check refuses a good batch: %v", err)
		}
		grad, gradCE := make([]float32, b.N*b.C), make([]float32, b.N*b.C)
		got, gotCE := l.Eval(b, grad), ce.Eval(b, gradCE)
		for _, x := range []float64{got.Total, got.Soft, got.Hard, gotCE.Total} {
			if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
				t.Fatalf("terms %v and %v, want finite and not negative", got, gotCE)
			}
		}
		if gotCE.Soft < got.Soft*(1-1e-12) {
			t.Fatalf("cross-entropy %v is below KL %v", gotCE.Soft, got.Soft)
		}
		for i := range b.N {
			sum, size := 0.0, 0.0
			for _, g := range grad[i*b.C : (i+1)*b.C] {
				sum += float64(g)
				size += math.Abs(float64(g))
			}
			if !(math.Abs(sum) <= 1e-6*size+float64(b.C)*math.SmallestNonzeroFloat32) { // float32 rounding of each entry
				t.Fatalf("row %d of the gradient sums to %g", i, sum)
			}
		}
		for i := range grad {
			if math.Float32bits(grad[i]) != math.Float32bits(gradCE[i]) {
				t.Fatalf("gradient %d: %v with KL, %v with cross-entropy", i, grad[i], gradCE[i])
			}
		}
	})
}

// Adding one number to all logits of a row changes nothing. Powers of two keep
// the addition exact.
func TestShiftInvariance(t *testing.T) {
	l := classic(t, 4, 0.6)
	rapid.Check(t, func(t *rapid.T) {
		b := randomBatch(rapid.Uint64().Draw(t, "seed"), 3, 4)
		want := l.Eval(b, nil)
		shift := rapid.SampledFrom([]float32{-1024, -1, 0.5, 64, 1024}).Draw(t, "shift")
		for i := range b.Student {
			b.Student[i] += shift
			b.Teacher[i] -= shift
		}
		if got := l.Eval(b, nil); got != want {
			t.Fatalf("shifted by %v: %v, want %v", shift, got, want)
		}
	})
}
