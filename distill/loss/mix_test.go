package loss

import (
	"math"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// mixedBatch is a random batch whose rows have others mixed in: shares of 0
// and 1, labels that are missing on either side, and one that is the same.
func mixedBatch() Batch {
	b := randomBatch(11, 6, 5)
	b.Others = []int32{3, 2, Unlabelled, 1, b.Labels[4], 0}
	b.Shares = []float32{0.25, 0.5, 0.75, 0, 0.125, 1}
	return b
}

// TestMixedLabels holds that every loss of classes is, row by row, λ times that of the
// row's own label plus 1−λ times that of the other, in value and gradient; of
// those whose soft term is no sum over rows, or looks at the label, the hard
// term.
func TestMixedLabels(t *testing.T) {
	for _, e := range Of(dataset.MultiClass) {
		t.Run(e.Name, func(t *testing.T) {
			l, err := New(e.Name, goldens[e.Name].settings)
			if err != nil {
				t.Fatal(err)
			}
			b := mixedBatch()
			if worst := worstSlope(l.Eval, b); worst > 1e-6 {
				t.Errorf("gradient and slope differ by %g", worst)
			}
			grad := make([]float32, b.N*b.C)
			got := l.Eval(b, grad)
			hard := 0.0
			for i := range b.N {
				row := Batch{N: 1, C: b.C, Student: b.Student[i*b.C : (i+1)*b.C], Teacher: b.Teacher[i*b.C : (i+1)*b.C]}
				var g [3][]float32 // of its own label, of the other, of none
				for k, y := range []int32{b.Labels[i], b.Others[i], Unlabelled} {
					row.Labels, g[k] = []int32{y}, make([]float32, b.C)
					terms := l.Eval(row, g[k])
					hard += []float64{float64(b.Shares[i]), 1 - float64(b.Shares[i]), 0}[k] * terms.Hard / float64(b.N)
				}
				for c := range b.C {
					if e.Name == "dist" || e.Name == "dkd" {
						break
					}
					share := float64(b.Shares[i])
					want := share*float64(g[0][c]) + (1-share)*float64(g[1][c])
					near(t, "gradient", float64(grad[i*b.C+c]), want/float64(b.N), 1e-6)
				}
			}
			near(t, "hard", got.Hard, hard, 1e-12)
			for name, spoil := range map[string]func(b *Batch){
				"shares":        func(b *Batch) { b.Shares = nil },
				"others":        func(b *Batch) { b.Others = b.Others[1:] },
				"label, mixed":  func(b *Batch) { b.Others[2] = 5 },
				"label below 0": func(b *Batch) { b.Others[2] = -2 },
			} {
				func() {
					defer func() {
						if recover() == nil {
							t.Errorf("wrong %s does not panic", name)
						}
					}()
					b := mixedBatch()
					spoil(&b)
					l.Eval(b, nil)
				}()
			}
		})
	}
	b := mixedBatch()
	b.Others[1] = 9
	if err := b.Check(); fault.KindOf(err) != fault.Input {
		t.Errorf("a label of 9 of 5 classes: %v", err)
	}
}

// TestMixedClass: a soft term that looks at the label takes, of a mixture, that
// of the larger share, of equal ones the row's own.
func TestMixedClass(t *testing.T) {
	l, err := New("dkd", goldens["dkd"].settings)
	if err != nil {
		t.Fatal(err)
	}
	b := mixedBatch()
	got := l.Eval(b, nil).Soft
	alone := b
	alone.Labels, alone.Others, alone.Shares = slices.Clone(b.Labels), nil, nil
	for i, share := range b.Shares {
		if share < 0.5 {
			alone.Labels[i] = b.Others[i]
		}
	}
	near(t, "soft", got, l.Eval(alone, nil).Soft, 1e-12)
}

// TestMixer holds the softened mixture against its definition in float64, and
// the soft loss against the mean of two.
func TestMixer(t *testing.T) {
	for _, temperature := range []float64{0.5, 1, 4, 20} {
		m, err := NewMixer(dataset.MultiClass, temperature)
		if err != nil {
			t.Fatal(err)
		}
		soft := func(v []float32) []float64 {
			var d distribution
			d.set(v, temperature)
			return d.p
		}
		for _, share := range []float32{0, 0.25, 0.5, 1} {
			v, w, z := []float32{3, -1, 0.5, 8}, []float32{-2, 9, 1, 1}, []float32{0.25, -1, 2, 0.5}
			p, q := soft(v), soft(w)
			value := func(v []float32) float64 {
				l, err := NewClassicCE(Settings{Temperature: temperature, Alpha: 1})
				if err != nil {
					t.Fatal(err)
				}
				return l.Eval(Batch{N: 1, C: 4, Student: z, Teacher: v}, nil).Soft
			}
			want := float64(share)*value(v) + (1-float64(share))*value(w)
			mixed := slices.Clone(v)
			m.Mix(mixed, w, share)
			for i, got := range soft(mixed) {
				near(t, "probability", got, float64(share)*p[i]+(1-float64(share))*q[i], 1e-6)
			}
			near(t, "soft loss", value(mixed), want, 1e-6)
		}
	}
	m, err := NewMixer(dataset.MultiClass, 1)
	if err != nil {
		t.Fatal(err)
	}
	inf := float32(math.Inf(-1))
	v := []float32{inf, 0, inf, 1e4}
	m.Mix(v, []float32{inf, inf, 0, -1e4}, 0.5)
	if v[0] != inf || slices.ContainsFunc(v[1:], func(x float32) bool { return !(x > -2e4 && x <= 0) }) {
		t.Errorf("got %v", v)
	}
	if n := testing.AllocsPerRun(10, func() { m.Mix(v, []float32{1, 2, 3, 4}, 0.5) }); n != 0 {
		t.Errorf("%v allocations a row", n)
	}
	hot, err := NewMixer(dataset.MultiClass, 20)
	if err != nil {
		t.Fatal(err)
	}
	m.SetTemperature(20)
	got, want := []float32{3, -1, 8}, []float32{3, -1, 8}
	m.Mix(got, []float32{-2, 9, 1}, 0.25)
	hot.Mix(want, []float32{-2, 9, 1}, 0.25)
	if !slices.Equal(got, want) {
		t.Errorf("at a T of 20 that was set: %v, of one made for it %v", got, want)
	}
	for _, temperature := range []float64{0, -1, math.NaN(), 1e9} {
		if _, err := NewMixer(dataset.MultiClass, temperature); fault.KindOf(err) != fault.Usage {
			t.Errorf("T = %v: %v", temperature, err)
		}
	}
}

// TestMixerOfLabels holds the mixture of two yes-or-no answers against its
// definition, λ·σ(v/T) + (1−λ)·σ(w/T), also where a sigmoid underflows.
func TestMixerOfLabels(t *testing.T) {
	m, err := NewMixer(dataset.MultiLabel, 2)
	if err != nil {
		t.Fatal(err)
	}
	sigmoid := func(z float64) float64 { return 1 / (1 + math.Exp(-z/2)) }
	for _, share := range []float32{0, 0.25, 1} {
		v, w := []float32{3, -1.5, 0}, []float32{-2, 4, 0}
		mixed := slices.Clone(v)
		m.Mix(mixed, w, share)
		for i := range v {
			want := float64(share)*sigmoid(float64(v[i])) + float64(1-share)*sigmoid(float64(w[i]))
			near(t, "mixture", sigmoid(float64(mixed[i])), want, 1e-6)
		}
	}
	v := []float32{2000}
	m.Mix(v, []float32{-4000}, 0.5)
	near(t, "two that are sure", float64(v[0]), 0, 1e-6)
}

// TestMixerOfNumbers: numbers are mixed as they are, and one that is not known
// leaves the mixture unknown where it has a part in it.
func TestMixerOfNumbers(t *testing.T) {
	m, err := NewMixer(dataset.Regression, 2)
	if err != nil {
		t.Fatal(err)
	}
	v := []float32{10, unknown}
	m.Mix(v, []float32{20, 1}, 0.75)
	if v[0] != 12.5 || v[1] == v[1] {
		t.Errorf("got %v, expected 12.5 and NaN", v)
	}
	v = []float32{10, unknown}
	m.MixValues(v, []float32{unknown, 1}, 1)
	if v[0] != 10 || v[1] == v[1] {
		t.Errorf("a share of 1: got %v, expected what it was", v)
	}
	m.MixValues(v, []float32{3, 1}, 0)
	if v[0] != 3 || v[1] != 1 {
		t.Errorf("a share of 0: got %v, expected the others", v)
	}
}
