package metrics

import "math"

// Top returns the class with the largest logit and its softmax probability.
// Ties go to the lowest index.
func Top(z []float32) (class int, p float64) {
	class = Argmax(z)
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(float64(v) - float64(z[class]))
	}
	return class, 1 / sum
}
