package loss

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The losses beside classic (whose own reference is refClassic) as their papers
// define them, in 400-bit arithmetic; their gradients are central differences
// of 2⁻⁸⁰, which in these digits are exact far beyond a float64, and so owe
// nothing to anybody's derivation.

// bigRow is a row of big numbers.
type bigRow []*big.Float

// bigSoftmax is softmax(x/t) and its logarithm; 0 is bigExp's of far below.
func bigSoftmax(x bigRow, t float64) (p, logp bigRow) {
	top := x[0]
	for _, v := range x {
		if v.Cmp(top) > 0 {
			top = v
		}
	}
	sum := bigOf(0)
	for _, v := range x {
		u := bigQuo(bigSub(v, top), bigOf(t))
		logp = append(logp, u)
		p = append(p, bigExp(u))
		sum = bigAdd(sum, p[len(p)-1])
	}
	l := bigLog(sum)
	for i := range p {
		p[i], logp[i] = bigQuo(p[i], sum), bigSub(logp[i], l)
	}
	return p, logp
}

func bigKL(p, logp, logq bigRow) *big.Float {
	sum := bigOf(0)
	for i := range p {
		sum = bigAdd(sum, bigMul(p[i], bigSub(logp[i], logq[i])))
	}
	return sum
}

func bigSoftKL(v, z bigRow, tv, tz float64) *big.Float {
	p, logp := bigSoftmax(v, tv)
	_, logq := bigSoftmax(z, tz)
	return bigKL(p, logp, logq)
}

func bigSqrt(x *big.Float) *big.Float {
	if x.Sign() <= 0 {
		return bigOf(0)
	}
	return new(big.Float).SetPrec(prec).Sqrt(x)
}

func bigMean(x bigRow) *big.Float {
	sum := bigOf(0)
	for _, v := range x {
		sum = bigAdd(sum, v)
	}
	return bigQuo(sum, bigOf(float64(len(x))))
}

// bigStandard is a row in standard form.
func bigStandard(x bigRow) bigRow {
	m, squares := bigMean(x), bigOf(0)
	var out bigRow
	for _, v := range x {
		d := bigSub(v, m)
		out, squares = append(out, d), bigAdd(squares, bigMul(d, d))
	}
	e := bigAdd(bigOf(tiny), bigSqrt(bigQuo(squares, bigOf(float64(len(x)-1)))))
	for i := range out {
		out[i] = bigQuo(out[i], e)
	}
	return out
}

func bigCorrelation(a, b bigRow) *big.Float {
	ma, mb, ab, aa, bb := bigMean(a), bigMean(b), bigOf(0), bigOf(0), bigOf(0)
	for i := range a {
		x, y := bigSub(a[i], ma), bigSub(b[i], mb)
		ab, aa, bb = bigAdd(ab, bigMul(x, y)), bigAdd(aa, bigMul(x, x)), bigAdd(bb, bigMul(y, y))
	}
	return bigQuo(ab, bigAdd(bigMul(bigSqrt(aa), bigSqrt(bb)), bigOf(least)))
}

// bigSoft is the soft term of the named loss, a mean over rows.
func bigSoft(name string, z, v []bigRow, class []int32, t float64) *big.Float {
	sum, n, squared := bigOf(0), bigOf(float64(len(z))), bigOf(t*t)
	each := func(f func(i int) *big.Float) *big.Float {
		for i := range z {
			sum = bigAdd(sum, f(i))
		}
		return bigQuo(sum, n)
	}
	switch name {
	case "classic":
		return bigMul(squared, each(func(i int) *big.Float { return bigSoftKL(v[i], z[i], t, t) }))
	case "ttm":
		return each(func(i int) *big.Float { return bigSoftKL(v[i], z[i], t, 1) })
	case "wttm":
		return each(func(i int) *big.Float {
			u := bigOf(0)
			_, logp := bigSoftmax(v[i], 1)
			for _, l := range logp {
				u = bigAdd(u, bigExp(bigQuo(l, bigOf(t))))
			}
			return bigMul(u, bigSoftKL(v[i], z[i], t, 1))
		})
	case "logit-mse":
		return each(func(i int) *big.Float {
			var d bigRow
			for c := range z[i] {
				x := bigSub(z[i][c], v[i][c])
				d = append(d, bigMul(x, x))
			}
			return bigMean(d)
		})
	case "dkd":
		return bigMul(squared, each(func(i int) *big.Float {
			y := int(class[i])
			pair := func(x bigRow) (p, logp bigRow) {
				all, logs := bigSoftmax(x, t)
				rest := bigOf(0) // Σ of the others, not 1 − p_y: that has no digits left near 1
				for c := range all {
					if c != y {
						rest = bigAdd(rest, all[c])
					}
				}
				return bigRow{all[y], rest}, bigRow{logs[y], bigLogAny(rest)}
			}
			pb, logpb := pair(v[i])
			_, logqb := pair(z[i])
			vo, zo := slices.Delete(slices.Clone(v[i]), y, y+1), slices.Delete(slices.Clone(z[i]), y, y+1)
			return bigAdd(bigKL(pb, logpb, logqb), bigMul(bigOf(8), bigSoftKL(vo, zo, t, t)))
		}))
	case "dist":
		var p, q []bigRow
		for i := range z {
			a, _ := bigSoftmax(v[i], t)
			b, _ := bigSoftmax(z[i], t)
			p, q = append(p, a), append(q, b)
		}
		rows := each(func(i int) *big.Float { return bigCorrelation(q[i], p[i]) })
		classes := bigOf(0)
		for c := range z[0] {
			var a, b bigRow
			for i := range z {
				a, b = append(a, q[i][c]), append(b, p[i][c])
			}
			classes = bigAdd(classes, bigCorrelation(a, b))
		}
		classes = bigQuo(classes, bigOf(float64(len(z[0]))))
		return bigMul(squared, bigSub(bigSub(bigOf(2), rows), classes))
	}
	panic(name)
}

// bigLogAny is log x for any x above 0: that of its mantissa, and of its power of 2.
func bigLogAny(x *big.Float) *big.Float {
	m := new(big.Float).SetPrec(prec)
	e := x.MantExp(m)
	return bigAdd(bigLog(bigMul(m, bigOf(2))), bigMul(bigOf(float64(e-1)), bigLog(bigOf(2))))
}

// TestModernLossesAgainstBig: |logit| to 1e4, T from 0.01 to 1000, value and
// gradient of every modern loss, of standardised logits too, within 1e-6 of the
// definition in 400 bits.
func TestModernLossesAgainstBig(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 1))
	h := new(big.Float).SetMantExp(bigOf(1), -80)
	for _, size := range []float64{1e-3, 3, 1e4} {
		for _, temperature := range []float64{0.01, 4, 1000} {
			b := Batch{N: 2, C: 3, Labels: []int32{1, Unlabelled}}
			for range b.N * b.C {
				b.Student = append(b.Student, float32(size*(2*r.Float64()-1)))
				b.Teacher = append(b.Teacher, float32(size*(2*r.Float64()-1)))
			}
			copy(b.Teacher[3:], b.Student[3:]) // a row that is nearly learned
			b.Teacher[4] += float32(size / 1e4)
			class := []int32{1, int32(topOf([]float64{float64(b.Teacher[3]), float64(b.Teacher[4]), float64(b.Teacher[5])}))}
			for _, text := range modern() {
				l, err := New(text, Settings{Temperature: temperature, Alpha: 1})
				if err != nil {
					t.Fatal(err)
				}
				name, standard := strings.CutPrefix(text, standardPrefix)
				value := func(z []bigRow) *big.Float {
					z, v := slices.Clone(z), bigRows(b.Teacher, b.C)
					if standard {
						for i := range z {
							z[i], v[i] = bigStandard(z[i]), bigStandard(v[i])
						}
					}
					return bigSoft(name, z, v, class, temperature)
				}
				grad := make([]float32, b.N*b.C)
				got := l.Eval(b, grad)
				about := text + " at T = " + number(temperature) + ", logits of " + number(size)
				want := float(value(bigRows(b.Student, b.C)))
				// 1 − ρ has the absolute error of ρ's last digits, times T².
				if !(math.Abs(got.Total-want) <= 1e-6*math.Abs(want)+1e-12*temperature*temperature) {
					t.Errorf("%s: got %v, want %v", about, got.Total, want)
				}
				var wants []float64
				largest := 0.0
				for i := range b.Student {
					z := bigRows(b.Student, b.C)
					row := z[i/b.C]
					at := row[i%b.C]
					row[i%b.C] = bigAdd(at, h)
					up := value(z)
					row[i%b.C] = bigSub(at, h)
					slope := float(bigQuo(bigSub(up, value(z)), bigMul(bigOf(2), h)))
					wants, largest = append(wants, slope), math.Max(largest, math.Abs(slope))
				}
				for i, want := range wants {
					if !(math.Abs(float64(grad[i])-want) <= 1e-6*math.Abs(want)+1e-7*largest+1e-12*temperature) {
						t.Errorf("%s: gradient %d is %v, want %v", about, i, grad[i], want)
					}
				}
			}
		}
	}
}

func bigRows(x []float32, c int) (rows []bigRow) {
	for line := range slices.Chunk(x, c) {
		var row bigRow
		for _, v := range line {
			row = append(row, bigOf(float64(v)))
		}
		rows = append(rows, row)
	}
	return rows
}

// TestStudentIsTeacherOfAll: where the student says what the teacher says, no
// soft term of any loss pulls at it: those of KL and of squares to the bit.
func TestStudentIsTeacherOfAll(t *testing.T) {
	for _, text := range everyLoss() {
		for _, temperature := range []float64{0.01, 1, 4, 1000} {
			if strings.HasSuffix(text, "ttm") && temperature != 1 { // the student has no temperature there
				continue
			}
			if strings.HasSuffix(text, "dist") && (temperature < 1 || temperature > 4) { // see relations: its 1e-8 is large beside rows without spread
				continue
			}
			none := 0.0
			l, err := New(text, Settings{Temperature: temperature, Alpha: 1, Beta: &none})
			if err != nil {
				t.Fatal(err)
			}
			b := randomBatch(60, 6, 5)
			b.Teacher = b.Student
			if text == "hard-label" {
				b.Labels = nil
			}
			grad := make([]float32, b.N*b.C)
			terms := l.Eval(b, grad)
			pull := 0.0
			if strings.HasSuffix(text, "dist") { // whose 1e-8 keeps ρ a little below 1
				pull = 1e-5
			}
			for _, g := range grad {
				if math.Abs(float64(g)) > pull {
					t.Errorf("%s at T = %v: gradient %v", text, temperature, g)
					break
				}
			}
			if terms.SoftGradient > 3*pull {
				t.Errorf("%s at T = %v: gradient norm %v", text, temperature, terms.SoftGradient)
			}
			if value := terms.Total; value != 0 && !strings.HasSuffix(text, "dist") && text != "classic-ce" {
				t.Errorf("%s at T = %v: value %v", text, temperature, value)
			}
		}
	}
}

// TestHotLimits: for a high T every loss with T² is one of squares: of classes
// half of logit matching of rows of mean 0, so of standardised rows too, and of
// labels ‖z − v‖²/8, since σ' is ¼ at 0.
func TestHotLimits(t *testing.T) {
	b := randomBatch(61, 6, 5)
	b.Labels, b.Values = nil, nil
	eval := func(text string, temperature float64) (float64, []float32) {
		l, err := New(text, Settings{Temperature: temperature, Alpha: 1})
		if err != nil {
			t.Fatal(err)
		}
		grad := make([]float32, b.N*b.C)
		return l.Eval(b, grad).Total, grad
	}
	squares, slope := eval("std+logit-mse", 1)
	got, grad := eval("std+classic", 1000)
	near(t, "standardised", got, squares/2, 2e-3)
	for i, g := range grad {
		near(t, "gradient, standardised", float64(g), float64(slope[i])/2, 2e-3)
	}
	got, grad = eval("multi-label", 1000)
	want := 0.0
	for i, z := range b.Student {
		d := float64(z) - float64(b.Teacher[i])
		want += d * d / 8 / float64(b.N)
		near(t, "gradient of labels", float64(grad[i]), d/4/float64(b.N), 1e-4)
	}
	near(t, "labels", got, want, 1e-4)
}
