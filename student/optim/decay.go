package optim

import (
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/glob"
)

// Decays tells whether weight decay acts on a parameter. Those of rank 2 or
// more do: matrices, kernels of convolutions, tables of embeddings. Biases and
// the scales and shifts of normalisations, which have one axis, are left
// alone. Patterns change that: of those that match the name the last decides,
// for decay, or against it when it begins with "!".
func Decays(name string, dims []int, patterns []string) bool {
	decays := len(dims) > 1
	for _, p := range patterns {
		pattern, not := strings.CutPrefix(p, "!")
		if ok, err := glob.Match(pattern, name); ok && err == nil {
			decays = !not
		}
	}
	return decays
}

// CheckPatterns refuses patterns that are none, naming field.
func CheckPatterns(field string, patterns []string) error {
	for _, p := range patterns {
		pattern := strings.TrimPrefix(p, "!")
		if _, err := glob.Match(pattern, ""); err != nil || pattern == "" {
			return fault.New(fault.Usage, "", field, "got %q, expected a pattern of *, ? and [a-z], such as *.bias", p)
		}
	}
	return nil
}
