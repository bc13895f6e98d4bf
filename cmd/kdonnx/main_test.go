package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kdonnx/kdonnx/runtime/ort"
)

func TestMain(m *testing.M) {
	ort.MaybeServeWorker()
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"kdonnx": main})
}

// TestScripts runs the command line as its users do; each file of
// testdata/script is one story.
func TestScripts(t *testing.T) {
	lib, err := ort.Find("")
	if err != nil {
		t.Fatalf("%v (make test installs it)", err)
	}
	pure := filepath.Join(t.TempDir(), "kdonnx-pure")
	build := exec.Command("go", "build", "-o", pure, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("CGO_ENABLED=0 go build: %v\n%s", err, text)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("KDONNX_ORT_LIB", lib.Path)
			env.Setenv("KDONNX_CACHE", filepath.Join(env.WorkDir, "cache"))
			env.Setenv("PURE", pure)
			if err := errors.Join(makeProblem(env.WorkDir), makeTaskProblem(env.WorkDir), makeBundle(env.WorkDir)); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "png.onnx"), []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), 0o644)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits CODE kdonnx ARGS… runs the program and requires its exit code and, in
// the file "stderr", one line.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	path, err := lookPath(ts.Getenv("PATH"), args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "KDONNX_ORT_LIB", "KDONNX_CACHE", "TMPDIR"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	stderr, err := os.Create(ts.MkAbs("stderr"))
	ts.Check(err)
	defer stderr.Close()
	cmd.Stderr = stderr
	cmd.Stdout = io.Discard
	got := 0
	var failed *exec.ExitError
	if err := cmd.Run(); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	data, err := os.ReadFile(stderr.Name())
	ts.Check(err)
	text := string(data)
	if strings.Count("\n"+text, "\nkdonnx: ") != 1 || !strings.HasPrefix(lastLine(text), "kdonnx: ") || strings.Contains(text, "goroutine ") {
		ts.Fatalf("%v: expected one error on the last line of stderr: %s", args[1:], text)
	}
	ts.Logf("exit code %d: %s", got, text)
	if got != want {
		ts.Fatalf("%v: exit code %d, want %d: %s", args[1:], got, want, text)
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1]
}

func lookPath(path, name string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		p := filepath.Join(dir, name)
		if st, err := os.Stat(p); err == nil && !st.IsDir() {
			return p, nil
		}
	}
	return "", exec.ErrNotFound
}

// brokenPipe is a standard output that takes nothing.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestUnwrittenResult holds that what could not be printed is no success.
func TestUnwrittenResult(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"runtime", "path"}, {"--help"}} {
		var stderr strings.Builder
		if code := run(context.Background(), args, brokenPipe{}, &stderr); code != 4 || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%q: exit code %d, %q", args, code, &stderr)
		}
	}
}
