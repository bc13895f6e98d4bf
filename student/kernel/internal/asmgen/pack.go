package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// packArgs loads dst, src and the two strides in bytes.
func packArgs() (dst, stride, src, ld, n reg.GPVirtual) {
	dst = Load(Param("dst").Base(), GP64()).(reg.GPVirtual)
	stride = Load(Param("stride"), GP64()).(reg.GPVirtual)
	src = Load(Param("src").Base(), GP64()).(reg.GPVirtual)
	ld = Load(Param("ld"), GP64()).(reg.GPVirtual)
	n = Load(Param("n"), GP64()).(reg.GPVirtual)
	SHLQ(Imm(2), stride)
	SHLQ(Imm(2), ld)
	return
}

// genTranspose writes dst[p·stride+j] = src[j·ld+p] for 4 rows j, by blocks of
// 4×8: each half of a 256-bit register is transposed on its own.
func genTranspose() {
	TEXT("packTranspose4AVX2", NOSPLIT, "func(dst []float32, stride int, src []float32, ld, n int)")
	Pragma("noescape")
	Doc("packTranspose4AVX2 is dst[p·stride+j] = src[j·ld+p] for 0 ≤ j < 4 and 0 ≤ p < n; n is a multiple of 8.")
	dst, stride, src, ld, n := packArgs()
	ld3, stride3, high := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, ld3)
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	SHRQ(Imm(3), n)
	JZ(LabelRef("done"))
	Label("loop")
	var in, half, out [4]reg.VecVirtual
	for i := range 4 {
		in[i], half[i], out[i] = YMM(), YMM(), YMM()
	}
	VMOVUPS(Mem{Base: src}, in[0])
	VMOVUPS(Mem{Base: src, Index: ld, Scale: 1}, in[1])
	VMOVUPS(Mem{Base: src, Index: ld, Scale: 2}, in[2])
	VMOVUPS(Mem{Base: src, Index: ld3, Scale: 1}, in[3])
	VUNPCKLPS(in[1], in[0], half[0])
	VUNPCKHPS(in[1], in[0], half[1])
	VUNPCKLPS(in[3], in[2], half[2])
	VUNPCKHPS(in[3], in[2], half[3])
	VUNPCKLPD(half[2], half[0], out[0])
	VUNPCKHPD(half[2], half[0], out[1])
	VUNPCKLPD(half[3], half[1], out[2])
	VUNPCKHPD(half[3], half[1], out[3])
	LEAQ(Mem{Base: dst, Index: stride, Scale: 4}, high)
	row := func(base reg.GPVirtual, i int) Mem {
		switch i {
		case 0:
			return Mem{Base: base}
		case 3:
			return Mem{Base: base, Index: stride3, Scale: 1}
		}
		return Mem{Base: base, Index: stride, Scale: uint8(i)}
	}
	for i, o := range out {
		VMOVUPS(o.AsX(), row(dst, i))
	}
	for i, o := range out {
		VEXTRACTF128(Imm(1), o, row(high, i))
	}
	LEAQ(Mem{Base: high, Index: stride, Scale: 4}, dst)
	ADDQ(Imm(32), src)
	DECQ(n)
	JNZ(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

// genCopy writes dst[p·stride+j] = src[p·ld+j] for a fixed number of columns j.
func genCopy(cols int) {
	name := fmt.Sprintf("packCopy%dAVX2", cols)
	TEXT(name, NOSPLIT, "func(dst []float32, stride int, src []float32, ld, n int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is dst[p·stride+j] = src[p·ld+j] for 0 ≤ j < %d and 0 ≤ p < n.", name, cols))
	dst, stride, src, ld, n := packArgs()
	TESTQ(n, n)
	JZ(LabelRef("done"))
	Label("loop")
	if cols == 4 {
		x := XMM()
		VMOVUPS(Mem{Base: src}, x)
		VMOVUPS(x, Mem{Base: dst})
	} else {
		for at := 0; at < 4*cols; at += 32 {
			y := YMM()
			VMOVUPS(Mem{Base: src, Disp: at}, y)
			VMOVUPS(y, Mem{Base: dst, Disp: at})
		}
	}
	ADDQ(ld, src)
	ADDQ(stride, dst)
	DECQ(n)
	JNZ(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}
