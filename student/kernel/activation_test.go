package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// twinLoops are the loops that have assembly beside plain Go, on four slices.
var twinLoops = map[string]func(w, x, y, z []float32){
	"Sub":                 func(w, x, y, _ []float32) { Sub(w, x, y) },
	"Div":                 func(w, x, y, _ []float32) { Div(w, x, y) },
	"DivBackward":         func(w, x, y, z []float32) { DivBackward(w, x, y, z) },
	"Min":                 func(w, x, y, _ []float32) { Min(w, x, y) },
	"Max":                 func(w, x, y, _ []float32) { Max(w, x, y) },
	"AddScalar":           func(w, x, _, _ []float32) { AddScalar(w, x, 0.3) },
	"MulScalar":           func(w, x, _, _ []float32) { MulScalar(w, x, -1.7) },
	"DivScalar":           func(w, x, _, _ []float32) { DivScalar(w, x, 0.7) },
	"ScalarSub":           func(w, x, _, _ []float32) { ScalarSub(w, x, 0.7) },
	"ScalarDiv":           func(w, x, _, _ []float32) { ScalarDiv(w, x, 0.7) },
	"LeakyRelu":           func(w, x, _, _ []float32) { LeakyRelu(w, x, 0.1) },
	"LeakyReluBackward":   func(w, x, y, _ []float32) { LeakyReluBackward(w, x, y, 0.1) },
	"PRelu":               func(w, x, y, _ []float32) { PRelu(w, x, y) },
	"PReluBackward":       func(w, x, y, z []float32) { PReluBackward(w, x, y, z) },
	"PReluSlope":          func(w, x, y, _ []float32) { PReluSlope(w, x, y) },
	"Clip":                func(w, x, _, _ []float32) { Clip(w, x, -0.5, 0.8) },
	"Clip at 0":           func(w, x, _, _ []float32) { Clip(w, x, 0, 0.8) },
	"ClipBackward":        func(w, x, y, _ []float32) { ClipBackward(w, x, y, -0.5, 0.8) },
	"ClipBackward at 0":   func(w, x, y, _ []float32) { ClipBackward(w, x, y, 0, 0.8) },
	"HardSigmoid":         func(w, x, _, _ []float32) { HardSigmoid(w, x, 0.3, 0.4) },
	"HardSigmoidBackward": func(w, x, y, _ []float32) { HardSigmoidBackward(w, x, y, 0.3) },
	"HardSwish":           func(w, x, _, _ []float32) { HardSwish(w, x, 0.5, 0.5) },
	"HardSwishBackward":   func(w, x, y, _ []float32) { HardSwishBackward(w, x, y, 0.5, 0.5) },
	"Threshold":           func(w, x, _, _ []float32) { Threshold(w, x, 0.2) },
	"ThresholdBackward":   func(w, x, y, _ []float32) { ThresholdBackward(w, x, y, 0.2) },
	"Sqrt":                func(w, x, _, _ []float32) { Sqrt(w, x) },
	"SqrtBackward":        func(w, x, y, _ []float32) { SqrtBackward(w, x, y) },
	"ReciprocalBackward":  func(w, x, y, _ []float32) { ReciprocalBackward(w, x, y) },
	"Abs":                 func(w, x, _, _ []float32) { Abs(w, x) },
	"AbsBackward":         func(w, x, y, _ []float32) { AbsBackward(w, x, y) },
	"Softsign":            func(w, x, _, _ []float32) { Softsign(w, x) },
	"SoftsignBackward":    func(w, x, y, _ []float32) { SoftsignBackward(w, x, y) },
	"SigmoidBackward":     func(w, x, y, _ []float32) { SigmoidBackward(w, x, y) },
	"TanhBackward":        func(w, x, y, _ []float32) { TanhBackward(w, x, y) },

	"Exp":              func(w, x, _, _ []float32) { Exp(w, x) },
	"Log":              func(w, x, _, _ []float32) { Log(w, x) },
	"Sigmoid":          func(w, x, _, _ []float32) { Sigmoid(w, x) },
	"Tanh":             func(w, x, _, _ []float32) { Tanh(w, x) },
	"Swish":            func(w, x, _, _ []float32) { Swish(w, x, 1) },
	"Swish -1.3":       func(w, x, _, _ []float32) { Swish(w, x, -1.3) },
	"SwishBackward":    func(w, x, y, _ []float32) { SwishBackward(w, y, x, 1.25) },
	"Softplus":         func(w, x, _, _ []float32) { Softplus(w, x) },
	"SoftplusBackward": func(w, x, y, _ []float32) { SoftplusBackward(w, y, x) },
	"Mish":             func(w, x, _, _ []float32) { Mish(w, x) },
	"MishBackward":     func(w, x, y, _ []float32) { MishBackward(w, y, x) },
	"Elu":              func(w, x, _, _ []float32) { Elu(w, x, 1.1, 1.7, 0.6) },
	"EluBackward":      func(w, x, y, _ []float32) { EluBackward(w, y, x, 1.1, 1.7, 0.6) },
	"Erf":              func(w, x, _, _ []float32) { Erf(w, x) },
	"ErfBackward":      func(w, x, y, _ []float32) { ErfBackward(w, y, x) },
	"Gelu":             func(w, x, _, _ []float32) { Gelu(w, x) },
	"GeluBackward":     func(w, x, y, _ []float32) { GeluBackward(w, y, x) },
	"GeluTanh":         func(w, x, _, _ []float32) { GeluTanh(w, x) },
	"GeluTanhBackward": func(w, x, y, _ []float32) { GeluTanhBackward(w, y, x) },

	"Softmax":            func(w, x, _, _ []float32) { lineOf(w, func(n int) { Softmax(w, x, 0, n, 1) }) },
	"SoftmaxBackward":    func(w, x, y, _ []float32) { lineOf(w, func(n int) { SoftmaxBackward(w, x, y, 0, n, 1) }) },
	"LogSoftmax":         func(w, x, _, _ []float32) { lineOf(w, func(n int) { LogSoftmax(w, x, 0, n, 1) }) },
	"LogSoftmaxBackward": func(w, x, y, _ []float32) { lineOf(w, func(n int) { LogSoftmaxBackward(w, x, y, 0, n, 1) }) },
	"Sum":                func(w, x, _, _ []float32) { lineOf(w, func(int) { w[0] = float32(Sum(x)) }) },
	"dot64":              func(w, x, y, _ []float32) { lineOf(w, func(int) { w[0] = float32(dot64(x, y)) }) },
	"Accumulate": func(w, x, y, _ []float32) {
		acc := make([]float64, len(x))
		Accumulate(acc, x)
		Accumulate(acc, y)
		for i, v := range acc {
			w[i] = float32(v)
		}
	},
}

// lineOf calls f with the length of w unless it is 0.
func lineOf(w []float32, f func(n int)) {
	if len(w) > 0 {
		f(len(w))
	}
}

// sweep is a dense walk over ±110 with the numbers where float32 and the
// functions end, and random bit patterns.
func sweep(rng *rand.Rand) []float32 {
	var x []float32
	for v := -110.0; v < 110; v += 0.0137 {
		x = append(x, float32(v))
	}
	for v := -3.0; v < 3; v += 0.00113 {
		x = append(x, float32(v))
	}
	inf := float32(math.Inf(1))
	for _, v := range []float32{0, 1e-45, 1e-40, 1e-38, 1e-30, 1e-10, 1e-4, 0.25, 0.3465735, 0.3465736, 0.5, 0.70710677, 0.7071068, 1,
		1.4142135, 1.4142137, 2, 15.9, 16, 20, 87.3, 88, 88.72283, 88.72284, 103.27, 103.98, 104, 150, 700, 1e4, 1e19, 1e30, math.MaxFloat32, inf} {
		x = append(x, v, -v)
	}
	x = append(x, float32(math.NaN()))
	for range 20000 {
		x = append(x, math.Float32frombits(rng.Uint32()))
	}
	return x
}

// TestTwins compares assembly and plain Go bit by bit: over the sweep, and for
// all lengths around the assembly's step with a guard behind.
func TestTwins(t *testing.T) {
	for name, f := range twinLoops {
		rng := rand.New(rand.NewPCG(3, 3))
		run := func(slices [4][]float32) {
			t.Helper()
			n := len(slices[0]) - 1
			var plain [4][]float32
			for i := range slices {
				plain[i] = cloned(slices[i])
			}
			f(slices[0][:n], slices[1][:n], slices[2][:n], slices[3][:n])
			withoutAVX2(func() { f(plain[0][:n], plain[1][:n], plain[2][:n], plain[3][:n]) })
			for i := range slices {
				if err := sameBits(slices[i], plain[i]); err != nil {
					t.Fatalf("%s: length %d, slice %d: %v", name, n, i, err)
				}
			}
		}
		x := append(sweep(rng), guard)
		y := cloned(x)
		rng.Shuffle(len(y)-1, func(i, j int) { y[i], y[j] = y[j], y[i] })
		run([4][]float32{make([]float32, len(x)), x, y, cloned(x)})
		for n := range 40 {
			var s [4][]float32
			for i := range s {
				s[i] = append(odd(rng, n), guard)
			}
			run(s)
		}
	}
}

// TestAccuracy holds the functions to float64 mathematics: err is the relative
// error, for results above the smallest normal float32.
func TestAccuracy(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	phi := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
	cdf := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	cube := func(x float64) float64 { return math.Sqrt(8/math.Pi) * (x + 0.044715*x*x*x) }
	softplus := func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
	elu := func(x float64) float64 {
		if x > 0 {
			return 1.1 * x
		}
		return 1.7 * math.Expm1(0.6*x)
	}
	const half = 0.52 / (1 << 23) // rounding alone is 0.5/2^23
	for name, want := range map[string]func(x float64) float64{
		"Exp": math.Exp, "Log": math.Log, "Tanh": math.Tanh, "Erf": math.Erf, "Sigmoid": sigmoid,
		"Softplus": softplus,
		"Swish":    func(x float64) float64 { return x * sigmoid(x) },
		"Mish":     func(x float64) float64 { return x * math.Tanh(softplus(x)) },
		"Elu":      elu,
		"Gelu":     func(x float64) float64 { return x * cdf(x) },
		"GeluTanh": func(x float64) float64 { return x * sigmoid(cube(x)) },
		"Sqrt":     math.Sqrt,
		"Softsign": func(x float64) float64 { return x / (1 + math.Abs(x)) },
	} {
		tol := half
		if name == "Softsign" {
			tol = 3 * half // float32 throughout
		}
		x := sweep(rand.New(rand.NewPCG(4, 4)))
		y := make([]float32, len(x))
		twinLoops[name](y, x, nil, nil)
		for i, v := range x {
			w := want(float64(v))
			if w32 := float32(w); w32 == y[i] || w32 != w32 && y[i] != y[i] || math.IsInf(float64(v), 0) || math.Abs(w) > math.MaxFloat32 {
				continue
			}
			if d := math.Abs(float64(y[i]) - w); !(d <= tol*math.Abs(w)+1.5e-45) {
				t.Errorf("%s(%g) is %g, want %g", name, v, y[i], w)
				break
			}
		}
	}
	// The slopes, with dy = 1.
	for name, want := range map[string]func(x float64) float64{
		"SwishBackward":    func(x float64) float64 { s := sigmoid(1.25 * x); return s + 1.25*x*s*(1-s) },
		"SoftplusBackward": sigmoid,
		"MishBackward": func(x float64) float64 {
			h := math.Tanh(softplus(x))
			return h + x*(1-h*h)*sigmoid(x)
		},
		"EluBackward": func(x float64) float64 {
			if x > 0 {
				return 1.1
			}
			return 1.02 * math.Exp(0.6*x)
		},
		"ErfBackward":  func(x float64) float64 { return 2 / math.Sqrt(math.Pi) * math.Exp(-x*x) },
		"GeluBackward": func(x float64) float64 { return cdf(x) + x*phi(x) },
		"GeluTanhBackward": func(x float64) float64 {
			s := sigmoid(cube(x))
			return s + x*math.Sqrt(8/math.Pi)*(1+3*0.044715*x*x)*s*(1-s)
		},
	} {
		for v := -60.0; v < 60; v += 0.0037 {
			x, y := []float32{float32(v)}, []float32{1}
			twinLoops[name](y, x, y, nil)
			if w := want(float64(x[0])); !(math.Abs(float64(y[0])-w) <= 1e-7*(math.Abs(w)+1e-3)) {
				t.Errorf("%s(%g) is %g, want %g", name, v, y[0], w)
				break
			}
		}
	}
}

// TestLimits keeps NaN visible and wants the limits at the ends of the line.
func TestLimits(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for name, want := range map[string][4]float64{ // of −Inf, −0, 0, Inf
		"Exp": {0, 1, 1, inf}, "Log": {nan, -inf, -inf, inf}, "Tanh": {-1, 0, 0, 1}, "Sigmoid": {0, 0.5, 0.5, 1},
		"Erf": {-1, 0, 0, 1}, "Gelu": {0, 0, 0, inf}, "GeluTanh": {0, 0, 0, inf}, "Swish": {0, 0, 0, inf}, "Mish": {0, 0, 0, inf},
		"Softplus": {0, float64(float32(math.Ln2)), float64(float32(math.Ln2)), inf}, "Elu": {float64(float32(-1.7)), 0, 0, inf},
		"LeakyRelu": {-inf, 0, 0, inf}, "Clip": {-0.5, 0, 0, float64(float32(0.8))}, "HardSigmoid": {0, float64(float32(0.4)), float64(float32(0.4)), 1},
	} {
		x := []float32{float32(-inf), float32(math.Copysign(0, -1)), 0, float32(inf), float32(nan)}
		for range 4 {
			y := make([]float32, len(x))
			twinLoops[name](y, x, nil, nil)
			for i, w := range want {
				if got := float64(y[i]); got != w && !(got != got && w != w) {
					t.Errorf("%s(%g) is %g, want %g", name, x[i], got, w)
				}
			}
			if nan := y[4]; nan == nan {
				t.Errorf("%s(NaN) is %g", name, nan)
			}
			x = append(x, x[:5]...) // the assembly's turn
		}
	}
}

func TestPow(t *testing.T) {
	special := []float64{0, math.Copysign(0, -1), 1, -1, 2, -2, 0.5, -0.5, 3, -3, 2.5, 1e-40, -1e30, 5e9, math.Inf(1), math.Inf(-1), math.NaN()}
	for _, a := range special {
		for _, b := range special {
			x, y := float64(float32(a)), float64(float32(b))
			got, want := float32(pow64(x, y)), float32(math.Pow(x, y))
			if got != want && !(got != got && want != want) || math.Signbit(float64(got)) != math.Signbit(float64(want)) && want == want {
				t.Errorf("pow(%g, %g) is %g, want %g", x, y, got, want)
			}
		}
	}
	for x := 0.01; x < 30; x *= 1.017 {
		for y := -12.0; y < 12; y += 0.173 {
			got, want := pow64(x, y), math.Pow(x, y)
			if !(math.Abs(got-want) <= 4e-10*want) {
				t.Fatalf("pow(%g, %g) is %g, want %g", x, y, got, want)
			}
		}
	}
}

func TestSums(t *testing.T) {
	if got := SumSquares([]float32{1, 2, 3, 4, 5, 1e20}); !(math.Abs(got/1e40-1) <= 1e-6) {
		t.Errorf("sum of squares is %g", got)
	}
	x := make([]float32, 67)
	sum, squares := 0.0, 0.0
	for i := range x {
		x[i] = float32(i*i - 100)
		sum += float64(x[i])
		squares += float64(x[i]) * float64(x[i])
	}
	if got := Sum(x); got != sum {
		t.Errorf("sum is %g, want %g", got, sum)
	}
	if got := SumSquares(x); got != squares {
		t.Errorf("sum of squares is %g, want %g", got, squares)
	}
	x[50] = float32(math.Inf(-1))
	if got := SumSquares(x); !math.IsInf(got, 1) {
		t.Errorf("sum of squares with an infinite value is %g", got)
	}
}
