package models

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// initialiser makes the draw of a weight's values from the number of inputs
// that one of its outputs sums, and of outputs that one of its inputs reaches.
type initialiser func(rng *rand.Rand, fanIn, fanOut int) func() float32

// initialisers are what the option init names.
var initialisers = map[string]initialiser{
	// He et al. 2015 (arXiv 1502.01852), equation 10: keeps the variance of activations.
	"he": func(rng *rand.Rand, fanIn, _ int) func() float32 { return normal(rng, math.Sqrt(2/float64(fanIn))) },
	// The same, equation 14: keeps the variance of gradients.
	"he-out":     func(rng *rand.Rand, _, fanOut int) func() float32 { return normal(rng, math.Sqrt(2/float64(fanOut))) },
	"he-uniform": func(rng *rand.Rand, fanIn, _ int) func() float32 { return uniform(rng, math.Sqrt(6/float64(fanIn))) },
	"glorot":     glorot,
	// Dosovitskiy et al. 2021 and Touvron et al. 2021 (DeiT): N(0, 0.02²) within two deviations.
	"trunc": func(rng *rand.Rand, _, _ int) func() float32 { return truncated(rng, 0.02) },
}

// initNames lists the keys of initialisers in alphabetical order.
func initNames() string {
	var names []string
	for name := range initialisers {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// glorot is U(−a, a) with a = √(6/(fanIn+fanOut)) (Glorot and Bengio 2010).
func glorot(rng *rand.Rand, fanIn, fanOut int) func() float32 {
	return uniform(rng, math.Sqrt(6/float64(fanIn+fanOut)))
}

func constant(v float32) func() float32 { return func() float32 { return v } }

// normal is N(0, std²).
func normal(rng *rand.Rand, std float64) func() float32 {
	return func() float32 { return float32(rng.NormFloat64() * std) }
}

// uniform is U(−a, a).
func uniform(rng *rand.Rand, a float64) func() float32 {
	return func() float32 { return float32((2*rng.Float64() - 1) * a) }
}

// truncated is N(0, std²) without what lies beyond two deviations.
func truncated(rng *rand.Rand, std float64) func() float32 {
	return func() float32 {
		for {
			if v := rng.NormFloat64(); math.Abs(v) <= 2 {
				return float32(v * std)
			}
		}
	}
}
