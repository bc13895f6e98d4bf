package report

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Ticks are 1, 2 or 5 times a power of ten apart, few, and hold the data.
func TestNiceTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(-1e9, 1e9).Draw(t, "lo")
		hi := lo + rapid.OneOf(rapid.Float64Range(0, 1e9), rapid.Float64Range(0, 1e-3), rapid.Just(0.0)).Draw(t, "span")
		a := linear(lo, hi, 5, 0, decimals)
		slack := 1e-6 * (a.Hi - a.Lo)
		if !(a.Lo <= lo+slack && a.Hi >= hi-slack && a.Hi > a.Lo) {
			t.Fatalf("axis %v..%v does not hold %v..%v", a.Lo, a.Hi, lo, hi)
		}
		if n := len(a.Ticks); n < 2 || n > 8 {
			t.Fatalf("%d ticks for %v..%v", n, lo, hi)
		}
		step := (a.Hi - a.Lo) / float64(len(a.Ticks)-1)
		lead := step / math.Pow(10, math.Floor(math.Log10(step)+1e-6))
		if math.Abs(lead-1) > 1e-3 && math.Abs(lead-2) > 1e-3 && math.Abs(lead-5) > 1e-3 {
			t.Fatalf("step %v of %v..%v is not nice", step, lo, hi)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		lo := math.Pow(10, rapid.Float64Range(-30, 30).Draw(t, "lo"))
		hi := lo * math.Pow(10, rapid.Float64Range(0, 40).Draw(t, "decades"))
		a := logarithmic(lo, hi).placed(100, 0, "")
		if !(a.Lo <= lo*(1+1e-6) && a.Hi >= hi*(1-1e-6) && a.Hi > a.Lo) {
			t.Fatalf("axis %v..%v does not hold %v..%v", a.Lo, a.Hi, lo, hi)
		}
		if n := len(a.Ticks); n < 2 || n > 12 {
			t.Fatalf("%d ticks for %v..%v", n, lo, hi)
		}
	})
}

func TestTickLabels(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		share  bool
		want   string
	}{
		{0, 1, true, "0 % 20 % 40 % 60 % 80 % 100 %"},
		{0.912, 0.987, true, "90 % 92 % 94 % 96 % 98 % 100 %"},
		{0.9961, 0.9974, true, "99.60 % 99.65 % 99.70 % 99.75 %"},
		{0, 2.3, false, "0.0 0.5 1.0 1.5 2.0 2.5"},
		{-3, 4, false, "−4 −2 0 2 4"},
		{1, 400, false, "0 100 200 300 400"},
	} {
		label := decimals
		if c.share {
			label = percents
		}
		var got []string
		for _, k := range linear(c.lo, c.hi, 5, 0, label).Ticks {
			got = append(got, k.Label)
		}
		if s := strings.Replace(strings.Join(got, " "), "0 0.5", "0.0 0.5", 1); s != c.want {
			t.Errorf("%v..%v: %s, want %s", c.lo, c.hi, s, c.want)
		}
	}
	var got []string
	for _, k := range logarithmic(2.5e-8, 11).Ticks {
		got = append(got, k.Label)
	}
	if s := strings.Join(got, " "); s != "1e−7 1e−5 0.001 0.1 10" {
		t.Errorf("logarithmic labels are %s", s)
	}
}

func TestNumbersAsText(t *testing.T) {
	for got, want := range map[string]string{
		thousands(0): "0", thousands(-1234567): "−1,234,567", thousands(999): "999",
		general(0): "0", general(-0.0000012345): "−1.23e−6", general(3.14159): "3.142", general(12345.6): "12,346", general(math.NaN()): none,
		count(1276810): "1.28 M", count(950): "950", count(0): none, size(5109240): "4.87 MiB", size(512): "512 B",
		seconds(0.00021): "0.21 ms", seconds(59.96): "60 s", seconds(312.4): "5 min 12 s", seconds(7300): "2 h 01 min", seconds(-1): none,
		pValue(0.0432): "=\u00a00.043", pValue(0): "<\u00a01e−300", percent(0.98765, 2): "98.77 %",
		shorten("abcdef", 4): "abc…", shorten("abcd", 4): "abcd", clean("a\nb\x07\u202e"): "a b\ufffd\ufffd",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Right answers lie on the diagonal, the matrix is not transposed, and the
// most frequent mistake comes first.
func TestConfusionIsNotTransposed(t *testing.T) {
	classes := []string{"cat", "dog", "owl"}
	matrix := [][]int{{5, 3, 0}, {1, 8, 0}, {0, 7, 2}}
	h := newHeatMap(matrix, classes)
	titles := map[string]bool{}
	for _, c := range h.Cells {
		titles[c.Title] = true
		if c.Right != (math.Abs(float64(c.X-h.Left-c.Y+h.Top)) < 1) {
			t.Errorf("%s: marked right %v at (%v, %v)", c.Title, c.Right, c.X, c.Y)
		}
	}
	if len(h.Cells) != 6 || !titles["label owl, answer dog: 7 of 9 (77.8 %)"] || titles["label dog, answer owl: 7 of 9 (77.8 %)"] {
		t.Errorf("cells are %v", titles)
	}
	for _, c := range h.Cells {
		if c.Text == "7" && !(c.Y > c.X-h.Left+h.Top+1) {
			t.Errorf("label owl, answer dog is drawn at (%v, %v): above the diagonal", c.X, c.Y)
		}
	}
	want := []mistake{{"owl", "dog", "7", "77.8 %"}, {"cat", "dog", "3", "37.5 %"}}
	if d := cmp.Diff(want, mistakes(matrix, classes, 2)); d != "" {
		t.Errorf("mistakes (-want +got):\n%s", d)
	}
	if newHeatMap(make([][]int, maxHeat+1), nil) != nil {
		t.Error("a matrix of too many classes is drawn")
	}
}

// A curve breaks where a number is missing and rises where the number does.
func TestCurves(t *testing.T) {
	c := newLineChart("x", "X", "", false, series{Role: studentRole, Name: "student", Points: []point{{1, 1}, {2, 2}, {3, math.NaN()}, {4, 4}}})
	if got := strings.Count(c.Series[0].Path, "M"); got != 2 {
		t.Errorf("path %s has %d parts, want 2", c.Series[0].Path, got)
	}
	d := c.Series[0].Dots
	if len(d) != 3 || !(d[0].Y > d[1].Y && d[1].Y > d[2].Y) || !(d[0].X < d[1].X) {
		t.Errorf("dots are %v", d)
	}
	if c.Alt != "X. student from 1 at epoch 1 to 4 at epoch 4." {
		t.Errorf("in words: %s", c.Alt)
	}
	if newLineChart("x", "X", "", false, series{Points: []point{{1, math.NaN()}}}) != nil {
		t.Error("a chart without a number is drawn")
	}
}

func TestBarsAreProportional(t *testing.T) {
	models := []model{{teacherRole, "teacher", &Block{Params: 400}}, {baselineRole, "baseline", &Block{}}, {studentRole, "student", &Block{Params: 100}}}
	get := func(b *Block) (float64, string, bool) { return float64(b.Params), count(b.Params), b.Params > 0 }
	c := newBarChart("Parameters", "", models, get)
	if len(c.Bars) != 2 || c.Bars[0].W != 4*c.Bars[1].W || c.Alt != "Parameters; teacher 400; student 100" {
		t.Errorf("bars are %+v, %s", c.Bars, c.Alt)
	}
	if newBarChart("Parameters", "", models[:2], get) != nil {
		t.Error("one bar alone compares nothing")
	}
}
