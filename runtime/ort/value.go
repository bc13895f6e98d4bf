// Package ort is the only place that talks to ONNX Runtime: it finds, verifies
// and installs the library, opens sessions on the CPU or CUDA execution
// provider, and runs them in this process or in a worker process.
//
// Built without cgo the package still compiles: the library can be found and
// installed, and Open says that this binary has no ONNX Runtime.
package ort

import (
	"context"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Value is a tensor that crosses the border to ONNX Runtime.
type Value struct {
	DType   onnx.DType
	Shape   []int64
	Data    []byte   // little-endian, row-major, aligned to 8 bytes; nil for strings
	Strings []string // only for onnx.String
	// Keys names the columns of an output that the model gives as maps
	// (scikit-learn's ZipMap): float32 of shape (N, len(Keys)), in the order
	// of the first row. Integer keys are written in decimal. Nil otherwise.
	Keys []string
}

// Info names and types one input or output as ONNX Runtime declares it.
type Info struct {
	Name  string
	Kind  onnx.Kind
	DType onnx.DType // onnx.Undefined where Kind is no tensor
	Shape []int64    // -1 where unknown or symbolic
}

// Runner runs a model: a Session in this process or a Worker in its own.
type Runner interface {
	Inputs() []Info
	Outputs() []Info
	// Run feeds the inputs in order and returns the outputs asked for at
	// opening, in order. The result is valid until the next Run. It is not
	// safe for concurrent use. A cancelled ctx stops the run.
	Run(ctx context.Context, inputs []Value) ([]Value, error)
	Close() error
}

// Options of a session. The zero value runs on the CPU with the library found
// by Find, all cores, all outputs.
type Options struct {
	Library  string            // path of libonnxruntime; empty: looked up by Find
	Provider string            // "cpu" (default), "cuda", "cuda:N" or "auto"
	Config   map[string]string // options of the session and the provider: entries of its configuration such as session.intra_op.allow_spinning, else CUDA's own
	Threads  int               // intra-op threads of each native call; 0 lets ONNX Runtime choose
	Outputs  []string          // names of the outputs to fetch; empty: all
	// Expose names values inside the main graph that are to be outputs too,
	// after the model's own. With external data that takes a Worker.
	Expose []string
	// Batch > 0 says that the model takes exactly that many rows: Run cuts
	// the leading axis into pieces of Batch, pads the last by repeating its
	// last row, and joins the outputs. 0 passes batches as they are.
	// An input without axes, or whose leading axis the model fixes at another
	// number, goes whole into every piece.
	Batch int
	// Lanes is how many pieces run at once, for a small piece cannot use many
	// cores by itself; 0 and 1 run one after another. What comes out does not
	// depend on it.
	Lanes int
}

// Recutter is a Runner whose Batch can be changed between runs, where the
// model takes any number of rows. Session and Worker are such.
type Recutter interface {
	Recut(batch int)
}
