package dataset_test

import (
	"context"
	"encoding/base64"
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// cmykJPEG is an 8×8 image of one colour in four channels, as Adobe writes it:
// encoded by hand from flat blocks, DC only.
func cmykJPEG() []byte {
	head := must(base64.StdEncoding.DecodeString("/9j/7gAOQWRvYmUAZAAAAAAA"))
	var b []byte
	b = append(b, head...)
	b = append(b, 0xff, 0xdb, 0, 67, 0)
	b = append(b, slices.Repeat([]byte{8}, 64)...) // quantiser 8: a DC of k shifts a block by k
	b = append(b, 0xff, 0xc0, 0, 20, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)
	// DC: one code of 1 bit for size 0, one of 2 bits for size 7; AC: one code of 1 bit for the end.
	b = append(b, 0xff, 0xc4, 0, 21, 0x00, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7)
	b = append(b, 0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, 0xff, 0xda, 0, 14, 4, 1, 0x00, 2, 0x00, 3, 0x00, 4, 0x00, 0, 63, 0)
	// blocks: DC +127 and end: 10 1111111 0 | DC 0 and end: 0 0 | 0 0 | +127: 10 1111111 0
	return append(b, 0b10111111, 0b10000010, 0b11111110, 0xff, 0xd9)
}

func TestPixels(t *testing.T) {
	deepGray := image.NewGray16(image.Rect(0, 0, 2, 1))
	deepGray.SetGray16(0, 0, color.Gray16{Y: 257 * 100})
	deepGray.SetGray16(1, 0, color.Gray16{Y: 257*200 + 129})
	deep := image.NewNRGBA64(image.Rect(0, 0, 1, 1))
	deep.SetNRGBA64(0, 0, color.NRGBA64{R: 257 * 7, G: 257 * 8, B: 65535, A: 30000})
	clear := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	clear.SetNRGBA(0, 0, color.NRGBA{R: 200, G: 100, B: 50, A: 3})
	grays := image.NewPaletted(image.Rect(0, 0, 2, 1), []color.Color{color.Gray{Y: 9}, color.Gray{Y: 90}})
	grays.Pix[1] = 1
	colours := image.NewPaletted(image.Rect(0, 0, 2, 1), []color.Color{color.NRGBA{1, 2, 3, 255}, color.NRGBA{4, 5, 6, 255}})
	colours.Pix[0] = 1
	corner := image.NewPaletted(image.Rect(1, 1, 2, 2), []color.Color{color.Gray{Y: 70}, color.Gray{Y: 0}})
	inset := encodeGIF(1, corner)
	inset[6], inset[8] = 3, 2 // screen of 3×2
	for name, c := range map[string]struct {
		file  string
		data  []byte
		shape []int
		x     []float32
		note  string
	}{
		"gray of 16 bits":     {"a.png", encodePNG(deepGray), []int{1, 2, 1}, []float32{100, 201}, "1 images of 16 bits"},
		"colour of 16 bits":   {"a.png", encodePNG(deep), []int{1, 1, 3}, []float32{7, 8, 255}, "16 bits"},
		"alpha is left out":   {"a.png", encodePNG(clear), []int{1, 1, 3}, []float32{200, 100, 50}, ""},
		"palette of grays":    {"a.gif", encodeGIF(1, grays), []int{1, 2, 1}, []float32{9, 90}, ""},
		"palette":             {"a.png", encodePNG(colours), []int{1, 2, 3}, []float32{4, 5, 6, 1, 2, 3}, ""},
		"smaller than screen": {"a.gif", inset, []int{2, 3, 1}, []float32{0, 0, 0, 0, 70, 0}, ""},
		"wrong extension":     {"a.gif", encodePNG(grayImage(1, 2, 5)), []int{1, 2, 1}, []float32{5, 16}, ""},
		"trailing data":       {"a.png", append(encodePNG(grayImage(1, 2, 5)), "junk"...), []int{1, 2, 1}, []float32{5, 16}, ""},
		"CMYK":                {"a.jpg", cmykJPEG(), []int{8, 8, 3}, nil, ""},
	} {
		d := t.TempDir()
		put(t, d, "k/"+c.file, c.data)
		src, err := dataset.Open("images:"+d, dataset.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var b dataset.Batch
		if err := src.Read(context.Background(), []int{0}, &b); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "CMYK" {
			c.x = b.X[:3]
			if b.X[0] == b.X[1] {
				t.Errorf("CMYK: cyan and magenta come out alike: %v", b.X[:3])
			}
		}
		if !slices.Equal(src.Spec().Shape, c.shape) || !slices.Equal(b.X[:len(c.x)], c.x) || !strings.Contains(strings.Join(src.Spec().Notes, " "), c.note) {
			t.Errorf("%s: %v of %v, want %v of %v; notes %q", name, b.X[:min(6, len(b.X))], src.Spec().Shape, c.x, c.shape, src.Spec().Notes)
		}
		src.Close()
	}
}

// TestOrientation compares the eight EXIF orientations with what they mean:
// where the top left corner of the stored image is shown.
func TestOrientation(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 16, 8)) // stored: left half 40, right half 200, lower half 30 more
	for i := range img.Pix {
		img.Pix[i] = byte(40 + 160*(i%16/8) + 30*(i/16/4))
	}
	stored := [4]float32{40, 200, 70, 230} // top left, top right, bottom left, bottom right
	for turn, shown := range map[byte][4]int{
		1: {0, 1, 2, 3}, 2: {1, 0, 3, 2}, 3: {3, 2, 1, 0}, 4: {2, 3, 0, 1},
		5: {0, 2, 1, 3}, 6: {2, 0, 3, 1}, 7: {3, 1, 2, 0}, 8: {1, 3, 0, 2},
	} {
		d := t.TempDir()
		put(t, d, "k/a.jpg", withOrientation(encodeJPEG(img), turn))
		src := must(dataset.Open(d, dataset.Options{}))
		var b dataset.Batch
		if err := src.Read(context.Background(), []int{0}, &b); err != nil {
			t.Fatal(err)
		}
		h, w := src.Spec().Shape[0], src.Spec().Shape[1]
		if want := turn >= 5; (h > w) != want {
			t.Errorf("orientation %d: %d×%d", turn, w, h)
		}
		for i, at := range []int{0, w - 1, (h - 1) * w, h*w - 1} {
			if got, want := b.X[at], stored[shown[i]]; got < want-4 || got > want+4 {
				t.Errorf("orientation %d: corner %d is %v, want %v", turn, i, got, want)
			}
		}
	}
}

// TestSkipBad counts and names what is left out.
func TestSkipBad(t *testing.T) {
	d := t.TempDir()
	put(t, d, "k/1.png", encodePNG(grayImage(3, 3, 0)))
	put(t, d, "k/2.png", []byte("<html>"))
	good := encodePNG(grayImage(3, 3, 0))
	put(t, d, "k/3.png", good[:len(good)-20])
	src, err := dataset.Open(d, dataset.Options{SkipBad: true})
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(src.Spec().Notes, "\n")
	if src.Len() != 1 || !strings.Contains(notes, "2 bad images are left out") || !strings.Contains(notes, "2.png: starts with") || !strings.Contains(notes, "3.png: not a readable PNG") {
		t.Errorf("%d rows, notes %s", src.Len(), notes)
	}
}
