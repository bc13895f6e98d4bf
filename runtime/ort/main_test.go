//go:build cgo && linux

package ort

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crashVariable makes a worker of the tests misbehave: "segv@3" at its third
// run, "exit" at the first.
const crashVariable = "KDONNX_ORT_TEST_CRASH"

func TestMain(m *testing.M) {
	if how := os.Getenv(crashVariable); how != "" {
		name, at, _ := strings.Cut(how, "@")
		n, _ := strconv.Atoi(at)
		beforeRun = func(run int) {
			if run == max(n, 1) {
				misbehave(name)
			}
		}
	}
	MaybeServeWorker()
	if _, err := Find(""); err != nil {
		fmt.Fprintf(os.Stderr, "%v\nthese tests need ONNX Runtime: make test installs it and runs them\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// misbehave does in a worker what native code may do.
func misbehave(name string) {
	switch name {
	case "segv":
		fmt.Fprintln(os.Stderr, "about to touch page zero")
		syscall.Kill(os.Getpid(), syscall.SIGSEGV)
	case "nil": // a real fault in user code, not a signal sent
		var p *int
		*p = 1
	case "abort":
		syscall.Kill(os.Getpid(), syscall.SIGABRT)
	case "exit":
		fmt.Println("goodbye from stdout")
		os.Exit(0)
	case "garbage":
		fmt.Print(strings.Repeat("\x00\xff\x1b[2Jgarbage\n", 100_000))
	case "babble":
		syscall.Write(socketFD, []byte("\x20\x00\x00\x00this is not what a worker says.."))
	case "stop":
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "eat":
		for hoard := [][]byte{}; ; hoard = append(hoard, bytes.Repeat([]byte{1}, 16<<20)) {
			runtime.KeepAlive(hoard)
		}
	case "panic":
		panic("a fault of ours")
	}
	time.Sleep(50 * time.Millisecond) // signals to oneself arrive a little later
}
