package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type (
	scalars = map[string]reg.VecVirtual
	address = func(slice string) Mem
)

// updates are the passes of optimisers over weights w and gradients g; grad
// scales the gradient first.
var updates = []loop{
	{"sgdAVX2", "w −= lr·(grad·g + wd·w)", "w g", "grad lr wd", func(s scalars, at address) {
		w, g := decayed(s, at)
		VMULPS(g, s["lr"], g)
		VSUBPS(g, w, w)
		VMOVUPS(w, at("w"))
	}},
	{"momentumAVX2", "d = grad·g + wd·w; v = mu·v + d; w −= lr·v", "w g v", "grad lr mu wd", func(s scalars, at address) {
		w, _, v := velocity(s, at)
		VMULPS(v, s["lr"], v)
		VSUBPS(v, w, w)
		VMOVUPS(w, at("w"))
	}},
	{"nesterovAVX2", "d = grad·g + wd·w; v = mu·v + d; w −= lr·(d + mu·v)", "w g v", "grad lr mu wd", func(s scalars, at address) {
		w, d, v := velocity(s, at)
		VMULPS(v, s["mu"], v)
		VADDPS(v, d, v)
		VMULPS(v, s["lr"], v)
		VSUBPS(v, w, w)
		VMOVUPS(w, at("w"))
	}},
	{"adamAVX2", "d = grad·g + l2·w; m = beta1·m + rest1·d; v = beta2·v + rest2·d²; w = decay·w − step·m/(√(v·scale) + eps)",
		"w g m v", "grad l2 beta1 rest1 beta2 rest2 scale eps step decay", func(s scalars, at address) {
			d := YMM()
			VMULPS(at("g"), s["grad"], d)
			t := YMM()
			VMULPS(at("w"), s["l2"], t)
			VADDPS(t, d, d)
			u := moments(s, at, d)
			VMULPS(at("w"), s["decay"], d)
			VSUBPS(u, d, d)
			VMOVUPS(d, at("w"))
		}},
	{"lambAVX2", "d = grad·g; m = beta1·m + rest1·d; v = beta2·v + rest2·d²; g = step·m/(√(v·scale) + eps) + wd·w",
		"w g m v", "grad beta1 rest1 beta2 rest2 scale eps step wd", func(s scalars, at address) {
			d := YMM()
			VMULPS(at("g"), s["grad"], d)
			u := moments(s, at, d)
			VMULPS(at("w"), s["wd"], d)
			VADDPS(d, u, u)
			VMOVUPS(u, at("g"))
		}},
	{"lionAVX2", "d = grad·g; c = beta1·m + rest1·d; m = beta2·m + rest2·d; w = decay·w − lr·sign(c); minus is −0",
		"w g m", "grad beta1 rest1 beta2 rest2 lr decay minus", lion},
	{"lerpAVX2", "dst += rate·(src − dst)", "dst src", "rate", func(s scalars, at address) {
		x, t := YMM(), YMM()
		VMOVUPS(at("dst"), x)
		VMOVUPS(at("src"), t)
		VSUBPS(x, t, t)
		VMULPS(t, s["rate"], t)
		VADDPS(t, x, x)
		VMOVUPS(x, at("dst"))
	}},
	{"clampAVX2", "x = max(low, min(high, x)), and low for NaN", "x", "low high", func(s scalars, at address) {
		t := YMM()
		VMOVUPS(at("x"), t)
		VMINPS(s["high"], t, t)
		VMAXPS(s["low"], t, t)
		VMOVUPS(t, at("x"))
	}},
}

// decayed gives w and grad·g + wd·w.
func decayed(s scalars, at address) (w, d reg.VecVirtual) {
	w, d = YMM(), YMM()
	t := YMM()
	VMOVUPS(at("w"), w)
	VMULPS(at("g"), s["grad"], d)
	VMULPS(w, s["wd"], t)
	VADDPS(t, d, d)
	return w, d
}

// velocity gives w, d = grad·g + wd·w and the new v, which it stores.
func velocity(s scalars, at address) (w, d, v reg.VecVirtual) {
	w, d = decayed(s, at)
	v = YMM()
	VMULPS(at("v"), s["mu"], v)
	VADDPS(d, v, v)
	VMOVUPS(v, at("v"))
	return w, d, v
}

// moments stores the new m and v of gradient d, which it overwrites, and gives
// step·m/(√(v·scale) + eps).
func moments(s scalars, at address, d reg.VecVirtual) reg.VecVirtual {
	m, v, t := YMM(), YMM(), YMM()
	VMULPS(at("m"), s["beta1"], m)
	VMULPS(d, s["rest1"], t)
	VADDPS(t, m, m)
	VMOVUPS(m, at("m"))
	VMULPS(at("v"), s["beta2"], v)
	VMULPS(d, d, d)
	VMULPS(d, s["rest2"], d)
	VADDPS(d, v, v)
	VMOVUPS(v, at("v"))
	VMULPS(v, s["scale"], v)
	VSQRTPS(v, v)
	VADDPS(s["eps"], v, v)
	VMULPS(m, s["step"], m)
	VDIVPS(v, m, m)
	return m
}

func lion(s scalars, at address) {
	d, c, m := YMM(), YMM(), YMM()
	VMULPS(at("g"), s["grad"], d)
	VMOVUPS(at("m"), m)
	VMULPS(m, s["beta1"], c)
	t := YMM()
	VMULPS(d, s["rest1"], t)
	VADDPS(t, c, c)
	VMULPS(m, s["beta2"], m)
	VMULPS(d, s["rest2"], d)
	VADDPS(d, m, m)
	VMOVUPS(m, at("m"))
	zero, nonzero := YMM(), YMM()
	VXORPS(zero, zero, zero)
	const notEqual = 4 // or NaN
	VCMPPS(Imm(notEqual), zero, c, nonzero)
	VANDPS(s["minus"], c, c)
	VORPS(s["lr"], c, c)
	VANDPS(nonzero, c, c)
	VMULPS(at("w"), s["decay"], t)
	VSUBPS(c, t, t)
	VMOVUPS(t, at("w"))
}
