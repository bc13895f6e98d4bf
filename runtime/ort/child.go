//go:build cgo && linux

package ort

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"golang.org/x/sys/unix"
)

const (
	cancelGrace = 2 * time.Second       // for native code to notice a cancelled run
	memoryPoll  = 25 * time.Millisecond // between looks at the resident size
)

// child is a worker process as its parent sees it.
type child struct {
	cmd     *exec.Cmd
	socket  *os.File
	reader  *bufio.Reader
	in, out [2]*region // used in turn
	tail    *tail
	done    chan struct{} // closed when the process is reaped
	turn    int           // of the next run
	ahead   *handed       // the run that waits behind the present one; nil: none
	peak    atomic.Int64  // largest resident memory seen

	mu     sync.Mutex
	reason string // why we killed it; empty when it died by itself
}

// startChild executes this program again as a worker.
func startChild(o WorkerOptions) (c *child, err error) {
	fail := func(err error) (*child, error) {
		return nil, fault.New(fault.IO, "", "", "cannot start the teacher process: %w", err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "socket")
	defer theirs.Close()
	if err := unix.SetNonblock(pair[0], true); err != nil {
		unix.Close(pair[0])
		return fail(err)
	}
	c = &child{socket: os.NewFile(uintptr(pair[0]), "socket"), tail: &tail{to: o.Stderr}, done: make(chan struct{})}
	c.reader = bufio.NewReader(c.socket)
	defer func() {
		if err != nil {
			c.free()
		}
	}()
	for i := range c.in {
		if c.in[i], err = newRegion("kdonnx-inputs"); err != nil {
			return fail(err)
		}
		if c.out[i], err = newRegion("kdonnx-outputs"); err != nil {
			return fail(err)
		}
	}
	// The link, not the path: it is this very program even when the file has
	// been replaced since.
	c.cmd = exec.Command("/proc/self/exe")
	c.cmd.Args = []string{"kdonnx-teacher"}
	c.cmd.Env = append(os.Environ(), workerVariable+"=1")
	c.cmd.Stdout, c.cmd.Stderr = c.tail, c.tail
	c.cmd.ExtraFiles = []*os.File{theirs, c.in[0].file, c.in[1].file, c.out[0].file, c.out[1].file}
	c.cmd.WaitDelay = time.Second
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The kernel takes the end of the starting thread for the end of the
		// parent: stay on it for as long as the process lives.
		runtime.LockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.cmd.Wait()
			close(c.done)
		}
	}()
	if err = <-started; err != nil {
		return fail(err)
	}
	go c.watchMemory(o.MemoryLimit)
	return c, nil
}

// watchMemory follows the resident memory of the process and kills it when
// that passes limit, unless limit is 0.
func (c *child) watchMemory(limit int64) {
	tick := time.NewTicker(memoryPoll)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
		}
		n, err := residentBytes(c.cmd.Process.Pid)
		if err != nil {
			continue
		}
		c.peak.Store(max(n, c.peak.Load()))
		if limit > 0 && n > limit {
			c.kill(fmt.Sprintf("teacher process killed: its memory of %d MiB passed the limit of %d MiB", n>>20, limit>>20))
			return
		}
	}
}

// kill ends the process and its group; the first reason counts.
func (c *child) kill(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == "" {
		c.reason = reason
	}
	select {
	case <-c.done: // its number may be another's by now
	default:
		syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// cancel asks the process to stop its run, once the request is sent.
func (c *child) cancel(sent <-chan struct{}) {
	select {
	case <-sent:
		send(c.socket, request{Op: "cancel"}) // the grace ends it if this is not heard
	case <-time.After(cancelGrace):
	}
}

// byItself stands for no reason of ours: the process ended by itself, or is
// ended because nobody needs it any more.
const byItself = "closed"

// end makes sure that the process is gone, frees what it shares, and says how
// it went: our reason for killing it or its own end, and its last words.
func (c *child) end() (how, last string) {
	c.kill(byItself)
	<-c.done
	last = c.tail.last()
	c.free()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == byItself {
		return "teacher process died: " + ending(c.cmd.ProcessState), last
	}
	return c.reason, last
}

// ending says how a process ended: "signal 11 (segmentation fault)" or "exit
// status 0".
func ending(state *os.ProcessState) string {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return fmt.Sprintf("signal %d (%v)", int(ws.Signal()), ws.Signal())
	}
	return fmt.Sprintf("exit status %d", state.ExitCode())
}

func (c *child) free() {
	c.socket.Close()
	for _, r := range []*region{c.in[0], c.in[1], c.out[0], c.out[1]} {
		if r != nil {
			r.close()
		}
	}
}

// tail keeps the last line that a process wrote and passes everything on.
type tail struct {
	mu   sync.Mutex
	to   io.Writer
	line []byte // the last line with something in it
	open []byte // the line that has not ended
}

// maxLine bounds what is kept of a line.
const maxLine = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.to != nil {
		t.to.Write(p) // the worker goes on when nobody takes its words
	}
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		t.open = append(t.open, line[:min(len(line), maxLine-len(t.open))]...)
		if ended {
			if len(bytes.TrimSpace(t.open)) > 0 {
				t.line = append(t.line[:0], t.open...)
			}
			t.open = t.open[:0]
		}
		rest = after
	}
	return len(p), nil
}

// last is the last line, in one line of printable text.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := t.line
	if len(bytes.TrimSpace(t.open)) > 0 {
		line = t.open
	}
	return cleanText(strings.ToValidUTF8(string(line), "?"))
}
