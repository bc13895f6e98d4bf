package fuse

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/optimize"
)

// instance is one row with its specialists.
type instance struct {
	sets       [][]int
	generalist []float32
	active     []int
	said       [][]float32
}

// solve solves x and checks what holds of every answer.
func (x instance) solve(t testing.TB, method Method) ([]float32, Result) {
	t.Helper()
	s, err := New(method, len(x.generalist), x.sets)
	if err != nil {
		t.Fatal(err)
	}
	q := make([]float32, len(x.generalist))
	r, err := s.Solve(q, x.generalist, x.active, x.said)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for k, v := range q {
		if !(v >= 0 && v <= 1) {
			t.Errorf("q[%d] is %v", k, v)
		}
		sum += float64(v)
	}
	if math.Abs(sum-1) > 1e-6 {
		t.Errorf("q sums to %v", sum)
	}
	if len(x.active) > 0 {
		if got := x.residual(s); !(math.Abs(got-r.Residual) <= 1e-11+1e-6*r.Residual) {
			t.Errorf("%s gives residual %g, class by class it is %g", method, r.Residual, got)
		}
	}
	return q, r
}

// residual is the KKT residual of what s solved last, class by class.
func (x instance) residual(s *Solver) float64 {
	q, sum := make([]float64, s.classes), make([]float64, s.classes) // sum is a/q + s
	for k, g := range s.group {
		q[k] = s.problem.q[g] / float64(s.problem.size[g])
		if s.problem.a[g] > 0 {
			q[k] = s.problem.q[g] * (s.a[k] / s.problem.a[g])
		}
		if s.a[k] > 0 {
			sum[k] = s.a[k] / q[k]
		}
	}
	for i, m := range x.active {
		var all float64
		for _, v := range x.said[i] {
			all += float64(v)
		}
		in := make([]bool, s.classes)
		for _, k := range x.sets[m] {
			in[k] = true
		}
		if dustbin := float64(x.said[i][len(x.sets[m])]) / all; dustbin > 0 && len(x.sets[m]) < s.classes {
			outside := 0.0
			for k := range in {
				if !in[k] {
					outside += q[k]
				}
			}
			for k := range in {
				if !in[k] {
					sum[k] += dustbin / outside
				}
			}
		}
	}
	return max(0, slices.Max(sum)-1-float64(len(x.active)))
}

// distributed draws a softmax of n normal logits.
func distributed(rng *rand.Rand, n int, spread float64) []float32 {
	e, p, sum := make([]float64, n), make([]float32, n), 0.0
	for k := range e {
		e[k] = math.Exp(spread * rng.NormFloat64())
		sum += e[k]
	}
	for k := range p {
		p[k] = float32(e[k] / sum)
	}
	return p
}

// random draws a row of so many classes with so many active specialists among
// some that are not; the greater the spread, the surer all are.
func random(rng *rand.Rand, classes, active int, spread float64) instance {
	x := instance{generalist: distributed(rng, classes, spread)}
	for m := range active + 2 {
		set := rng.Perm(classes)[:1+rng.IntN(classes-1)]
		slices.Sort(set)
		x.sets = append(x.sets, set)
		if m < active {
			x.active = append(x.active, m)
		}
	}
	rng.Shuffle(active, func(i, j int) { x.active[i], x.active[j] = x.active[j], x.active[i] })
	for _, m := range x.active {
		x.said = append(x.said, distributed(rng, len(x.sets[m])+1, spread))
	}
	return x
}

// The first row has one specialist: its classes get a_k/N, the others share
// what is left, Q = (p^g(outside) + p_d)/N, as the generalist has them. In the
// second, by symmetry q = (x, x, 1−2x) with (g+b)/x + (1−b)/(1−x) = 3, that is
// 3x² − (2+g+2b)x + g + b = 0, which has the root 1/3 where g = ¼ and b = ½.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		instance
		want []float64
	}{
		{instance{[][]int{{0}}, []float32{0.5, 0.3, 0.2}, []int{0}, [][]float32{{0.9, 0.1}}}, []float64{0.7, 0.18, 0.12}},
		{instance{[][]int{{0}, {1}}, []float32{0.25, 0.25, 0.5}, []int{1, 0}, [][]float32{{0.5, 0.5}, {0.5, 0.5}}}, []float64{1. / 3, 1. / 3, 1. / 3}},
	} {
		for _, method := range []Method{EM, Descent} {
			q, r := c.solve(t, method)
			for k, want := range c.want {
				if math.Abs(float64(q[k])-want) > 1e-7 {
					t.Errorf("%s: got %v, expected %v", method, q, c.want)
					break
				}
			}
			if r.Residual > Tolerance {
				t.Errorf("%s: residual %g", method, r.Residual)
			}
		}
	}
}

// byGonum minimises F over the logits of all classes, knowing no groups.
func (x instance) byGonum(t *testing.T) []float64 {
	c := len(x.generalist)
	q := make([]float64, c)
	softmax := func(z []float64) {
		most, sum := slices.Max(z), 0.0
		for k, v := range z {
			q[k] = math.Exp(v - most)
			sum += q[k]
		}
		for k := range q {
			q[k] /= sum
		}
	}
	// terms calls f with what each part of q is said to have.
	terms := func(f func(p float64, classes []int)) {
		for k, p := range x.generalist {
			f(float64(p), []int{k})
		}
		for i, m := range x.active {
			var outside []int
			for k := range c {
				if j, in := slices.BinarySearch(x.sets[m], k); in {
					f(float64(x.said[i][j]), []int{k})
				} else {
					outside = append(outside, k)
				}
			}
			f(float64(x.said[i][len(x.sets[m])]), outside)
		}
	}
	mass := func(classes []int) (sum float64) {
		for _, k := range classes {
			sum += q[k]
		}
		return sum
	}
	r, err := optimize.Minimize(optimize.Problem{
		Func: func(z []float64) (f float64) {
			softmax(z)
			terms(func(p float64, classes []int) { f -= p * math.Log(mass(classes)) })
			return f
		},
		Grad: func(grad, z []float64) {
			softmax(z)
			clear(grad)
			terms(func(p float64, classes []int) {
				of := mass(classes)
				for k := range grad {
					grad[k] += p * q[k]
				}
				for _, k := range classes {
					grad[k] -= p * q[k] / of
				}
			})
		},
	}, make([]float64, c), &optimize.Settings{GradientThreshold: 1e-9, MajorIterations: 5000}, &optimize.BFGS{})
	if err != nil && r == nil {
		t.Fatal(err)
	}
	softmax(r.X)
	return q
}

func TestMethodsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 150 {
		x := random(rng, 3+rng.IntN(12), 1+i%5, 1+float64(i%3)/2)
		em, r := x.solve(t, EM)
		gd, s := x.solve(t, Descent)
		gonum := x.byGonum(t)
		if r.Residual > Tolerance || s.Residual > 1e-8 {
			t.Errorf("row %d: residuals %g after %d steps and %g after %d", i, r.Residual, r.Steps, s.Residual, s.Steps)
		}
		for k := range em {
			if math.Abs(float64(em[k]-gd[k])) > 1e-6 || math.Abs(float64(em[k])-gonum[k]) > 1e-6 {
				t.Fatalf("row %d: EM %v, descent %v, gonum %v", i, em, gd, gonum)
			}
		}
	}
}

// TestHard has rows on which EM alone would need up to millions of steps:
// generalists that are sure beside many overlapping specialists that send their
// mass to dustbins.
func TestHard(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	steps := 0
	for i := range 3000 {
		x := random(rng, 2+rng.IntN(60), 1+rng.IntN(12), []float64{0.1, 2, 5, 10, 20, 40}[i%6])
		for _, p := range x.said {
			if i%2 == 0 {
				for k := range p {
					p[k] *= 1e-3
				}
				var sum float32
				for _, v := range p[:len(p)-1] {
					sum += v
				}
				p[len(p)-1] = 1 - sum
			}
		}
		_, r := x.solve(t, EM)
		steps = max(steps, r.Steps)
		if !(r.Residual <= 1e-8) {
			t.Errorf("row %d of %d classes, %d specialists: residual %g after %d steps", i, len(x.generalist), len(x.active), r.Residual, r.Steps)
		}
	}
	if steps > emSteps+30 {
		t.Errorf("a row took %d steps", steps)
	}
}

// BenchmarkFuse is 100 classes with 3 active specialists of 20, by one core.
func BenchmarkFuse(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	rows := make([]instance, 256)
	sets := make([][]int, 10)
	for m := range sets {
		sets[m] = rng.Perm(100)[:20]
		slices.Sort(sets[m])
	}
	for i := range rows {
		rows[i] = instance{generalist: distributed(rng, 100, 3), active: rng.Perm(10)[:3]}
		for range 3 {
			rows[i].said = append(rows[i].said, distributed(rng, 21, 3))
		}
	}
	s, err := New(EM, 100, sets)
	if err != nil {
		b.Fatal(err)
	}
	q := make([]float32, 100)
	b.ReportAllocs()
	for b.Loop() {
		for _, x := range rows {
			if _, err := s.Solve(q, x.generalist, x.active, x.said); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*len(rows))/b.Elapsed().Seconds(), "rows/s")
}
