package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/killed"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// asProgram makes the test binary the program itself.
const asProgram = "KDONNX_TEST_PROGRAM"

// runFiles are what a run leaves: student, page, CSV, metrics and stream.
const runFiles = 5

// program is the real command line as a process, in dir.
func program(dir string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asProgram+"=1", "KDONNX_CACHE="+filepath.Join(dir, "cache"))
	if lib, err := ort.Find(""); err == nil {
		cmd.Env = append(cmd.Env, "KDONNX_ORT_LIB="+lib.Path)
	}
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	return cmd, stderr
}

// finish runs the program to its end and gives the time it took.
func finish(t *testing.T, dir string, args ...string) time.Duration {
	t.Helper()
	began := time.Now()
	cmd, stderr := program(dir, args...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, stderr)
	}
	return time.Since(began)
}

// killedAfter starts the program and sends it SIGKILL after the given time. It
// tells whether that came in time.
func killedAfter(t *testing.T, dir string, after time.Duration, args ...string) bool {
	t.Helper()
	return killedWhen(t, dir, func() { time.Sleep(after) }, args...)
}

// killedWhen is killedAfter at the moment that wait returns.
func killedWhen(t *testing.T, dir string, wait func(), args ...string) bool {
	t.Helper()
	cmd, _ := program(dir, args...)
	return killed.Run(t, cmd, wait)
}

func problemDir(t *testing.T) string {
	t.Helper()
	if _, err := ort.Find(""); err != nil {
		t.Fatalf("%v (make test installs it)", err)
	}
	dir := t.TempDir()
	if err := makeProblem(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// contents are the files of dir by name, without locks.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "lock") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}

const kills = 20

// untilFiling waits until the store in dir has one more file of targets than it
// has now, but no longer than limit.
func untilFiling(dir string, limit time.Duration) {
	shards := func() int {
		found, _ := filepath.Glob(filepath.Join(dir, "targets-*.npy"))
		return len(found)
	}
	for n, began := shards(), time.Now(); shards() == n && time.Since(began) < limit; {
		time.Sleep(time.Millisecond)
	}
}

// TestKillTargets kills the program while it fills a store of several shards;
// the store ends as it would have without, and no finished file of it ever
// changes.
func TestKillTargets(t *testing.T) {
	dir := problemDir(t)
	if err := os.WriteFile(filepath.Join(dir, "many.csv"), []byte(rows.CSV(30_000, 9)), 0o644); err != nil {
		t.Fatal(err)
	}
	targets := func(out string) []string {
		return []string{"targets", "--teacher", "teacher.onnx", "--data", "many.csv", "--teacher-batch", "64", "-o", out}
	}
	whole := finish(t, dir, targets("whole")...)
	want := contents(t, filepath.Join(dir, "whole"))
	rng := rand.New(rand.NewPCG(1, 2))
	out, hit, during := filepath.Join(dir, "killed"), 0, 0
	for n := 0; hit < kills && n < 3*kills; n++ {
		// Every other kill waits for a first shard, since filling is soon over.
		after := time.Duration(rng.Float64() * float64(whole) * 0.8)
		moment := func() { time.Sleep(after) }
		if n%2 == 0 {
			moment = func() { untilFiling(out, whole) }
		}
		if killedWhen(t, dir, moment, targets("killed")...) {
			hit++
		}
		if _, err := os.Stat(out); err != nil {
			continue
		}
		got := contents(t, out)
		for name, data := range got {
			if !strings.Contains(name, ".kdonnx-tmp-") && data != want[name] {
				t.Fatalf("kill %d left %s of %d bytes, the whole store's has %d", n, name, len(data), len(want[name]))
			}
		}
		if len(got) < len(want) {
			during++
		} else if hit < kills {
			os.RemoveAll(out)
		}
	}
	finish(t, dir, targets("killed")...)
	got := contents(t, out)
	if len(got) != len(want) {
		t.Errorf("%d files in the end, expected %d", len(got), len(want))
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s differs from the uninterrupted store's", name)
		}
	}
	t.Logf("%d kills, %d of them while the store was being filled", hit, during)
	if hit < kills/2 || during == 0 {
		t.Errorf("%d of %d kills hit, %d of them the filling: the test saw too little", hit, kills, during)
	}
}

// TestKillDistill kills the program at random moments of the whole line.
func TestKillDistill(t *testing.T) {
	dir := problemDir(t)
	distil := func(out string) []string {
		return []string{"distill", "--teacher", "teacher.onnx", "--train", "train.csv", "--test", "test.csv",
			"--student", "mlp:64,64", "--epochs", "60", "--batch", "8", "-o", out + "/student.onnx"}
	}
	whole := finish(t, dir, distil("whole")...)
	want := contents(t, filepath.Join(dir, "whole"))["student.onnx"]
	rng := rand.New(rand.NewPCG(3, 4))
	model, hit, fresh := filepath.Join(dir, "killed", "student.onnx"), 0, 0
	for n := 0; hit < kills && n < 3*kills; n++ {
		if killedAfter(t, dir, time.Duration(rng.Float64()*float64(whole)*0.8), distil("killed")...) {
			hit++
		}
		if data, err := os.ReadFile(model); err == nil {
			if _, err := onnx.Read(model, onnx.ReadOptions{Weights: true, Strict: true}); err != nil || string(data) != want {
				t.Fatalf("kill %d left a student of %d bytes, expected none or the whole one of %d: %v", n, len(data), len(want), err)
			}
			fresh++
			os.RemoveAll(filepath.Dir(model))
		}
	}
	finish(t, dir, distil("killed")...)
	got := contents(t, filepath.Dir(model))
	if got["student.onnx"] != want {
		t.Error("the student differs from the uninterrupted run's")
	}
	if len(got) != runFiles {
		t.Errorf("%d files in the end, expected the %d of a run only", len(got), runFiles)
	}
	t.Logf("%d kills, %d students finished in between, a whole run takes %v", hit, fresh, whole)
	if hit < kills/2 {
		t.Errorf("%d of %d kills hit: the test saw too little", hit, kills)
	}
}

// watched is an output that tells when a text has come.
type watched struct {
	got  bytes.Buffer // not embedded: its ReadFrom would pass Write by
	text string
	seen chan struct{}
}

func (w *watched) String() string { return w.got.String() }

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.got.Write(b)
	if w.text != "" && strings.Contains(w.String(), w.text) {
		w.text = ""
		close(w.seen)
	}
	return n, err
}

// TestInterruptDistill sends one SIGINT: the program saves a checkpoint, ends
// with 130, and the same command goes on to the same bytes.
func TestInterruptDistill(t *testing.T) {
	dir := problemDir(t)
	distil := func(out string) []string {
		return []string{"distill", "--teacher", "teacher.onnx", "--train", "train.csv", "--test", "test.csv", "--no-baseline",
			"--student", "mlp:64,64", "--epochs", "300", "--batch", "8", "-o", out + "/student.onnx"}
	}
	whole := finish(t, dir, distil("whole")...)
	want := contents(t, filepath.Join(dir, "whole"))["student.onnx"]
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd, _ := program(dir, distil("stopped")...)
		stderr := &watched{text: "student: ", seen: make(chan struct{})}
		cmd.Stderr = stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-stderr.seen
		time.Sleep(whole / 10)
		sent := time.Now()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Fatalf("%v: exit code %d, expected 130: %s", sig, code, stderr)
		}
		if took := time.Since(sent); took > 10*time.Second {
			t.Errorf("%v: ended after %v, expected 10 s at most", sig, took)
		}
		if !strings.Contains(lastLine(stderr.String()), "the same command goes on from this checkpoint") {
			t.Errorf("%v: said %q", sig, lastLine(stderr.String()))
		}
		if _, err := os.Stat(filepath.Join(dir, "stopped", "student.work", "student.ckpt")); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "stopped", "student.onnx")); err == nil {
			t.Fatalf("%v: there is a student", sig)
		}
	}
	finish(t, dir, distil("stopped")...)
	if got := contents(t, filepath.Join(dir, "stopped")); got["student.onnx"] != want || len(got) != runFiles {
		t.Errorf("%d files in the end, the student the same: %t", len(got), got["student.onnx"] == want)
	}
}
