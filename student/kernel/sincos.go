package kernel

import "math"

// The functions of math that are used here have no variants by CPU feature.

// Sin is y = sin x.
func Sin(y, x []float32) { apply(y, x, math.Sin) }

// Cos is y = cos x.
func Cos(y, x []float32) { apply(y, x, math.Cos) }

// SinBackward is dx = dy·cos x.
func SinBackward(dx, dy, x []float32) { chain(dx, dy, x, math.Cos) }

// CosBackward is dx = −dy·sin x.
func CosBackward(dx, dy, x []float32) { chain(dx, dy, x, negSin) }

func negSin(x float64) float64 { return -math.Sin(x) }
