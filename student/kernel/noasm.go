//go:build !amd64

package kernel

// Without assembly hasAVX2 is false and nothing calls these.

func axpyAVX2(x, y []float32, alpha float32)          { panic("kernel: no assembly") }
func addAVX2(dst, a, b []float32)                     { panic("kernel: no assembly") }
func mulAVX2(dst, a, b []float32)                     { panic("kernel: no assembly") }
func scaleAVX2(x []float32, alpha float32)            { panic("kernel: no assembly") }
func reluAVX2(dst, x []float32)                       { panic("kernel: no assembly") }
func reluBackwardAVX2(dx, dy, y []float32)            { panic("kernel: no assembly") }
func dotAVX2(sums *[dotLanes]float32, x, y []float32) { panic("kernel: no assembly") }
