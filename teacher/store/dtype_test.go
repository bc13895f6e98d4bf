package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

func TestParseDType(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "float32": "float32", "float16": "float16", "topk:16": "topk:16", "topk:16:float16": "topk:16",
		"topk:016:float32": "topk:16:float32", "topk:0.9990": "topk:0.999", "topk:0.5:float32": "topk:0.5:float32",
		"topk:0.999=7": "topk:0.999=7", "topk:0.999=7:float32": "topk:0.999=7:float32",
	} {
		d, err := ParseDType(text)
		if err != nil || d.String() != want {
			t.Errorf("%q: got %q, %v", text, d, err)
		}
		if again, err := ParseDType(d.String()); again != d || err != nil {
			t.Errorf("%q: its text %q reads as %v, %v", text, d, again, err)
		}
	}
	for _, text := range []string{"float", "float16:2", "topk", "topk:", "topk:0", "topk:-1", "topk:1.0", "topk:0.0", "topk:NaN", "topk:1e3",
		"topk:2:int8", "topk:2:float16:x", "topk:0.9=0", "topk:0.9=", "topk:99999999999", "FLOAT32", "topk:.=", "topk:16=2"} {
		_, err := ParseDType(text)
		faulttest.Want(t, err, fault.Usage, "dtype", "float16", "topk:K")
	}
}

func TestAdmits(t *testing.T) {
	for _, c := range []struct {
		asked, stored string
		want          bool
	}{
		{"", "float32", true}, {"", "topk:3", true}, {"float16", "float16", true}, {"float16", "float32", false}, {"topk:3", "topk:4", false},
		{"topk:3", "topk:0.9=3", false}, {"topk:0.9", "topk:0.9=3", true}, {"topk:0.9", "topk:0.8=3", false}, {"topk:0.9", "topk:0.9=3:float32", false},
		{"topk:0.9", "float32", false}, {"topk:0.9", "nonsense", false},
	} {
		d, err := ParseDType(c.asked)
		if err != nil || d.Admits(c.stored) != c.want {
			t.Errorf("%q admits %q: got %v, expected %v", c.asked, c.stored, !c.want, c.want)
		}
	}
}

// softmax is softmax(v/T) in float64.
func softmax(v []float32, T float64) []float64 {
	peak := float64(slices.Max(v))
	p, sum := make([]float64, len(v)), 0.0
	for i, x := range v {
		p[i] = math.Exp((float64(x) - peak) / T)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func through(t testing.TB, dtype string, row []float32, T float64) []float32 {
	t.Helper()
	c, err := Key{DType: dtype, Classes: len(row)}.codec()
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, c.size())
	if err := c.encode(raw, row); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(row))
	c.decode(out, raw, T)
	return out
}

// TestTopKKeepsWhatItSays holds against a plain sort: the k largest come back
// as they are, the rest as one value no larger.
func TestTopKKeepsWhatItSays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		classes := rapid.IntRange(2, 300).Draw(rt, "classes")
		k := rapid.IntRange(1, classes-1).Draw(rt, "k")
		row := make([]float32, classes)
		for i := range row {
			row[i] = float32(rapid.IntRange(-40, 40).Draw(rt, "v")) / 4 // many ties, exact in float16
		}
		T := rapid.Float64Range(.01, 100).Draw(rt, "T")
		for _, elem := range []string{"", ":float32"} {
			got := through(t, fmt.Sprintf("topk:%d%s", k, elem), row, T)
			order := make([]int, classes)
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(a, b int) int { return int(4*row[b]) - int(4*row[a]) })
			for n, c := range order {
				switch {
				case n < k && got[c] != row[c]:
					rt.Fatalf("class %d is the %dth largest of %v: got %v", c, n, row, got)
				case n >= k && (got[c] > row[order[k-1]] || got[c] != got[order[k]]):
					rt.Fatalf("class %d of the rest of %v: got %v", c, row, got)
				}
			}
		}
	})
}

// imagenetLike are logits of 1,000 classes as a good teacher gives them: normal
// around groups of classes, and one that stands out.
func imagenetLike(rng *rand.Rand) []float32 {
	var groups [40]float64
	for i := range groups {
		groups[i] = 1.8 * rng.NormFloat64()
	}
	row := make([]float32, 1000)
	for c := range row {
		row[c] = float32(groups[c%40] + 1.5*rng.NormFloat64())
	}
	row[rng.IntN(1000)] += 10
	return row
}

// TestTopKSurvivesTemperature requires the mass of the rest to be right at
// T = 1 and near at others, and the divergence from the true softmax to be near
// that of the best row with one value for the rest.
func TestTopKSurvivesTemperature(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const k = 16
	for _, T := range []float64{1, 2, 4, 8, 20} {
		var ours, best, alone float64
		for range 50 {
			row := imagenetLike(rng)
			got := through(t, "topk:16:float32", row, T)
			p, q := softmax(row, T), softmax(got, T)
			top := largest(row, k)
			massP, massQ := 0.0, 0.0
			for _, c := range top {
				massP += p[c]
				massQ += q[c]
			}
			if limit := map[bool]float64{true: 1e-5, false: .03}[T == 1]; math.Abs(massP-massQ) > limit {
				t.Errorf("T = %v: the %d largest have %.5f of the mass, were %.5f", T, k, massQ, massP)
			}
			rest := (1 - massP) / float64(len(row)-k)
			isTop := map[int]bool{}
			for _, c := range top {
				isTop[c] = true
			}
			level := through(t, "topk:16:float32", row, 1)
			qa := softmax(level, T)
			for c := range p {
				ours += p[c] * math.Log(p[c]/q[c])
				alone += p[c] * math.Log(p[c]/qa[c])
				if !isTop[c] {
					best += p[c] * math.Log(p[c]/rest)
				}
			}
		}
		t.Logf("T = %2v: divergence %.5f, of the best value for the rest %.5f, of that for T = 1 %.5f", T, ours/50, best/50, alone/50)
		if ours > 1.01*best {
			t.Errorf("T = %v: divergence %v, expected at most %v", T, ours, 1.01*best)
		}
		if T > 1 && ours >= alone {
			t.Errorf("T = %v: the second statistic does not help", T)
		}
	}
}

func TestFloat16IsNear(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	row := imagenetLike(rng)
	for c, v := range through(t, Float16, row, 1) {
		if d := math.Abs(float64(v - row[c])); d > math.Abs(float64(row[c]))/2048 {
			t.Errorf("class %d: got %v for %v", c, v, row[c])
		}
	}
}

// TestBytesOfARow pins what a row takes in all files of a store.
func TestBytesOfARow(t *testing.T) {
	const rows = 4096
	rng := rand.New(rand.NewPCG(7, 8))
	for dtype, most := range map[string]float64{"topk:16": 80, Float16: 2023, Float32: 4023} {
		k := testKey()
		k.Classes, k.ClassNames, k.DType = 1000, nil, dtype
		dir := filepath.Join(t.TempDir(), "s")
		w, err := Create(dir, k, gathered(rowsOf(rows)), rows)
		if err != nil {
			t.Fatal(err)
		}
		var z []float32
		for range rows {
			z = append(z, imagenetLike(rng)...)
		}
		if err := w.WriteShard(0, z); err != nil {
			t.Fatal(err)
		}
		s, err := w.Finish()
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		total := 0
		for _, b := range contents(t, dir) {
			total += len(b)
		}
		if got := float64(total) / rows; got > most {
			t.Errorf("%s: %.2f bytes a row, at most %v are allowed", dtype, got, most)
		} else {
			t.Logf("%s: %.2f bytes a row", dtype, got)
		}
	}
}

func TestTooLargeForFloat16(t *testing.T) {
	for dtype, row := range map[string][]float32{
		Float16: {0, 70000, 1}, "topk:1": {0, 70000, 1}, "topk:2": {0, -3e5, 1},
	} {
		k := testKey()
		k.DType = dtype
		ids := rowsOf(1)
		w, err := Create(filepath.Join(t.TempDir(), "s"), k, gathered(ids), 3)
		if err != nil {
			t.Fatal(err)
		}
		faulttest.Want(t, w.WriteShard(0, row), fault.Input, ids[0].String(), "class 1", "float32")
		w.Close()
	}
	k := testKey()
	k.DType = "topk:3"
	_, err := Create(filepath.Join(t.TempDir(), "s"), k, gathered(rowsOf(1)), 3)
	faulttest.Want(t, err, fault.Usage, "topk:3", "3 classes", "float16")
	k.Classes, k.Task = 5, "regression"
	_, err = Create(filepath.Join(t.TempDir(), "s"), k, gathered(rowsOf(1)), 3)
	faulttest.Want(t, err, fault.Usage, "topk:3", "regression", "float16")
	k.Task, k.DType = "", "topk:0.9"
	_, err = Create(filepath.Join(t.TempDir(), "s"), k, gathered(rowsOf(1)), 3)
	faulttest.Want(t, err, fault.Usage, "topk:0.9")
}

// TestChoose counts: of 100 rows, 99 keep 0.9 of the mass in 3 logits and one
// needs more.
func TestChoose(t *testing.T) {
	const classes = 20
	var z []float32
	for r := range 100 {
		n := 3 // logits of equal weight, all others far below
		if r == 7 {
			n = 9
		}
		for c := range classes {
			v := float32(-30)
			if (c+r)%classes < n {
				v = 2
			}
			z = append(z, v)
		}
	}
	d, err := ParseDType("topk:0.9")
	if err != nil {
		t.Fatal(err)
	}
	if d, err = d.Choose(z, classes); err != nil || d.String() != "topk:0.9=3" {
		t.Errorf("got %v, %v", d, err)
	}
	d, _ = ParseDType("topk:0.9")
	for i := range z {
		z[i] = 0
	}
	_, err = d.Choose(z, classes)
	faulttest.Want(t, err, fault.Usage, "18 of 20", "float16")
}

// TestRoundTripsByDType writes, opens and looks up stores of each kind, in
// memory and on disk.
func TestRoundTripsByDType(t *testing.T) {
	for _, dtype := range []string{Float32, Float16, "topk:2", "topk:0.9=1:float32"} {
		for _, limit := range []int64{0, 1 << 20} {
			func() {
				defer func(old int64) { inMemory = old }(inMemory)
				inMemory = limit
				k := testKey()
				k.DType = dtype
				dir, ids := newStore(t, k, 23, 5)
				s, err := Open(dir)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				s = s.At(3)
				got := make([]float32, 23*classes)
				if err := s.Lookup(ids, got); err != nil {
					t.Fatal(err)
				}
				for r := range 23 {
					want := through(t, dtype, logitsOf([]int{r}), 3)
					if d := cmp.Diff(want, got[r*classes:(r+1)*classes]); d != "" {
						t.Fatalf("%s row %d: %s", dtype, r, d)
					}
				}
				if n := testing.AllocsPerRun(100, func() { s.Lookup(ids, got) }); n != 0 {
					t.Errorf("%s: Lookup allocates %v times", dtype, n)
				}
				if !strings.HasPrefix(s.Key().DType, dtype) {
					t.Error(s.Key().DType)
				}
			}()
		}
	}
}
