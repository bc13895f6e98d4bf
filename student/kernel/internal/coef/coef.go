// Package coef holds the coefficients that package kernel's transcendental
// functions share between the assembly and its plain Go twins. "Minimax" is a
// polynomial of Remez's algorithm for the relative error; tests in kernel hold
// the functions to math's.
package coef

const (
	SqrtPi = 1.77245385090551602729816748334114518

	ExpRange  = 700 // exponents are cut at ±ExpRange, where float32 is 0 or Inf
	MishRange = 150 // of mish, which squares e^x; x·e^x is 0 in float32 below −MishRange
	CDFRange  = 20  // Φ(x) is 0 or 1 in float32 beyond ±CDFRange, with x·φ(x) = 0
	TanhRange = 16  // the same of gelu's approximation by tanh

	Sqrt8Pi = 1.5957691216057307117597842397375 // √(8/π)
	Cubic   = 0.044715                          // of gelu's approximation by tanh

	// ErfcP is p of t = 1/(1 + p·z), in which e^(z²)·erfc(z) is t times a
	// polynomial, the form of Abramowitz and Stegun 7.1.26 (Hastings 1955).
	ErfcP = 0.3
)

var (
	// Exp: (e^r − 1)/r for |r| ≤ ln2/2, minimax, relative error of e^r
	// below 2.4e-10.
	Exp = [...]float64{1.000000000031222, 0.5000000046680073, 0.16666666249373877, 0.04166635432500319,
		0.008333402925962585, 0.0013941015342699866, 0.00019841251489660162}
	// Log1p: atanh(√s)/√s for s ≤ 1/9, minimax, relative error below 1e-10.
	Log1p = [...]float64{0.9999999999014059, 0.3333333965371611, 0.1999934545166663, 0.1431036105007829,
		0.10696625353059358, 0.12206533977217374}
	// Log: (2·atanh(√s)/√s − 2)/s for √s ≤ (√2−1)/(√2+1), Lg1 to Lg7 of fdlibm's
	// e_log.c (Sun Microsystems 1993), error of the logarithm below 2^−58.
	Log = [...]float64{6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
		2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01}
	// Erfc: e^(z²)·erfc(z)/t for t = 1/(1 + ErfcP·z), z from 0 to 12, minimax,
	// relative error below 1e-9.
	Erfc = [...]float64{0.1692729782038018, 0.1688576098903509, 0.16601130225956298, 0.11854385192359378,
		0.23933238413865604, -0.22143150486866303, 0.6814960981286103, -0.749241668129901,
		0.6863852119834389, -0.31147593841650145, 0.05224967389452652}
	// Erf: erf(x)/x in x², Taylor, relative error below 1e-9 for |x| ≤ ¼.
	Erf = [...]float64{2 / SqrtPi, -2 / (3 * SqrtPi), 1 / (5 * SqrtPi), -1 / (21 * SqrtPi), 1 / (108 * SqrtPi)}
)
