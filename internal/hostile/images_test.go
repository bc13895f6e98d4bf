package hostile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"

	"github.com/kdonnx/kdonnx/dataset/datasettest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// imageTeacher takes images of h×w pixels and any number of channels that the
// rows have: it looks at the mean of each.
func imageTeacher(h, w int64) *onnx.Model {
	return teacher(func(g *onnx.Graph) {
		g.Inputs[0].Shape = []onnx.Dim{{Value: -1, Param: "N"}, {Value: 3}, {Value: h}, {Value: w}}
		g.Nodes = []*onnx.Node{
			{Name: "mean", OpType: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"m"}},
			{Name: "flat", OpType: "Flatten", Inputs: []string{"m"}, Outputs: []string{"f"}},
			{Name: "product", OpType: "MatMul", Inputs: []string{"f", "w"}, Outputs: []string{"scores"}},
		}
		g.Initializers = []*onnx.Tensor{onnx.FloatTensor("w", []int64{3, 3}, []float32{1, 0, 0, 0, 1, 0, 0, 0, 1})}
	})
}

func imageRows() (rows []row) {
	bad := func(id, name, file string, data []byte, says string) {
		command := read[len(rows)%len(read)]
		rows = append(rows, row{id: id, name: name, args: strings.ReplaceAll(command, "%s", "images:pics"), file: filepath.Base(file), exit: []int{3}, says: says, peak: 256,
			make: func(d folder) { d.put("pics/k/"+file, data) }})
	}
	good := func(id, name, file string, data []byte, h, w int64) {
		rows = append(rows, row{id: id, name: name, args: "targets --teacher image.onnx --data images:pics -o out/store", exit: []int{0}, says: `1 rows of 3 logits`, runs: true, peak: 256, make: func(d folder) {
			d.put("pics/"+file, data)
			d.model("image.onnx", imageTeacher(h, w))
		}})
	}
	png := datasettest.PNG(datasettest.Colour(20, 20, 1))
	jpg := datasettest.JPEG(datasettest.Colour(20, 20, 1))
	palette := image.NewPaletted(image.Rect(0, 0, 4, 4), []color.Color{color.Black, color.White})
	screen := datasettest.GIF(1, palette)[:34]
	copy(screen[6:], "\xff\xff\xff\xff")
	deep := image.NewNRGBA64(image.Rect(0, 0, 5, 7))
	bad("F-61", "IHDR of 2^31 by 2^31", "a.png", datasettest.PNGHead(1<<31-1, 1<<31-1), `image of 2147483647×2147483647 pixels, limit|not a readable PNG`)
	bad("F-61", "255 by 1,677,721,600", "a.png", datasettest.PNGHead(255, 1677721600), `limit 67108864|not a readable PNG`)
	bad("F-61", "64 Mpx in 33 bytes", "a.png", datasettest.PNGHead(8000, 8000), `image of 8000×8000 pixels in 33 bytes, limit`)
	bad("F-61", "0 by 0", "a.png", datasettest.PNGHead(0, 0), `not a readable PNG|0×0`)
	bad("F-61", "GIF of 65535² in 34 bytes", "a.gif", screen, `image of 65535×65535 pixels, limit`)
	decoded := func(name, file string, data []byte, says string) { // nothing of it shows before it is decoded
		bad("F-61", name, file, data, says)
		rows[len(rows)-1].args = "targets --teacher good.onnx --data images:pics -o out/store"
	}
	decoded("GIF that moves", "a.gif", datasettest.GIF(3, palette), `GIF of more than one frame`)
	bad("F-61", "JPEG of 65535²", "a.jpg", jpegOf(65535, 65535, 1), `image of 65535×65535 pixels, limit`)
	decoded("progressive JPEG of 2,000 scans", "a.jpg", jpegOf(2000, 2000, 2000), `JPEG image of 2000 scans`)
	decoded("progressive JPEG of 60 large scans", "a.jpg", append(jpegOf(8000, 8000, 60), make([]byte, 40_000)...), `JPEG image of 60 scans`)
	good("F-61", "JPEG of four colours (CMYK)", "a.jpg", cmyk(), 8, 8)
	good("F-61", "16 bits a channel", "a.png", datasettest.PNG(deep), 7, 5)
	good("F-61", "1 by 1", "a.png", datasettest.PNG(datasettest.Colour(1, 1, 1)), 1, 1)
	good("F-61", "rotated by its EXIF", "a.jpg", datasettest.WithOrientation(datasettest.JPEG(datasettest.Colour(8, 16, 1)), 6), 16, 8)
	bad("F-62", "truncated PNG", "a.png", png[:len(png)-30], `a\.png: not a readable PNG`)
	bad("F-62", "truncated JPEG", "a.jpg", jpg[:len(jpg)/2], `a\.jpg: not a readable JPEG`)
	bad("F-62", "truncated head", "a.jpg", jpg[:100], `a\.jpg: not a readable JPEG`)
	bad("F-62", "corrupt CRC", "a.png", datasettest.CorruptCRC(png), `a\.png: not a readable PNG`)
	bad("F-62", "a page of an error", "a.png", []byte("<html>404</html>"), `a\.png: starts with "<html>40", expected a PNG`)
	bad("F-62", "empty", "a.png", nil, `a\.png: is empty`)
	good("F-62", "trailing data", "a.png", append(bytes.Clone(png), "something else"...), 20, 20)
	good("F-62", "extension of another format", "a.jpg", png, 20, 20)

	// Two good images and a bad one.
	some := func(d folder) {
		for i := range 2 {
			d.put(fmt.Sprintf("pics/g%d.png", i), datasettest.PNG(datasettest.Colour(20, 20, i)))
		}
		d.put("pics/bad.png", png[:60])
		d.model("image.onnx", imageTeacher(20, 20))
	}
	rows = append(rows,
		row{id: "F-62", name: "one bad of three", args: "targets --teacher image.onnx --data images:pics -o out/store", file: "bad.png", exit: []int{3}, says: `bad\.png: not a readable PNG`, make: some, runs: true},
		row{id: "F-62", name: "one bad of three, skipped", args: "targets --teacher image.onnx --data images:pics --skip-bad -o out/store", exit: []int{0}, says: `1 bad images are left out|bad\.png`, make: some, runs: true, peak: 256},
		row{id: "F-62", name: "one bad of three, skipped, distill", args: "distill --teacher image.onnx --train images:pics --test images:pics --val-split 0 --skip-bad --student linear --epochs 1 --no-baseline -o out/new.onnx", exit: []int{0}, says: `1 bad images are left out|bad\.png`, make: some, runs: true, peak: 256, writes: true},
		row{id: "F-62", name: "an image that may not be read", args: "targets --teacher image.onnx --data images:pics -o out/store", file: "bad.png", exit: []int{3, 4}, says: `bad\.png`, runs: true, varies: true,
			make: func(d folder) { some(d); check(os.Chmod(d.at("pics/bad.png"), 0)) }},
	)
	return rows
}

// jpegOf is a progressive JPEG of one colour, w×h pixels, whose scans are all
// empty: each costs the decoder a pass over every block.
func jpegOf(w, h, scans int) []byte {
	segment := func(b []byte, marker byte, body ...byte) []byte {
		b = append(b, 0xff, marker)
		b = binary.BigEndian.AppendUint16(b, uint16(len(body)+2))
		return append(b, body...)
	}
	b := []byte{0xff, 0xd8}
	b = segment(b, 0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	b = segment(b, 0xc2, 8, byte(h>>8), byte(h), byte(w>>8), byte(w), 1, 1, 0x11, 0)
	// One code, the bit 0: "no coefficients in this block and the next 2^14".
	counts := make([]byte, 16)
	counts[0] = 1
	b = segment(b, 0xc4, append(append([]byte{0x10}, counts...), 0xe0)...)
	blocks := ((w + 7) / 8) * ((h + 7) / 8)
	runs := (blocks + 1<<14 - 1) >> 14
	var bits []byte // each run: the code and 14 bits of 0
	bits = append(bits, make([]byte, (15*runs+7)/8)...)
	for range scans {
		b = segment(b, 0xda, 1, 1, 0, 1, 63, 0)
		b = append(b, bits...)
	}
	return append(b, 0xff, 0xd9)
}

// cmyk is a baseline JPEG of 8×8 pixels and four colours, all of it grey.
func cmyk() []byte {
	b := []byte{0xff, 0xd8}
	segment := func(marker byte, body ...byte) {
		b = append(b, 0xff, marker)
		b = binary.BigEndian.AppendUint16(b, uint16(len(body)+2))
		b = append(b, body...)
	}
	segment(0xee, []byte("Adobe\x00\x64\x00\x00\x00\x00\x00")...)
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	segment(0xc0, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)
	counts := make([]byte, 16)
	counts[0] = 1
	segment(0xc4, append(append([]byte{0x00}, counts...), 0)...) // DC: no difference
	segment(0xc4, append(append([]byte{0x10}, counts...), 0)...) // AC: end of block
	segment(0xda, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0)
	b = append(b, 0x00) // 4 blocks of two bits of 0
	return append(b, 0xff, 0xd9)
}
