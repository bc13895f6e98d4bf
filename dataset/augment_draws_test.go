package dataset

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// everything names every augmentation of images.
const everything = "shift=3 crop=2,reflect flip affine=10,0.1 cutout=6 noise=0.05"

// cutCheck says how apply depends on anything but seed, pass and a row's
// position: the batch it comes in, its place there, or what came before.
func cutCheck(size int, apply func(x []float32, rows []int, seed uint64, pass int)) error {
	const n = 60
	order := Order(n, 5, 2)
	one := ramp(n, size)
	whole := make([]float32, 0, len(one))
	for _, r := range order {
		whole = append(whole, one[r*size:(r+1)*size]...)
	}
	apply(whole, order, 7, 2)
	for _, batch := range []int{1, 7, 32} {
		for lo := n - n%batch; lo >= 0; lo -= batch { // the last first
			rows := order[lo:min(lo+batch, n)]
			var x []float32
			for _, r := range rows {
				x = append(x, one[r*size:(r+1)*size]...)
			}
			apply(x, rows, 7, 2)
			if !slices.Equal(x, whole[lo*size:(lo+len(rows))*size]) {
				return fmt.Errorf("rows %v differ in batches of %d", rows, batch)
			}
		}
	}
	return nil
}

func TestAugmentDependsOnTheRowAlone(t *testing.T) {
	spec := imageSpec(8, 9, 1)
	g := augmenter(t, everything, spec, 255)
	if err := cutCheck(spec.Size(), g.Apply); err != nil {
		t.Error(err)
	}
	// A check that lets these pass proves nothing.
	at := 0
	for name, faulty := range map[string]func(x []float32, rows []int, seed uint64, pass int){
		"keyed by the place in the batch": func(x []float32, rows []int, seed uint64, pass int) {
			g.Apply(x, sequence(len(rows)), seed, pass)
		},
		"keyed by what came before": func(x []float32, rows []int, seed uint64, pass int) {
			places := sequence(len(rows))
			for i := range places {
				places[i] += at
			}
			at += len(rows)
			g.Apply(x, places, seed, pass)
		},
	} {
		if cutCheck(spec.Size(), faulty) == nil {
			t.Errorf("augmentation %s passes", name)
		}
	}
}

// TestAugmentVaries holds that another seed, pass or row gives another image,
// and the same the same.
func TestAugmentVaries(t *testing.T) {
	spec := imageSpec(8, 9, 1)
	view := func(seed uint64, pass, row int) string {
		x := ramp(1, spec.Size())
		augmenter(t, everything, spec, 255).Apply(x, []int{row}, seed, pass)
		return fmt.Sprint(x)
	}
	seen := map[string]string{}
	for seed := range uint64(8) {
		for pass := range 8 {
			for row := range 8 {
				what, x := fmt.Sprint(seed, pass, row), view(seed, pass, row)
				if other, ok := seen[x]; ok {
					t.Fatalf("(seed, pass, row) %s and %s look the same", what, other)
				}
				seen[x] = what
				if view(seed, pass, row) != x {
					t.Fatalf("(seed, pass, row) %s looks different each time", what)
				}
			}
		}
	}
}

// TestAugmentBits pins what a seed gives, so that a checkpoint of another
// build of this version goes on alike.
func TestAugmentBits(t *testing.T) {
	spec := imageSpec(8, 9, 1)
	x := ramp(4, spec.Size())
	g := augmenter(t, everything+" mixup=0.4", spec, 255)
	g.Apply(x, []int{0, 1, 2, 3}, 1, 0)
	partners, shares := make([]int, 4), make([]float32, 4)
	g.Partners(partners, shares, []int{0, 1, 2, 3}, 60000, 1, 0)
	h := uint32(0)
	for _, v := range append(x, shares...) {
		h = h*31 + math.Float32bits(v)
	}
	if got, want := fmt.Sprintf("%08x %v %v", h, partners, shares), "f1c1dc12 [38020 57359 10843 6510] [0.042047426 0.8732111 0.028602421 0.9514105]"; got != want {
		t.Errorf("got %s, expected %s", got, want)
	}
}

// TestBeta compares the distribution function of λ with the exact one of
// Beta(½, ½) (2/π·asin √x), Beta(1, 1) and Beta(2, 2), and the variance
// 1/(4(2a+1)) of others.
func TestBeta(t *testing.T) {
	const n = 50000
	exact := map[float64]func(x float64) float64{
		0.5: func(x float64) float64 { return 2 / math.Pi * math.Asin(math.Sqrt(x)) },
		1:   func(x float64) float64 { return x },
		2:   func(x float64) float64 { return x * x * (3 - 2*x) },
	}
	for _, a := range []float64{0.01, 0.2, 0.5, 1, 2, 100} {
		g := &Augmenter{alpha: a}
		partners, shares := make([]int, n), make([]float32, n)
		g.Partners(partners, shares, sequence(n), 10, 3, 1)
		slices.Sort(shares)
		mean, square := 0.0, 0.0
		for i, s := range shares {
			v := float64(s)
			if !(v >= 0 && v <= 1) {
				t.Fatalf("α = %v: a share of %v", a, v)
			}
			mean += v / n
			square += (v - 0.5) * (v - 0.5) / n
			if f := exact[a]; f != nil && math.Abs(f(v)-float64(i)/n) > 0.01 {
				t.Fatalf("α = %v: %v of the shares are below %v, expected %v", a, float64(i)/n, v, f(v))
			}
		}
		if want := 1 / (4 * (2*a + 1)); math.Abs(mean-0.5) > 0.01 || math.Abs(square-want) > 0.02*want {
			t.Errorf("α = %v: mean %v and variance %v, expected 0.5 and %v", a, mean, square, want)
		}
		for p := range 10 {
			count := 0
			for _, q := range partners {
				if q == p {
					count++
				}
			}
			if math.Abs(float64(count)/n-0.1) > 0.01 {
				t.Errorf("row %d is the partner of %d of %d rows", p, count, n)
			}
		}
	}
}

func TestMix(t *testing.T) {
	g := augmenter(t, "mixup=1", Spec{Shape: []int{2}})
	x, y := []float32{1, 2, 3, 4, 5, 6}, []float32{10, 20, 30, 40, 50, 60}
	g.Mix(x, y, []float32{0.25, 1, 0})
	if want := []float32{7.75, 15.5, 3, 4, 50, 60}; !slices.Equal(x, want) {
		t.Errorf("got %v, expected %v", x, want)
	}
}

func TestAugmentDoesNotAllocate(t *testing.T) {
	spec, rows := imageSpec(28, 28, 1), sequence(16)
	g, x, y := augmenter(t, everything+" mixup=0.2", spec, 255), ramp(16, 784), ramp(16, 784)
	partners, shares := make([]int, 16), make([]float32, 16)
	if n := testing.AllocsPerRun(10, func() {
		g.Apply(x, rows, 1, 0)
		g.Partners(partners, shares, rows, 1000, 1, 0)
		g.Mix(x, y, shares)
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

// BenchmarkAugment varies images of 28×28 in batches of 128.
func BenchmarkAugment(b *testing.B) {
	for _, text := range []string{"shift=2", "flip", "affine=10,0.1", "cutout=8", "noise=0.05", "shift=2 flip cutout=8 noise=0.05"} {
		b.Run(text, func(b *testing.B) {
			rows, x := sequence(128), ramp(128, 784)
			g := augmenter(b, text, imageSpec(28, 28, 1), 255)
			for i := range b.N {
				g.Apply(x, rows, 1, i)
			}
			b.ReportMetric(float64(128*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
