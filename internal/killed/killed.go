// Package killed runs programs for tests that end them in the middle.
package killed

import (
	"bytes"
	"errors"
	"os/exec"
	"syscall"
	"testing"
)

// Run starts cmd, sends it SIGKILL once wait returns, and tells whether that came
// in time. Without wait it is left to end by itself. A failure of its own fails
// the test, with what it wrote to its standard error.
func Run(t testing.TB, cmd *exec.Cmd, wait func()) bool {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if wait != nil {
		go func() {
			wait()
			cmd.Process.Kill() // nothing happens to one that has ended
		}()
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
		return true
	}
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &stderr)
	}
	return false
}
