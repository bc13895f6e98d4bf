package datasettest

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
)

// Entry is one file of an archive.
type Entry struct {
	Name string
	Data []byte
}

// IDXImages is an images file of n images of h×w whose pixels count up.
func IDXImages(n, h, w int) []byte {
	b := binary.BigEndian.AppendUint32(nil, 0x803)
	for _, d := range []int{n, h, w} {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	for i := range n * h * w {
		b = append(b, byte(i*7))
	}
	return b
}

// IDXLabels is a labels file of n labels that go round k classes.
func IDXLabels(n, k int) []byte {
	b := binary.BigEndian.AppendUint32(nil, 0x801)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	for i := range n {
		b = append(b, byte(i%k))
	}
	return b
}

// Gzip packs data.
func Gzip(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// NPY is an NPY file of any header.
func NPY(version byte, dict string, values []byte) []byte {
	b := append([]byte("\x93NUMPY"), version, 0)
	dict += "\n"
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dict)))
	}
	return append(append(b, dict...), values...)
}

// NPZ is an archive of entries, deflated.
func NPZ(entries ...Entry) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.Create(e.Name)
		if err != nil {
			panic(err)
		}
		f.Write(e.Data)
	}
	w.Close()
	return b.Bytes()
}

// PNG encodes img.
func PNG(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// JPEG encodes img as well as JPEG can.
func JPEG(img image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// GIF is an animation that shows img frames times.
func GIF(frames int, img *image.Paletted) []byte {
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

// Gray counts up from seed.
func Gray(h, w, seed int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte(seed + 11*i)
	}
	return img
}

// Colour has another value in each channel.
func Colour(h, w, seed int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		img.SetNRGBA(i%w, i/w, color.NRGBA{byte(seed + i), byte(2 * i), byte(255 - i), 255})
	}
	return img
}

// CorruptCRC flips a bit in the last data chunk of a PNG.
func CorruptCRC(data []byte) []byte {
	bad := bytes.Clone(data)
	bad[bytes.Index(bad, []byte("IDAT"))+6] ^= 1
	return bad
}

// PNGHead is the head of a PNG of any size, with nothing behind it.
func PNGHead(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	b = binary.BigEndian.AppendUint32(b, w)
	b = binary.BigEndian.AppendUint32(b, h)
	b = append(b, 8, 0, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
}

// WithOrientation puts an EXIF orientation into a JPEG.
func WithOrientation(data []byte, turn byte) []byte {
	exif := append([]byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00"), turn, 0, 0, 0, 0, 0, 0, 0)
	head := []byte{0xff, 0xd8, 0xff, 0xe1}
	head = binary.BigEndian.AppendUint16(head, uint16(len(exif)+2))
	return append(append(head, exif...), data[2:]...)
}

// Float64s are little-endian values.
func Float64s(values ...float64) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

// CIFAR are records of the given labels; pixel i of plane c is
// (i + 50·c + 7·row) mod 256.
func CIFAR(labels ...[]byte) []byte {
	var b []byte
	for r, l := range labels {
		b = append(b, l...)
		for c := range 3 {
			for i := range 1024 {
				b = append(b, byte(i+50*c+7*r))
			}
		}
	}
	return b
}
