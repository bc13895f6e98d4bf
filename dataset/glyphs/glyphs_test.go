package glyphs

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/datasettest"
)

func readAll(t testing.TB, src dataset.Source) *dataset.Batch {
	t.Helper()
	rows := make([]int, src.Len())
	for i := range rows {
		rows[i] = i
	}
	var b dataset.Batch
	if err := src.Read(context.Background(), rows, &b); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestSuite(t *testing.T) {
	for _, labelled := range []int{-1, 0, 100} {
		datasettest.Suite(t, func() dataset.Source { return Open(Options{Rows: 200, Seed: 3, Labelled: labelled}) })
	}
}

// TestStatistics holds what the package promises of its rows, and writes a
// sheet of them for people.
func TestStatistics(t *testing.T) {
	const perClass = 40
	src := Open(Options{Rows: perClass * len(characters), Seed: 1, Labelled: -1})
	b := readAll(t, src)
	const size = Side * Side
	counts := make([]int, len(characters))
	ink := make([]float64, len(characters))
	for i := range b.N {
		x := b.X[i*size : (i+1)*size]
		bright, sum := 0, 0.0
		for _, v := range x {
			sum += float64(v)
			if v >= 100 {
				bright++
			}
		}
		if bright < 6 {
			t.Errorf("row %d of class %q is blank: %d bright pixels", i, characters[b.Y[i]], bright)
		}
		counts[b.Y[i]]++
		ink[b.Y[i]] += sum / size / perClass
	}
	for c, n := range counts {
		if n != perClass {
			t.Errorf("class %q has %d rows, want %d", characters[c], n, perClass)
		}
		if ink[c] < 30 || ink[c] > 120 {
			t.Errorf("class %q has mean value %.1f, want between 30 and 120", characters[c], ink[c])
		}
	}
	i, w := ink[classOf('i')], ink[classOf('W')]
	if i >= w {
		t.Errorf("mean value of i is %.1f and of W %.1f: W has more ink", i, w)
	}
	sheet(t, b, filepath.Join(t.TempDir(), "glyphs.png"))
}

// TestStreams holds that rows depend on split, seed and position alone, that
// splits and seeds share no row, and that the bytes are those of every build.
func TestStreams(t *testing.T) {
	ctx := context.Background()
	seen := map[dataset.RowID]string{}
	for _, split := range splits {
		for seed := range uint64(2) {
			src := Open(Options{Split: split, Rows: 300, Seed: seed, Labelled: -1})
			ids, err := dataset.IDs(ctx, src)
			if err != nil {
				t.Fatal(err)
			}
			longer, err := dataset.IDs(ctx, Open(Options{Split: split, Rows: 400, Seed: seed}))
			if err != nil || !slices.Equal(ids, longer[:300]) {
				t.Errorf("%s, seed %d: rows depend on their number or their labels (%v)", split, seed, err)
			}
			for i, id := range ids {
				if other, twice := seen[id]; twice {
					t.Errorf("%s, seed %d, row %d was seen in %s", split, seed, i, other)
				}
				seen[id] = split
			}
		}
	}
	const want = "487c2e3b3ad499aab778502092fbfcd06d00b87e24576cbc71c7cbcdf6a995be"
	got, err := dataset.Digest(ctx, Open(Options{Split: "test", Rows: 500, Seed: 1, Labelled: -1}))
	if err != nil || got != want {
		t.Errorf("digest %s (%v), want %s: trained teachers no longer match the data", got, err, want)
	}
}

func TestLabelled(t *testing.T) {
	for _, c := range []struct{ asked, want int }{{-1, 200}, {0, 0}, {62, 62}, {1000, 200}} {
		src := Open(Options{Rows: 200, Seed: 1, Labelled: c.asked})
		b := readAll(t, src)
		counts := make([]int, len(characters))
		for i, y := range b.Y {
			if (y != dataset.Unlabelled) != (i < c.want) {
				t.Errorf("labelled %d: row %d has label %d", c.asked, i, y)
			}
			if y >= 0 {
				counts[y]++
			}
		}
		if c.want == 62 && slices.Max(counts) != 1 {
			t.Errorf("62 labelled rows do not hold each class once: %v", counts)
		}
		if (len(src.Spec().Classes) == 62) != (c.want > 0) {
			t.Errorf("labelled %d: %d classes", c.asked, len(src.Spec().Classes))
		}
	}
}

func classOf(c byte) int {
	for i := range len(characters) {
		if characters[i] == c {
			return i
		}
	}
	return -1
}

// sheet writes one row of images for each class.
func sheet(t testing.TB, b *dataset.Batch, path string) {
	t.Helper()
	const across, cell = 16, Side + 2
	img := image.NewGray(image.Rect(0, 0, (2*across+1)*cell, (len(characters)+1)/2*cell))
	column := make([]int, len(characters))
	for i := range b.N {
		c := int(b.Y[i])
		if column[c] == across {
			continue
		}
		x0, y0 := (column[c]+c%2*(across+1))*cell, c/2*cell
		for k, v := range b.X[i*Side*Side : (i+1)*Side*Side] {
			img.SetGray(x0+k%Side, y0+k/Side, color.Gray{Y: uint8(v)})
		}
		column[c]++
	}
	if kept := os.Getenv("GLYPHS_SHEET"); kept != "" { // where to keep the sheet
		path = kept
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkRead(b *testing.B) {
	src := Open(Options{Rows: 1 << 20, Seed: 1, Labelled: -1})
	rows := make([]int, 128)
	var batch dataset.Batch
	for n := 0; b.Loop(); n++ {
		for i := range rows {
			rows[i] = (n*128 + i) % src.Len()
		}
		if err := src.Read(context.Background(), rows, &batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(rows))/b.Elapsed().Seconds(), "rows/s")
}
