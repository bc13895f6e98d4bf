package dataset

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// mixedTable is n rows of two numbers, the second missing in every ninth row, a
// whole number and a colour, in three classes of which each has a range of its
// own: x, y of class k are near 10k, n is 10k to 10k+5, its colours are its own
// two.
func mixedTable(t *testing.T, n int) (Source, *Batch) {
	t.Helper()
	rng := rand.New(rand.NewPCG(4, 2))
	var text strings.Builder
	text.WriteString("x,y,n,colour,class\n")
	for i := range n {
		k := i % 3
		y := fmt.Sprintf("%.3f", 10*float64(k)+rng.NormFloat64())
		if i%9 == 4 {
			y = ""
		}
		fmt.Fprintf(&text, "%.3f,%s,%d,%s,%c\n", 10*float64(k)+2*rng.NormFloat64(), y, 10*k+rng.IntN(6), []string{"red", "blue", "green", "grey", "black", "white"}[2*k+rng.IntN(2)], 'a'+k)
	}
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	if got := fmt.Sprint(src.Spec().Columns, src.Spec().Texts); !strings.HasPrefix(got, "[x y n colour=") || !strings.HasSuffix(got, "[colour]") {
		t.Fatalf("columns %s", got)
	}
	return src, all(t, src)
}

// all reads src.
func all(t *testing.T, src Source) *Batch {
	t.Helper()
	b := &Batch{}
	if err := src.Read(context.Background(), upTo(nil, 0, src.Len()), b); err != nil {
		t.Fatal(err)
	}
	return b
}

func makeRows(t *testing.T, src Source, text string, n int, seed uint64) (*synthetic, *Batch) {
	t.Helper()
	s, err := ParseSynthesis(text)
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.Make(context.Background(), src, n, seed)
	if err != nil {
		t.Fatal(err)
	}
	return made.(*synthetic), all(t, made)
}

// checkCells requires what holds of made rows however they are made: texts go
// with their features, one level each, whole numbers are whole and in the range
// that was seen, and no row has a label.
func checkCells(t *testing.T, made *synthetic, b *Batch) {
	t.Helper()
	spec := made.Spec()
	if spec.Labelled() || b.N != made.Len() {
		t.Errorf("spec %+v of %d rows", spec, b.N)
	}
	for i := range b.N {
		r := b.row(i)
		if b.Y[i] != Unlabelled {
			t.Fatalf("row %d has label %d", i, b.Y[i])
		}
		if n := r.x[2]; n != float32(math.Trunc(float64(n))) || n < 0 || n > 25 {
			t.Fatalf("row %d has n = %v", i, n)
		}
		ones := 0
		for k, v := range r.x[3:] {
			if v == 1 {
				ones++
				if name := "colour=" + r.s[0]; spec.Columns[3+k] != name {
					t.Fatalf("row %d is %s with the text %s", i, spec.Columns[3+k], name)
				}
			} else if v != 0 {
				t.Fatalf("row %d has a colour of %v", i, v)
			}
		}
		if ones != 1 {
			t.Fatalf("row %d has %d colours", i, ones)
		}
	}
}

func same(a, b float32) bool { return a == b || a != a && b != b }

// TestSynthesisIsReproducible holds that a made row depends on rows, text, seed
// and position alone.
func TestSynthesisIsReproducible(t *testing.T) {
	src, _ := mixedTable(t, 200)
	for _, text := range []string{"mixup", "mixup=0.3 noise=0.1", "munge=0.7,2", "bootstrap=4", "bootstrap=3,nearest noise=0.05", "noise=0.2"} {
		made, want := makeRows(t, src, text, 500, 7)
		checkCells(t, made, want)
		before := runtime.GOMAXPROCS(1)
		again, _ := makeRows(t, src, text, 500, 7)
		runtime.GOMAXPROCS(before)
		rows := Order(500, 3, 0)[:77]
		var got Batch
		if err := again.Read(context.Background(), rows, &got); err != nil {
			t.Fatal(err)
		}
		ids := want.IDs(nil)
		for i, r := range rows {
			if got.ID(i) != ids[r] {
				t.Fatalf("%s: row %d is another when it is read alone", text, r)
			}
		}
		_, other := makeRows(t, src, text, 500, 8)
		if slices.Equal(other.IDs(nil), ids) {
			t.Errorf("%s: two seeds make the same rows", text)
		}
		_, more := makeRows(t, src, text, 300, 7)
		if !slices.Equal(more.IDs(nil), ids[:300]) {
			t.Errorf("%s: the first rows depend on how many are made", text)
		}
		count := map[int32]int{}
		for _, r := range made.made {
			count[r]++
		}
		if len(count) != 200 || slices.Max(slices.Collect(values(count))) != 3 {
			t.Errorf("%s: not every row is used as often as any other", text)
		}
	}
}

func values(m map[int32]int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// TestSynthesisMixes recovers the share of each mixed row from x, and holds y, n
// and the colour to it; shares from Beta(1, 1) are uniform.
func TestSynthesisMixes(t *testing.T) {
	src, from := mixedTable(t, 300)
	made, b := makeRows(t, src, "mixup", 6000, 3)
	checkCells(t, made, b)
	var shares []float64
	var d draws
	for i := range b.N {
		p := int(made.made[i])
		d.start(made.seed, 0, i, 0)
		q := made.ops[0].donors(nil, p, &d)[0]
		if p == q {
			t.Fatalf("row %d is mixed with itself", i)
		}
		x, a, o := b.row(i), from.row(p), from.row(q)
		if math.Abs(float64(a.x[0]-o.x[0])) < 1 {
			continue
		}
		share := float64(x.x[0]-o.x[0]) / float64(a.x[0]-o.x[0])
		shares = append(shares, share)
		near := a
		if share < 0.5 {
			near = o
		}
		if math.Abs(share-0.5) < 1e-4 {
			continue
		}
		want := share*float64(a.x[1]) + (1-share)*float64(o.x[1])
		if want != want {
			want = float64(near.x[1])
		}
		if math.IsNaN(want) != math.IsNaN(float64(x.x[1])) || math.Abs(want-float64(x.x[1])) > 1e-3 {
			t.Fatalf("row %d: y is %v, expected %v", i, x.x[1], want)
		}
		if n := share*float64(a.x[2]) + (1-share)*float64(o.x[2]); math.Abs(n-float64(x.x[2])) > 0.501 {
			t.Fatalf("row %d: n is %v, expected near %v", i, x.x[2], n)
		}
		if x.s[0] != near.s[0] {
			t.Fatalf("row %d: the colour is %s, of the larger share it is %s", i, x.s[0], near.s[0])
		}
	}
	slices.Sort(shares)
	worst := 0.0 // Kolmogorov's distance
	for i, s := range shares {
		worst = max(worst, math.Abs(s-float64(i)/float64(len(shares))))
	}
	if len(shares) < 4000 || worst > 1.7/math.Sqrt(float64(len(shares))) {
		t.Errorf("%d shares are %v from uniform", len(shares), worst)
	}
}

// TestSynthesisNoise holds the noise of a number to its share of the deviation
// of the column, which is computed here, and leaves categories and gaps alone.
func TestSynthesisNoise(t *testing.T) {
	src, from := mixedTable(t, 300)
	made, b := makeRows(t, src, "noise=0.3", 9000, 3)
	checkCells(t, made, b)
	for k := range 2 {
		var sum, squares, n float64
		for i := range from.N {
			if v := float64(from.row(i).x[k]); v == v {
				sum, squares, n = sum+v, squares+v*v, n+1
			}
		}
		std := math.Sqrt(squares/n - sum/n*sum/n)
		sum, squares, n = 0, 0, 0
		for i := range b.N {
			was, is := from.row(int(made.made[i])), b.row(i)
			if math.IsNaN(float64(was.x[k])) != math.IsNaN(float64(is.x[k])) || was.s[0] != is.s[0] {
				t.Fatalf("row %d: %v became %v", i, was, is)
			}
			if d := float64(is.x[k] - was.x[k]); d == d {
				sum, squares, n = sum+d, squares+d*d, n+1
			}
		}
		if got := math.Sqrt(squares/n) / std; math.Abs(got-0.3) > 0.01 || math.Abs(sum/n)/std > 0.02 {
			t.Errorf("column %d: noise of %v deviations with a mean of %v", k, got, sum/n/std)
		}
	}
}

// slowest is the nearest row by the definition, in float64.
func nearestOf(fields []field, b *Batch, i, k int) []int {
	type far struct {
		d float64
		r int
	}
	var list []far
	for r := range b.N {
		d := 0.0
		for _, f := range fields {
			x, y := b.row(i).x[f.x:f.x+f.n], b.row(r).x[f.x:f.x+f.n]
			if f.kind == category {
				if !slices.Equal(x, y) {
					d++
				}
				continue
			}
			for k := range x {
				a, c := float64(x[k]), float64(y[k])
				if a != a {
					a = float64(f.mean[k])
				}
				if c != c {
					c = float64(f.mean[k])
				}
				d += (a - c) * (a - c) / float64(f.std[k]) / float64(f.std[k])
			}
		}
		if d > 0 {
			list = append(list, far{d, r})
		}
	}
	slices.SortStableFunc(list, func(a, b far) int {
		switch {
		case a.d < b.d:
			return -1
		case a.d > b.d:
			return 1
		}
		return 0
	})
	var rows []int
	for _, f := range list[:k] {
		rows = append(rows, f.r)
	}
	return rows
}

// TestSynthesisNearest holds neighbours to brute force.
func TestSynthesisNearest(t *testing.T) {
	src, from := mixedTable(t, 150)
	for _, k := range []int{1, 4} {
		made, _ := makeRows(t, src, fmt.Sprintf("bootstrap=%d,nearest", k), 100, 1)
		near := made.ops[0].(*bootstrapper).near
		if len(near.at) != 100 {
			t.Errorf("neighbours of %d rows, expected those of the 100 that are used", len(near.at))
		}
		for _, r := range made.made {
			if got, want := near.of(int(r)), nearestOf(made.fields, from, int(r), k); !slices.Equal(got, want) {
				t.Fatalf("row %d: neighbours %v, expected %v", r, got, want)
			}
		}
	}
}

// TestMunge holds MUNGE to its definition: a share p of the columns is the
// nearest row's, numbers with its value as mean and their difference over s as
// deviation.
func TestMunge(t *testing.T) {
	src, from := mixedTable(t, 240)
	const p, s = 0.4, 2
	made, b := makeRows(t, src, "munge=0.4,2", 12000, 5)
	checkCells(t, made, b)
	near := map[int]int{}
	for r := range from.N {
		near[r] = nearestOf(made.fields, from, r, 1)[0]
	}
	var changed, columns, sum, squares, n float64
	for i := range b.N {
		parent := int(made.made[i])
		was, other, is := from.row(parent), from.row(near[parent]), b.row(i)
		if is.s[0] != was.s[0] && is.s[0] != other.s[0] {
			t.Fatalf("row %d has the colour of neither", i)
		}
		if was.x[0] == other.x[0] {
			continue
		}
		columns++
		if is.x[0] == was.x[0] {
			continue
		}
		changed++
		z := float64(is.x[0]-other.x[0]) / (math.Abs(float64(was.x[0]-other.x[0])) / s)
		sum, squares, n = sum+z, squares+z*z, n+1
	}
	if got := changed / columns; math.Abs(got-p) > 0.015 {
		t.Errorf("%v of the numbers changed, expected %v", got, p)
	}
	if mean, dev := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 0.05 || math.Abs(dev-1) > 0.05 {
		t.Errorf("changed numbers have a mean of %v and a deviation of %v of what is asked for", mean, dev)
	}
}

// TestBootstrap takes each column by itself from rows of the class.
func TestBootstrap(t *testing.T) {
	src, from := mixedTable(t, 240)
	made, b := makeRows(t, src, "bootstrap=3", 2000, 5)
	checkCells(t, made, b)
	own, mixed := 0, 0
	for i := range b.N {
		k := from.Y[made.made[i]]
		is := b.row(i)
		origin := map[string]bool{}
		for c := range 3 {
			found := false
			for r := range from.N {
				if from.Y[r] == k && same(from.row(r).x[c], is.x[c]) {
					found = true
				}
			}
			if !found {
				t.Fatalf("row %d: column %d is of no row of its class", i, c)
			}
			if same(from.row(int(made.made[i])).x[c], is.x[c]) {
				own++
				origin["own"] = true
			} else {
				origin["other"] = true
			}
		}
		if len(origin) == 2 {
			mixed++
		}
	}
	if share := float64(own) / float64(3*b.N); share < 0.25 || share > 0.45 { // a quarter, and what is alike by chance
		t.Errorf("%v of the columns are the row's own", share)
	}
	if mixed < b.N/3 {
		t.Errorf("only %d of %d rows have columns of several", mixed, b.N)
	}
}

// TestSynthesisOfImages keeps bytes bytes, and the channels of a pixel together.
func TestSynthesisOfImages(t *testing.T) {
	src := &pixelSource{n: 60, h: 4, w: 5, c: 3}
	for _, text := range []string{"mixup", "noise=0.1", "munge", "bootstrap=2,nearest"} {
		_, b := makeRows(t, src, text, 200, 1)
		for i, v := range b.X {
			if !isByte(v) {
				t.Fatalf("%s: value %d is %v", text, i, v)
			}
			if at := i - i%3; strings.HasPrefix(text, "bootstrap") && (b.X[at+1] != b.X[at]/2 || b.X[at+2] != 255-b.X[at]) {
				t.Fatalf("%s: pixel %v is of no row", text, b.X[at:at+3])
			}
		}
	}
}

// pixelSource are images of even bytes v with the pixels (v, v/2, 255−v).
type pixelSource struct{ n, h, w, c int }

func (s *pixelSource) Spec() Spec {
	return Spec{Shape: []int{s.h, s.w, s.c}, Image: true, DType: Uint8, Classes: []string{"a"}}
}
func (s *pixelSource) Len() int     { return s.n }
func (s *pixelSource) Close() error { return nil }
func (s *pixelSource) Read(_ context.Context, rows []int, b *Batch) error {
	b.ResetTo(len(rows), s.Spec())
	for i, r := range rows {
		b.Y[i] = 0
		for p := range s.h * s.w {
			v := float32(mix64(uint64(r*1000+p)) % 128 * 2)
			copy(b.X[(i*s.h*s.w+p)*3:], []float32{v, v / 2, 255 - v})
		}
	}
	return nil
}

func TestSynthesisRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"smote":            "one of bootstrap, mixup, munge, noise",
		"munge munge":      "munge once",
		"munge=0":          "P above 0",
		"munge=0.5,0":      "S from 0.01 to 100",
		"munge=2":          "at most 1",
		"noise":            "noise=DEVIATION",
		"noise=11":         "at most 10",
		"mixup=nan":        "ALPHA from 0.01 to 100",
		"bootstrap=0":      "K from 1 to 100",
		"bootstrap=3,near": "K,nearest",
	} {
		if _, err := ParseSynthesis(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "synthesis") {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
	s, err := ParseSynthesis("  noise=0.1   mixup ")
	if err != nil || s.String() != "noise=0.1 mixup" {
		t.Errorf("%q, %v", s, err)
	}
	src, _ := mixedTable(t, 30)
	for n, c := range map[int]struct {
		s    Synthesis
		src  Source
		want string
	}{0: {s, src, "0 rows"}, -1: {s, src, "-1 rows"}, 1: {Synthesis{}, src, "name how"}, 2: {s, Subset(src, []int{3}), "at least 2"}} {
		if _, err := c.s.Make(context.Background(), c.src, n, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d rows: %v, expected %q", n, err, c.want)
		}
	}
	alike := Subset(src, []int{3, 3, 3}) // nothing is near what is everywhere
	_, b := makeRows(t, alike, "munge bootstrap=2,nearest", 5, 1)
	for i := range b.N {
		if b.ID(i) != all(t, alike).ID(0) {
			t.Error("rows that are all alike made another")
		}
	}
}
