package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"

	"github.com/kdonnx/kdonnx/student/kernel/internal/coef"
)

const attrRODATA = attr.RODATA | attr.NOPTR

// Each body is as in package kernel (transcendental.go, activation.go), where
// it is explained; a test compares the results bit by bit.
var mathLoops = []mathLoop{
	{"expAVX2", "y = e^x", "y x", "", false, func(f frame) vec {
		f.store(exp(clampExp(f.load("x"))), "y")
		return nil
	}},
	{"logAVX2", "y = log x", "y x", "", false, func(f frame) vec {
		x := f.load("x")
		y := logPositive(x)
		y = choose(lessThan, set(num(math.MaxFloat32)), x, x, y)
		y = choose(lessThan, x, num(0), set(num(math.NaN())), y)
		y = choose(0, x, num(0), set(num(math.Inf(-1))), y)
		f.store(choose(3, x, x, x, y), "y") // NaN
		return nil
	}},
	{"sigmoidAVX2", "y = 1/(1+e^−x)", "y x", "", false, func(f frame) vec {
		_, s := logistic(clampExp(f.load("x")))
		f.store(s, "y")
		return nil
	}},
	{"tanhAVX2", "y = tanh x", "y x", "", false, func(f frame) vec {
		x := f.load("x")
		a := abs(x)
		e := expm1(clampHigh(add(a, a), coef.ExpRange))
		f.store(signed(div(e, add(e, num(2))), x), "y")
		return nil
	}},
	{"swishAVX2", "y = x/(1+e^−αx)", "y x", "alpha", false, func(f frame) vec {
		x := f.load("x")
		z := clampExp(mul(x, f.s["alpha"]))
		_, s := logistic(z)
		f.store(mul(clampLow(x, -math.MaxFloat32), s), "y")
		return nil
	}},
	{"swishBackwardAVX2", "dx = dy·(s + αx·s·(1−s)), s = 1/(1+e^−αx)", "dx dy x", "alpha", false, func(f frame) vec {
		z := clampExp(mul(f.load("x"), f.s["alpha"]))
		e, s := logistic(z)
		g := mul(s, add(mul(z, mul(e, s)), num(1)))
		f.store(mul(g, f.load("dy")), "dx")
		return nil
	}},
	{"softplusAVX2", "y = log(1+e^x)", "y x", "", false, func(f frame) vec {
		x := f.load("x")
		u := exp(clampLow(neg(abs(x)), -coef.ExpRange))
		s := div(u, add(u, num(2)))
		l := mul(horner(mul(s, s), coef.Log1p[:]), add(s, s))
		f.store(add(l, clampLow(x, 0)), "y")
		return nil
	}},
	{"softplusBackwardAVX2", "dx = dy/(1+e^−x)", "dx dy x", "", false, func(f frame) vec {
		_, s := logistic(clampExp(f.load("x")))
		f.store(mul(s, f.load("dy")), "dx")
		return nil
	}},
	{"mishAVX2", "y = x·tanh(log(1+e^x))", "y x", "", false, func(f frame) vec {
		x := f.load("x")
		u := exp(clamp(x, coef.MishRange))
		w := mul(u, add(u, num(2)))
		t := div(w, add(w, num(2)))
		f.store(mul(clampLow(x, -coef.MishRange), t), "y")
		return nil
	}},
	{"mishBackwardAVX2", "dx = dy·d(x·tanh(log(1+e^x)))/dx", "dx dy x", "", false, func(f frame) vec {
		x := clamp(f.load("x"), coef.MishRange)
		u := exp(x)
		w := mul(u, add(u, num(2)))
		i := inverse(add(w, num(2)))
		a := mul(mul(mul(x, num(4)), mul(u, add(u, num(1)))), i)
		f.store(mul(mul(add(w, a), i), f.load("dy")), "dx")
		return nil
	}},
	{"eluAVX2", "y = a·x for x > 0, else b·(e^cx − 1)", "y x", "a b c", false, func(f frame) vec {
		x := f.load("x")
		e := mul(expm1(clampExp(mul(x, f.s["c"]))), f.s["b"])
		f.store(choose(lessThan, set(num(0)), x, mul(x, f.s["a"]), e), "y")
		return nil
	}},
	{"eluBackwardAVX2", "dx = dy·a for x > 0, else dy·d·e^cx", "dx dy x", "a d c", false, func(f frame) vec {
		x := f.load("x")
		e := mul(exp(clampExp(mul(x, f.s["c"]))), f.s["d"])
		f.store(mul(choose(lessThan, set(num(0)), x, f.s["a"], e), f.load("dy")), "dx")
		return nil
	}},
	{"erfAVX2", "y = erf x", "y x", "", false, func(f frame) vec {
		x := f.load("x")
		a := abs(x)
		q := mul(x, x)
		small := mul(horner(q, coef.Erf[:]), a)
		c := mul(erfcx(mul(a, num(coef.ErfcP))), exp(clampLow(neg(q), -coef.ExpRange)))
		y := choose(lessThan, a, num(0.25), small, sub(set(num(1)), c))
		f.store(signed(y, x), "y")
		return nil
	}},
	{"erfBackwardAVX2", "dx = dy·2/√π·e^(−x²)", "dx dy x", "", false, func(f frame) vec {
		x := f.load("x")
		e := exp(clampLow(neg(mul(x, x)), -coef.ExpRange))
		f.store(mul(mul(e, num(2/coef.SqrtPi)), f.load("dy")), "dx")
		return nil
	}},
	{"geluAVX2", "y = x·Φ(x)", "y x", "", false, func(f frame) vec {
		x := clampLow(f.load("x"), -coef.CDFRange)
		cdf, _ := normal(x)
		f.store(mul(x, cdf), "y")
		return nil
	}},
	{"geluBackwardAVX2", "dx = dy·(Φ(x) + x·φ(x))", "dx dy x", "", false, func(f frame) vec {
		x := clamp(f.load("x"), coef.CDFRange)
		cdf, e := normal(x)
		f.store(mul(add(cdf, mul(mul(x, num(1/(math.Sqrt2*coef.SqrtPi))), e)), f.load("dy")), "dx")
		return nil
	}},
	{"geluTanhAVX2", "y = x/(1+e^−v), v = √(8/π)·(x + 0.044715·x³)", "y x", "", false, func(f frame) vec {
		x := clampLow(f.load("x"), -coef.TanhRange)
		v := mul(x, add(mul(mul(x, x), num(coef.Cubic*coef.Sqrt8Pi)), num(coef.Sqrt8Pi)))
		_, s := logistic(clampExp(v))
		f.store(mul(x, s), "y")
		return nil
	}},
	{"geluTanhBackwardAVX2", "dx = dy·(s + x·v'·s·(1−s)), s and v as in geluTanh", "dx dy x", "", false, func(f frame) vec {
		x := clamp(f.load("x"), coef.TanhRange)
		q := mul(x, x)
		v := mul(x, add(mul(q, num(coef.Cubic*coef.Sqrt8Pi)), num(coef.Sqrt8Pi)))
		dv := mul(x, add(mul(q, num(3*coef.Cubic*coef.Sqrt8Pi)), num(coef.Sqrt8Pi)))
		e, s := logistic(v)
		g := mul(s, add(mul(dv, mul(e, s)), num(1)))
		f.store(mul(g, f.load("dy")), "dx")
		return nil
	}},
	{"expSumAVX2", "y = e^(x−top) and the sums of that before rounding", "y x", "top", true, func(f frame) vec {
		e := exp(clampExp(sub(f.load("x"), f.s["top"])))
		f.store(e, "y")
		return e
	}},
	{"logSumAVX2", "the sums of e^(x−top)", "x", "top", true, func(f frame) vec {
		return exp(clampExp(sub(f.load("x"), f.s["top"])))
	}},
	{"scale64AVX2", "y = a·y in float64", "y", "a", false, func(f frame) vec {
		f.store(mul(f.load("y"), f.s["a"]), "y")
		return nil
	}},
	{"shift64AVX2", "y = (x − a) − b in float64", "y x", "a b", false, func(f frame) vec {
		f.store(sub(sub(f.load("x"), f.s["a"]), f.s["b"]), "y")
		return nil
	}},
	{"sum64AVX2", "the sums of x", "x", "", true, func(f frame) vec { return f.load("x") }},
	{"dot64AVX2", "the sums of x·y", "x y", "", true, func(f frame) vec { return mul(f.load("x"), f.load("y")) }},
	{"softmaxBackwardAVX2", "dx = y·(dy − dot)", "dx dy y", "dot", false, func(f frame) vec {
		f.store(mul(sub(f.load("dy"), f.s["dot"]), f.load("y")), "dx")
		return nil
	}},
	{"logSoftmaxBackwardAVX2", "dx = dy − e^y·sum", "dx dy y", "sum", false, func(f frame) vec {
		e := mul(exp(clampExp(f.load("y"))), f.s["sum"])
		f.store(sub(f.load("dy"), e), "dx")
		return nil
	}},
}
