package dataset_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/datasettest"
)

// Builders of files, which other tests share.
var (
	idxImages       = datasettest.IDXImages
	idxLabels       = datasettest.IDXLabels
	gz              = datasettest.Gzip
	npy             = datasettest.NPY
	encodePNG       = datasettest.PNG
	encodeJPEG      = datasettest.JPEG
	encodeGIF       = datasettest.GIF
	grayImage       = datasettest.Gray
	colorImage      = datasettest.Colour
	corruptCRC      = datasettest.CorruptCRC
	pngOf           = datasettest.PNGHead
	withOrientation = datasettest.WithOrientation
	float64s        = datasettest.Float64s
	chunk           = datasettest.Chunk
	riff            = datasettest.RIFF
	wavFormat       = datasettest.WAVFormat
	wavData         = datasettest.WAVData
	wavFile         = datasettest.WAV
	sine            = datasettest.Sine
	cifarRecords    = datasettest.CIFAR
)

const extensible = datasettest.WAVExtensible

type entry struct {
	name string
	data []byte
}

// npz is an archive of entries, deflated.
func npz(entries ...entry) []byte {
	var list []datasettest.Entry
	for _, e := range entries {
		list = append(list, datasettest.Entry{Name: e.name, Data: e.data})
	}
	return datasettest.NPZ(list...)
}

// put writes a file below a folder and gives its path.
func put(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// npyFloats is an NPY file of values that count up by a quarter.
func npyFloats(dims ...int) []byte {
	n := 1
	for _, d := range dims {
		n *= d
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i) / 4
	}
	var b bytes.Buffer
	if err := dataset.WriteNPY(&b, dims, x); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// npyBytes is an NPY file of bytes.
func npyBytes(values []byte, dims ...int) []byte {
	var b bytes.Buffer
	if err := dataset.WriteNPYHeader(&b, "|u1", dims); err != nil {
		panic(err)
	}
	return append(b.Bytes(), values...)
}

// shared finds a file of the data that may lie beside the repository.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir := must(os.Getwd())
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	path := filepath.Join(dir, "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the real data %s does not lie beside the repository", name)
	}
	return path
}
