package loss

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestFormulaIsWhatIsComputed reads the printed formula of every loss, computes
// it term by term from the definitions of its words in plain float64, and holds
// Eval against that: weights, T² and all settings are what is printed.
func TestFormulaIsWhatIsComputed(t *testing.T) {
	beta, none := 0.25, 0.0
	for _, text := range append(everyLoss(), "dkd:target=2,nontarget=0.5", "std+dist:inter=3,intra=0.25") {
		for k, s := range []Settings{
			{Temperature: 4, Alpha: 0.9},
			{Temperature: 1, Alpha: 1, Beta: &beta},
			{Temperature: 20, Alpha: 0, Beta: &beta},
			{Temperature: 0.5, Alpha: 2.5, Beta: &none, Smoothing: 0.2, Delta: 0.5},
		} {
			l, err := New(text, s)
			if err != nil {
				t.Fatal(err)
			}
			b := randomBatch(uint64(30+k), 6, 5)
			want := reader{b: b, formula: l.Formula()}.total(t)
			near(t, text+": "+l.Formula(), l.Eval(b, nil).Total, want, 1e-10)
		}
	}
}

// TestFormulaOfSchedules: where a setting runs its letter stands in the formula,
// with how it runs, and is what Set says.
func TestFormulaOfSchedules(t *testing.T) {
	words := Schedules{Temperature: "8 → 1 linear over 20 epochs", Alpha: "0 → 0.9 linear over the first 5 epochs", Beta: "1 − α at every step"}
	b := randomBatch(40, 6, 5)
	for _, text := range everyLoss() {
		s := Settings{Temperature: 8, Alpha: 0.9, Schedules: words}
		e, err := (&Settings{}).parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			word *string
		}{{"temperature", &s.Schedules.Temperature}, {"alpha", &s.Schedules.Alpha}, {"beta", &s.Schedules.Beta}} {
			if slices.Contains(e.Lacks, c.name) {
				*c.word = ""
			}
		}
		l, err := New(text, s)
		if err != nil {
			t.Fatal(err)
		}
		w := Weights{Temperature: 2.5, Alpha: 0.375, Beta: 0.625}
		l.Set(w)
		want := reader{b: b, formula: l.Formula(), runs: w}.total(t)
		near(t, text+": "+l.Formula(), l.Eval(b, nil).Total, want, 1e-10)
	}
	l, err := New("classic", Settings{Temperature: 8, Alpha: 0.9, Schedules: Schedules{Temperature: words.Temperature}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.Formula(), "L = 0.9·T²·KL(softmax(v/T) ‖ softmax(z/T)) + 0.1·CE(y, softmax(z)), T: 8 → 1 linear over 20 epochs; summed over classes, mean over the batch"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if l, err = New("classic", Settings{Temperature: 8, Alpha: 0.9, Schedules: words}); err != nil {
		t.Fatal(err)
	}
	if got, want := l.Formula(), "L = α·T²·KL(softmax(v/T) ‖ softmax(z/T)) + β·CE(y, softmax(z)), T: 8 → 1 linear over 20 epochs, "+
		"α: 0 → 0.9 linear over the first 5 epochs, β: 1 − α at every step; summed over classes, mean over the batch"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// everyLoss lists all losses, those that can be also of standardised logits.
func everyLoss() []string {
	var all []string
	for _, e := range Entries() {
		all = append(all, e.Name)
		if e.Standardisable {
			all = append(all, standardPrefix+e.Name)
		}
	}
	return all
}

// reader computes a printed formula on a batch.
type reader struct {
	b       Batch
	formula string
	runs    Weights // what the letters of schedules are
}

var detail = regexp.MustCompile(`(T|ε|δ) = ([0-9.e+-]+)[,;]`)

func (r reader) total(t *testing.T) float64 {
	t.Helper()
	temperature, epsilon, delta := r.runs.Temperature, 0.0, 0.0
	for _, m := range detail.FindAllStringSubmatch(r.formula, -1) {
		x, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatalf("%q: %v", r.formula, err)
		}
		switch m[1] {
		case "T":
			temperature = x
		case "ε":
			epsilon = x
		case "δ":
			delta = x
		}
	}
	sum, _, _ := strings.Cut(strings.TrimPrefix(r.formula, "L = "), "; ")
	for depth, i := 0, 0; i < len(sum); i++ { // up to the first comma outside brackets
		depth += strings.Count(sum[i:i+1], "(") - strings.Count(sum[i:i+1], ")")
		if depth == 0 && sum[i] == ',' {
			sum = sum[:i]
		}
	}
	p := plainly{b: r.b, t: temperature, epsilon: epsilon, delta: delta}
	if strings.Contains(r.formula, "z' and v'") {
		sum = strings.ReplaceAll(sum, "'", "")
		p.standard = true
	}
	var value func(s string) float64
	value = func(s string) float64 {
		if f, ok := p.atoms()[s]; ok {
			return f()
		}
		if terms := split(s, " + "); len(terms) > 1 {
			v := 0.0
			for _, term := range terms {
				v += value(term)
			}
			return v
		}
		if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
			return value(s[1 : len(s)-1])
		}
		head, rest, ok := strings.Cut(s, "·")
		if !ok {
			t.Fatalf("%q: no definition of %q", r.formula, s)
		}
		switch head {
		case "T²":
			return p.t * p.t * value(rest)
		case "α":
			return r.runs.Alpha * value(rest)
		case "β":
			return r.runs.Beta * value(rest)
		}
		w, err := strconv.ParseFloat(head, 64)
		if err != nil {
			t.Fatalf("%q: no definition of %q", r.formula, head)
		}
		return w * value(rest)
	}
	return value(sum)
}

// split cuts s at every sep outside brackets.
func split(s, sep string) (parts []string) {
	depth, from := 0, 0
	for i := range s {
		depth += strings.Count(s[i:i+1], "(") - strings.Count(s[i:i+1], ")")
		if depth == 0 && strings.HasPrefix(s[i:], sep) {
			parts, from = append(parts, s[from:i]), i+len(sep)
		}
	}
	return append(parts, s[from:])
}

// plainly is what the words of formulas mean.
type plainly struct {
	b                 Batch
	t, epsilon, delta float64
	standard          bool
}

// mean is the mean over rows of f of the student's and the teacher's logits.
func (p plainly) mean(f func(i int, z, v []float64) float64) float64 {
	sum := 0.0
	for i := range p.b.N {
		sum += f(i, p.row(p.b.Student, i, p.standard), p.row(p.b.Teacher, i, p.standard))
	}
	return sum / float64(p.b.N)
}

func (p plainly) row(x []float32, i int, standard bool) []float64 {
	row := make([]float64, p.b.C)
	for c := range row {
		row[c] = float64(x[i*p.b.C+c])
	}
	if !standard {
		return row
	}
	m, s := 0.0, 0.0
	for _, v := range row {
		m += v / float64(len(row))
	}
	for _, v := range row {
		s += (v - m) * (v - m)
	}
	s = math.Sqrt(s / float64(len(row)-1))
	for c := range row {
		row[c] = (row[c] - m) / (1e-7 + s)
	}
	return row
}

func plainSoftmax(x []float64, t float64) []float64 {
	p, sum := make([]float64, len(x)), 0.0
	for i, v := range x {
		p[i] = math.Exp((v - slices.Max(x)) / t)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func plainKL(p, q []float64) float64 {
	sum := 0.0
	for i := range p {
		sum += p[i] * math.Log(p[i]/q[i])
	}
	return sum
}

func plainCE(p, q []float64) float64 {
	sum := 0.0
	for i := range p {
		sum -= p[i] * math.Log(q[i])
	}
	return sum
}

func plainCorrelation(a, b []float64) float64 {
	ma, mb, ab, aa, bb := 0.0, 0.0, 0.0, 0.0, 0.0
	for i := range a {
		ma, mb = ma+a[i]/float64(len(a)), mb+b[i]/float64(len(a))
	}
	for i := range a {
		ab, aa, bb = ab+(a[i]-ma)*(b[i]-mb), aa+(a[i]-ma)*(a[i]-ma), bb+(b[i]-mb)*(b[i]-mb)
	}
	return ab / (math.Sqrt(aa*bb) + 1e-8)
}

// others are p without class y, with a sum of 1.
func others(p []float64, y int) []float64 {
	o := slices.Delete(slices.Clone(p), y, y+1)
	for i := range o {
		o[i] /= 1 - p[y]
	}
	return o
}

// values is the mean over rows, and over columns where that is asked for, of f
// of each pair that is known.
func (p plainly) values(of []float32, columns bool, f func(z, v float64) float64) float64 {
	sum := 0.0
	for i, v := range of {
		if v == v {
			sum += f(float64(p.b.Student[i]), float64(v))
		}
	}
	if columns {
		sum /= float64(p.b.C)
	}
	return sum / float64(p.b.N)
}

func (p plainly) atoms() map[string]func() float64 {
	class := func(i int, v []float64) int {
		if y := p.b.Labels[i]; y != Unlabelled {
			return int(y)
		}
		return topOf(v)
	}
	hard := func(epsilon float64) float64 {
		sum := 0.0
		for i, y := range p.b.Labels {
			if y == Unlabelled {
				continue
			}
			target := slices.Repeat([]float64{epsilon / float64(p.b.C)}, p.b.C)
			target[y] += 1 - epsilon
			sum += plainCE(target, plainSoftmax(p.row(p.b.Student, i, false), 1))
		}
		return sum / float64(p.b.N)
	}
	column := func(x []float32, c int) []float64 {
		var col []float64
		for i := range p.b.N {
			col = append(col, plainSoftmax(p.row(x, i, p.standard), p.t)[c])
		}
		return col
	}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	square := func(z, v float64) float64 { return (z - v) * (z - v) }
	huber := func(z, v float64) float64 {
		if r := math.Abs(z - v); r > p.delta {
			return p.delta * (r - p.delta/2)
		}
		return square(z, v) / 2
	}
	yesNo := func(p float64) []float64 { return []float64{p, 1 - p} }
	return map[string]func() float64{
		"KL(softmax(v/T) ‖ softmax(z/T))": func() float64 {
			return p.mean(func(_ int, z, v []float64) float64 { return plainKL(plainSoftmax(v, p.t), plainSoftmax(z, p.t)) })
		},
		"CE(softmax(v/T), softmax(z/T))": func() float64 {
			return p.mean(func(_ int, z, v []float64) float64 { return plainCE(plainSoftmax(v, p.t), plainSoftmax(z, p.t)) })
		},
		"KL(softmax(v/T) ‖ softmax(z))": func() float64 {
			return p.mean(func(_ int, z, v []float64) float64 { return plainKL(plainSoftmax(v, p.t), plainSoftmax(z, 1)) })
		},
		"Σ softmax(v)^(1/T)·KL(softmax(v/T) ‖ softmax(z))": func() float64 {
			return p.mean(func(_ int, z, v []float64) float64 {
				u := 0.0
				for _, x := range plainSoftmax(v, 1) {
					u += math.Pow(x, 1/p.t)
				}
				return u * plainKL(plainSoftmax(v, p.t), plainSoftmax(z, 1))
			})
		},
		"KL(b(v/T) ‖ b(z/T))": func() float64 {
			return p.mean(func(i int, z, v []float64) float64 {
				y := class(i, v)
				return plainKL(yesNo(plainSoftmax(v, p.t)[y]), yesNo(plainSoftmax(z, p.t)[y]))
			})
		},
		"KL(p̂(v/T) ‖ p̂(z/T))": func() float64 {
			return p.mean(func(i int, z, v []float64) float64 {
				y := class(i, v)
				return plainKL(others(plainSoftmax(v, p.t), y), others(plainSoftmax(z, p.t), y))
			})
		},
		"1 − mean ρ of a row": func() float64 {
			return 1 - p.mean(func(_ int, z, v []float64) float64 {
				return plainCorrelation(plainSoftmax(z, p.t), plainSoftmax(v, p.t))
			})
		},
		"1 − mean ρ of a class": func() float64 {
			sum := 0.0
			for c := range p.b.C {
				sum += plainCorrelation(column(p.b.Student, c), column(p.b.Teacher, c))
			}
			return 1 - sum/float64(p.b.C)
		},
		"‖z − v‖²/C": func() float64 {
			return p.mean(func(_ int, z, v []float64) float64 {
				sum := 0.0
				for c := range z {
					sum += square(z[c], v[c])
				}
				return sum / float64(len(z))
			})
		},
		"CE(y, softmax(z))":             func() float64 { return hard(0) },
		"CE((1−ε)·y + ε/C, softmax(z))": func() float64 { return hard(p.epsilon) },
		"KL(σ(v/T) ‖ σ(z/T))": func() float64 {
			return p.values(p.b.Teacher, false, func(z, v float64) float64 { return plainKL(yesNo(sigmoid(v/p.t)), yesNo(sigmoid(z/p.t))) })
		},
		"BCE(V, σ(z))": func() float64 {
			return p.values(p.b.Values, false, func(z, v float64) float64 { return plainCE(yesNo(v), yesNo(sigmoid(z))) })
		},
		"MSE(z, v)":   func() float64 { return p.values(p.b.Teacher, true, square) },
		"MSE(z, V)":   func() float64 { return p.values(p.b.Values, true, square) },
		"Huber(z, v)": func() float64 { return p.values(p.b.Teacher, true, huber) },
		"Huber(z, V)": func() float64 { return p.values(p.b.Values, true, huber) },
	}
}
