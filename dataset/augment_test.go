package dataset

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// imageSpec is rows of bytes (h, w, c).
func imageSpec(h, w, c int) Spec { return Spec{Shape: []int{h, w, c}, Image: true, DType: Uint8} }

func augmenter(tb testing.TB, text string, spec Spec, unit ...float32) *Augmenter {
	tb.Helper()
	a, err := ParseAugment(text)
	if err != nil {
		tb.Fatal(err)
	}
	g, err := a.Compile(spec, unit)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// ramp is n rows of size values that are all different and above 0.
func ramp(n, size int) []float32 {
	x := make([]float32, n*size)
	for i := range x {
		x[i] = float32(1 + i)
	}
	return x
}

func TestParseAugment(t *testing.T) {
	for text, want := range map[string][]augmentSettings{
		"":                                 nil,
		"shift=2 flip cutout=8 noise=0.05": {shift{2, fill{}}, flip(0.5), cutout{8, 0}, noise(0.05)},
		"  mixup=0.2   crop=4,reflect ":    {mixup(0.2), shift{4, fill{from: fillReflect}}},
		"shift=1,edge flip=1 cutout=3,128": {shift{1, fill{from: fillEdge}}, flip(1), cutout{3, 128}},
		"affine=10,0.1 crop=2,-1.5":        {affine{10, 0.1}, shift{2, fill{value: -1.5}}},
		"affine=0,0.5":                     {affine{0, 0.5}},
	} {
		a, err := ParseAugment(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		var got []augmentSettings
		for _, p := range a.parts {
			got = append(got, p.settings)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(shift{}, fill{}, cutout{}, affine{})); d != "" {
			t.Errorf("%q: %s", text, d)
		}
		again, err := ParseAugment(a.String())
		if err != nil || again.String() != a.String() || len(again.parts) != len(a.parts) {
			t.Errorf("%q: its form %q reads as %q, %v", text, a, again, err)
		}
		if a.Mixes() != strings.Contains(text, "mixup") {
			t.Errorf("%q: mixes %v", text, a.Mixes())
		}
	}
	for _, word := range []string{
		"blur=3", "Flip", "shift", "shift=", "shift=0", "shift=-1", "shift=1.5", "shift=2,", "shift=2,wrap", "shift=2,inf", "shift=2,nan", "crop", "crop=99999999",
		"flip=", "flip=0", "flip=1.1", "flip=nan", "cutout", "cutout=0", "cutout=3,x", "noise", "noise=0", "noise=-1", "noise=nan", "noise=inf",
		"affine", "affine=0", "affine=181", "affine=5,1", "affine=nan", "mixup", "mixup=0", "mixup=nan", "mixup=1e9", "flip flip", "=", "shift=2,3,4",
	} {
		before := "noise=0.5 "
		if strings.HasPrefix(word, "noise") {
			before = "flip "
		}
		_, err := ParseAugment(before + word)
		part := fmt.Sprintf("got %q, expected ", word[strings.LastIndex(word, " ")+1:])
		if fault.KindOf(err) != fault.Usage || err == nil || !strings.Contains(err.Error(), part) || !strings.HasPrefix(err.Error(), `augment "`) {
			t.Errorf("%q: %v, expected a usage fault that names the part", word, err)
		}
	}
}

// TestAugmentationsAreListed holds that every kind's own example is one of it
// and does something to rows that it is for.
func TestAugmentationsAreListed(t *testing.T) {
	kinds := Augmentations()
	if len(kinds) < 7 {
		t.Fatalf("%d kinds", len(kinds))
	}
	for _, k := range kinds {
		if k.About == "" || strings.Contains(k.About, "\n") || !strings.HasPrefix(k.Example, k.Name) {
			t.Errorf("%+v", k)
		}
		a, err := ParseAugment(k.Example)
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		g, err := a.Compile(imageSpec(12, 10, 1), []float32{255})
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		x := ramp(20, 120)
		rows := sequence(20)
		g.Apply(x, rows, 1, 0)
		if same := slices.Equal(x, ramp(20, 120)); same != a.Mixes() {
			t.Errorf("%s: rows are left alone: %v", k.Name, same)
		}
		_, err = a.Compile(Spec{Shape: []int{5}}, nil)
		if want := fmt.Sprintf(`augment %q: %q is for images, but the rows are a table of 5 features`, k.Example, k.Example); k.images &&
			(fault.KindOf(err) != fault.Usage || err == nil || err.Error() != want) || !k.images && err != nil {
			t.Errorf("%s of a table: %v", k.Name, err)
		}
	}
	for text, want := range map[string]string{
		"shift=4":   "the rows are images of 4×9, expected at most 3 pixels",
		"crop=4":    "the rows are images of 4×9, expected at most 3 pixels",
		"cutout=10": "the rows are images of 4×9, expected a side of at most 9",
	} {
		a, err := ParseAugment(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Compile(imageSpec(4, 9, 3), nil); fault.KindOf(err) != fault.Usage || err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func sequence(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// TestMove is shift and crop by known amounts, in two channels.
func TestMove(t *testing.T) {
	image := []float32{ // (3, 3, 2)
		1, -1, 2, -2, 3, -3,
		4, -4, 5, -5, 6, -6,
		7, -7, 8, -8, 9, -9,
	}
	for _, c := range []struct {
		fill   fill
		dy, dx int
		want   []float32 // the first channel; the second is its negative but for a fill value
	}{
		{fill{}, 0, 0, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{fill{}, 1, 0, []float32{0, 0, 0, 1, 2, 3, 4, 5, 6}},
		{fill{}, 0, 1, []float32{0, 1, 2, 0, 4, 5, 0, 7, 8}},
		{fill{}, -1, -2, []float32{6, 0, 0, 9, 0, 0, 0, 0, 0}},
		{fill{value: 40}, 2, -1, []float32{40, 40, 40, 40, 40, 40, 2, 3, 40}},
		{fill{from: fillEdge}, 1, -2, []float32{3, 3, 3, 3, 3, 3, 6, 6, 6}},
		{fill{from: fillReflect}, 2, 1, []float32{8, 7, 8, 5, 4, 5, 2, 1, 2}},
		{fill{from: fillReflect}, -1, -2, []float32{6, 5, 4, 9, 8, 7, 6, 5, 4}},
	} {
		x := slices.Clone(image)
		m := translation{3, 3, 2, 2, c.fill}
		m.move(x, make([]float32, len(x)), c.dy, c.dx)
		for i, w := range c.want {
			other := -w
			if w == c.fill.value {
				other = w
			}
			if x[2*i] != w || x[2*i+1] != other {
				t.Errorf("%+v by (%d, %d): pixel %d is (%v, %v), expected %v", c.fill, c.dy, c.dx, i, x[2*i], x[2*i+1], w)
			}
		}
	}
}

// TestShiftsAreUniform sees each of the (2p+1)² shifts about as often, and no
// other.
func TestShiftsAreUniform(t *testing.T) {
	const n = 20000
	for _, text := range []string{"shift=1", "crop=1"} {
		g := augmenter(t, text, imageSpec(3, 3, 1))
		seen := map[int]int{}
		for row := range n {
			x := []float32{0, 0, 0, 0, 1, 0, 0, 0, 0}
			g.Apply(x, []int{row}, 3, 0)
			seen[slices.Index(x, 1)]++
		}
		for at := range 9 {
			if got := float64(seen[at]) / n; math.Abs(got-1.0/9) > 0.01 {
				t.Errorf("%s: %.4f of the rows have the pixel at %d, expected 1/9", text, got, at)
			}
		}
	}
}

func TestFlip(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	augmenter(t, "flip=1", imageSpec(2, 3, 2)).Apply(x, []int{0}, 1, 0)
	if want := []float32{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8}; !slices.Equal(x, want) {
		t.Errorf("got %v, expected %v", x, want)
	}
	for text, p := range map[string]float64{"flip": 0.5, "flip=0.1": 0.1} {
		const n = 20000
		g, flipped := augmenter(t, text, imageSpec(1, 2, 1)), 0
		for row := range n {
			x := []float32{0, 1}
			g.Apply(x, []int{row}, 3, 0)
			flipped += int(x[0])
		}
		if got := float64(flipped) / n; math.Abs(got-p) > 0.012 {
			t.Errorf("%s: %.4f of the rows are flipped", text, got)
		}
	}
}

// TestCutout holds that what is cut is a square around some pixel, clipped at
// the border, and that every pixel is a centre about as often.
func TestCutout(t *testing.T) {
	const n, h, w, side = 20000, 6, 5, 3
	g := augmenter(t, "cutout=3,-7", imageSpec(h, w, 2))
	seen := map[string]int{}
	for row := range n {
		x := ramp(1, h*w*2)
		g.Apply(x, []int{row}, 3, 0)
		var key strings.Builder
		for i := 0; i < len(x); i += 2 {
			if (x[i] == -7) != (x[i+1] == -7) {
				t.Fatal("a pixel is cut in one channel")
			}
			key.WriteByte(".x"[map[bool]int{true: 1}[x[i] == -7]])
		}
		seen[key.String()]++
	}
	if len(seen) != h*w {
		t.Fatalf("%d shapes, expected one a pixel", len(seen))
	}
	for cy := range h {
		for cx := range w {
			want := []byte(strings.Repeat(".", h*w))
			for y := max(cy-1, 0); y < min(cy-1+side, h); y++ {
				for x := max(cx-1, 0); x < min(cx-1+side, w); x++ {
					want[y*w+x] = 'x'
				}
			}
			if got := float64(seen[string(want)]) / n; math.Abs(got-1.0/(h*w)) > 0.006 {
				t.Errorf("%.4f of the rows are cut around (%d, %d), expected 1/%d", got, cy, cx, h*w)
			}
		}
	}
}

// TestNoise checks mean, deviation, skewness and kurtosis of each feature,
// and that values are independent of their neighbours.
func TestNoise(t *testing.T) {
	const n = 40000
	unit := []float32{1, 10, 0, 100, 2, 4}
	for name, c := range map[string]struct {
		spec Spec
		unit []float32
	}{"table": {Spec{Shape: []int{6}}, unit}, "bytes": {imageSpec(2, 3, 1), []float32{255}}, "units of the rows": {Spec{Shape: []int{6}}, nil}} {
		a, err := ParseAugment("noise=0.5")
		if err != nil {
			t.Fatal(err)
		}
		g, err := a.Compile(c.spec, c.unit)
		if err != nil {
			t.Fatal(err)
		}
		var moment [6][5]float64
		var together [5]float64
		for row := range n {
			x := make([]float32, 6)
			g.Apply(x, []int{row}, 3, 0)
			for f, v := range x {
				for k := range 5 {
					moment[f][k] += math.Pow(float64(v), float64(k)) / n
				}
				if f > 0 {
					together[f-1] += float64(v) * float64(x[f-1]) / n
				}
			}
		}
		units := []float32{1}
		if c.unit != nil {
			units = c.unit
		}
		for f := range 6 {
			sigma := 0.5 * float64(spread(units, 6)[f])
			m := moment[f]
			if math.Abs(m[1]) > 0.02*sigma || math.Abs(m[2]-sigma*sigma) > 0.03*sigma*sigma || math.Abs(m[3]) > 0.08*sigma*sigma*sigma ||
				math.Abs(m[4]-3*math.Pow(sigma, 4)) > 0.15*math.Pow(sigma, 4) {
				t.Errorf("%s: feature %d has moments %.4g, expected those of a deviation of %v", name, f, m[1:], sigma)
			}
			if f > 0 && math.Abs(together[f-1]) > 0.02*math.Sqrt(m[2]*moment[f-1][2]) {
				t.Errorf("%s: features %d and %d have covariance %v", name, f-1, f, together[f-1])
			}
		}
	}
}

// TestAffine turns and resizes by known amounts.
func TestAffine(t *testing.T) {
	warped := func(h, w, c int, x []float32, degrees, factor float64) []float32 {
		x = slices.Clone(x)
		(&affineMap{affine{}, h, w, c}).warp(x, make([]float32, len(x)), degrees*math.Pi/180, factor)
		return x
	}
	if x := ramp(1, 5*4*3); !slices.Equal(warped(5, 4, 3, x, 0, 1), x) {
		t.Error("the identity changes an image")
	}
	square := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}
	for _, c := range []struct {
		degrees, factor float64
		want            []float32
	}{
		{90, 1, []float32{7, 4, 1, 8, 5, 2, 9, 6, 3}},
		{-90, 1, []float32{3, 6, 9, 2, 5, 8, 1, 4, 7}},
		{180, 1, []float32{9, 8, 7, 6, 5, 4, 3, 2, 1}},
		{0, 2, []float32{3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7}},
		{0, 0.5, []float32{0, 0, 0, 0, 5, 0, 0, 0, 0}},
	} {
		if got := warped(3, 3, 1, square, c.degrees, c.factor); !slices.Equal(got, c.want) {
			t.Errorf("by %v° and %v: got %v, expected %v", c.degrees, c.factor, got, c.want)
		}
	}
	// Bilinear interpolation is exact on a plane, whatever the map.
	const side = 9
	plane := make([]float32, side*side)
	for i := range plane {
		plane[i] = float32(100 + 3*(i%side) - 2*(i/side))
	}
	got := warped(side, side, 1, plane, 25, 1.1)
	sin, cos := math.Sincos(25 * math.Pi / 180)
	for y := 2; y < side-2; y++ {
		for x := 2; x < side-2; x++ {
			ox, oy := float64(x-side/2), float64(y-side/2)
			sx, sy := (cos*ox+sin*oy)/1.1+side/2, (cos*oy-sin*ox)/1.1+side/2
			if want := 100 + 3*sx - 2*sy; math.Abs(float64(got[y*side+x])-want) > 1e-3 {
				t.Errorf("(%d, %d): got %v, expected %v", y, x, got[y*side+x], want)
			}
		}
	}
	x := ramp(1, 49)
	augmenter(t, "affine=30,0.2", imageSpec(7, 7, 1)).Apply(x, []int{5}, 1, 0)
	if slices.Equal(x, ramp(1, 49)) || slices.ContainsFunc(x, func(v float32) bool { return !(v >= 0 && v <= 49) }) {
		t.Errorf("got %v", x)
	}
}
