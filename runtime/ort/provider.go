package ort

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// provider is a parsed Options.Provider.
type provider struct {
	cuda     bool
	device   int
	fallback bool // "auto": the CPU will do
}

// parseProvider reads "cpu", "cuda", "cuda:N" or "auto"; empty is "cpu".
func parseProvider(s string) (provider, error) {
	switch name, device, numbered := strings.Cut(s, ":"); {
	case s == "" || s == "cpu":
		return provider{}, nil
	case s == "auto":
		return provider{cuda: true, fallback: true}, nil
	case s == "cuda":
		return provider{cuda: true}, nil
	case name == "cuda" && numbered:
		if n, err := strconv.ParseUint(device, 10, 8); err == nil {
			return provider{cuda: true, device: int(n)}, nil
		}
	}
	return provider{}, fault.New(fault.Usage, "", "--provider", "got %q, expected cpu, cuda, cuda:N or auto", s)
}

// cudaLibraries must lie beside the library for its CUDA provider to load.
var cudaLibraries = []string{"libonnxruntime_providers_cuda.so", "libonnxruntime_providers_shared.so"}

// checkCUDA says which file the CUDA provider of lib lacks.
func checkCUDA(lib Library) error {
	for _, name := range cudaLibraries {
		if _, err := os.Stat(filepath.Join(filepath.Dir(lib.Path), name)); err != nil {
			return fault.New(fault.Integrity, "", "", "this libonnxruntime has no CUDA provider: %s not found beside %s", name, lib.Path)
		}
	}
	return nil
}
