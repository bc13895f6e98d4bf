package glyphs

import (
	"image"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// fonts are the Go fonts. Small capitals are not among them: there a letter of
// one case is drawn as the other.
var fonts = [][]byte{
	goregular.TTF, gobold.TTF, goitalic.TTF, gobolditalic.TTF, gomedium.TTF, gomediumitalic.TTF,
	gomono.TTF, gomonobold.TTF, gomonoitalic.TTF, gomonobolditalic.TTF,
}

const (
	maskSide  = 64 // height and width of a mask
	emSize    = 40 // pixels to the em in a mask
	capHeight = 29 // pixels of a capital letter in a mask
)

// mask is a glyph, (maskSide, maskSide), 0 outside and 255 inside, with its
// edges blurred so that cutting at another level makes it thicker or thinner.
type mask [maskSide * maskSide]uint8

// maskSet holds the masks by font and class.
type maskSet [][]mask

// newMasks renders every glyph of every font. It panics when an embedded font
// is broken.
func newMasks() *maskSet {
	set := make(maskSet, len(fonts))
	for i, ttf := range fonts {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic("glyphs: " + err.Error())
		}
		face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: emSize, DPI: 72, Hinting: font.HintingNone})
		if err != nil {
			panic("glyphs: " + err.Error())
		}
		set[i] = make([]mask, len(characters))
		for c, r := range characters {
			set[i][c] = newMask(face, r)
		}
	}
	return &set
}

// newMask draws r centred from left to right, with its baseline where a
// capital letter is centred from top to bottom.
func newMask(face font.Face, r rune) mask {
	canvas := image.NewAlpha(image.Rect(0, 0, maskSide, maskSide))
	bounds, _, _ := face.GlyphBounds(r)
	dot := fixed.Point26_6{
		X: fixed.I(maskSide/2) - (bounds.Min.X+bounds.Max.X)/2,
		Y: fixed.I(maskSide/2) + fixed.I(capHeight)/2,
	}
	dr, m, mp, _, ok := face.Glyph(dot, r)
	if !ok {
		panic("glyphs: a font lacks " + string(r))
	}
	draw.DrawMask(canvas, dr, image.Opaque, image.Point{}, m, mp, draw.Src)
	out := mask(canvas.Pix)
	for range 2 {
		out.blur(1)
		out.blur(maskSide)
	}
	return out
}

// blur weighs a pixel and its two neighbours on either side along one axis by
// 6, 4 and 1 sixteenths.
func (m *mask) blur(step int) {
	src := *m
	at := func(i int) int {
		if i < 0 || i >= len(src) {
			return 0
		}
		return int(src[i])
	}
	for i := range m {
		m[i] = uint8((at(i-2*step) + 4*at(i-step) + 6*at(i) + 4*at(i+step) + at(i+2*step) + 8) / 16)
	}
}
