// Package killed runs programs for tests that end them in the middle.
package killed

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
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

// Again kills the program of Main so many times, at moments of its run that are
// drawn, lets it end, and holds the folder that it works on against that of a run
// that was left alone. Fewer kills than least saw too little. problem is the folder
// that the program shares with the tests.
func Again(t *testing.T, times, least int, problem string, same func(whole, dir string)) {
	t.Helper()
	on := func(dir string) *exec.Cmd { return Program(problem, dir) }
	whole, dir := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	Run(t, on(whole), nil) // fills caches
	began := time.Now()
	Run(t, on(filepath.Join(t.TempDir(), "again")), nil)
	took := time.Since(began)
	rng := rand.New(rand.NewPCG(3, 4))
	kills := 0
	for range times {
		after := took/10 + time.Duration(rng.Float64()*float64(took)/2)
		if Run(t, on(dir), func() { time.Sleep(after) }) {
			kills++
			continue
		}
		same(whole, dir)
		os.RemoveAll(dir)
	}
	Run(t, on(dir), nil)
	same(whole, dir)
	t.Logf("%d kills; one run takes %v", kills, took)
	if kills < least {
		t.Errorf("%d kills: the test saw too little", kills)
	}
}
