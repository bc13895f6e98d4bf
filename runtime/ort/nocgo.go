//go:build !cgo || !linux

package ort

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// without is the fault of everything that needs native code.
func without(model string) error {
	if runtime.GOOS != "linux" {
		return fault.New(fault.IO, model, "", "ONNX Runtime is not run on %s, only on Linux", runtime.GOOS)
	}
	return fault.New(fault.IO, model, "", "this binary was built without cgo and has no ONNX Runtime: rebuild with CGO_ENABLED=1")
}

// Session runs one model in this process. This binary has none.
type Session struct{}

// Open says that this binary has no ONNX Runtime.
func Open(modelPath string, o Options) (*Session, error) { return nil, without(modelPath) }

// OpenBytes says that this binary has no ONNX Runtime.
func OpenBytes(name string, data []byte, o Options) (*Session, error) { return nil, without(name) }

// Inputs implements Runner.
func (s *Session) Inputs() []Info { return nil }

// Outputs implements Runner.
func (s *Session) Outputs() []Info { return nil }

// Run implements Runner.
func (s *Session) Run(context.Context, []Value) ([]Value, error) { return nil, without("") }

// Close implements Runner.
func (s *Session) Close() error { return nil }

// Provider is the execution provider in use.
func (s *Session) Provider() string { return "" }

// Notes lists what the user should know.
func (s *Session) Notes() []string { return nil }

// Library is the loaded library.
func (s *Session) Library() Library { return Library{} }

// Worker runs a model in a process of its own. This binary has none.
type Worker struct{ Session }

// StartWorker says that this binary has no ONNX Runtime.
func StartWorker(ctx context.Context, modelPath string, o Options, w WorkerOptions) (*Worker, error) {
	return nil, without(modelPath)
}

// request names the model of a worker.
type request struct {
	Name string
	Data []byte
}

func startWorker(ctx context.Context, first request, o Options, w WorkerOptions) (*Worker, error) {
	return nil, without(first.Name)
}

// RunAhead says that this binary has no ONNX Runtime.
func (w *Worker) RunAhead(context.Context, []Value, []Value) ([]Value, error) {
	return nil, without("")
}

// Recut implements Recutter.
func (s *Session) Recut(int) {}

// Time implements Timer.
func (s *Session) Time(context.Context, []Value, time.Duration) (Latency, error) {
	return Latency{}, without("")
}

// Memory is the resident memory of the process: there is none.
func (w *Worker) Memory() (now, peak int64) { return 0, 0 }

// Reopen says that this binary has no ONNX Runtime.
func (w *Worker) Reopen(context.Context, Options) error { return without("") }

// Restart says that this binary has no ONNX Runtime.
func (w *Worker) Restart(context.Context) error { return without("") }

// Pid is the process's number, 0 when it is not running.
func (w *Worker) Pid() int { return 0 }

// MaybeServeWorker does nothing unless this process was started to be a
// worker, which it cannot be.
func MaybeServeWorker() {
	if os.Getenv("KDONNX_ORT_WORKER") != "" {
		os.Stderr.WriteString(without("").Error() + "\n")
		os.Exit(int(fault.IO))
	}
}

var (
	_ Timer = (*Session)(nil)
	_ Timer = (*Worker)(nil)
)
