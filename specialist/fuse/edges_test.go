package fuse

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

var nan, inf = float32(math.NaN()), float32(math.Inf(1))

func TestEdges(t *testing.T) {
	third := []float32{0.5, 0.25, 0.25}
	for _, c := range []struct {
		name string
		instance
		want []float32
	}{
		{"nobody is active", instance{[][]int{{0}}, []float32{0.1, 0.7, 0.2}, nil, nil}, []float32{0.1, 0.7, 0.2}},
		{"one class", instance{[][]int{{0}}, []float32{1}, []int{0}, [][]float32{{0.4, 0.6}}}, []float32{1}},
		// q_k = a_k/N inside, Q = (p^g(outside) + p_d)/N outside.
		{"a set of one class", instance{[][]int{{1}}, third, []int{0}, [][]float32{{0.75, 0.25}}}, []float32{1. / 3, 0.5, 1. / 6}},
		{"the same set twice", instance{[][]int{{1}, {1}}, third, []int{0, 1}, [][]float32{{0.75, 0.25}, {0.75, 0.25}}}, []float32{(0.75 + 0.5) * 2 / 9, 1.75 / 3, (0.75 + 0.5) / 9}},
		// The dustbin has nowhere to go: (0.3, 0.1, 0.2)/0.6 and the generalist are averaged.
		{"a set of all classes", instance{[][]int{{0, 1, 2}}, third, []int{0}, [][]float32{{0.3, 0.1, 0.2, 0.4}}}, []float32{0.5, 5. / 24, 7. / 24}},
		{"no dustbin mass", instance{[][]int{{0, 1}}, third, []int{0}, [][]float32{{1, 0, 0}}}, []float32{0.75, 0.125, 0.125}},
		{"all in the dustbin", instance{[][]int{{0}}, third, []int{0}, [][]float32{{0, 1}}}, []float32{0.25, 0.375, 0.375}},
		// Nobody says anything of classes 1 and 2 but the dustbin, which they share evenly.
		{"a generalist of 0 and 1", instance{[][]int{{0}}, []float32{1, 0, 0}, []int{0}, [][]float32{{0.5, 0.5}}}, []float32{0.75, 0.125, 0.125}},
		// F is −log q_0 − log q_1 here: nobody gives class 2 a mass.
		{"two that are sure", instance{[][]int{{1}}, []float32{1, 0, 0}, []int{0}, [][]float32{{1, 0}}}, []float32{0.5, 0.5, 0}},
		// All of a's mass is in class 0, whose opposite the dustbins of both want.
		{"sure against dustbins", instance{[][]int{{0, 1}, {0, 2}}, []float32{1, 0, 0, 0}, []int{0, 1}, [][]float32{{0, 0, 1}, {0, 0, 1}}}, []float32{1. / 3, 0, 0, 2. / 3}},
	} {
		for _, method := range []Method{EM, Descent} {
			q, r := c.solve(t, method)
			for k, want := range c.want {
				if math.Abs(float64(q[k]-want)) > 1e-6 {
					t.Errorf("%s, %s: got %v, expected %v", c.name, method, q, c.want)
					break
				}
			}
			if r.Residual > 1e-8 && method == EM {
				t.Errorf("%s: residual %g after %d steps", c.name, r.Residual, r.Steps)
			}
			if len(c.active) == 0 && !slices.Equal(q, c.want) {
				t.Errorf("%s: got %v, expected the same bits", c.name, q)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	sets := [][]int{{0, 2}, {0, 1, 2}}
	good, said := []float32{0.5, 0.25, 0.25}, []float32{0.5, 0.25, 0.25}
	for _, c := range []struct {
		generalist []float32
		active     []int
		said       [][]float32
		want       string
	}{
		{[]float32{0.5, nan, 0.5}, nil, nil, "generalist: probability 1 is NaN"},
		{[]float32{inf, 0, 0}, nil, nil, "generalist: probability 0 is +Inf"},
		{[]float32{1.5, -0.5, 0}, nil, nil, "generalist: probability 1 is -0.5"},
		{[]float32{0.5, 0, 0}, nil, nil, "generalist: probabilities sum to 0.5, expected 1"},
		{[]float32{0.5, 0.5}, nil, nil, "generalist: has 2 probabilities, expected 3"},
		{good, []int{0}, [][]float32{{0.5, 0.5}}, "specialist 0: has 2 probabilities, expected 3"},
		{good, []int{0}, [][]float32{{0.5, 0.5, nan}}, "specialist 0: probability 2 is NaN"},
		{good, []int{0}, [][]float32{{0, 0, 0}}, "specialist 0: probabilities sum to 0"},
		{good, []int{1}, [][]float32{{0, 0, 0, 1}}, "specialist 1: has all its mass in a dustbin without a class"},
		{good, []int{0, 0}, [][]float32{said, said}, "active specialist 0"},
		{good, []int{2}, [][]float32{said}, "active specialist 2"},
		{good, []int{-1}, [][]float32{said}, "active specialist -1"},
		{good, []int{0}, nil, "0 specialists' probabilities, expected 3 and 1"},
	} {
		s, err := New(EM, 3, sets)
		if err != nil {
			t.Fatal(err)
		}
		q := make([]float32, 3)
		_, err = s.Solve(q, c.generalist, c.active, c.said)
		if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), c.want) {
			t.Errorf("expected %q: got %v", c.want, err)
		}
		if _, err := s.Solve(q, good, []int{0}, [][]float32{said}); err != nil {
			t.Errorf("after %q: %v", c.want, err)
		}
	}
	for _, c := range []struct {
		method  Method
		classes int
		sets    [][]int
	}{{"newton", 3, sets}, {EM, 0, nil}, {EM, 3, [][]int{{}}}, {EM, 3, [][]int{{3}}}, {EM, 3, [][]int{{-1}}}, {EM, 3, [][]int{{1, 1}}}} {
		if _, err := New(c.method, c.classes, c.sets); err == nil {
			t.Errorf("New takes %v", c)
		}
	}
}

// TestDownhill holds every step of EM and of the descent against F, and the
// residual against what it promises of F.
func TestDownhill(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		x := random(rng, 2+rng.IntN(20), 1+rng.IntN(5), 3)
		s, err := New(EM, len(x.generalist), x.sets)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Solve(make([]float32, len(x.generalist)), x.generalist, x.active, x.said); err != nil {
			t.Fatal(err)
		}
		p := &s.problem
		least := p.objective()
		p.start()
		for f := p.objective(); ; {
			residual, _ := p.look()
			if residual <= 1e-4 {
				break
			}
			if f-least > residual+1e-12 {
				t.Fatalf("F is %g above its minimum, the residual promises %g", f-least, residual)
			}
			p.step()
			now := p.objective()
			if now > f+1e-14 {
				t.Fatalf("EM goes from %.17g up to %.17g", f, now)
			}
			f = now
		}
	}
}

// TestOrder gives classes and specialists other numbers.
func TestOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 200 {
		x := random(rng, 2+rng.IntN(20), 1+rng.IntN(6), 3)
		want, _ := x.solve(t, EM)
		class, expert := rng.Perm(len(x.generalist)), rng.Perm(len(x.sets))
		y := instance{sets: make([][]int, len(x.sets)), generalist: make([]float32, len(x.generalist))}
		for k, v := range x.generalist {
			y.generalist[class[k]] = v
		}
		for m, set := range x.sets {
			for _, k := range set {
				y.sets[expert[m]] = append(y.sets[expert[m]], class[k])
			}
			slices.Sort(y.sets[expert[m]])
		}
		for _, i := range rng.Perm(len(x.active)) {
			set := x.sets[x.active[i]]
			moved := slices.Clone(x.said[i])
			for j, k := range set {
				at, _ := slices.BinarySearch(y.sets[expert[x.active[i]]], class[k])
				moved[at] = x.said[i][j]
			}
			y.active, y.said = append(y.active, expert[x.active[i]]), append(y.said, moved)
		}
		got, _ := y.solve(t, EM)
		for k, v := range want {
			if math.Abs(float64(got[class[k]]-v)) > 1e-7 {
				t.Fatalf("class %d has %v, by other numbers %v", k, v, got[class[k]])
			}
		}
	}
}

// TestMemory solves rows with one Solver, without memory and without a trace of
// the row before.
func TestMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	x := random(rng, 30, 6, 2)
	y := instance{sets: x.sets, generalist: distributed(rng, 30, 1), active: []int{7, 2}, said: [][]float32{
		distributed(rng, len(x.sets[7])+1, 1), distributed(rng, len(x.sets[2])+1, 1)}}
	for _, method := range []Method{EM, Descent} {
		s, err := New(method, 30, x.sets)
		if err != nil {
			t.Fatal(err)
		}
		q := make([]float32, 30)
		solve := func(x instance) {
			if _, err := s.Solve(q, x.generalist, x.active, x.said); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(3, func() { solve(x) }); n > 0 {
			t.Errorf("%s: %v allocations a row", method, n)
		}
		solve(y)
		if want, _ := y.solve(t, method); !slices.Equal(q, want) {
			t.Errorf("%s: after another row %v, by itself %v", method, q, want)
		}
	}
}
