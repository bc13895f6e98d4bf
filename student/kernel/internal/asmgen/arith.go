package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var constants32 = map[uint32]Mem{}

// bits32 is a constant in all 8 lanes.
func bits32(b uint32) Mem {
	m, ok := constants32[b]
	if !ok {
		m = GLOBL(fmt.Sprintf("arith%08x", b), attrRODATA)
		for i := range 8 {
			DATA(4*i, U32(b))
		}
		constants32[b] = m
	}
	return m
}

func num32(x float32) Mem { return bits32(math.Float32bits(x)) }

// Instructions whose result is a new register; the last operand is the second
// one of the formula.
func ld(m Mem) vec             { v := YMM(); VMOVUPS(m, v); return v }
func mulPS(a vec, b Op) vec    { v := YMM(); VMULPS(b, a, v); return v }
func addPS(a vec, b Op) vec    { v := YMM(); VADDPS(b, a, v); return v }
func subPS(a vec, b Op) vec    { v := YMM(); VSUBPS(b, a, v); return v }
func divPS(a vec, b Op) vec    { v := YMM(); VDIVPS(b, a, v); return v }
func andPS(a vec, b Op) vec    { v := YMM(); VANDPS(b, a, v); return v }
func andNotPS(a vec, b Op) vec { v := YMM(); VANDNPS(b, a, v); return v } // ¬a ∧ b
func orPS(a vec, b Op) vec     { v := YMM(); VORPS(b, a, v); return v }
func xorPS(a vec, b Op) vec    { v := YMM(); VXORPS(b, a, v); return v }

// maxPS is a where a > b, else b, also when one is NaN; minPS is a where a < b.
func maxPS(a vec, b Op) vec { v := YMM(); VMAXPS(b, a, v); return v }
func minPS(a vec, b Op) vec { v := YMM(); VMINPS(b, a, v); return v }

// Predicates of cmpPS, ordered where they say nothing else.
const (
	lt    = 0x11
	le    = 0x12
	unord = 0x03
)

func cmpPS(a vec, predicate uint64, b Op) vec { v := YMM(); VCMPPS(Imm(predicate), b, a, v); return v }

// ifPS is yes where the mask holds, else no.
func ifPS(mask vec, yes, no Op) vec { v := YMM(); VBLENDVPS(mask, yes, no.(vec), v); return v }

type values map[string]reg.VecVirtual

// unary is a loop y = f(x).
func unary(name, doc, scalars string, f func(s values, x vec) vec) loop {
	return loop{name, doc, "y x", scalars, func(s map[string]reg.VecVirtual, at func(string) Mem) {
		VMOVUPS(f(s, ld(at("x"))), at("y"))
	}}
}

// gradient is a loop dx = f(dy, x), where x may stand for the output.
func gradient(name, doc, scalars string, f func(s values, dy, x vec) vec) loop {
	return loop{name, doc, "dx dy x", scalars, func(s map[string]reg.VecVirtual, at func(string) Mem) {
		VMOVUPS(f(s, ld(at("dy")), ld(at("x"))), at("dx"))
	}}
}

// binary is a loop dst = f(a, b).
func binary(name, doc string, f func(a, b vec) vec) loop {
	return loop{name, doc, "dst a b", "", func(_ map[string]reg.VecVirtual, at func(string) Mem) {
		VMOVUPS(f(ld(at("a")), ld(at("b"))), at("dst"))
	}}
}

func absPS(x vec) vec { return andPS(x, bits32(1<<31-1)) }

// slope is y, and alpha·y where x < 0.
func slope(x, y vec, alpha Op) vec {
	return ifPS(cmpPS(x, lt, zero()), mulPS(y, alpha), y)
}

func zero() vec { v := YMM(); VXORPS(v, v, v); return v }

// line is s·x + t.
func line(x vec, s, t Op) vec { return addPS(mulPS(x, s), t) }

// unit is min(max(x, 0), 1); NaN stays.
func unit(x vec) vec { return maxPS(zero(), minPS(ld(num32(1)), x)) }

var arith = []loop{
	binary("subAVX2", "dst = a − b", func(a, b vec) vec { return subPS(a, b) }),
	binary("divAVX2", "dst = a/b", func(a, b vec) vec { return divPS(a, b) }),
	binary("minAVX2", "dst = min(a, b), a where they are equal, NaN where one is", func(a, b vec) vec {
		return ifPS(orPS(cmpPS(b, lt, a), cmpPS(b, unord, b)), b, a)
	}),
	binary("maxOfAVX2", "dst = max(a, b), a where they are equal, NaN where one is", func(a, b vec) vec {
		return ifPS(orPS(cmpPS(a, lt, b), cmpPS(b, unord, b)), b, a)
	}),
	unary("addScalarAVX2", "y = x + s", "s", func(s values, x vec) vec { return addPS(x, s["s"]) }),
	unary("mulScalarAVX2", "y = x·s", "s", func(s values, x vec) vec { return mulPS(x, s["s"]) }),
	unary("divScalarAVX2", "y = x/s", "s", func(s values, x vec) vec { return divPS(x, s["s"]) }),
	unary("scalarSubAVX2", "y = s − x", "s", func(s values, x vec) vec { return subPS(s["s"], x) }),
	unary("scalarDivAVX2", "y = s/x", "s", func(s values, x vec) vec { return divPS(s["s"], x) }),
	{"divBackwardAVX2", "g = ((−dy·a)/b)/b", "g dy a b", "", func(_ map[string]reg.VecVirtual, at func(string) Mem) {
		t, b := mulPS(xorPS(ld(at("dy")), bits32(1<<31)), at("a")), ld(at("b"))
		VMOVUPS(divPS(divPS(t, b), b), at("g"))
	}},
	unary("leakyReluAVX2", "y = x, and alpha·x where x < 0", "alpha", func(s values, x vec) vec { return slope(x, x, s["alpha"]) }),
	gradient("leakyReluBackwardAVX2", "dx = dy, and alpha·dy where x < 0", "alpha", func(s values, dy, x vec) vec {
		return slope(x, dy, s["alpha"])
	}),
	{"preluAVX2", "y = x, and s·x where x < 0", "y x s", "", func(_ map[string]reg.VecVirtual, at func(string) Mem) {
		x := ld(at("x"))
		VMOVUPS(slope(x, x, at("s")), at("y"))
	}},
	{"preluBackwardAVX2", "dx = dy, and s·dy where x < 0", "dx dy x s", "", func(_ map[string]reg.VecVirtual, at func(string) Mem) {
		VMOVUPS(slope(ld(at("x")), ld(at("dy")), at("s")), at("dx"))
	}},
	gradient("preluSlopeAVX2", "dx = dy·x where x < 0, else 0", "", func(_ values, dy, x vec) vec {
		return andPS(cmpPS(x, lt, zero()), mulPS(dy, x))
	}),
	unary("clipAVX2", "y = min(max(x, lo), hi)", "lo hi", func(s values, x vec) vec {
		return minPS(s["hi"], maxPS(s["lo"], x))
	}),
	gradient("clipBackwardAVX2", "dx = dy, and 0 where x ≤ lo or x ≥ hi", "lo hi", func(s values, dy, x vec) vec {
		return andNotPS(orPS(cmpPS(x, le, s["lo"]), cmpPS(s["hi"], le, x)), dy)
	}),
	unary("hardSigmoidAVX2", "y = min(max(alpha·x + beta, 0), 1)", "alpha beta", func(s values, x vec) vec {
		return unit(line(x, s["alpha"], s["beta"]))
	}),
	gradient("hardSigmoidBackwardAVX2", "dx = alpha·dy where 0 < x < 1, else 0; x is the output", "alpha", func(s values, dy, x vec) vec {
		inside := andPS(cmpPS(zero(), lt, x), cmpPS(x, lt, num32(1)))
		return andPS(inside, mulPS(dy, s["alpha"]))
	}),
	unary("hardSwishAVX2", "y = x·min(max(alpha·x + beta, 0), 1)", "alpha beta", func(s values, x vec) vec {
		return mulPS(unit(line(x, s["alpha"], s["beta"])), x)
	}),
	gradient("hardSwishBackwardAVX2", "dx = dy·(t + alpha·x), t = alpha·x + beta; 0 where t ≤ 0, dy where t ≥ 1", "alpha beta", func(s values, dy, x vec) vec {
		a := mulPS(x, s["alpha"])
		t := addPS(a, s["beta"])
		g := andNotPS(cmpPS(t, le, zero()), mulPS(addPS(t, a), dy))
		return ifPS(cmpPS(ld(num32(1)), le, t), dy, g)
	}),
	unary("thresholdAVX2", "y = x where x > alpha, else 0", "alpha", func(s values, x vec) vec {
		return andPS(cmpPS(s["alpha"], lt, x), x)
	}),
	gradient("thresholdBackwardAVX2", "dx = dy where x > alpha, else 0", "alpha", func(s values, dy, x vec) vec {
		return andPS(cmpPS(s["alpha"], lt, x), dy)
	}),
	unary("sqrtAVX2", "y = √x", "", func(_ values, x vec) vec { v := YMM(); VSQRTPS(x, v); return v }),
	gradient("sqrtBackwardAVX2", "dx = ½·dy/x; x is the output", "", func(_ values, dy, x vec) vec {
		return divPS(mulPS(dy, num32(0.5)), x)
	}),
	gradient("reciprocalBackwardAVX2", "dx = −dy·x²; x is the output", "", func(_ values, dy, x vec) vec {
		return mulPS(mulPS(xorPS(dy, bits32(1<<31)), x), x)
	}),
	unary("absAVX2", "y = |x|", "", func(_ values, x vec) vec { return absPS(x) }),
	gradient("absBackwardAVX2", "dx = dy·sign(x), 0 where x is 0 or NaN", "", func(_ values, dy, x vec) vec {
		g := xorPS(dy, andPS(x, bits32(1<<31)))
		return andPS(cmpPS(zero(), lt, absPS(x)), g)
	}),
	unary("softsignAVX2", "y = x/(1 + |x|)", "", func(_ values, x vec) vec { return divPS(x, addPS(absPS(x), num32(1))) }),
	gradient("softsignBackwardAVX2", "dx = dy/(1 + |x|)²", "", func(_ values, dy, x vec) vec {
		d := addPS(absPS(x), num32(1))
		return divPS(divPS(dy, d), d)
	}),
	gradient("sigmoidBackwardAVX2", "dx = dy·x·(1−x); x is the output", "", func(_ values, dy, x vec) vec {
		return mulPS(mulPS(dy, x), subPS(ld(num32(1)), x))
	}),
	gradient("tanhBackwardAVX2", "dx = dy·(1−x²); x is the output", "", func(_ values, dy, x vec) vec {
		return mulPS(dy, subPS(ld(num32(1)), mulPS(x, x)))
	}),
}
