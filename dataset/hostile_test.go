package dataset_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// hostile is a bad file and what must be said of it.
type hostile struct {
	id      string // of the list of faults
	name    string
	file    string
	data    []byte
	options dataset.Options
	want    string // pattern of the message
	kind    fault.Kind
}

func bad(id, name, file string, data []byte, want string) hostile {
	return hostile{id: id, name: name, file: file, data: data, want: want, kind: fault.Input}
}

// checkHostile opens and reads path, and holds the error against c.
func checkHostile(t *testing.T, c hostile, path string) {
	t.Helper()
	start := time.Now()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := openAndRead(path, c.options)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%s %s: allocated %d MiB", c.id, c.name, grown>>20)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%s %s: took %v", c.id, c.name, took)
	}
	if err == nil {
		t.Errorf("%s %s: no error, want %q", c.id, c.name, c.want)
		return
	}
	msg := err.Error()
	if !regexp.MustCompile(c.want).MatchString(msg) || strings.Contains(msg, "\n") {
		t.Errorf("%s %s: got %q, want a line that matches %q", c.id, c.name, msg, c.want)
	}
	if kind := fault.KindOf(err); kind != c.kind {
		t.Errorf("%s %s: kind %d, want %d (%s)", c.id, c.name, kind, c.kind, msg)
	}
}

func openAndRead(arg string, o dataset.Options) error {
	src, err := dataset.Open(arg, o)
	if err != nil {
		return err
	}
	defer src.Close()
	_, err = dataset.IDs(context.Background(), src)
	return err
}

func run(t *testing.T, cases []hostile) {
	t.Helper()
	for _, c := range cases {
		checkHostile(t, c, put(t, t.TempDir(), c.file, c.data))
	}
}

// runFolder opens the folder that holds the file, as images.
func runFolder(t *testing.T, cases []hostile) {
	t.Helper()
	for _, c := range cases {
		d := t.TempDir()
		put(t, d, c.file, c.data)
		checkHostile(t, c, "images:"+d)
	}
}

func labelled(label string, c hostile) hostile {
	c.options.Label = label
	return c
}

func TestHostileCSV(t *testing.T) {
	long := strings.Repeat("1,", 600_000)
	run(t, []hostile{
		bad("F-63", "empty", "a.csv", nil, `a\.csv: is empty`),
		bad("F-63", "only a mark", "a.csv", []byte("\xef\xbb\xbf"), `is empty`),
		bad("F-63", "header only", "a.csv", []byte("a,b\n"), `line 1: a header and no rows`),
		bad("F-63", "NUL", "a.csv", []byte("a,b\n1,2\n1,\x002\n"), `line 3: byte 3 is '\\x00'`),
		bad("F-63", "long line", "a.csv", []byte("1,2\n"+long+"\n"), `line 2: longer than 1048576 bytes`),
		bad("F-63", "long line without an end", "a.csv", []byte(long), `line 1: longer`),
		bad("F-63", "long field", "a.csv", []byte("1,2\n1,"+strings.Repeat("1", 70_000)), `line 2, column 2: field of 70000 bytes, limit 65536`),
		bad("F-63", "unbalanced quote", "a.csv", []byte("1,2\n\"1,2\n3,4\n"), `line 2, column 1: opening quote without a closing one`),
		bad("F-63", "text after a quote", "a.csv", []byte("1,2\n\"1\"x,2\n"), `line 2, column 1: text after the closing quote`),
		bad("F-63", "quote inside", "a.csv", []byte("1,2\n1,2\"\n"), `line 2, column 2: a quote inside`),
		bad("F-63", "ragged, short", "a.csv", []byte("a,b,c\n1,2,3\n1,2\n"), `line 3: 2 columns, expected 3`),
		bad("F-63", "ragged, long", "a.csv", []byte("1,2,3\n1,2,3,4\n"), `line 2: 4 columns, expected 3`),
		bad("F-63", "not a number", "a.csv", []byte("a,b,c\n1,2,3\n1,x,3\n1,2,3\n"), `line 3, column 2: "x" is not a number`),
		bad("F-65", "infinity", "a.csv", []byte("1,2,3\n1,-Inf,3\n"), `line 2, column 2: "-Inf", expected a finite`),
		bad("F-65", "overflow", "a.csv", []byte("1,2,3\n1,1e39,3\n"), `line 2, column 2: "1e39", expected a finite`),
		bad("F-65", "overflow of float64", "a.csv", []byte("1,2,3\n1,1e999,3\n"), `line 2, column 2: "1e999", expected a finite`),
		bad("F-63", "invalid UTF-8", "a.csv", []byte("1,2\n1,\xff\xfe\n"), `line 2: invalid UTF-8`),
		bad("F-63", "carriage returns only", "a.csv", []byte("1,2\r3,4\r"), `line 1: byte 4 is '\\r'`),
		bad("F-63", "duplicate ids", "a.csv", []byte("Id,a\n1,2\n3,4\n1,5\n"), `line 4, column 1: id occurs twice`),
		bad("F-63", "label not whole", "a.csv", []byte("a,label\n1,1\n1,0.5\n"), `line 3, column 2: "0.5" in label column`),
		bad("F-63", "nothing but labels", "a.csv", []byte("x\ny\nz\n"), `no columns left as features`),
		labelled("kind", bad("F-63", "no such column", "a.csv", []byte("a,b\n1,2\n"), `label: no column "kind": expected "a" or "b"`)),
		labelled("7", bad("F-63", "no such index", "a.csv", []byte("1,2\n1,2\n"), `label: no column "7"`)),
		{"F-44", "unknown class", "a.csv", []byte("1,x\n1,z\n"), dataset.Options{Classes: []string{"x", "y"}}, `line 2, column 2: class "z", expected one of`, fault.Input},
	})
}

func TestHostileIDX(t *testing.T) {
	images := idxImages(3, 4, 4)
	magic := bytes.Clone(images)
	magic[2] = 0x0d
	huge := bytes.Clone(images)
	copy(huge[4:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	large := bytes.Clone(images)
	copy(large[4:], "\x10\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x10")
	flipped := gz(images)
	flipped[len(flipped)-6] ^= 1
	zeros := append(bytes.Clone(images[:4]), 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4)
	run(t, []hostile{
		bad("F-64", "labels as images", "x", idxLabels(3, 3), "holds labels, expected images"),
		bad("F-64", "one byte short", "x", images[:len(images)-1], `63 bytes, but its header says \[3 4 4\], which takes 64`),
		bad("F-64", "one byte more", "x", append(bytes.Clone(images), 0), `65 bytes, but its header says \[3 4 4\], which takes 64`),
		bad("F-64", "overflow", "x", huge, `overflow`),
		bad("F-64", "too large", "x", large, `file of 64 bytes, but its header says \[268435456 16 16\]`),
		bad("F-64", "no rows", "x", idxImages(0, 4, 4), `has no rows`),
		bad("F-64", "no pixels", "x", zeros, `images of 0×4 pixels`),
		bad("F-64", "short header", "x", images[:9], `truncated: 9 bytes, expected an IDX header of 16`),
		bad("F-64", "packed, truncated", "x.gz", gz(images)[:40], `truncated`),
		bad("F-64", "packed, one byte short", "x.gz", gz(images[:len(images)-1]), `truncated: 47 values, but its header says \[3 4 4\], which is 48`),
		bad("F-64", "packed, more", "x.gz", gz(append(bytes.Clone(images), 0)), `more than the 48 values`),
		bad("F-64", "packed, wrong sum", "x.gz", flipped, `cannot unpack: gzip: invalid checksum`),
		bad("F-64", "packed, promises a bomb", "x.gz", gz(large), `unpack to 68719476736|unpacks to 68719476736`),
	})
	t.Run("magic", func(t *testing.T) {
		checkHostile(t, bad("F-64", "magic", "", nil, `offset 0: magic number 0x00000d03, expected 0x00000803`), "idx:"+put(t, t.TempDir(), "x", magic))
	})
	t.Run("labels", func(t *testing.T) {
		d := t.TempDir()
		put(t, d, "train-images-idx3-ubyte", images)
		path := put(t, d, "train-labels-idx1-ubyte", idxLabels(4, 2))
		checkHostile(t, bad("F-64", "images and labels", "", nil, `4 labels, but train-images-idx3-ubyte has 3 images`), d)
		put(t, d, "train-labels-idx1-ubyte", idxLabels(3, 3)[:10])
		checkHostile(t, bad("F-64", "labels truncated", "", nil, `file of 10 bytes, but its header says \[3\], which takes 11`), d)
		put(t, d, "train-labels-idx1-ubyte", idxLabels(3, 3))
		checkHostile(t, hostile{"F-44", "label above classes", "", nil, dataset.Options{Classes: []string{"a", "b"}}, `row 2: label 2, expected less than 2 classes`, fault.Input}, d)
		os.Remove(path)
		checkHostile(t, hostile{"", "no such split", "", nil, dataset.Options{Split: "test"}, `no split "test": expected train`, fault.Input}, d)
		put(t, d, "emnist-train-images-idx3-ubyte.gz", gz(images))
		checkHostile(t, bad("", "two sets", "", nil, `2 images files for one split: emnist-train-images-idx3-ubyte.gz or train-images-idx3-ubyte`), d)
	})
	t.Run("bomb", func(t *testing.T) { // 300 MB of zeros, as promised
		head := binary.BigEndian.AppendUint32(nil, 0x803)
		for _, d := range []uint32{300, 1000, 1000} {
			head = binary.BigEndian.AppendUint32(head, d)
		}
		data := gz(append(head, make([]byte, 300_000_000)...))
		checkHostile(t, bad("F-64", "bomb", "", nil, `bytes unpack to 300000000, limit 100 times`), put(t, t.TempDir(), "a.gz", data))
	})
}

func TestHostileNPY(t *testing.T) {
	head := func(dict string, n int) []byte { return npy(1, dict, make([]byte, n)) }
	good := npyFloats(2, 3)
	long := npy(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }"+strings.Repeat(" ", 10_000), make([]byte, 4))
	liar := npy(2, "{", nil)
	copy(liar[8:], "\xff\xff\xff\xff")
	noNewline := bytes.Clone(good)
	noNewline[127] = ' '
	run(t, []hostile{
		bad("F-53", "objects", "a.npy", head("{'descr': '|O', 'fortran_order': False, 'shape': (2, 1), }", 16), `object arrays are not supported`),
		bad("F-53", "structure", "a.npy", head("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 1), }", 8), `structured arrays are not supported`),
		bad("F-53", "strings", "a.npy", head("{'descr': '<U4', 'fortran_order': False, 'shape': (2, 1), }", 32), `type "<U4", expected`),
		bad("F-53", "complex", "a.npy", head("{'descr': '<c8', 'fortran_order': False, 'shape': (2, 1), }", 16), `type "<c8", expected`),
		bad("F-54", "length 4 GiB", "a.npy", liar, `4294967295 bytes long, limit 10000`),
		bad("F-54", "length above the limit", "a.npy", long, `bytes long, limit 10000`),
		bad("F-54", "version 9", "a.npy", npy(9, "{}", nil), `version 9\.0, expected`),
		bad("F-54", "magic", "a.npy", []byte("\x93NUMPX\x01\x00v\x00"), `starts with`),
		bad("F-56", "features without end", "a.npy", head("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2000000), }", 2_000_000), `has 2000000 features, limit`),
		bad("F-54", "name without a stem", ".npy", good[:90], `truncated`),
		bad("F-54", "empty", "a.npy", nil, `truncated after 0 bytes`),
		bad("F-54", "no newline", "a.npy", noNewline, `does not end with a newline`),
		bad("F-54", "missing key", "a.npy", head("{'descr': '<f4', 'shape': (2, 1), }", 8), `no key "fortran_order"`),
		bad("F-54", "extra key", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), 'x': 1}", 8), `unknown key "x"`),
		bad("F-54", "key twice", "a.npy", head("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 1)}", 8), `key "descr" twice`),
		bad("F-54", "unicode", "a.npy", head("{'déscr': '<f4'}", 8), `unknown key "déscr"`),
		bad("F-54", "invalid unicode", "a.npy", npy(3, "{'\xff': '<f4'}", nil), `invalid UTF-8`),
		bad("F-54", "text after", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), } + 1", 8), `text after`),
		bad("F-54", "code", "a.npy", head("__import__('os')", 8), `expected '{'`),
		bad("F-56", "negative", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2), }", 8), `dimension -1 is negative`),
		bad("F-56", "no values", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5), }", 0), `holds no values`),
		bad("F-56", "scalar", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4), `shape \[\], expected`),
		bad("F-56", "rank 1", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8), `shape \[2\], expected`),
		bad("F-56", "rank 17", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': ("+strings.Repeat("1,", 17)+"), }", 4), `more than 16 dimensions`),
		bad("F-56", "product", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 8), `overflows`),
		bad("F-56", "product times size", "a.npy", head("{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952, 2), }", 8), `overflows`),
		bad("F-56", "product and Fortran", "a.npy", head("{'descr': '<f8', 'fortran_order': True, 'shape': (1099511627776, 2), }", 8), `but shape .* takes`),
		bad("F-56", "no dimension", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': (a, 2), }", 8), `expected a dimension`),
		bad("F-56", "99 digits", "a.npy", head("{'descr': '<f4', 'fortran_order': False, 'shape': ("+strings.Repeat("9", 99)+", 2), }", 8), `expected a dimension`),
		bad("F-56", "axes unclear", "a.npy", npyFloats(1, 3, 2, 3), `does not show which axis is the channels`),
		bad("F-57", "one byte short", "a.npy", good[:len(good)-1], `151 bytes, but shape \[2 3\] of <f4 takes 152`),
		bad("F-57", "one byte more", "a.npy", append(bytes.Clone(good), 0), `153 bytes, but shape \[2 3\] of <f4 takes 152`),
		bad("F-65", "NaN", "a.npy", npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }", append(float64s(1), "\x00\x00\x00\x00\x00\x00\xf8\x7f"...)), `row 1: value 0 is NaN`),
		bad("F-65", "too large for float32", "a.npy", npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }", float64s(1, -1e300)), `row 1: value 0 is -Inf`),
	})
	if err := openAndRead(put(t, t.TempDir(), ".npy", good), dataset.Options{}); err != nil {
		t.Errorf("name without a stem: %v", err)
	}
	for i, n := 0, len(good); i < n; i++ { // F-57: truncated anywhere
		checkHostile(t, bad("F-57", fmt.Sprint("truncated to ", i), "", nil, `a\.npy: `), put(t, t.TempDir(), "a.npy", good[:i]))
	}
	for _, c := range []hostile{
		bad("F-44", "too few", "", npyBytes([]byte{1}, 1), `1 labels for 2 rows`),
		bad("F-44", "shape", "", npyBytes([]byte{1, 2, 3, 4}, 2, 2, 1), `labels of shape \[2 2 1\], expected \(2\) or \(2, labels\)`),
		bad("F-44", "negative", "", npy(1, "{'descr': '|i1', 'fortran_order': False, 'shape': (2,), }", []byte{0, 0xfe}), `row 1: label -2, expected`),
		bad("F-44", "not whole", "", npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", float64s(1, 0.9999999999)), `row 1: label 0.9999999999, expected`),
		bad("F-44", "huge", "", npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", float64s(1, 1e12)), `row 1: label 1e\+12, expected`),
	} {
		d := t.TempDir()
		put(t, d, "X_labels.npy", c.data)
		checkHostile(t, c, put(t, d, "X.npy", npyFloats(2, 3)))
	}
}

// zipWith edits the first local header and directory entry of a good archive.
func zipWith(edit func(local, central []byte)) []byte {
	b := npz(entry{"x.npy", npyFloats(2, 3)})
	edit(b[bytes.Index(b, []byte("PK\x03\x04")):], b[bytes.Index(b, []byte("PK\x01\x02")):])
	return b
}

// stored is an archive of stored entries.
func stored(entries ...entry) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f := must(w.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Store}))
		f.Write(e.data)
	}
	w.Close()
	return b.Bytes()
}

func TestHostileNPZ(t *testing.T) {
	good := npz(entry{"x.npy", npyFloats(2, 3)})
	many := make([]entry, 2000)
	for i := range many {
		many[i] = entry{fmt.Sprintf("a%d.npy", i), nil}
	}
	overlap := stored(entry{"x.npy", npyFloats(2, 3)}, entry{"y.npy", npyBytes([]byte{0, 1}, 2)})
	second := bytes.LastIndex(overlap, []byte("PK\x01\x02"))
	copy(overlap[second+42:], "\x00\x00\x00\x00") // the second entry is where the first is
	zip64 := bytes.Clone(good)
	end := bytes.Index(zip64, []byte("PK\x05\x06"))
	locator := append([]byte("PK\x06\x07\x00\x00\x00\x00"), "\xff\xff\xff\xff\xff\xff\xff\x7f\x01\x00\x00\x00"...)
	zip64 = append(append(bytes.Clone(zip64[:end]), locator...), zip64[end:]...)
	copy(zip64[end+20+10:], "\xff\xff")
	run(t, []hostile{
		bad("F-58", "empty", "a.npz", nil, `no end record`),
		bad("F-58", "truncated", "a.npz", good[:len(good)/2], `no end record`),
		bad("F-58", "no arrays", "a.npz", npz(), `holds no arrays, expected an array x`),
		bad("F-58", "other names", "a.npz", npz(entry{"w.npy", npyFloats(1)}), `holds w, expected an array x`),
		bad("F-58", "not an array", "a.npz", npz(entry{"readme.txt", nil}), `not the name of an array`),
		bad("F-58", "parent", "a.npz", npz(entry{"../a.npy", npyFloats(1)}), `\.\./a\.npy: not the name of an array`),
		bad("F-58", "absolute", "a.npz", npz(entry{"/tmp/a.npy", npyFloats(1)}), `not the name of an array`),
		bad("F-58", "twice", "a.npz", npz(entry{"x.npy", npyFloats(1, 1)}, entry{"x.npy", npyFloats(1, 1)}), `x: two arrays of that name`),
		bad("F-58", "2000 entries", "a.npz", npz(many...), `2000 entries, limit 1024`),
		bad("F-58", "encrypted", "a.npz", zipWith(func(l, c []byte) { l[6] |= 1; c[8] |= 1 }), `is encrypted`),
		bad("F-58", "method", "a.npz", zipWith(func(l, c []byte) { l[8], c[10] = 12, 12 }), `compression method 12`),
		bad("F-58", "wrong sum", "a.npz", zipWith(func(_, c []byte) { c[16] ^= 1 }), `cannot unpack|CRC-32`),
		bad("F-58", "sum of zero", "a.npz", zipWith(func(l, c []byte) { l[6] = 0; copy(c[8:], "\x00"); copy(c[16:], "\x00\x00\x00\x00") }), `CRC-32 is`),
		bad("F-58", "says more bytes", "a.npz", zipWith(func(_, c []byte) { c[24]++ }), `fewer than the 153 bytes`),
		bad("F-58", "says fewer bytes", "a.npz", zipWith(func(_, c []byte) { c[24]-- }), `more than the 151 bytes|cannot unpack`),
		bad("F-58", "says 4 GiB", "a.npz", zipWith(func(_, c []byte) { copy(c[24:], "\xfe\xff\xff\xff") }), `unpack to 4294967294, limit 100 times`),
		bad("F-58", "outside the file", "a.npz", zipWith(func(_, c []byte) { copy(c[42:], "\x00\x00\x00\x70") }), `no local header`),
		bad("F-58", "overlap", "a.npz", overlap, `overlaps|bytes`),
		bad("F-58", "Zip64 lie", "a.npz", zip64, `Zip64 record lies outside the file`),
		bad("F-53", "objects", "a.npz", npz(entry{"x.npy", npy(1, "{'descr': '|O', 'fortran_order': False, 'shape': (2, 1), }", nil)}), `x: type "\|O": object arrays`),
		bad("F-57", "short array", "a.npz", npz(entry{"x.npy", npyFloats(2, 2)[:130]}), `x: 130 bytes, but shape`),
		bad("F-58", "bomb", "a.npz", npz(entry{"x.npy", make([]byte, 300_000_000)}), `x: .* unpack to 300000000, limit 100 times`),
	})
	if err := openAndRead(put(t, t.TempDir(), "ok.npz", good), dataset.Options{}); err != nil {
		t.Errorf("the archive that the cases break is refused: %v", err)
	}
}

func TestHostileImages(t *testing.T) {
	good := encodePNG(colorImage(20, 20, 1))
	jpg := encodeJPEG(colorImage(20, 20, 1))
	pal := image.NewPaletted(image.Rect(0, 0, 4, 4), []color.Color{color.Black, color.White})
	screen := encodeGIF(1, pal)[:34]
	copy(screen[6:], "\xff\xff\xff\xff")
	runFolder(t, []hostile{
		bad("F-61", "2^31", "k/a.png", pngOf(1<<31-1, 1<<31-1), `image of 2147483647×2147483647 pixels, limit|not a readable PNG`),
		bad("F-61", "255 by 1677721600", "k/a.png", pngOf(255, 1677721600), `limit 67108864|not a readable PNG`),
		bad("F-61", "64 Mpx in 33 bytes", "k/a.png", pngOf(8000, 8000), `image of 8000×8000 pixels in 33 bytes, limit 2000 pixels a byte`),
		bad("F-61", "0 by 0", "k/a.png", pngOf(0, 0), `not a readable PNG`),
		bad("F-61", "GIF of 65535²", "k/a.gif", screen, `image of 65535×65535 pixels, limit`),
		bad("F-61", "moving GIF", "k/a.gif", encodeGIF(3, pal), `a\.gif: GIF of more than one frame`),
		bad("F-62", "truncated PNG", "k/a.png", good[:len(good)-30], `a\.png: not a readable PNG`),
		bad("F-62", "truncated JPEG", "k/a.jpg", jpg[:len(jpg)/2], `a\.jpg: not a readable JPEG`),
		bad("F-62", "truncated head", "k/a.jpg", jpg[:100], `a\.jpg: not a readable JPEG`),
		bad("F-62", "corrupt sum", "k/a.png", corruptCRC(good), `a\.png: not a readable PNG`),
		bad("F-62", "text", "k/a.png", []byte("<html>404</html>"), `starts with "<html>40", expected a PNG`),
		bad("F-62", "empty file", "k/a.png", nil, `a\.png: is empty`),
		bad("F-67", "line feed in the name", "k/a\nb.png", nil, `a\\nb\.png: is empty`),
		bad("F-67", "name not UTF-8", "k/a\xffb.png", nil, `a\\xffb\.png`),
		bad("F-67", "split inside a class", "k/Test/m.png", good, `k/Test: a folder of split test inside the folder of class k: expected Test/k, or the path of k itself`),
		bad("F-67", "folders without end", "k"+strings.Repeat("/l", 20)+"/m.png", good, `more than 16 folders below`),
		{"F-62", "all bad", "k/a.png", []byte("x"), dataset.Options{SkipBad: true}, `all 1 images are bad, the first: .*a\.png: starts with`, fault.Input},
		{"", "class not among those given", "k/a.png", good, dataset.Options{Classes: []string{"cat"}}, `k: folder of a class that is not one of`, fault.Input},
		{"", "resize to nothing", "k/a.png", good, dataset.Options{Resize: []int{0, 4}}, `resize: got \[0 4\]`, fault.Usage},
	})
}

func TestHostileFolders(t *testing.T) {
	good := encodePNG(colorImage(20, 20, 1))
	for _, c := range []struct {
		hostile
		make func(dir string)
	}{
		{bad("F-62", "two sizes", "", nil, `b\.png: image of 5×20 pixels, but .*a\.png has 20×20`), func(d string) {
			put(t, d, "k/a.png", good)
			put(t, d, "k/b.png", encodePNG(colorImage(20, 5, 0)))
		}},
		{bad("F-67", "link out of the folder", "", nil, `a\.png: a symbolic link that leads nowhere inside`), func(d string) {
			put(t, d, "k/b.png", good)
			os.Symlink(put(t, t.TempDir(), "secret.png", good), filepath.Join(d, "k/a.png"))
		}},
		{bad("F-67", "link to itself", "", nil, `a\.png: a symbolic link that leads nowhere inside`), func(d string) {
			put(t, d, "k/b.png", good)
			os.Symlink("a.png", filepath.Join(d, "k/a.png"))
		}},
		{bad("F-67", "pipe", "", nil, `a\.png: is a device, pipe or folder`), func(d string) {
			put(t, d, "k/b.png", good)
			if err := syscall.Mkfifo(filepath.Join(d, "k/a.png"), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{bad("", "images beside classes", "", nil, `c\.png: an image beside the folders of classes`), func(d string) {
			put(t, d, "k/b.png", good)
			put(t, d, "c.png", good)
		}},
		{bad("F-65", "no images", "", nil, `holds no images`), func(d string) { put(t, d, "k/readme", nil) }},
	} {
		d := t.TempDir()
		c.make(d)
		checkHostile(t, c.hostile, "images:"+d)
	}
}

// TestHostilePaths are arguments that name no readable data.
func TestHostilePaths(t *testing.T) {
	d := t.TempDir()
	fifo := filepath.Join(d, "pipe.csv")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	for arg, c := range map[string]hostile{
		"":                      {want: `no data: expected a path`, kind: fault.Usage},
		d + "/none.csv":         {want: `none\.csv: cannot read: no such file`, kind: fault.IO},
		"csv:" + d + "/none":    {want: `none: cannot read: no such file`, kind: fault.IO},
		"arrow:" + d + "/none":  {want: `"arrow" is no format: expected cifar`, kind: fault.IO},
		d:                       {want: `format not recognised: expected .*csv \(`, kind: fault.Input},
		fifo:                    {want: `format not recognised`, kind: fault.Input},
		"csv:" + fifo:           {want: `is a device or pipe`, kind: fault.Input},
		"csv:" + d:              {want: `is a folder, expected a file`, kind: fault.Input},
		"idx:" + d:              {want: `no images file found`, kind: fault.Input},
		"npz:" + fifo:           {want: `is a device or pipe`, kind: fault.Input},
		"glyphs:dog":            {want: `split: got "dog", expected train`, kind: fault.Usage},
		"glyphs:?rows=0":        {want: `rows: got 0, expected from 1`, kind: fault.Usage},
		"glyphs:?row=1":         {want: `row: unknown, expected rows`, kind: fault.Usage},
		"glyphs:?rows=1&rows=2": {want: `rows: given 2 times`, kind: fault.Usage},
		"glyphs:?seed=x":        {want: `seed: got "x"`, kind: fault.Usage},
	} {
		c.name = arg
		checkHostile(t, c, arg)
	}
	if os.Getuid() == 0 {
		return // permissions do not hold root back
	}
	locked := put(t, d, "locked.csv", []byte("1,2"))
	os.Chmod(locked, 0)
	checkHostile(t, hostile{name: "unreadable", want: `permission denied`, kind: fault.IO}, locked)
}
