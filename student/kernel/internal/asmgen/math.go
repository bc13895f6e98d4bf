package main

import (
	"fmt"
	"math"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kdonnx/kdonnx/student/kernel/internal/coef"
)

// The loops of this file compute in 4 lanes of float64, multiplying and adding
// apart: what the plain Go twins in package kernel do value by value, in the
// same order.

// A vec is 4 float64 values.
type vec = reg.VecVirtual

// A mathLoop is a pass over float32 slices of one length, a multiple of 8.
// With sums, lane i of 8 float64 sums adds what body returns for the values
// i, i+8, i+16, …
type mathLoop struct {
	name, doc string
	slices    string // names in the order of the parameters
	scalars   string // broadcast float64 parameters
	sums      bool
	body      func(f frame) vec
}

// A frame is what the body of a loop sees of one vector.
type frame struct {
	s  map[string]vec
	at func(slice string) Mem
}

// load widens the slice's 4 values.
func (f frame) load(slice string) vec {
	v := YMM()
	VCVTPS2PD(f.at(slice), v)
	return v
}

// store rounds v to float32.
func (f frame) store(v vec, slice string) {
	t := XMM()
	VCVTPD2PSY(v, t)
	VMOVUPS(t, f.at(slice))
}

var constants = map[uint64]Mem{}

// bits is a constant in all lanes.
func bits(b uint64) Mem {
	m, ok := constants[b]
	if !ok {
		m = GLOBL(fmt.Sprintf("math%016x", b), attrRODATA)
		for i := range 4 {
			DATA(8*i, U64(b))
		}
		constants[b] = m
	}
	return m
}

func num(x float64) Mem { return bits(math.Float64bits(x)) }

func mul(a vec, b Op) vec { v := YMM(); VMULPD(b, a, v); return v }
func add(a vec, b Op) vec { v := YMM(); VADDPD(b, a, v); return v }
func sub(a vec, b Op) vec { v := YMM(); VSUBPD(b, a, v); return v }
func div(a vec, b Op) vec { v := YMM(); VDIVPD(b, a, v); return v }
func and(a vec, b Op) vec { v := YMM(); VANDPD(b, a, v); return v }
func xor(a vec, b Op) vec { v := YMM(); VXORPD(b, a, v); return v }
func or(a vec, b Op) vec  { v := YMM(); VORPD(b, a, v); return v }

// set is a constant in a register.
func set(m Mem) vec { v := YMM(); VMOVUPD(m, v); return v }

// clampLow is max(x, lo) and clampHigh min(x, hi); NaN stays.
func clampLow(x vec, lo float64) vec  { v := YMM(); VMAXPD(x, set(num(lo)), v); return v }
func clampHigh(x vec, hi float64) vec { v := YMM(); VMINPD(x, set(num(hi)), v); return v }

func abs(x vec) vec { return and(x, bits(1<<63-1)) }
func neg(x vec) vec { return xor(x, bits(1<<63)) }

// signed gives a ≥ 0 the sign of x.
func signed(a, x vec) vec { return or(and(x, bits(1<<63)), a) }

// Predicates of less.
const (
	lessThan = 0x11 // ordered, quiet
	notEqual = 4    // also of NaN
)

// choose is yes where a ⋄ b holds, else no.
func choose(predicate uint64, a vec, b Op, yes, no vec) vec {
	m, v := YMM(), YMM()
	VCMPPD(Imm(predicate), b, a, m)
	VBLENDVPD(m, yes, no, v)
	return v
}

// horner evaluates the polynomial with the coefficients c from the constant on.
func horner(x vec, c []float64) vec {
	p := set(num(c[len(c)-1]))
	for i := len(c) - 2; i >= 0; i-- {
		p = add(mul(p, x), num(c[i]))
	}
	return p
}

// expParts gives p and s with e^x = p·s + s, s a power of 2; x is in ±ExpRange.
func expParts(x vec) (p, s vec) {
	const shift = 3 << 51
	t := add(mul(x, num(1/math.Ln2)), num(shift))
	r := sub(x, mul(sub(t, num(shift)), num(math.Ln2)))
	p = mul(horner(r, coef.Exp[:]), r)
	s = YMM()
	VPSLLQ(Imm(52), t, s)
	VPADDQ(num(1), s, s)
	return p, s
}

func clamp(x vec, r float64) vec { return clampHigh(clampLow(x, -r), r) }

func clampExp(x vec) vec { return clamp(x, coef.ExpRange) }

// exp is e^x of a clamped x.
func exp(x vec) vec {
	p, s := expParts(x)
	return add(mul(p, s), s)
}

// expm1 is e^x − 1 of a clamped x.
func expm1(x vec) vec {
	p, s := expParts(x)
	return add(mul(p, s), sub(s, num(1)))
}

// inverse is 1/x.
func inverse(x vec) vec { return div(set(num(1)), x) }

// logistic gives e^−x and 1/(1+e^−x) of a clamped x.
func logistic(x vec) (e, s vec) {
	e = exp(neg(x))
	return e, inverse(add(e, num(1)))
}

// erfcx is e^(z²)·erfc(z) for z ≥ 0, given z·ErfcP.
func erfcx(z vec) vec {
	t := inverse(add(z, num(1)))
	return mul(horner(t, coef.Erfc[:]), t)
}

// normal gives Φ(x) and e^(−x²/2) of x ≥ −CDFRange.
func normal(x vec) (cdf, e vec) {
	a := abs(x)
	e = exp(clampLow(mul(mul(x, x), num(-0.5)), -coef.ExpRange))
	h := mul(mul(erfcx(mul(a, num(coef.ErfcP*math.Sqrt2/2))), num(0.5)), e)
	return choose(lessThan, x, num(0), h, sub(set(num(1)), h)), e
}

// logPositive is log x for normal x > 0 (fdlibm, e_log.c).
func logPositive(x vec) vec {
	const half = 0x3fe6a09e667f3bcd // √½
	one := math.Float64bits(1)
	d, k, m := YMM(), YMM(), YMM()
	VMOVUPD(bits(half), m)
	VPSUBQ(m, x, d) // exponent over √½, times 2^52, and the rest
	VPADDQ(bits(one), d, k)
	VPSRLQ(Imm(52), k, k)
	VPOR(num(1<<52), k, k)
	k = sub(k, num(1<<52+1023))
	VPAND(bits(0xfff<<52), d, d)
	VPSUBQ(d, x, m) // in √½ to √2
	f := sub(m, num(1))
	s := div(f, add(f, num(2)))
	z := mul(s, s)
	r := mul(horner(z, coef.Log[:]), z)
	return add(mul(s, add(r, num(2))), mul(k, num(math.Ln2)))
}

func genMath(l mathLoop) {
	slices, scalars := strings.Fields(l.slices), strings.Fields(l.scalars)
	sig := strings.Join(slices, ", ") + " []float32"
	if l.sums {
		sig = "sums *[8]float64, " + sig
	}
	if len(scalars) > 0 {
		sig += ", " + strings.Join(scalars, ", ") + " float64"
	}
	TEXT(l.name, NOSPLIT, "func("+sig+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is %s; the slices have one length, a multiple of 8.", l.name, l.doc))
	base := map[string]reg.Register{}
	for _, s := range slices {
		base[s] = Load(Param(s).Base(), GP64())
	}
	n := Load(Param(slices[0]).Len(), GP64())
	f := frame{s: map[string]vec{}}
	for _, s := range scalars {
		addr, err := Param(s).Resolve()
		if err != nil {
			panic(err)
		}
		f.s[s] = YMM()
		VBROADCASTSD(addr.Addr, f.s[s])
	}
	var acc [2]vec
	if l.sums {
		for i := range acc {
			acc[i] = YMM()
			VXORPD(acc[i], acc[i], acc[i])
		}
	}
	i := GP64()
	XORQ(i, i)
	JMP(LabelRef("test"))
	Label("loop")
	for j, a := range acc {
		f.at = func(s string) Mem { return Mem{Base: base[s], Index: i, Scale: 4, Disp: 16 * j} }
		if v := l.body(f); l.sums {
			VADDPD(v, a, a)
		}
	}
	ADDQ(Imm(8), i)
	Label("test")
	CMPQ(i, n)
	JL(LabelRef("loop"))
	if l.sums {
		to := Load(Param("sums"), GP64())
		for j, a := range acc {
			VMOVUPD(a, Mem{Base: to, Disp: 32 * j})
		}
	}
	VZEROUPPER()
	RET()
}

// genAccumulate adds a float32 slice to a float64 one.
func genAccumulate() {
	TEXT("accumulateAVX2", NOSPLIT, "func(acc []float64, x []float32)")
	Pragma("noescape")
	Doc("accumulateAVX2 is acc += x; the slices have one length, a multiple of 8.")
	acc, x := Load(Param("acc").Base(), GP64()), Load(Param("x").Base(), GP64())
	n := Load(Param("x").Len(), GP64())
	i := GP64()
	XORQ(i, i)
	JMP(LabelRef("test"))
	Label("loop")
	for j := range 2 {
		v := YMM()
		VCVTPS2PD(Mem{Base: x, Index: i, Scale: 4, Disp: 16 * j}, v)
		to := Mem{Base: acc, Index: i, Scale: 8, Disp: 32 * j}
		VADDPD(to, v, v)
		VMOVUPD(v, to)
	}
	ADDQ(Imm(8), i)
	Label("test")
	CMPQ(i, n)
	JL(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// genMax gives 8 maxima; NaN counts as less than anything.
func genMax() {
	TEXT("maxAVX2", NOSPLIT, "func(top *[8]float32, x []float32)")
	Pragma("noescape")
	Doc("maxAVX2 is top[i] = max(top[i], x[i], x[i+8], …), leaving out NaN; x has a length that is a multiple of 8.")
	top, x := Load(Param("top"), GP64()), Load(Param("x").Base(), GP64())
	n := Load(Param("x").Len(), GP64())
	i, m := GP64(), YMM()
	VMOVUPS(Mem{Base: top}, m)
	XORQ(i, i)
	JMP(LabelRef("test"))
	Label("loop")
	v := YMM()
	VMOVUPS(Mem{Base: x, Index: i, Scale: 4}, v)
	VMAXPS(m, v, m)
	ADDQ(Imm(8), i)
	Label("test")
	CMPQ(i, n)
	JL(LabelRef("loop"))
	VMOVUPS(m, Mem{Base: top})
	VZEROUPPER()
	RET()
}
