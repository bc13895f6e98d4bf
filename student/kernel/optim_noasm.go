//go:build !amd64

package kernel

func sgdAVX2(w, g []float32, grad, lr, wd float32)             { panic("kernel: no assembly") }
func momentumAVX2(w, g, v []float32, grad, lr, mu, wd float32) { panic("kernel: no assembly") }
func nesterovAVX2(w, g, v []float32, grad, lr, mu, wd float32) { panic("kernel: no assembly") }
func lerpAVX2(dst, src []float32, rate float32)                { panic("kernel: no assembly") }
func clampAVX2(x []float32, low, high float32)                 { panic("kernel: no assembly") }
func sumSquaresAVX2(sums *[normLanes]float64, x []float32)     { panic("kernel: no assembly") }
func adamAVX2(w, g, m, v []float32, grad, l2, beta1, rest1, beta2, rest2, scale, eps, step, decay float32) {
	panic("kernel: no assembly")
}
func lambAVX2(w, g, m, v []float32, grad, beta1, rest1, beta2, rest2, scale, eps, step, wd float32) {
	panic("kernel: no assembly")
}
func lionAVX2(w, g, m []float32, grad, beta1, rest1, beta2, rest2, lr, decay, minus float32) {
	panic("kernel: no assembly")
}
