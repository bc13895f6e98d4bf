package dataset_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/datasettest"
	_ "github.com/kdonnx/kdonnx/dataset/glyphs"
)

// formatCase is one good file of a format.
type formatCase struct {
	name    string
	make    func(t *testing.T, dir string) string // gives the argument of Open
	options dataset.Options
	len     int
	shape   []int
	classes string
	splits  string
	first   []float32 // the first values of row 0
	texts   string    // the texts of row 0, joined by |
	labels  []int32   // the first labels
}

var nan = float32(math.NaN())

// adultJSON and adultParquet are one table: numbers, a category, a boolean, a
// list with a number missing, and a label.
const adultJSON = `{"age": 39, "work": "Private", "own": {"house": true}, "e": [2.5, null], "income": "<=50K"}
{"age": 50.5, "work": "State\u002dgov", "own": {"house": false}, "e": [1e1, -4], "income": ">50K"}
{"age": -1, "own": {"house": true}, "e": [0, 1], "income": null}
`

type adult struct {
	Age  float64 `parquet:"age"`
	Work *string `parquet:"work,dict"`
	Own  struct {
		House bool `parquet:"house"`
	} `parquet:"own"`
	E      []*float32 `parquet:"e,list"`
	Income *string    `parquet:"income"`
}

func adultRows() []adult {
	p := func(s string) *string { return &s }
	f := func(v float32) *float32 { return &v }
	rows := []adult{
		{Age: 39, Work: p("Private"), E: []*float32{f(2.5), nil}, Income: p("<=50K")},
		{Age: 50.5, Work: p("State-gov"), E: []*float32{f(10), f(-4)}, Income: p(">50K")},
		{Age: -1, E: []*float32{f(0), f(1)}},
	}
	rows[0].Own.House, rows[2].Own.House = true, true
	return rows
}

func adultParquet(options ...parquet.WriterOption) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[adult](&b, options...)
	must(w.Write(adultRows()))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const smallCSV = "id,width,height,kind\n1,0.5,2,cat\n2,1.5,3,dog\n3,2.5,4,cat\n4,3.5,5,\n"

func idxFolder(t *testing.T, dir, suffix string, pack func([]byte) []byte) string {
	put(t, dir, "train-images-idx3-ubyte"+suffix, pack(idxImages(6, 4, 3)))
	put(t, dir, "train-labels-idx1-ubyte"+suffix, pack(idxLabels(6, 3)))
	put(t, dir, "t10k-images-idx3-ubyte"+suffix, pack(idxImages(2, 4, 3)))
	put(t, dir, "t10k-labels-idx1-ubyte"+suffix, pack(idxLabels(2, 2)))
	return dir
}

func plain(b []byte) []byte { return b }

func imageTree(t *testing.T, dir string) string {
	put(t, dir, "train/b dog/1.png", encodePNG(colorImage(5, 4, 0)))
	put(t, dir, "train/b dog/2.JPG", encodeJPEG(colorImage(5, 4, 9)))
	put(t, dir, "train/a cat/1.png", encodePNG(grayImage(5, 4, 3)))
	put(t, dir, "train/a cat/readme.txt", []byte("not an image"))
	put(t, dir, "train/.hidden/1.png", []byte("hidden"))
	put(t, dir, "test/c cow/1.png", encodePNG(colorImage(5, 4, 1)))
	return dir
}

var formatCases = map[string][]formatCase{
	"idx": {
		{name: "plain folder", make: func(t *testing.T, d string) string { return idxFolder(t, d, "", plain) },
			len: 6, shape: []int{4, 3, 1}, classes: "0 1 2", splits: "train test", first: []float32{0, 7, 14}, labels: []int32{0, 1, 2, 0}},
		{name: "packed test split", make: func(t *testing.T, d string) string { return idxFolder(t, d, ".gz", gz) },
			options: dataset.Options{Split: "test"}, len: 2, shape: []int{4, 3, 1}, classes: "0 1", splits: "train test", first: []float32{0, 7}},
		{name: "one file", make: func(t *testing.T, d string) string { return idxFolder(t, d, "", plain) + "/t10k-images-idx3-ubyte" },
			options: dataset.Options{Classes: []string{"a", "b", "c"}}, len: 2, shape: []int{4, 3, 1}, classes: "a b c"},
		{name: "no labels", make: func(t *testing.T, d string) string {
			return "idx:" + put(t, d, "faces-images", idxImages(3, 2, 2))
		}, len: 3, shape: []int{2, 2, 1}, labels: []int32{-1, -1, -1}},
	},
	"csv": {
		{name: "header, id, label", make: func(t *testing.T, d string) string { return put(t, d, "t.csv", []byte(smallCSV)) },
			len: 4, shape: []int{2}, classes: "cat dog", first: []float32{0.5, 2}, labels: []int32{0, 1, 0, -1}},
		{name: "mark and line ends", make: func(t *testing.T, d string) string {
			return put(t, d, "t.csv", []byte("\xef\xbb\xbf"+strings.ReplaceAll(smallCSV, "\n", "\r\n")))
		}, len: 4, shape: []int{2}, classes: "cat dog", first: []float32{0.5, 2}},
		{name: "tabs and quotes", make: func(t *testing.T, d string) string {
			return put(t, d, "t.tsv", []byte("\"a \"\"b\"\"\"\t1\t2\n\"c\td\"\t3\t4\n"))
		}, len: 2, shape: []int{2}, classes: `a "b"|c` + "\td", first: []float32{1, 2}, labels: []int32{0, 1}},
		{name: "spaces, label last", make: func(t *testing.T, d string) string {
			return put(t, d, "t.data", []byte(" 1  2 T\n3 4   I \n5 6 T"))
		}, len: 3, shape: []int{2}, classes: "I T", first: []float32{1, 2}, labels: []int32{1, 0, 1}},
		{name: "semicolons, numbers as classes", make: func(t *testing.T, d string) string {
			return put(t, d, "t.csv", []byte("v;target\n1e-3;10\n-2;9\n3;10.0\n"))
		}, len: 3, shape: []int{1}, classes: "9 10", first: []float32{1e-3}, labels: []int32{1, 0, 1}},
		{name: "label by index", make: func(t *testing.T, d string) string { return put(t, d, "t.csv", []byte("1,2,3\n4,5,6\n")) },
			options: dataset.Options{Label: "-2"}, len: 2, shape: []int{2}, classes: "2 5", first: []float32{1, 3}},
		{name: "given classes by position", make: func(t *testing.T, d string) string { return put(t, d, "t.csv", []byte("x,y\n1,1\n4,0\n")) },
			options: dataset.Options{Classes: []string{"no", "yes"}}, len: 2, shape: []int{1}, classes: "no yes", labels: []int32{1, 0}},
		{name: "no label wanted", make: func(t *testing.T, d string) string { return put(t, d, "t.csv", []byte("x,y\n1,0.5\n4,0\n")) },
			options: dataset.Options{Label: "none"}, len: 2, shape: []int{2}, first: []float32{1, 0.5}},
	},
	"jsonl": {
		{name: "one a line", make: func(t *testing.T, d string) string { return put(t, d, "t.jsonl", []byte(adultJSON)) },
			options: dataset.Options{Label: "income"}, len: 3, shape: []int{6}, classes: "<=50K >50K", texts: "Private", labels: []int32{0, 1, -1},
			first: []float32{39, 1, 0, 1, 2.5, nan}},
		{name: "marks and line ends", make: func(t *testing.T, d string) string {
			return put(t, d, "t.ndjson", []byte("\xef\xbb\xbf"+strings.ReplaceAll(adultJSON, "\n", "\r\n\r\n")))
		}, options: dataset.Options{Label: "income"}, len: 3, shape: []int{6}, classes: "<=50K >50K", texts: "Private", first: []float32{39, 1, 0, 1, 2.5, nan}},
		{name: "one array", make: func(t *testing.T, d string) string {
			return put(t, d, "t.json", []byte("[\n "+strings.ReplaceAll(strings.TrimSpace(adultJSON), "\n", "\n,\n")+"\n]\n"))
		}, options: dataset.Options{Label: "income"}, len: 3, shape: []int{6}, classes: "<=50K >50K", texts: "Private", first: []float32{39, 1, 0, 1, 2.5, nan}},
	},
	"parquet": {
		{name: "columns of every type", make: func(t *testing.T, d string) string { return put(t, d, "t.parquet", adultParquet()) },
			options: dataset.Options{Label: "income"}, len: 3, shape: []int{6}, classes: "<=50K >50K", texts: "Private", labels: []int32{0, 1, -1},
			first: []float32{39, 1, 0, 1, 2.5, nan}},
	},
	"npy": {
		{name: "features", make: func(t *testing.T, d string) string {
			put(t, d, "y_test.npy", npy(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", []byte("\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x00\x00\x00")))
			return put(t, d, "X_test.npy", npyFloats(3, 2))
		}, len: 3, shape: []int{2}, classes: "0 1 2", first: []float32{0, 0.25}, labels: []int32{1, -1, 2}},
		{name: "big-endian, version 3, keys in another order", make: func(t *testing.T, d string) string {
			return put(t, d, "a.npy", npy(3, `{"shape":(2,2),"fortran_order":False,"descr":">f4"}`, []byte("\x3f\x80\x00\x00\x40\x00\x00\x00\xbf\x80\x00\x00\x00\x00\x00\x00")))
		}, len: 2, shape: []int{2}, first: []float32{1, 2}},
		{name: "Fortran order", make: func(t *testing.T, d string) string {
			put(t, d, "a_labels.npy", npyBytes([]byte{1, 0}, 2, 1))
			return put(t, d, "a.npy", npy(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", []byte{1, 4, 2, 5, 3, 6}))
		}, len: 2, shape: []int{3}, classes: "0 1", first: []float32{1, 2, 3}, labels: []int32{1, 0}},
		{name: "gray images", make: func(t *testing.T, d string) string {
			return put(t, d, "a.npy", npyBytes([]byte{1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 2))
		}, len: 2, shape: []int{2, 2, 1}, first: []float32{1, 2, 3, 4}},
		{name: "channels first", make: func(t *testing.T, d string) string {
			return put(t, d, "a.npy", npyBytes([]byte{1, 2, 3, 4, 5, 6}, 1, 3, 1, 2))
		}, len: 1, shape: []int{1, 2, 3}, first: []float32{1, 3, 5, 2, 4, 6}},
		{name: "channels as asked", make: func(t *testing.T, d string) string {
			return put(t, d, "a.npy", npyBytes([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 3, 1, 3))
		}, options: dataset.Options{Layout: dataset.NHWC}, len: 1, shape: []int{3, 1, 3}, first: []float32{1, 2, 3}},
	},
	"npz": {
		{name: "one set", make: func(t *testing.T, d string) string {
			return put(t, d, "a.npz", npz(entry{"x.npy", npyFloats(3, 2)}, entry{"y.npy", npyBytes([]byte{2, 0, 1}, 3)}))
		}, len: 3, shape: []int{2}, classes: "0 1 2", first: []float32{0, 0.25}, labels: []int32{2, 0, 1}},
		{name: "two splits", make: func(t *testing.T, d string) string {
			return put(t, d, "a.npz", npz(entry{"x_train.npy", npyFloats(3, 4, 4)}, entry{"y_train.npy", npyBytes([]byte{1, 0, 1}, 3)},
				entry{"x_test.npy", npyFloats(1, 4, 4)}, entry{"y_test.npy", npyBytes([]byte{1}, 1, 1)}))
		}, options: dataset.Options{Split: "test"}, splits: "train test", len: 1, shape: []int{4, 4, 1}, classes: "0 1", labels: []int32{1}},
	},
	"images": {
		{name: "classes and splits", make: imageTree, splits: "train test", len: 3, shape: []int{5, 4, 3}, classes: "a cat|b dog|c cow",
			first: []float32{3, 3, 3, 14, 14, 14}, labels: []int32{0, 1, 1}},
		{name: "test split", make: imageTree, options: dataset.Options{Split: "test"}, splits: "train test", len: 1, shape: []int{5, 4, 3},
			classes: "a cat|b dog|c cow", first: []float32{1, 0, 255, 2, 2, 254}, labels: []int32{2}},
		{name: "flat and gray", make: func(t *testing.T, d string) string {
			put(t, d, "x.png", encodePNG(grayImage(2, 3, 5)))
			put(t, d, "y.png", encodePNG(grayImage(2, 3, 6)))
			return d
		}, len: 2, shape: []int{2, 3, 1}, first: []float32{5, 16, 27}, labels: []int32{-1, -1}},
		{name: "resized, bad ones skipped", make: func(t *testing.T, d string) string {
			put(t, d, "k/1.png", encodePNG(grayImage(4, 4, 0)))
			put(t, d, "k/2.png", encodePNG(grayImage(9, 7, 0)))
			put(t, d, "k/3.png", corruptCRC(encodePNG(grayImage(9, 7, 0))))
			return d
		}, options: dataset.Options{Resize: []int{2, 2}, SkipBad: true}, len: 2, shape: []int{2, 2, 1}, classes: "k"},
	},
	"glyphs": {
		{name: "labelled in part", make: func(*testing.T, string) string { return "glyphs:test?rows=150&seed=4&labelled=70" },
			len: 150, shape: []int{28, 28, 1}},
		{name: "split from the options", make: func(*testing.T, string) string { return "glyphs:?rows=70" },
			options: dataset.Options{Split: "unlabelled"}, splits: "train val test unlabelled", len: 70, shape: []int{28, 28, 1}, labels: []int32{-1}},
	},
}

// TestFormats runs the suite on every case, and requires a case of every
// format.
func TestFormats(t *testing.T) {
	for _, f := range dataset.Formats() {
		cases := formatCases[f.Name]
		if len(cases) == 0 {
			t.Errorf("format %q has no case", f.Name)
		}
		for _, c := range cases {
			t.Run(f.Name+"/"+c.name, func(t *testing.T) { c.run(t, f.Name) })
		}
	}
}

func (c formatCase) run(t *testing.T, format string) {
	arg := c.make(t, t.TempDir())
	if splits := strings.Join(dataset.Splits(arg), " "); splits != c.splits {
		t.Errorf("splits %q, want %q", splits, c.splits)
	}
	src, err := dataset.Open(arg, c.options)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	spec := src.Spec()
	if src.Len() != c.len || !slices.Equal(spec.Shape, c.shape) {
		t.Fatalf("%d rows of %v, want %d of %v", src.Len(), spec.Shape, c.len, c.shape)
	}
	names := strings.Join(spec.Classes, " ")
	if strings.Contains(c.classes, "|") {
		names = strings.Join(spec.Classes, "|")
	}
	if names != c.classes && format != "glyphs" {
		t.Errorf("classes %q, want %q", names, c.classes)
	}
	var b dataset.Batch
	if err := src.Read(context.Background(), []int{0}, &b); err != nil {
		t.Fatal(err)
	}
	if got := b.X[:min(len(c.first), len(b.X))]; !slices.EqualFunc(got, c.first, func(x, y float32) bool { return x == y || x != x && y != y }) {
		t.Errorf("row 0 starts %v, want %v", got, c.first)
	}
	if got := strings.Join(b.S, "|"); got != c.texts {
		t.Errorf("texts of row 0 are %q, want %q", got, c.texts)
	}
	labels := must(dataset.Labels(context.Background(), src))
	if got := labels[:min(len(c.labels), len(labels))]; !slices.Equal(got, c.labels) {
		t.Errorf("labels start %v, want %v", got, c.labels)
	}
	datasettest.Suite(t, func() dataset.Source { return must(dataset.Open(arg, c.options)) })
}

// TestRealData opens data that others publish.
func TestRealData(t *testing.T) {
	for _, c := range []struct {
		name    string
		options dataset.Options
		len     int
		shape   []int
		classes int
		some    string
	}{
		{"iris/Iris.csv", dataset.Options{}, 150, []int{4}, 3, "Iris-setosa,Iris-versicolor,Iris-virginica"},
		{"letter/letter-recognition.data", dataset.Options{}, 20000, []int{16}, 26, "A,B,C"},
		{"mnist", dataset.Options{}, 60000, []int{28, 28, 1}, 10, "0,1,2"},
		{"mnist", dataset.Options{Split: "test"}, 10000, []int{28, 28, 1}, 10, "0,1,2"},
	} {
		t.Run(c.name+c.options.Split, func(t *testing.T) {
			src, err := dataset.Open(shared(t, c.name), c.options)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			s := src.Spec()
			if src.Len() != c.len || !slices.Equal(s.Shape, c.shape) || len(s.Classes) != c.classes || !strings.HasPrefix(strings.Join(s.Classes, ","), c.some) {
				t.Fatalf("%d rows of %v, classes %q", src.Len(), s.Shape, s.Classes)
			}
			if c.len != 60000 {
				return
			}
			mean, std, err := dataset.Stats(context.Background(), src)
			if got := fmt.Sprintf("%.4f %.4f %v", mean[0]/255, std[0]/255, err); got != "0.1307 0.3081 <nil>" {
				t.Errorf("mean and deviation %s, want 0.1307 0.3081", got)
			}
		})
	}
}

func TestRegisterTwice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a second format of one name was taken")
		}
	}()
	dataset.Register(dataset.Formats()[0])
}
