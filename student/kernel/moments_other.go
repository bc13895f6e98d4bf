//go:build !amd64

package kernel

// Without assembly hasAVX2 is false and nothing calls these.

func sumAVX2(m *[16]float64, x []float32)                             { panic("kernel: no assembly") }
func squaresAVX2(m *[16]float64, x []float32, mean float64)           { panic("kernel: no assembly") }
func projectionsAVX2(s, d *[16]float64, g, x []float32, mean float64) { panic("kernel: no assembly") }
func affineAVX2(y, x []float32, mean, mul, add float64)               { panic("kernel: no assembly") }
func projectAVX2(dx, g, x []float32, mean, k, a, b float64)           { panic("kernel: no assembly") }
