//go:build !amd64

package kernel

// Without assembly there is no variant but the portable one, hasAVX2 is false
// and nothing calls the functions below.

const hasAVX2 = false

func cpuVariants() []*variant { return nil }

// Of vector_amd64.s.

func axpyAVX2(x, y []float32, alpha float32)                       { panic("kernel: no assembly") }
func addAVX2(dst, a, b []float32)                                  { panic("kernel: no assembly") }
func mulAVX2(dst, a, b []float32)                                  { panic("kernel: no assembly") }
func reluAVX2(dst, x []float32)                                    { panic("kernel: no assembly") }
func reluBackwardAVX2(dx, dy, y []float32)                         { panic("kernel: no assembly") }
func normAVX2(y, x, mean, scale, shift []float32)                  { panic("kernel: no assembly") }
func normReluAVX2(y, x, mean, scale, shift []float32, cap float32) { panic("kernel: no assembly") }
func normAddAVX2(y, x, z, mean, scale, shift []float32)            { panic("kernel: no assembly") }
func normAddReluAVX2(y, x, z, mean, scale, shift []float32)        { panic("kernel: no assembly") }
func normGradAVX2(dx, dy, x, mean, k, s, q []float32)              { panic("kernel: no assembly") }
func normReluGradAVX2(dx, dy, y, x, mean, k, s, q []float32, cap float32) {
	panic("kernel: no assembly")
}
func addReluAVX2(dst, a, b []float32) { panic("kernel: no assembly") }

// Of arith_amd64.s.

func subAVX2(dst, a, b []float32)                                { panic("kernel: no assembly") }
func divAVX2(dst, a, b []float32)                                { panic("kernel: no assembly") }
func minAVX2(dst, a, b []float32)                                { panic("kernel: no assembly") }
func maxOfAVX2(dst, a, b []float32)                              { panic("kernel: no assembly") }
func addScalarAVX2(y, x []float32, s float32)                    { panic("kernel: no assembly") }
func mulScalarAVX2(y, x []float32, s float32)                    { panic("kernel: no assembly") }
func divScalarAVX2(y, x []float32, s float32)                    { panic("kernel: no assembly") }
func scalarSubAVX2(y, x []float32, s float32)                    { panic("kernel: no assembly") }
func scalarDivAVX2(y, x []float32, s float32)                    { panic("kernel: no assembly") }
func divBackwardAVX2(g, dy, a, b []float32)                      { panic("kernel: no assembly") }
func leakyReluAVX2(y, x []float32, alpha float32)                { panic("kernel: no assembly") }
func leakyReluBackwardAVX2(dx, dy, x []float32, alpha float32)   { panic("kernel: no assembly") }
func preluAVX2(y, x, s []float32)                                { panic("kernel: no assembly") }
func preluBackwardAVX2(dx, dy, x, s []float32)                   { panic("kernel: no assembly") }
func preluSlopeAVX2(dx, dy, x []float32)                         { panic("kernel: no assembly") }
func clipAVX2(y, x []float32, lo, hi float32)                    { panic("kernel: no assembly") }
func clipBackwardAVX2(dx, dy, x []float32, lo, hi float32)       { panic("kernel: no assembly") }
func hardSigmoidAVX2(y, x []float32, alpha, beta float32)        { panic("kernel: no assembly") }
func hardSigmoidBackwardAVX2(dx, dy, x []float32, alpha float32) { panic("kernel: no assembly") }
func hardSwishAVX2(y, x []float32, alpha, beta float32)          { panic("kernel: no assembly") }
func hardSwishBackwardAVX2(dx, dy, x []float32, alpha, beta float32) {
	panic("kernel: no assembly")
}
func thresholdAVX2(y, x []float32, alpha float32)              { panic("kernel: no assembly") }
func thresholdBackwardAVX2(dx, dy, x []float32, alpha float32) { panic("kernel: no assembly") }
func sqrtAVX2(y, x []float32)                                  { panic("kernel: no assembly") }
func sqrtBackwardAVX2(dx, dy, x []float32)                     { panic("kernel: no assembly") }
func reciprocalBackwardAVX2(dx, dy, x []float32)               { panic("kernel: no assembly") }
func absAVX2(y, x []float32)                                   { panic("kernel: no assembly") }
func absBackwardAVX2(dx, dy, x []float32)                      { panic("kernel: no assembly") }
func softsignAVX2(y, x []float32)                              { panic("kernel: no assembly") }
func softsignBackwardAVX2(dx, dy, x []float32)                 { panic("kernel: no assembly") }
func sigmoidBackwardAVX2(dx, dy, x []float32)                  { panic("kernel: no assembly") }
func tanhBackwardAVX2(dx, dy, x []float32)                     { panic("kernel: no assembly") }

// Of math_amd64.s.

func expAVX2(y, x []float32)                                   { panic("kernel: no assembly") }
func logAVX2(y, x []float32)                                   { panic("kernel: no assembly") }
func sigmoidAVX2(y, x []float32)                               { panic("kernel: no assembly") }
func tanhAVX2(y, x []float32)                                  { panic("kernel: no assembly") }
func swishAVX2(y, x []float32, alpha float64)                  { panic("kernel: no assembly") }
func swishBackwardAVX2(dx, dy, x []float32, alpha float64)     { panic("kernel: no assembly") }
func softplusAVX2(y, x []float32)                              { panic("kernel: no assembly") }
func softplusBackwardAVX2(dx, dy, x []float32)                 { panic("kernel: no assembly") }
func mishAVX2(y, x []float32)                                  { panic("kernel: no assembly") }
func mishBackwardAVX2(dx, dy, x []float32)                     { panic("kernel: no assembly") }
func eluAVX2(y, x []float32, a, b, c float64)                  { panic("kernel: no assembly") }
func eluBackwardAVX2(dx, dy, x []float32, a, d, c float64)     { panic("kernel: no assembly") }
func erfAVX2(y, x []float32)                                   { panic("kernel: no assembly") }
func erfBackwardAVX2(dx, dy, x []float32)                      { panic("kernel: no assembly") }
func geluAVX2(y, x []float32)                                  { panic("kernel: no assembly") }
func geluBackwardAVX2(dx, dy, x []float32)                     { panic("kernel: no assembly") }
func geluTanhAVX2(y, x []float32)                              { panic("kernel: no assembly") }
func geluTanhBackwardAVX2(dx, dy, x []float32)                 { panic("kernel: no assembly") }
func expSumAVX2(sums *[8]float64, y, x []float32, top float64) { panic("kernel: no assembly") }
func logSumAVX2(sums *[8]float64, x []float32, top float64)    { panic("kernel: no assembly") }
func scale64AVX2(y []float32, a float64)                       { panic("kernel: no assembly") }
func shift64AVX2(y, x []float32, a, b float64)                 { panic("kernel: no assembly") }
func sum64AVX2(sums *[8]float64, x []float32)                  { panic("kernel: no assembly") }
func dot64AVX2(sums *[8]float64, x, y []float32)               { panic("kernel: no assembly") }
func softmaxBackwardAVX2(dx, dy, y []float32, dot float64)     { panic("kernel: no assembly") }
func logSoftmaxBackwardAVX2(dx, dy, y []float32, sum float64)  { panic("kernel: no assembly") }
func accumulateAVX2(acc []float64, x []float32)                { panic("kernel: no assembly") }
func maxAVX2(top *[8]float32, x []float32)                     { panic("kernel: no assembly") }

// Of moments_amd64.s.

func sumAVX2(m *[16]float64, x []float32)                   { panic("kernel: no assembly") }
func squaresAVX2(m *[16]float64, x []float32, mean float64) { panic("kernel: no assembly") }
func projectionsAVX2(s, d *[16]float64, g, x []float32, mean float64) {
	panic("kernel: no assembly")
}
func affineAVX2(y, x []float32, mean, mul, add float64)     { panic("kernel: no assembly") }
func projectAVX2(dx, g, x []float32, mean, k, a, b float64) { panic("kernel: no assembly") }

// Of columns_amd64.s.

var columnLoops columnFuncs

func maxPoolTapAVX2(x, y *float32, arg *int32, pixels, c, step int, tap int32) {
	panic("kernel: no assembly")
}
func maxPoolGradAVX2(x, y *float32, arg *int32, pixels, c, step int, tap int32) {
	panic("kernel: no assembly")
}

// Of optim_amd64.s.

func sgdAVX2(w, g []float32, grad, lr, wd float32)             { panic("kernel: no assembly") }
func momentumAVX2(w, g, v []float32, grad, lr, mu, wd float32) { panic("kernel: no assembly") }
func nesterovAVX2(w, g, v []float32, grad, lr, mu, wd float32) { panic("kernel: no assembly") }
func adamAVX2(w, g, m, v []float32, grad, l2, beta1, rest1, beta2, rest2, scale, eps, step, decay float32) {
	panic("kernel: no assembly")
}
func lambAVX2(w, g, m, v []float32, grad, beta1, rest1, beta2, rest2, scale, eps, step, wd float32) {
	panic("kernel: no assembly")
}
func lionAVX2(w, g, m []float32, grad, beta1, rest1, beta2, rest2, lr, decay, minus float32) {
	panic("kernel: no assembly")
}
func lerpAVX2(dst, src []float32, rate float32) { panic("kernel: no assembly") }
func clampAVX2(x []float32, low, high float32)  { panic("kernel: no assembly") }
