package hostile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// launchVariable makes the test binary a launcher: it holds the longest time
// that the command may take.
const launchVariable = "KDONNX_HOSTILE_LAUNCH"

// outcome is what a run of the program came to.
type outcome struct {
	Code     int   // exit code; -1 when a signal ended it
	PeakKiB  int64 // largest resident size of the program and its processes
	CPU      time.Duration
	TimedOut bool
	Orphans  []string // processes that outlived the program

	stdout, stderr string
}

// start runs the command in dir. A launcher stands between the test and the
// program, for two reasons: the kernel counts the memory of whoever starts a
// process as that process's own peak, and a launcher is small; and what the
// program leaves behind becomes the launcher's child, which it reports.
func start(dir string, limit time.Duration, env []string, args ...string) (outcome, error) {
	report, theirs, err := os.Pipe()
	if err != nil {
		return outcome{}, err
	}
	defer report.Close()
	var stdout, stderr capped
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "KDONNX_CACHE="+filepath.Join(dir, "cache"), "KDONNX_ORT_LIB="+library, "TMPDIR="+filepath.Join(dir, "tmp"), "LC_ALL=C")
	cmd.Env = append(append(cmd.Env, env...), launchVariable+"="+limit.String())
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.ExtraFiles = []*os.File{theirs}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return outcome{}, err
	}
	said, readErr := io.ReadAll(report)
	o := outcome{}
	err = errors.Join(cmd.Wait(), readErr)
	if err == nil {
		err = json.Unmarshal(said, &o)
	}
	o.stdout, o.stderr = stdout.String(), stderr.String()
	return o, err
}

// capped keeps the first MiB of what is written to it.
type capped struct{ bytes.Buffer }

func (c *capped) Write(b []byte) (int, error) {
	if room := 1<<20 - c.Len(); room > 0 {
		c.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

// launch is the launcher's main.
func launch() {
	fail := func(err error) {
		os.Stderr.WriteString("launcher: " + err.Error() + "\n")
		os.Exit(1)
	}
	limit, err := time.ParseDuration(os.Getenv(launchVariable))
	if err != nil {
		fail(err)
	}
	os.Unsetenv(launchVariable)
	unix.CloseOnExec(3)
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fail(err)
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		fail(err)
	}
	var o outcome
	timer := time.AfterFunc(limit, func() {
		o.TimedOut = true
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	cmd.Wait()
	timer.Stop()
	state := cmd.ProcessState
	use := state.SysUsage().(*syscall.Rusage)
	o.Code, o.PeakKiB, o.CPU = state.ExitCode(), use.Maxrss, state.UserTime()+state.SystemTime()
	o.Orphans = orphans()
	if err := json.NewEncoder(os.NewFile(3, "report")).Encode(o); err != nil {
		fail(err)
	}
}

// orphans names the processes that still run a few seconds after their parent,
// and ends them.
func orphans() []string {
	for range 50 {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); errors.Is(err, syscall.ECHILD) {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	var names []string
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, pid := range strings.Fields(string(text)) {
			name, _ := os.ReadFile("/proc/" + pid + "/comm")
			names = append(names, strings.TrimSpace(string(name)))
			if n, err := strconv.Atoi(pid); err == nil {
				syscall.Kill(n, syscall.SIGKILL)
			}
		}
	}
	return names
}
