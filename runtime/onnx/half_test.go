package onnx

import (
	"math"
	"testing"
)

// TestHalfBothWays converts every binary16 there and back, and the midpoints between
// neighbours to the even one.
func TestHalfBothWays(t *testing.T) {
	for h := range 1 << 16 {
		f := FromHalf(uint16(h))
		if f != f {
			if back := ToHalf(f); back&0x7c00 != 0x7c00 || back&0x3ff == 0 {
				t.Fatalf("%04x: NaN became %04x", h, back)
			}
			continue
		}
		if back := ToHalf(f); back != uint16(h) {
			t.Fatalf("%04x: became %v and then %04x", h, f, back)
		}
		if h&0x7fff < 0x7bff {
			up := FromHalf(uint16(h + 1))
			even := uint16(h + h&1)
			if got := ToHalf((f + up) / 2); got != even {
				t.Fatalf("between %04x and %04x: got %04x, expected %04x", h, h+1, got, even)
			}
			if got := ToHalf(math.Nextafter32((f+up)/2, f)); got != uint16(h) {
				t.Fatalf("just beside %04x: got %04x", h, got)
			}
		}
	}
	for _, c := range []struct {
		f float32
		h uint16
	}{{1, 0x3c00}, {-2, 0xc000}, {65504, 0x7bff}, {65519, 0x7bff}, {65520, 0x7c00}, {1e9, 0x7c00}, {0x1p-24, 1}, {0x1p-26, 0}} {
		if got := ToHalf(c.f); got != c.h {
			t.Errorf("%v: got %04x, expected %04x", c.f, got, c.h)
		}
	}
}

func TestToBrain(t *testing.T) {
	for f, want := range map[float32]uint16{
		0: 0, 1: 0x3f80, -2: 0xc000, 255: 0x437f, 257: 0x4380, 259: 0x4382, 1e-40: 0x0001, // ties to even
		math.MaxFloat32: 0x7f80, float32(math.Inf(-1)): 0xff80,
	} {
		if got := ToBrain(f); got != want {
			t.Errorf("%v: got %04x, expected %04x", f, got, want)
		}
	}
	if got := ToBrain(math.Float32frombits(0x7f800001)); got&0x7fff <= 0x7f80 {
		t.Errorf("NaN became %04x", got)
	}
}
