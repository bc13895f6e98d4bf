package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A loop is a pass over slices of equal length, a multiple of 8; the length is
// that of the first slice. body works on one vector; it multiplies and adds
// apart, so that the plain Go loop gives the same bits.
type loop struct {
	name    string
	doc     string
	slices  string // names in the order of the parameters
	scalars string // broadcast float32 parameters
	body    func(s map[string]reg.VecVirtual, at func(slice string) Mem)
}

var loops = []loop{
	{"axpyAVX2", "y += alpha·x", "x y", "alpha", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		t := YMM()
		VMULPS(at("x"), s["alpha"], t)
		VADDPS(at("y"), t, t)
		VMOVUPS(t, at("y"))
	}},
	{"addAVX2", "dst = a + b", "dst a b", "", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		t := YMM()
		VMOVUPS(at("a"), t)
		VADDPS(at("b"), t, t)
		VMOVUPS(t, at("dst"))
	}},
	{"mulAVX2", "dst = a · b", "dst a b", "", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		t := YMM()
		VMOVUPS(at("a"), t)
		VMULPS(at("b"), t, t)
		VMOVUPS(t, at("dst"))
	}},
	{"reluAVX2", "dst = x, and 0 where x < 0", "dst x", "", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		zero, t := YMM(), YMM()
		VXORPS(zero, zero, zero)
		VMAXPS(at("x"), zero, t)
		VMOVUPS(t, at("dst"))
	}},
	{"reluBackwardAVX2", "dx = dy where y > 0, else 0", "dx dy y", "", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		zero, t := YMM(), YMM()
		VXORPS(zero, zero, zero)
		const less = 1 // ordered, so that NaN gives 0
		VCMPPS(Imm(less), at("y"), zero, t)
		VANDPS(at("dy"), t, t)
		VMOVUPS(t, at("dx"))
	}},
	{"normAVX2", "y = (x − mean)·scale + shift", "y x mean scale shift", "", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		VMOVUPS(normalised(at), at("y"))
	}},
	{"normReluAVX2", "y = (x − mean)·scale + shift, brought into 0..cap", "y x mean scale shift", "cap", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		t := rectified(normalised(at))
		VMINPS(t, s["cap"], t)
		VMOVUPS(t, at("y"))
	}},
	{"normAddAVX2", "y = (x − mean)·scale + shift + z", "y x z mean scale shift", "", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		t := normalised(at)
		VADDPS(at("z"), t, t)
		VMOVUPS(t, at("y"))
	}},
	{"normAddReluAVX2", "y = (x − mean)·scale + shift + z, and 0 where that is < 0", "y x z mean scale shift", "", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		t := normalised(at)
		VADDPS(at("z"), t, t)
		VMOVUPS(rectified(t), at("y"))
	}},
	{"normGradAVX2", "dx = k·(dy − s − (x − mean)·q)", "dx dy x mean k s q", "", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		g := YMM()
		VMOVUPS(at("dy"), g)
		normGrad(g, at)
	}},
	{"normReluGradAVX2", "dx = k·(g − s − (x − mean)·q) with g = dy where 0 < y < cap, else 0", "dx dy y x mean k s q", "cap", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		zero, g, t := YMM(), YMM(), YMM()
		VXORPS(zero, zero, zero)
		const less, greater = 1, 30 // ordered, so that NaN gives 0
		VCMPPS(Imm(less), at("y"), zero, g)
		VCMPPS(Imm(greater), at("y"), s["cap"], t)
		VANDPS(t, g, g)
		VANDPS(at("dy"), g, g)
		normGrad(g, at)
	}},
	{"addReluAVX2", "dst = a + b, and 0 where that is < 0", "dst a b", "", func(s map[string]reg.VecVirtual, at func(string) Mem) {
		t := YMM()
		VMOVUPS(at("a"), t)
		VADDPS(at("b"), t, t)
		VMOVUPS(rectified(t), at("dst"))
	}},
}

func normalised(at func(string) Mem) reg.VecVirtual {
	t := YMM()
	VMOVUPS(at("x"), t)
	VSUBPS(at("mean"), t, t)
	VMULPS(at("scale"), t, t)
	VADDPS(at("shift"), t, t)
	return t
}

func rectified(t reg.VecVirtual) reg.VecVirtual {
	zero := YMM()
	VXORPS(zero, zero, zero)
	VMAXPS(t, zero, t)
	return t
}

func normGrad(g reg.VecVirtual, at func(string) Mem) {
	t := YMM()
	VMOVUPS(at("x"), t)
	VSUBPS(at("mean"), t, t)
	VMULPS(at("q"), t, t)
	VSUBPS(at("s"), g, g)
	VSUBPS(t, g, g)
	VMULPS(at("k"), g, g)
	VMOVUPS(g, at("dx"))
}

func genLoop(l loop) {
	slices, scalars := strings.Fields(l.slices), strings.Fields(l.scalars)
	sig := strings.Join(slices, ", ") + " []float32"
	if len(scalars) > 0 {
		sig += ", " + strings.Join(scalars, ", ") + " float32"
	}
	TEXT(l.name, NOSPLIT, "func("+sig+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is %s; the slices have one length, a multiple of 8.", l.name, l.doc))
	base := map[string]reg.Register{}
	for _, s := range slices {
		base[s] = Load(Param(s).Base(), GP64())
	}
	n := Load(Param(slices[0]).Len(), GP64())
	value := map[string]reg.VecVirtual{}
	for _, s := range scalars {
		addr, err := Param(s).Resolve()
		if err != nil {
			panic(err)
		}
		value[s] = YMM()
		VBROADCASTSS(addr.Addr, value[s])
	}
	i := GP64()
	XORQ(i, i)
	const unroll = 4
	group := func(u int) {
		for j := range u {
			l.body(value, func(s string) Mem { return Mem{Base: base[s], Index: i, Scale: 4, Disp: 32 * j} })
		}
		ADDQ(Imm(uint64(8*u)), i)
		SUBQ(Imm(uint64(8*u)), n)
	}
	SUBQ(Imm(8*unroll), n)
	JL(LabelRef("rest"))
	Label("block")
	group(unroll)
	JGE(LabelRef("block"))
	Label("rest")
	ADDQ(Imm(8*unroll), n)
	JZ(LabelRef("done"))
	Label("single")
	group(1)
	JNZ(LabelRef("single"))
	Label("done")
	VZEROUPPER()
	RET()
}
