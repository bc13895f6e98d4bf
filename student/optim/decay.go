package optim

import (
	"path"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Decays tells whether weight decay acts on a parameter. Those of rank 2 or
// more do: matrices, kernels of convolutions, tables of embeddings. Biases and
// the scales and shifts of normalisations, which have one axis, are left
// alone. Patterns change that: of those that match the name the last decides,
// for decay, or against it when it begins with "!".
func Decays(name string, dims []int, patterns []string) bool {
	decays := len(dims) > 1
	for _, p := range patterns {
		glob, not := strings.CutPrefix(p, "!")
		if Match(glob, name) {
			decays = !not
		}
	}
	return decays
}

// Match tells whether the whole name matches a shell pattern of *, ? and [a-z].
// A * takes slashes too: they mean nothing in the names of parameters.
func Match(pattern, name string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
	return ok && err == nil
}

// CheckPatterns refuses what Match cannot read, naming field.
func CheckPatterns(field string, patterns []string) error {
	for _, p := range patterns {
		glob := strings.TrimPrefix(p, "!")
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			return fault.New(fault.Usage, "", field, "got %q, expected a pattern of *, ? and [a-z], such as *.bias", p)
		}
	}
	return nil
}
