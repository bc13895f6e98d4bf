package metrics

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// brute is SignFlip's P by trying all signs.
func brute(k []int) float64 {
	sum := 0
	for _, d := range k {
		sum += d
	}
	far := 0
	for signs := range 1 << len(k) {
		s := 0
		for i, d := range k {
			if signs>>i&1 == 1 {
				d = -d
			}
			s += d
		}
		if max(s, -s) >= max(sum, -sum) {
			far++
		}
	}
	return float64(far) / float64(int(1)<<len(k))
}

func TestSignFlip(t *testing.T) {
	// SciPy's permutation_test: testdata/ttest.py.
	p := SignFlip([]int{3, -1, 2, 2, -1, 5, 0, 1, -2, 4, 4})
	within(t, "signs", p.P, 0.07421875, 1e-12)
	if p.Rows != 11 || p.OnlyA != 3 || p.OnlyB != 7 || p.RankA != 4 || p.RankB != 21 {
		t.Errorf("%+v", p)
	}
	rapid.Check(t, func(r *rapid.T) {
		k := rapid.SliceOfN(rapid.IntRange(-4, 4), 0, 12).Draw(r, "k")
		if got, want := SignFlip(k).P, brute(k); math.Abs(got-want) > 1e-12 {
			r.Fatalf("%v: got %v, all signs give %v", k, got, want)
		}
	})
}

// With one seed it is McNemar's test, whose figures are SciPy's too.
func TestSignFlipIsMcNemar(t *testing.T) {
	for _, c := range []struct {
		a, b int
		p    float64
	}{{7, 21, 0.012540951371192932}, {90, 40, 1.3715068445175432e-05}, {5, 5, 1}} {
		var k []int
		var wasRight, isRight []bool
		for i := range c.a + c.b + 100 {
			d := 0
			switch {
			case i < c.a:
				d = -1
			case i < c.a+c.b:
				d = 1
			}
			k = append(k, d)
			wasRight, isRight = append(wasRight, d < 0), append(isRight, d > 0)
		}
		within(t, "p", SignFlip(k).P, c.p, 1e-9)
		within(t, "McNemar's p", SignFlip(k).P, McNemar(wasRight, isRight).P, 1e-12)
	}
}

// Where signs are too many to count, the approximation goes on where counting
// ended.
func TestSignFlipOfMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	k := make([]int, 12000)
	sum := 0
	for i := range k {
		k[i] = rng.IntN(9) - 4
		sum += k[i]
	}
	for i := 0; sum < 700; i++ { // a clear gain
		if k[i] < 4 {
			k[i]++
			sum++
		}
	}
	var sizes []int
	a := 0
	for _, d := range k {
		if d != 0 {
			sizes = append(sizes, max(d, -d))
		}
		a += max(0, -d)
	}
	got := SignFlip(k)
	if float64(len(sizes))*(got.RankA+got.RankB) <= exactFlips {
		t.Fatal("few enough to be counted")
	}
	within(t, "p", got.P, signedRanks(sizes, a), 0.02)
}

// With one seed the approximation is that of McNemar's exact figure, down to
// sums as near to 0 as can be: there it is the correction for continuity that
// makes P 1, and not 0.994.
func TestSignFlipOfManyIsMcNemar(t *testing.T) {
	const n = 17001
	for _, sum := range []int{1, 3, 131, 301} {
		k := make([]int, n)
		for i := range k {
			k[i] = 1
			if i >= (n+sum)/2 {
				k[i] = -1
			}
		}
		got := SignFlip(k)
		if n*(got.RankA+got.RankB) <= exactFlips {
			t.Fatal("few enough to be counted")
		}
		within(t, "p", got.P, signTest(got.OnlyA, got.OnlyB), 1e-3)
	}
}
