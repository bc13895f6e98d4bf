//go:build !amd64

package kernel

// Without assembly hasAVX2 is false and nothing calls these.

func axpyAVX2(x, y []float32, alpha float32)                       { panic("kernel: no assembly") }
func addAVX2(dst, a, b []float32)                                  { panic("kernel: no assembly") }
func mulAVX2(dst, a, b []float32)                                  { panic("kernel: no assembly") }
func scaleAVX2(x []float32, alpha float32)                         { panic("kernel: no assembly") }
func reluAVX2(dst, x []float32)                                    { panic("kernel: no assembly") }
func reluBackwardAVX2(dx, dy, y []float32)                         { panic("kernel: no assembly") }
func dotAVX2(sums *[dotLanes]float32, x, y []float32)              { panic("kernel: no assembly") }
func normAVX2(y, x, mean, scale, shift []float32)                  { panic("kernel: no assembly") }
func normReluAVX2(y, x, mean, scale, shift []float32, cap float32) { panic("kernel: no assembly") }
func normAddAVX2(y, x, z, mean, scale, shift []float32)            { panic("kernel: no assembly") }
func normAddReluAVX2(y, x, z, mean, scale, shift []float32)        { panic("kernel: no assembly") }
func normGradAVX2(dx, dy, x, mean, k, s, q []float32)              { panic("kernel: no assembly") }
func normReluGradAVX2(dx, dy, y, x, mean, k, s, q []float32, cap float32) {
	panic("kernel: no assembly")
}
func addReluAVX2(dst, a, b []float32)                           { panic("kernel: no assembly") }
func columnMomentsAVX2(a, b *[16]float64, x *float32, s, n int) { panic("kernel: no assembly") }
func columnDotsAVX2(a, b *[16]float64, x, dy *float32, s, n int) {
	panic("kernel: no assembly")
}
func columnMaskedDotsAVX2(a, b *[16]float64, x, dy, y *float32, s, n int, limit float32) {
	panic("kernel: no assembly")
}
func maxPoolTapAVX2(x, y *float32, arg *int32, pixels, c, step int, tap int32) {
	panic("kernel: no assembly")
}
func maxPoolGradAVX2(x, y *float32, arg *int32, pixels, c, step int, tap int32) {
	panic("kernel: no assembly")
}
