package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columnWidth is the number of columns that a column loop sums in registers.
const columnWidth = 16

// genColumns writes sums over the rows of 16 columns in float64,
//
//	first[j] += Σ g[i, j],  second[j] += Σ g[i, j]·x[i, j]
//
// where g is x itself, dy, or dy where 0 < y < limit. Products of float32 are exact in
// float64, so fusing them with the sum changes no bit.
func genColumns(f family, name, doc string, grad, masked bool) {
	name += f.name
	sig := "func(first, second *[16]float64, x *float32"
	if grad {
		sig += ", dy *float32"
	}
	if masked {
		sig += ", y *float32"
	}
	sig += ", stride, n int"
	if masked {
		sig += ", limit float32"
	}
	TEXT(name, NOSPLIT, sig+")")
	Pragma("noescape")
	Doc(name + " " + doc + "; rows are stride bytes apart.")
	first := Load(Param("first"), GP64())
	second := Load(Param("second"), GP64())
	x := Load(Param("x"), GP64())
	var dy, y reg.Register
	if grad {
		dy = Load(Param("dy"), GP64())
	}
	if masked {
		y = Load(Param("y"), GP64())
	}
	stride := Load(Param("stride"), GP64())
	n := Load(Param("n"), GP64())
	// Sums fill a vector, floats half of one.
	sums, floats, half := YMM, XMM, f.bytes/2
	if f.bytes == 64 {
		sums, floats = ZMM, YMM
	}
	s, d := make([]reg.VecVirtual, 8*columnWidth/f.bytes), make([]reg.VecVirtual, 8*columnWidth/f.bytes)
	for i := range s {
		s[i], d[i] = sums(), sums()
		VMOVUPD(Mem{Base: first, Disp: f.bytes * i}, s[i])
		VMOVUPD(Mem{Base: second, Disp: f.bytes * i}, d[i])
	}
	zero, limit := floats(), floats()
	if masked {
		VXORPS(zero, zero, zero)
		addr, err := Param("limit").Resolve()
		if err != nil {
			panic(err)
		}
		VBROADCASTSS(addr.Addr, limit)
	}
	TESTQ(n, n)
	JLE(LabelRef("done"))
	Label("row")
	for i := range s {
		v, g := sums(), sums()
		VCVTPS2PD(Mem{Base: x, Disp: half * i}, v)
		switch {
		case masked:
			VCVTPS2PD(within(floats, Mem{Base: dy, Disp: half * i}, Mem{Base: y, Disp: half * i}, zero, limit), g)
		case grad:
			VCVTPS2PD(Mem{Base: dy, Disp: half * i}, g)
		default:
			g = v
		}
		VADDPD(g, s[i], s[i])
		VFMADD231PD(v, g, d[i])
	}
	ADDQ(stride, x)
	if grad {
		ADDQ(stride, dy)
	}
	if masked {
		ADDQ(stride, y)
	}
	DECQ(n)
	JNZ(LabelRef("row"))
	Label("done")
	for i := range s {
		VMOVUPD(s[i], Mem{Base: first, Disp: f.bytes * i})
		VMOVUPD(d[i], Mem{Base: second, Disp: f.bytes * i})
	}
	VZEROUPPER()
	RET()
}

// within is dy where 0 < y < limit, else 0.
func within(floats func() reg.VecVirtual, dy, y Mem, zero, limit reg.VecVirtual) reg.VecVirtual {
	t, u := floats(), floats()
	const less, greater = 1, 30 // ordered, so that NaN gives 0
	VCMPPS(Imm(less), y, zero, t)
	VCMPPS(Imm(greater), y, limit, u)
	VANDPS(u, t, t)
	VANDPS(dy, t, t)
	return t
}

// genPool writes one tap of a maximum pooling for a row of output pixels, and
// its gradient. c is a multiple of 8; input pixels are step bytes apart.
func genPool() {
	row := func(body func(x, y, arg Mem, tap reg.VecVirtual)) {
		x := Load(Param("x"), GP64())
		y := Load(Param("y"), GP64())
		arg := Load(Param("arg"), GP64())
		pixels := Load(Param("pixels"), GP64())
		c := Load(Param("c"), GP64())
		step := Load(Param("step"), GP64())
		addr, err := Param("tap").Resolve()
		if err != nil {
			panic(err)
		}
		tap := YMM()
		VBROADCASTSS(addr.Addr, tap)
		SHLQ(Imm(2), c)
		Label("pixel")
		i := GP64()
		XORQ(i, i)
		Label("channels")
		body(Mem{Base: x, Index: i, Scale: 1}, Mem{Base: y, Index: i, Scale: 1}, Mem{Base: arg, Index: i, Scale: 1}, tap)
		ADDQ(Imm(32), i)
		CMPQ(i, c)
		JLT(LabelRef("channels"))
		ADDQ(step, x)
		ADDQ(c, y)
		ADDQ(c, arg)
		DECQ(pixels)
		JNZ(LabelRef("pixel"))
		VZEROUPPER()
		RET()
	}
	const sig = "func(x, y *float32, arg *int32, pixels, c, step int, tap int32)"
	TEXT("maxPoolTapAVX2", NOSPLIT, sig)
	Pragma("noescape")
	Doc("maxPoolTapAVX2 puts x into y, and tap into arg, where x is greater than y or NaN.")
	row(func(x, y, arg Mem, tap reg.VecVirtual) {
		v, old, m := YMM(), YMM(), YMM()
		VMOVUPS(x, v)
		VMOVUPS(y, old)
		const notLessEqual = 6 // true for NaN too
		VCMPPS(Imm(notLessEqual), old, v, m)
		// A maximum that is NaN already stays.
		nan := YMM()
		const ordered = 7
		VCMPPS(Imm(ordered), old, old, nan)
		VANDPS(nan, m, m)
		VBLENDVPS(m, v, old, old)
		VMOVUPS(old, y)
		VMOVUPS(arg, old)
		VBLENDVPS(m, tap, old, old)
		VMOVUPS(old, arg)
	})
	TEXT("maxPoolGradAVX2", NOSPLIT, sig)
	Pragma("noescape")
	Doc("maxPoolGradAVX2 adds y, the gradient of the output, to x, that of the input, where arg is tap.")
	row(func(x, y, arg Mem, tap reg.VecVirtual) {
		m := YMM()
		VPCMPEQD(arg, tap, m)
		VANDPS(y, m, m)
		VADDPS(x, m, m)
		VMOVUPS(m, x)
	})
}
