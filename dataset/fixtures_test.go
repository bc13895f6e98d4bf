package dataset_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

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

// idxImages is an images file of n images of h×w whose pixels count up.
func idxImages(n, h, w int) []byte {
	b := binary.BigEndian.AppendUint32(nil, 0x803)
	for _, d := range []int{n, h, w} {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	for i := range n * h * w {
		b = append(b, byte(i*7))
	}
	return b
}

// idxLabels is a labels file of n labels that go round k classes.
func idxLabels(n, k int) []byte {
	b := binary.BigEndian.AppendUint32(nil, 0x801)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	for i := range n {
		b = append(b, byte(i%k))
	}
	return b
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// npy is an NPY file of any header.
func npy(version byte, dict string, values []byte) []byte {
	b := append([]byte("\x93NUMPY"), version, 0)
	dict += "\n"
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dict)))
	}
	return append(append(b, dict...), values...)
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

type entry struct {
	name string
	data []byte
}

// npz is an archive of entries, deflated.
func npz(entries ...entry) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f := must(w.Create(e.name))
		f.Write(e.data)
	}
	w.Close()
	return b.Bytes()
}

func encodePNG(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func encodeJPEG(img image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func encodeGIF(frames int, img *image.Paletted) []byte {
	var b bytes.Buffer
	g := &gif.GIF{}
	for range frames {
		g.Image, g.Delay = append(g.Image, img), append(g.Delay, 1)
	}
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// grayImage counts up from seed.
func grayImage(h, w, seed int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte(seed + 11*i)
	}
	return img
}

// colorImage has another value in each channel.
func colorImage(h, w, seed int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		img.SetNRGBA(i%w, i/w, color.NRGBA{byte(seed + i), byte(2 * i), byte(255 - i), 255})
	}
	return img
}

// corruptCRC flips a bit in the last data chunk of a PNG.
func corruptCRC(data []byte) []byte {
	bad := bytes.Clone(data)
	bad[bytes.Index(bad, []byte("IDAT"))+6] ^= 1
	return bad
}

// pngOf is the head of a PNG of any size, with nothing behind it.
func pngOf(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	b = binary.BigEndian.AppendUint32(b, w)
	b = binary.BigEndian.AppendUint32(b, h)
	b = append(b, 8, 0, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crcOf(b[12:]))
}

// withOrientation puts an EXIF orientation into a JPEG.
func withOrientation(data []byte, turn byte) []byte {
	exif := append([]byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00"), turn, 0, 0, 0, 0, 0, 0, 0)
	head := []byte{0xff, 0xd8, 0xff, 0xe1}
	head = binary.BigEndian.AppendUint16(head, uint16(len(exif)+2))
	return append(append(head, exif...), data[2:]...)
}

// float64s are little-endian values.
func float64s(values ...float64) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
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
