package metrics

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// within requires a relative difference of at most tol.
func within(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*math.Abs(want)) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// The figures are SciPy's: testdata/ttest.py.
func TestPairedT(t *testing.T) {
	many := make([]float64, 500)
	for i := range many {
		many[i] = float64((i*7919)%101-49) / 10
	}
	for _, c := range []struct {
		name                   string
		d                      []float64
		mean, sd, p, low, high float64
	}{
		{"gain", []float64{31, 28, 40, 22, 35}, 31.2, 6.833739825307955, 0.0005187344934644571, 22.714791285823814, 39.685208714176184},
		{"two", []float64{5, 7}, 6, 1.4142135623730951, 0.10513691342250685, -6.706204736432095, 18.706204736432095},
		{"mixed", []float64{-3, 4, 1, -2, 6, 0, 3}, 1.2857142857142858, 3.251373336211726, 0.33576113073053865, -1.721304517583808, 4.29273308901238},
		{"tiny", []float64{1e-9, 2e-9, -5e-10}, 8.333333333333335e-10, 1.2583057392117918e-09, 0.37005921165128797, -2.292471406472109e-09, 3.959138073138776e-09},
		{"sure", []float64{100, 100.5, 99.7, 100.1, 100.2, 99.9}, 100.06666666666666, 0.273252020425588, 3.268057551766538e-14, 99.77990625764932, 100.35342707568401},
		{"many", many, 0.0912, 2.918039147257942, 0.4849665810773618, -0.1651945879266455, 0.3475945879266455},
	} {
		got := PairedT(c.d)
		within(t, c.name+" mean", got.Mean, c.mean, 1e-12)
		within(t, c.name+" sd", got.SD, c.sd, 1e-12)
		within(t, c.name+" p", got.P, c.p, 1e-9)
		within(t, c.name+" low", got.Low, c.low, 1e-7)
		within(t, c.name+" high", got.High, c.high, 1e-7)
		// the other model first: the same test with the other sign
		for i := range c.d {
			c.d[i] = -c.d[i]
		}
		if back := PairedT(c.d); back.P != got.P || back.Low != -got.High {
			t.Errorf("%s: turned round %+v, was %+v", c.name, back, got)
		}
	}
	same := PairedT([]float64{3, 3, 3})
	if none := PairedT([]float64{0, 0}); none.P != 1 || none.High != 0 || same.P != 0 || same.Low != 3 || same.SD != 0 {
		t.Errorf("without any spread: %+v and %+v", none, same)
	}
}

// Student's t of any degrees of freedom, far out in the tail too: SciPy's.
func TestStudentsT(t *testing.T) {
	for _, c := range []struct{ df, near, far, quantile float64 }{
		{1, 0.2422378831816867, 0.05292935211917974, 12.706204736432095},
		{2, 0.1296117202215108, 0.00687293367715846, 4.302652729911275},
		{3.7, 0.07182202291182675, 0.0004267873993812449, 2.8675207071912086},
		{4, 0.06676654481198813, 0.000276428548502973, 2.7764451051977987},
		{9, 0.03386182768298571, 7.699886222985645e-07, 2.2621571627409915},
		{29, 0.01832534433842607, 9.060708333137178e-13, 2.045229642132703},
		{1000, 0.012578567801090793, 4.32405738677458e-31, 1.9623390808264074},
		{1e6, 0.012419489502163228, 3.571685124765078e-33, 1.9599663568141066},
	} {
		for x, want := range map[float64]float64{2.5: c.near, 12: c.far} {
			within(t, "p", TTest{Mean: x, SE: 1, DF: c.df}.tested().P, want, 1e-6)
		}
		got := TTest{Mean: 1, SE: 2, DF: c.df}.tested()
		within(t, "interval", got.High-got.Low, 4*c.quantile, 1e-7)
	}
}

// TestCrossed holds Crossed against Clark's formula in F: min F′ = F1·F2/(F1+F2)
// with (F1+F2)²/(F1²/n2 + F2²/n1) degrees of freedom.
func TestCrossed(t *testing.T) {
	a := TTest{N: 5, Mean: 3, SE: 0.7, DF: 4}
	b := TTest{N: 400, Mean: 3, SE: 1.1, DF: 399}
	got := Crossed(a, b)
	f1, f2 := math.Pow(3/0.7, 2), math.Pow(3/1.1, 2)
	f, df := f1*f2/(f1+f2), (f1+f2)*(f1+f2)/(f1*f1/399+f2*f2/4)
	within(t, "F", math.Pow(got.Mean/got.SE, 2), f, 1e-12)
	within(t, "degrees of freedom", got.DF, df, 1e-12)
	within(t, "p", got.P, distuv.F{D1: 1, D2: df}.Survival(f), 1e-9)

	alone := Crossed(TTest{N: 3, Mean: 2, DF: 2}, TTest{N: 50, Mean: 2, SE: 1, DF: 49}) // all seeds alike
	if alone.SE != 1 || math.Abs(alone.DF-49) > 1e-9 {
		t.Errorf("without spread over seeds: %+v", alone)
	}
	if none := Crossed(TTest{N: 2, DF: 1}, TTest{N: 9, DF: 8}); none.P != 1 {
		t.Errorf("of nothing: %+v", none)
	}
}

// TestCrossedIsFair draws results in which equal models differ by chance, over
// seeds and over rows, and requires that few are called different: of the tests
// over one of both alone, some are not.
func TestCrossedIsFair(t *testing.T) {
	const runs, seeds, rows = 1500, 5, 60
	rng := rand.New(rand.NewPCG(4, 4))
	for _, c := range []struct {
		name     string
		seed     float64 // deviation of a seed's effect
		row      float64 // and of a row's
		overRows bool    // whether the test over rows alone is fooled
		overSeed bool
	}{{"seeds differ", 0.5, 0.2, true, false}, {"rows differ", 0.02, 1, false, true}, {"both", 0.15, 1, true, true}, {"neither", 0, 0, false, false}} {
		var fooled [3]int
		for range runs {
			bySeed, byRow := make([]float64, seeds), make([]float64, rows)
			rowEffect := make([]float64, rows)
			for j := range rowEffect {
				rowEffect[j] = c.row * rng.NormFloat64()
			}
			for i := range bySeed {
				effect := c.seed * rng.NormFloat64()
				for j := range byRow {
					x := effect + rowEffect[j] + 0.3*rng.NormFloat64()
					bySeed[i] += x / rows
					byRow[j] += x / seeds
				}
			}
			a, b := PairedT(bySeed), PairedT(byRow)
			for k, p := range []float64{Crossed(a, b).P, a.P, b.P} {
				if p < 0.05 {
					fooled[k]++
				}
			}
		}
		share := func(k int) float64 { return float64(fooled[k]) / runs }
		if share(0) > 0.065 {
			t.Errorf("%s: %.3f of equal models are called different", c.name, share(0))
		}
		if got := share(1) > 0.08; got != c.overSeed {
			t.Errorf("%s: the test over seeds alone calls %.3f different", c.name, share(1))
		}
		if got := share(2) > 0.08; got != c.overRows {
			t.Errorf("%s: the test over rows alone calls %.3f different", c.name, share(2))
		}
	}
}
