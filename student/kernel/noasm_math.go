//go:build !amd64

package kernel

// Without assembly hasAVX2 is false and nothing calls these.

func subAVX2(dst []float32, a []float32, b []float32)   { panic("kernel: no assembly") }
func divAVX2(dst []float32, a []float32, b []float32)   { panic("kernel: no assembly") }
func minAVX2(dst []float32, a []float32, b []float32)   { panic("kernel: no assembly") }
func maxOfAVX2(dst []float32, a []float32, b []float32) { panic("kernel: no assembly") }
func addScalarAVX2(y []float32, x []float32, s float32) { panic("kernel: no assembly") }
func mulScalarAVX2(y []float32, x []float32, s float32) { panic("kernel: no assembly") }
func divScalarAVX2(y []float32, x []float32, s float32) { panic("kernel: no assembly") }
func scalarSubAVX2(y []float32, x []float32, s float32) { panic("kernel: no assembly") }
func scalarDivAVX2(y []float32, x []float32, s float32) { panic("kernel: no assembly") }
func divBackwardAVX2(g []float32, dy []float32, a []float32, b []float32) {
	panic("kernel: no assembly")
}
func leakyReluAVX2(y []float32, x []float32, alpha float32) { panic("kernel: no assembly") }
func leakyReluBackwardAVX2(dx []float32, dy []float32, x []float32, alpha float32) {
	panic("kernel: no assembly")
}
func preluAVX2(y []float32, x []float32, s []float32) { panic("kernel: no assembly") }
func preluBackwardAVX2(dx []float32, dy []float32, x []float32, s []float32) {
	panic("kernel: no assembly")
}
func preluSlopeAVX2(dx []float32, dy []float32, x []float32)    { panic("kernel: no assembly") }
func clipAVX2(y []float32, x []float32, lo float32, hi float32) { panic("kernel: no assembly") }
func clipBackwardAVX2(dx []float32, dy []float32, x []float32, lo float32, hi float32) {
	panic("kernel: no assembly")
}
func hardSigmoidAVX2(y []float32, x []float32, alpha float32, beta float32) {
	panic("kernel: no assembly")
}
func hardSigmoidBackwardAVX2(dx []float32, dy []float32, x []float32, alpha float32) {
	panic("kernel: no assembly")
}
func hardSwishAVX2(y []float32, x []float32, alpha float32, beta float32) {
	panic("kernel: no assembly")
}
func hardSwishBackwardAVX2(dx []float32, dy []float32, x []float32, alpha float32, beta float32) {
	panic("kernel: no assembly")
}
func thresholdAVX2(y []float32, x []float32, alpha float32) { panic("kernel: no assembly") }
func thresholdBackwardAVX2(dx []float32, dy []float32, x []float32, alpha float32) {
	panic("kernel: no assembly")
}
func sqrtAVX2(y []float32, x []float32)                              { panic("kernel: no assembly") }
func sqrtBackwardAVX2(dx []float32, dy []float32, x []float32)       { panic("kernel: no assembly") }
func reciprocalBackwardAVX2(dx []float32, dy []float32, x []float32) { panic("kernel: no assembly") }
func absAVX2(y []float32, x []float32)                               { panic("kernel: no assembly") }
func absBackwardAVX2(dx []float32, dy []float32, x []float32)        { panic("kernel: no assembly") }
func softsignAVX2(y []float32, x []float32)                          { panic("kernel: no assembly") }
func softsignBackwardAVX2(dx []float32, dy []float32, x []float32)   { panic("kernel: no assembly") }
func sigmoidBackwardAVX2(dx []float32, dy []float32, x []float32)    { panic("kernel: no assembly") }
func tanhBackwardAVX2(dx []float32, dy []float32, x []float32)       { panic("kernel: no assembly") }
func expAVX2(y []float32, x []float32)                               { panic("kernel: no assembly") }
func logAVX2(y []float32, x []float32)                               { panic("kernel: no assembly") }
func sigmoidAVX2(y []float32, x []float32)                           { panic("kernel: no assembly") }
func tanhAVX2(y []float32, x []float32)                              { panic("kernel: no assembly") }
func swishAVX2(y []float32, x []float32, alpha float64)              { panic("kernel: no assembly") }
func swishBackwardAVX2(dx []float32, dy []float32, x []float32, alpha float64) {
	panic("kernel: no assembly")
}
func softplusAVX2(y []float32, x []float32)                             { panic("kernel: no assembly") }
func softplusBackwardAVX2(dx []float32, dy []float32, x []float32)      { panic("kernel: no assembly") }
func mishAVX2(y []float32, x []float32)                                 { panic("kernel: no assembly") }
func mishBackwardAVX2(dx []float32, dy []float32, x []float32)          { panic("kernel: no assembly") }
func eluAVX2(y []float32, x []float32, a float64, b float64, c float64) { panic("kernel: no assembly") }
func eluBackwardAVX2(dx []float32, dy []float32, x []float32, a float64, d float64, c float64) {
	panic("kernel: no assembly")
}
func erfAVX2(y []float32, x []float32)                             { panic("kernel: no assembly") }
func erfBackwardAVX2(dx []float32, dy []float32, x []float32)      { panic("kernel: no assembly") }
func geluAVX2(y []float32, x []float32)                            { panic("kernel: no assembly") }
func geluBackwardAVX2(dx []float32, dy []float32, x []float32)     { panic("kernel: no assembly") }
func geluTanhAVX2(y []float32, x []float32)                        { panic("kernel: no assembly") }
func geluTanhBackwardAVX2(dx []float32, dy []float32, x []float32) { panic("kernel: no assembly") }
func expSumAVX2(sums *[8]float64, y []float32, x []float32, top float64) {
	panic("kernel: no assembly")
}
func logSumAVX2(sums *[8]float64, x []float32, top float64)      { panic("kernel: no assembly") }
func scale64AVX2(y []float32, a float64)                         { panic("kernel: no assembly") }
func shift64AVX2(y []float32, x []float32, a float64, b float64) { panic("kernel: no assembly") }
func sum64AVX2(sums *[8]float64, x []float32)                    { panic("kernel: no assembly") }
func dot64AVX2(sums *[8]float64, x []float32, y []float32)       { panic("kernel: no assembly") }
func softmaxBackwardAVX2(dx []float32, dy []float32, y []float32, dot float64) {
	panic("kernel: no assembly")
}
func logSoftmaxBackwardAVX2(dx []float32, dy []float32, y []float32, sum float64) {
	panic("kernel: no assembly")
}
func accumulateAVX2(acc []float64, x []float32) { panic("kernel: no assembly") }
func maxAVX2(top *[8]float32, x []float32)      { panic("kernel: no assembly") }
