package ort

import (
	"debug/elf"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// machines are the architectures that ONNX Runtime is built for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// entryPoint is the one function that every libonnxruntime exports. Its symbol
// version is the release: OrtGetApiBase@@VERS_1.29.0.
const entryPoint = "OrtGetApiBase"

// checkELF checks that r is a shared library for this machine that exports
// ONNX Runtime's entry point, new enough to be called, and returns its
// version, empty when its symbols carry none.
func checkELF(r io.ReaderAt, path string) (version string, err error) {
	refuse := func(format string, args ...any) (string, error) {
		return "", fault.New(fault.Integrity, path, "", format+"; "+remedy, args...)
	}
	var magic [4]byte
	if _, err := r.ReadAt(magic[:], 0); err != nil || string(magic[:]) != elf.ELFMAG {
		return refuse("found %q, wanted an ELF shared library", magic[:])
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return refuse("damaged ELF file: %w", err)
	}
	want, ok := machines[runtime.GOARCH]
	if !ok || runtime.GOOS != "linux" {
		return refuse("ONNX Runtime is not run on %s/%s, only on Linux with amd64 or arm64", runtime.GOOS, runtime.GOARCH)
	}
	if f.Machine != want {
		return refuse("found a library for %v, wanted %v", f.Machine, want)
	}
	if f.Type != elf.ET_DYN {
		return refuse("found ELF type %v, wanted a shared library (ET_DYN)", f.Type)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return refuse("no readable dynamic symbols: %w", err)
	}
	i := slices.IndexFunc(symbols, func(s elf.Symbol) bool {
		return s.Name == entryPoint && s.Section != elf.SHN_UNDEF
	})
	if i < 0 {
		return refuse("found a library without the symbol %s, wanted ONNX Runtime", entryPoint)
	}
	version = strings.TrimPrefix(symbols[i].Version, "VERS_")
	if parseVersion(version) == nil {
		return "", nil
	}
	if err := checkVersion(path, version); err != nil {
		return "", err
	}
	return version, nil
}

// checkVersion refuses a version older than Oldest.
func checkVersion(path, version string) error {
	if v := parseVersion(version); v == nil || slices.Compare(v, parseVersion(Oldest)) < 0 {
		return fault.New(fault.Integrity, path, "", "found ONNX Runtime %q, wanted %s or newer; %s", version, Oldest, remedy)
	}
	return nil
}

// parseVersion reads "1.29.0" as [1 29 0], nil when it is no version.
func parseVersion(s string) []int {
	parts := strings.Split(s, ".")
	if len(parts) < 2 || len(parts) > 4 {
		return nil
	}
	v := make([]int, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil
		}
		v[i] = int(n)
	}
	return v
}
