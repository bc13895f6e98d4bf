package ort

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Check is one line of Doctor's report.
type Check struct {
	Name   string
	OK     bool
	Detail string // what was found
	Fix    string // what to do; empty when OK

	Optional bool // whether teachers run without it
}

// doctorPatience bounds the tries in a process of their own.
const doctorPatience = 30 * time.Second

// Doctor looks at everything a session needs, in order: where a library was
// looked for, the library itself, whether it loads and runs a model (in a
// worker process, so that a broken one does no harm here), and the CPU and
// CUDA providers. CUDA is reported and is never a reason to fail the rest.
func Doctor(ctx context.Context, explicit string) []Check {
	checks := []Check{lookedAt(explicit)}
	lib, err := Find(explicit)
	if err != nil {
		c := Check{Name: "library", Detail: err.Error(), Fix: remedy}
		return append(checks, c)
	}
	version := lib.Version
	if version == "" {
		version = "not in its symbols, asked when it is loaded"
	}
	checks = append(checks,
		Check{Name: "library", OK: true, Detail: fmt.Sprintf("%s (%s)", lib.Path, lib.Source)},
		Check{Name: "architecture", OK: true, Detail: "a shared library for this machine"},
		Check{Name: "version", OK: true, Detail: fmt.Sprintf("%s, wanted %s or newer", version, Oldest)},
		digestCheck(lib))
	for _, provider := range []string{"cpu", "cuda"} {
		for _, c := range try(ctx, lib, provider) {
			c.Optional = provider != "cpu"
			checks = append(checks, c)
		}
	}
	return checks
}

// lookedAt lists the places of the look-up and what each holds.
func lookedAt(explicit string) Check {
	places, err := lookup(explicit)
	if err != nil {
		return Check{Name: "look-up", Detail: err.Error(), Fix: "set KDONNX_CACHE"}
	}
	var parts []string
	found := false
	for _, p := range places {
		held := "nothing"
		if path, ok := p.first(); ok {
			held, found = path, true
		} else if p.named {
			held = "nothing at " + p.paths[0]
		}
		parts = append(parts, p.source+": "+held)
	}
	c := Check{Name: "look-up", OK: found, Detail: strings.Join(parts, "; ")}
	if !found {
		c.Fix = remedy
	}
	return c
}

// digestCheck says whether anything vouches for the library's digest. Find has
// compared it with the manifest already.
func digestCheck(lib Library) Check {
	c := Check{Name: "digest", OK: true, Detail: "sha256 " + lib.Digest + ", no manifest beside it to compare with"}
	if m, ok, _ := readManifest(filepath.Dir(lib.Path)); ok && m.File == filepath.Base(lib.Path) {
		c.Detail = "sha256 " + lib.Digest + ", as installed from " + m.Origin
	}
	return c
}

// try runs the model y = x + x in a worker on the provider.
func try(ctx context.Context, lib Library, provider string) []Check {
	name := provider + " provider"
	if provider == "cuda" {
		if missing := cudaMissing(lib); missing != "" {
			return []Check{{Name: name, Detail: missing,
				Fix: "optional: a GPU build of ONNX Runtime with its CUDA libraries, named by --ort-lib"}}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	w, err := startWorker(ctx, request{Name: "a tiny model", Data: doubling()}, Options{Library: lib.Path, Provider: provider}, WorkerOptions{})
	if err != nil {
		return []Check{{Name: name, Detail: err.Error(), Fix: fixFor(err)}}
	}
	defer w.Close()
	loads := Check{Name: "loads", OK: true, Detail: "ONNX Runtime " + w.Library().Version}
	ran := Check{Name: name, OK: true, Detail: "runs a model"}
	if err := runDoubling(ctx, w); err != nil {
		ran = Check{Name: name, Detail: err.Error(), Fix: fixFor(err)}
	}
	if provider == "cpu" {
		return []Check{loads, ran}
	}
	return []Check{ran}
}

// fixFor is what to do about a failure to load or run.
func fixFor(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind == fault.IO {
		return "build kdonnx with CGO_ENABLED=1"
	}
	return "install the pinned version; " + remedy
}

// cudaMissing says what the CUDA provider lacks, as far as files tell.
func cudaMissing(lib Library) string {
	if err := checkCUDA(lib); err != nil {
		return err.Error()
	}
	if _, err := os.Stat("/dev/nvidiactl"); err != nil {
		return "no NVIDIA device: /dev/nvidiactl not found"
	}
	return ""
}

// runDoubling requires y = x + x of an open model.
func runDoubling(ctx context.Context, r Runner) error {
	x := Value{DType: onnx.Float32, Shape: []int64{2}, Data: make([]byte, 8)}
	binary.LittleEndian.PutUint32(x.Data, math.Float32bits(1.5))
	binary.LittleEndian.PutUint32(x.Data[4:], math.Float32bits(-4))
	out, err := r.Run(ctx, []Value{x})
	if err != nil {
		return err
	}
	a := math.Float32frombits(binary.LittleEndian.Uint32(out[0].Data))
	b := math.Float32frombits(binary.LittleEndian.Uint32(out[0].Data[4:]))
	if a != 3 || b != -8 {
		return fault.New(fault.Integrity, "", "", "1.5 and -4 doubled gave %v and %v, wanted 3 and -8", a, b)
	}
	return nil
}

// doubling is an ONNX model of y = x + x, written as protobuf fields by hand:
// a float32 vector of 2 in and out, one Add node, opset 13, IR version 7.
func doubling() []byte {
	text := func(field byte, s string) []byte { return nested(field, []byte(s)) }
	number := func(field, n byte) []byte { return []byte{field << 3, n} }
	value := func(name string) []byte { // ValueInfoProto: name, type.tensor_type{elem_type, shape.dim.dim_value}
		shape := nested(2, nested(1, number(1, 2)))
		return join(text(1, name), nested(2, nested(1, join(number(1, 1), shape))))
	}
	node := join(text(1, "x"), text(1, "x"), text(2, "y"), text(4, "Add"))
	graph := join(nested(1, node), text(2, "doubling"), nested(11, value("x")), nested(12, value("y")))
	return join(number(1, 7), nested(7, graph), nested(8, number(2, 13)))
}

// nested is a length-delimited protobuf field; content is under 128 bytes.
func nested(field byte, content []byte) []byte {
	return append([]byte{field<<3 | 2, byte(len(content))}, content...)
}

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
