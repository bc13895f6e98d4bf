//go:build cgo && linux

package ort

/*
#include <signal.h>
#include <stddef.h>

// Go turns a crash of native code into a dump of goroutines and exit status 2.
// In a worker the crash itself is the message: let it kill the process.
static void default_crash_signals(void) {
	static const int crash[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
	for (size_t i = 0; i < sizeof crash / sizeof *crash; i++)
		signal(crash[i], SIG_DFL);
}
*/
import "C"

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/kdonnx/kdonnx/internal/fault"
	"golang.org/x/sys/unix"
)

// workerVariable marks a process that was started to be a worker.
const workerVariable = "KDONNX_ORT_WORKER"

// The worker's end of the socket and the shared regions, two of a kind.
const (
	socketFD = 3
	inputFD  = socketFD + 1
	outputFD = inputFD + 2
	lastFD   = outputFD + 1
)

// beforeRun is called in the worker with the number of the run, from 1. Only
// tests set it, to inject crashes.
var beforeRun = func(run int) {}

// MaybeServeWorker turns this process into a worker, and never returns, when
// StartWorker started it for that. Call it first in main, and first in
// TestMain of packages whose tests start workers.
func MaybeServeWorker() {
	if os.Getenv(workerVariable) == "" {
		return
	}
	os.Unsetenv(workerVariable)
	C.default_crash_signals()
	// No core files, and first in line when memory runs out. Both are kindness
	// to the machine: where they are forbidden the worker works all the same.
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	for fd := socketFD; fd <= lastFD; fd++ {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			fmt.Fprintf(os.Stderr, "%s is set, but no kdonnx started this process\n", workerVariable)
			os.Exit(int(fault.Usage))
		}
		unix.CloseOnExec(fd)
	}
	if err := unix.SetNonblock(socketFD, true); err != nil {
		os.Exit(int(fault.IO))
	}
	w := &server{
		socket:   os.NewFile(socketFD, "socket"),
		requests: make(chan request, 1), // one waits, so that a cancel behind it is heard
	}
	for i := range w.in {
		w.in[i] = &region{file: os.NewFile(inputFD+uintptr(i), "inputs")}
		w.out[i] = &region{file: os.NewFile(outputFD+uintptr(i), "outputs")}
	}
	go w.read()
	for req := range w.requests {
		w.answer(req)
	}
}

// server is the worker's side.
type server struct {
	socket   *os.File
	in, out  [2]*region
	requests chan request
	library  Library // loaded; zero before
	session  *Session
	runs     int

	mu     sync.Mutex
	cancel context.CancelFunc // of the run under way; nil between runs
}

// read takes requests off the socket. Its end is the parent's end: the worker
// goes with it, whatever native code is doing.
func (w *server) read() {
	r := bufio.NewReader(w.socket)
	for {
		var req request
		if err := receive(r, &req); err != nil {
			os.Exit(0)
		}
		if req.Op != "cancel" {
			w.requests <- req
			continue
		}
		w.mu.Lock()
		if w.cancel != nil {
			w.cancel()
		}
		w.mu.Unlock()
	}
}

// answer serves one request.
func (w *server) answer(req request) {
	defer func() {
		if p := recover(); p != nil { // the last line is what the parent shows
			fmt.Fprintf(os.Stderr, "panic: %v\n", p)
			os.Exit(2)
		}
	}()
	var err error
	switch req.Op {
	case "open":
		err = w.open(req)
	case "run":
		err = w.during(req, w.run)
	case "time":
		err = w.during(req, w.time)
	default:
		err = fmt.Errorf("unknown request %q", req.Op)
	}
	if err != nil {
		w.reply(reply{Event: "failed", Fault: toWire(err)})
	}
}

func (w *server) reply(r reply) {
	if err := send(w.socket, r); err != nil {
		os.Exit(0) // nobody listens any more
	}
}

func (w *server) open(req request) error {
	lib := w.library
	if lib.Path == "" {
		var err error
		if lib, err = inspect(req.Library.Path); err != nil {
			return err
		}
		if lib.Digest != req.Library.Digest {
			return fault.New(fault.Integrity, lib.Path, "sha256", "found %s, wanted %s as it was before", lib.Digest, req.Library.Digest)
		}
		lib.Source = req.Library.Source
		if lib, err = load(lib); err != nil {
			return err
		}
		w.library = lib
	}
	w.reply(reply{Event: "library", Library: lib})
	if len(req.Options.Expose) > 0 && req.Path != "" {
		// A model in memory has no folder: its external data is looked for here.
		if err := os.Chdir(filepath.Dir(req.Path)); err != nil {
			return fault.New(fault.IO, req.Name, "", "cannot enter its folder: %s", reason(err))
		}
	}
	if w.session != nil {
		w.session.Close()
		w.session = nil
	}
	var err error
	if req.Data != nil {
		w.session, err = openBytes(req.Name, req.Data, req.Options, lib)
	} else {
		w.session, err = openFile(req.Name, req.Path, req.Options, lib)
	}
	if err != nil {
		return err
	}
	s := w.session
	w.reply(reply{Event: "ready", Inputs: s.Inputs(), Outputs: s.Outputs(), Provider: s.Provider(), Notes: s.Notes()})
	return nil
}

// during calls f with the inputs of a request, and a context that a cancel
// ends.
func (w *server) during(req request, f func(ctx context.Context, req request, inputs []Value) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.mu.Lock()
	w.cancel = cancel
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.cancel = nil
		w.mu.Unlock()
	}()
	inputs, err := get(w.in[req.Turn], req.Size, req.Values)
	if err != nil {
		return err
	}
	if w.session == nil {
		return fmt.Errorf("no model is open")
	}
	w.session.Recut(req.Batch)
	return f(ctx, req, inputs)
}

func (w *server) run(ctx context.Context, req request, inputs []Value) error {
	w.runs++
	beforeRun(w.runs)
	outputs, err := w.session.Run(ctx, inputs)
	if err != nil {
		return err
	}
	out := w.out[req.Turn]
	values, err := put(out, outputs)
	if err != nil {
		return err
	}
	w.reply(reply{Event: "done", Size: int64(len(out.data)), Values: values})
	return nil
}

func (w *server) time(ctx context.Context, req request, inputs []Value) error {
	l, err := w.session.Time(ctx, inputs, req.Allowed)
	if err == nil {
		w.reply(reply{Event: "done", Latency: l})
	}
	return err
}
