package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
)

// Limits of an image.
const (
	maxPixels    = 64 << 20
	freePixels   = 4 << 20 // pixels that an image file of any size may have
	maxPixelByte = 2000    // pixels a byte of a file that has more
)

// picture is what the head of an image file says.
type picture struct {
	h, w  int  // as shown, after orientation
	gray  bool // every pixel is a shade of gray
	deep  bool // 16 bits a channel
	turn  int  // EXIF orientation, 1 to 8
	codec codec
}

type codec struct {
	name   string
	magic  string
	config func(data []byte) (image.Config, error)
	decode func(data []byte) (image.Image, error)
}

var codecs = []codec{
	{"PNG", "\x89PNG\r\n\x1a\n",
		func(d []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(d)) },
		func(d []byte) (image.Image, error) { return png.Decode(bytes.NewReader(d)) }},
	{"JPEG", "\xff\xd8",
		func(d []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(d)) },
		func(d []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(d)) }},
	{"GIF", "GIF8",
		func(d []byte) (image.Config, error) { return gif.DecodeConfig(bytes.NewReader(d)) },
		func(d []byte) (image.Image, error) { return gif.Decode(bytes.NewReader(d)) }},
}

// headOf reads the head of an image of size bytes, of which data is the
// beginning or all.
func headOf(data []byte, size int64) (picture, error) {
	p := picture{turn: 1}
	for _, c := range codecs {
		if bytes.HasPrefix(data, []byte(c.magic)) {
			p.codec = c
		}
	}
	if p.codec.name == "" {
		if size == 0 {
			return p, errors.New("is empty")
		}
		return p, inputFault("", "", "starts with %q, expected a PNG, JPEG or GIF image", data[:min(len(data), 8)])
	}
	config, err := p.codec.config(data)
	if err != nil {
		return p, inputFault("", "", "not a readable %s image: %w", p.codec.name, err)
	}
	p.h, p.w = config.Height, config.Width
	if p.h < 1 || p.w < 1 {
		return p, inputFault("", "", "image of %d×%d pixels", p.w, p.h)
	}
	if p.w > maxPixels/p.h {
		return p, inputFault("", "", "image of %d×%d pixels, limit %d", p.w, p.h, maxPixels)
	}
	if n := int64(p.w) * int64(p.h); n > freePixels && n/maxPixelByte > size {
		return p, inputFault("", "", "image of %d×%d pixels in %d bytes, limit %d pixels a byte", p.w, p.h, size, maxPixelByte)
	}
	switch m := config.ColorModel.(type) {
	case color.Palette:
		p.gray = true
		for _, c := range m {
			r, g, b, _ := c.RGBA()
			p.gray = p.gray && r == g && g == b
		}
	default:
		p.gray = m == color.GrayModel || m == color.Gray16Model
		p.deep = m == color.Gray16Model || m == color.RGBA64Model || m == color.NRGBA64Model
	}
	if p.codec.name == "JPEG" {
		if p.turn = exifOrientation(data); p.turn >= 5 {
			p.h, p.w = p.w, p.h
		}
	}
	return p, nil
}

// pixelsOf decodes a whole image into dst, (H, W, c) with c 1 or 3, as values
// 0..255. Alpha is left out; 16 bits are rounded to 8.
func pixelsOf(data []byte, c int) (picture, []float32, error) {
	p, err := headOf(data, int64(len(data)))
	if err != nil {
		return p, nil, err
	}
	if p.codec.name == "GIF" {
		if n := gifFrames(data); n > 1 {
			return p, nil, inputFault("", "", "GIF of more than one frame, expected a still image")
		}
	}
	if p.codec.name == "JPEG" {
		if err := checkScans(data, p.h*p.w); err != nil {
			return p, nil, err
		}
	}
	img, err := p.codec.decode(data)
	if err != nil {
		return p, nil, inputFault("", "", "not a readable %s image: %w", p.codec.name, err)
	}
	w, h := p.w, p.h
	if p.turn >= 5 {
		w, h = h, w
	}
	dst := make([]float32, h*w*c)
	// A GIF frame may be smaller than its screen: the rest stays 0.
	bounds := img.Bounds().Intersect(image.Rect(0, 0, w, h))
	at := pixelReader(img)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b := at(x, y)
			px := dst[(y*w+x)*c:]
			px[0] = float32(r)
			if c == 3 {
				px[1], px[2] = float32(g), float32(b)
			}
		}
	}
	return p, turned(dst, h, w, c, p.turn), nil
}

// pixelReader gives the 8-bit colour of a pixel without its alpha.
func pixelReader(img image.Image) func(x, y int) (r, g, b uint8) {
	switch m := img.(type) {
	case *image.Gray:
		return func(x, y int) (r, g, b uint8) {
			v := m.Pix[m.PixOffset(x, y)]
			return v, v, v
		}
	case *image.YCbCr:
		return func(x, y int) (r, g, b uint8) {
			i, j := m.YOffset(x, y), m.COffset(x, y)
			return color.YCbCrToRGB(m.Y[i], m.Cb[j], m.Cr[j])
		}
	case *image.NRGBA:
		return func(x, y int) (r, g, b uint8) {
			i := m.PixOffset(x, y)
			return m.Pix[i], m.Pix[i+1], m.Pix[i+2]
		}
	case *image.NRGBA64:
		return func(x, y int) (r, g, b uint8) {
			i := m.PixOffset(x, y)
			return to8(m.Pix[i:]), to8(m.Pix[i+2:]), to8(m.Pix[i+4:])
		}
	case *image.Paletted:
		table := make([][3]uint8, 256)
		for i, c := range m.Palette[:min(256, len(m.Palette))] {
			n, ok := c.(color.NRGBA)
			if !ok {
				n = color.NRGBAModel.Convert(c).(color.NRGBA)
			}
			table[i] = [3]uint8{n.R, n.G, n.B}
		}
		return func(x, y int) (r, g, b uint8) {
			c := table[m.Pix[m.PixOffset(x, y)]]
			return c[0], c[1], c[2]
		}
	}
	return func(x, y int) (r, g, b uint8) {
		r16, g16, b16, _ := img.At(x, y).RGBA()
		return round8(r16), round8(g16), round8(b16)
	}
}

// to8 rounds a big-endian 16-bit value to 8 bits.
func to8(b []byte) uint8 { return round8(uint32(binary.BigEndian.Uint16(b))) }

func round8(v uint32) uint8 { return uint8((v + 128) / 257) }

// turned applies an EXIF orientation to pixels (h, w, c).
func turned(src []float32, h, w, c, turn int) []float32 {
	if turn < 2 || turn > 8 {
		return src
	}
	oh, ow := h, w
	if turn >= 5 {
		oh, ow = w, h
	}
	dst := make([]float32, len(src))
	for y := range oh {
		for x := range ow {
			sy, sx := y, x // of the pixel that is shown at y, x
			switch turn {
			case 2:
				sx = w - 1 - x
			case 3:
				sy, sx = h-1-y, w-1-x
			case 4:
				sy = h - 1 - y
			case 5:
				sy, sx = x, y
			case 6:
				sy, sx = h-1-x, y
			case 7:
				sy, sx = h-1-x, w-1-y
			case 8:
				sy, sx = x, w-1-y
			}
			copy(dst[(y*ow+x)*c:(y*ow+x+1)*c], src[(sy*w+sx)*c:])
		}
	}
	return dst
}

// exifOrientation reads the orientation tag (0x0112) of a JPEG file, 1 when
// there is none.
func exifOrientation(data []byte) int {
	for i := 2; i+4 <= len(data) && data[i] == 0xff; {
		marker, size := data[i+1], int(binary.BigEndian.Uint16(data[i+2:]))
		if marker == 0xff { // fill byte
			i++
			continue
		}
		if marker == 0xda || size < 2 || i+2+size > len(data) {
			return 1
		}
		if body := data[i+4 : i+2+size]; marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return tiffOrientation(body[6:])
		}
		i += 2 + size
	}
	return 1
}

func tiffOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(b[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	b = b[at:]
	for i, n := 2, int(order.Uint16(b)); n > 0 && i+12 <= len(b); i, n = i+12, n-1 {
		if order.Uint16(b[i:]) == 0x0112 {
			if v := int(order.Uint16(b[i+8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
	}
	return 1
}

// gifFrames counts the images of a GIF file up to two, without decoding.
func gifFrames(data []byte) int {
	colors := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	if len(data) < 13 {
		return 0
	}
	n := 0
	for i := 13 + colors(data[10]); i < len(data) && n < 2; {
		switch data[i] {
		case 0x21: // extension: a label, then blocks
			i += 2
		case 0x2c: // image: a descriptor, colours, the code size, then blocks
			n++
			if i+10 > len(data) {
				return n
			}
			i += 10 + colors(data[i+9]) + 1
		default:
			return n
		}
		for i < len(data) && data[i] != 0 {
			i += 1 + int(data[i])
		}
		i++
	}
	return n
}
