package dataset_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/datasettest"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// fuzzFile opens and reads data as the format: it must give rows or a fault in
// one line that is no usage error, and must not panic. dir is one for all
// inputs of a process: a folder for each would take longer than the reading.
func fuzzFile(t *testing.T, dir, format, name string, data []byte) {
	t.Helper()
	err := openAndRead(format+":"+put(t, dir, name, data), dataset.Options{})
	if err == nil {
		return
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Input || f.Path == "" || strings.Contains(err.Error(), "\n") {
		t.Fatalf("%#v: %v", err, err)
	}
}

func FuzzNPZ(f *testing.F) {
	f.Add(npz(entry{"x.npy", npyFloats(2, 3)}, entry{"y.npy", npyBytes([]byte{0, 1}, 2)}))
	f.Add(stored(entry{"x_train.npy", npyFloats(2, 3)}))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, dir, "npz", "a.npz", data) })
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(smallCSV))
	f.Add([]byte("\xef\xbb\xbfa;b\r\n1;\"x\"\"\"\r\n"))
	f.Add([]byte(" 1  2 T\n3 4   I \n"))
	f.Add([]byte("1\t\t3\n\"\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, dir, "csv", "a.csv", data) })
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(adultJSON), true)
	f.Add([]byte("[\n"+`{"a": [1, null], "b": "\u00e4\ud83d\ude00\n"}`+", {}]"), false)
	f.Add([]byte(`{"a": {"b": {"c": -1.5e+3}}}`), true)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, lines bool) {
		name := "a.json"
		if lines {
			name = "a.jsonl"
		}
		fuzzFile(t, dir, "jsonl", name, data)
	})
}

// FuzzParquet has much to go over: with -fuzzminimizetime 1x it does not
// shrink inputs again and again that only seem new, for the library keeps
// pools.
func FuzzParquet(f *testing.F) {
	type row struct {
		N int64   `parquet:"n,delta"`
		F float32 `parquet:"f,split"`
		S string  `parquet:"s,dict"`
		O *int32  `parquet:"o,optional"`
	}
	v := int32(7)
	rows := []row{{1, 2, "a", &v}, {2, 3, "b", nil}, {3, 4, "a", &v}}
	for _, options := range [][]parquet.WriterOption{
		{}, {parquet.DataPageVersion(1)}, {parquet.Compression(&parquet.Zstd), parquet.DataPageVersion(1)}, {parquet.Compression(&parquet.Snappy)}, {parquet.Compression(&parquet.Gzip), parquet.MaxRowsPerRowGroup(1)},
	} {
		f.Add(datasettest.Parquet(rows, options...))
	}
	f.Add(adultParquet())
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, dir, "parquet", "a.parquet", data) })
}

func FuzzColumns(f *testing.F) {
	f.Add("age=numeric?, \"a,b\"=categorical:9, g=ordinal(low<mid), note=text:512, -1=drop")
	f.Fuzz(func(t *testing.T, text string) {
		columns, err := dataset.ParseColumns(text)
		if err != nil && (fault.KindOf(err) != fault.Usage || strings.Contains(err.Error(), "\n")) {
			t.Fatalf("%v", err)
		}
		for _, c := range columns {
			if c.Name == "" || c.Kind == "" {
				t.Fatalf("%q gives %+v", text, columns)
			}
		}
		if _, err := dataset.ParseSchema(text); err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("%v", err)
		}
	})
}

func FuzzIDX(f *testing.F) {
	f.Add(idxImages(3, 2, 2))
	f.Add(gz(idxImages(3, 2, 2)))
	f.Add(idxLabels(3, 2))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, dir, "idx", "train-images-idx3-ubyte", data) })
}

func FuzzImage(f *testing.F) {
	f.Add(encodePNG(grayImage(3, 4, 1)))
	f.Add(withOrientation(encodeJPEG(colorImage(3, 4, 1)), 6))
	f.Add(pngOf(8000, 8000))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := t.TempDir()
		put(t, d, "k/a.png", data)
		err := openAndRead("images:"+d, dataset.Options{})
		if err != nil && fault.KindOf(err) != fault.Input {
			t.Fatal(err)
		}
	})
}
