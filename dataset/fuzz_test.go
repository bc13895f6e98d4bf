package dataset_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// fuzzFile opens and reads data as the format: it must give rows or a fault in
// one line that is no usage error, and must not panic.
func fuzzFile(t *testing.T, format, name string, data []byte) {
	t.Helper()
	err := openAndRead(format+":"+put(t, t.TempDir(), name, data), dataset.Options{})
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
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, "npz", "a.npz", data) })
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(smallCSV))
	f.Add([]byte("\xef\xbb\xbfa;b\r\n1;\"x\"\"\"\r\n"))
	f.Add([]byte(" 1  2 T\n3 4   I \n"))
	f.Add([]byte("1\t\t3\n\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, "csv", "a.csv", data) })
}

func FuzzIDX(f *testing.F) {
	f.Add(idxImages(3, 2, 2))
	f.Add(gz(idxImages(3, 2, 2)))
	f.Add(idxLabels(3, 2))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, "idx", "train-images-idx3-ubyte", data) })
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
