package hostile

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// row is one line of the manifest: a case, the command that meets it, and what
// must come of it.
type row struct {
	id   string // row of the list of faults
	name string
	make func(d folder) // puts the case's files into a folder
	args string         // command line; kdonnx is run in that folder
	exit []int          // exit codes that keep the promise
	says string         // regular expression: of the error, or of all output where the exit code is 0

	file    string        // what the error names; empty: the first word of args with a dot that the case made
	peak    int64         // MiB above a successful run; 0: 64
	limit   time.Duration // wall time until it is called a hang; 0: hangs
	runs    bool          // ONNX Runtime runs: compare memory with such a run
	varies  bool          // the outcome depends on chance or on who runs it: the table shows what may come
	writes  bool          // may leave files of its own below out/
	env     []string
	during  func(d folder, stop <-chan struct{}) // goes on beside the command
	inspect func(t *testing.T, d folder, o outcome)
}

// hangs is the wall time after which a command is said to hang. It is long,
// because the machine may be busy; the processor time is held to less.
const hangs = 3 * time.Minute

// folder is where a case runs.
type folder string

func (d folder) at(name string) string { return filepath.Join(string(d), name) }

// put writes a file. It panics when that fails: a case that cannot be made is
// no case.
func (d folder) put(name string, data []byte) {
	check(os.MkdirAll(filepath.Dir(d.at(name)), 0o755))
	check(os.WriteFile(d.at(name), data, 0o644))
}

// model writes an ONNX file.
func (d folder) model(name string, m *onnx.Model) {
	data, err := onnx.Marshal(m)
	check(err)
	d.put(name, data)
}

// sparse writes a file of size bytes of which only the first are there.
func (d folder) sparse(name string, head []byte, size int64) {
	d.put(name, head)
	check(os.Truncate(d.at(name), size))
}

func mkfifo(path string) { check(syscall.Mkfifo(path, 0o644)) }

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

// What every folder holds: a teacher of four features and three classes, rows
// for it, and outputs of an earlier run, which must stay as they are.
const (
	goodModel = "good.onnx"
	goodRows  = "rows.csv"
)

func prepare(d folder) {
	d.put(goodModel, goodBytes)
	d.put(goodRows, rowsCSV(24))
	for _, name := range []string{"out/p.csv", "out/s.onnx", "out/report.html", "out/metrics.json"} {
		d.put(name, []byte("an earlier result: "+name))
	}
	check(os.Mkdir(d.at("tmp"), 0o755))
}

var goodBytes = must(onnx.Marshal(goodTeacher()))

// tempDir is a folder beside the program, removed with it.
func tempDir() (string, error) { return os.MkdirTemp(filepath.Dir(program), "good") }

// snapshot is the digest of every file of d, links and pipes by their kind.
// The cache is kdonnx's own.
func snapshot(d folder) map[string]string {
	found := map[string]string{}
	check(filepath.WalkDir(string(d), func(path string, e fs.DirEntry, err error) error {
		if err != nil && os.IsPermission(err) {
			return nil
		}
		name := strings.TrimPrefix(path, string(d)+"/")
		switch {
		case err != nil:
			return err
		case e.IsDir() && (name == "cache" || name == "bulk"):
			return fs.SkipDir
		case e.IsDir():
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		found[name] = info.Mode().Type().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			found[name] += must(os.Readlink(path))
		case info.Mode().IsRegular() && info.Size() > 64<<20:
			found[name] += info.ModTime().String()
		case info.Mode().IsRegular():
			f, err := os.Open(path)
			if os.IsPermission(err) {
				return nil
			}
			check(err)
			defer f.Close()
			h := sha256.New()
			must(io.Copy(h, f))
			found[name] += fmt.Sprintf("%x", h.Sum(nil))
		}
		return nil
	}))
	return found
}

// run makes the case, runs the command and checks all that the contract says.
func (r row) run(t *testing.T) outcome {
	d := folder(t.TempDir())
	prepare(d)
	if r.make != nil {
		func() {
			defer func() {
				if why := recover(); why != nil {
					t.Fatalf("the case cannot be made: %v", why)
				}
			}()
			r.make(d)
		}()
	}
	before := snapshot(d)
	limit := r.limit
	if limit == 0 {
		limit = hangs
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		if r.during != nil {
			r.during(d, stop)
		}
	}()
	o, err := start(string(d), limit, r.env, append([]string{program}, strings.Fields(r.args)...)...)
	close(stop)
	<-stopped
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range r.problems(o) {
		t.Error(problem)
	}
	if r.during == nil {
		for _, problem := range r.traces(before, snapshot(d), o) {
			t.Error(problem)
		}
	}
	if r.inspect != nil {
		r.inspect(t, d, o)
	}
	if t.Failed() {
		t.Logf("kdonnx %s\nexit code %d, stderr:\n%s\nstdout:\n%.2000s", r.args, o.Code, o.stderr, o.stdout)
	}
	return o
}

// problems lists what in the outcome breaks the contract.
func (r row) problems(o outcome) []string {
	var list []string
	bad := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if o.TimedOut {
		bad("ran longer than its limit")
	}
	if !slices.Contains(r.exit, o.Code) {
		bad("exit code %d, want one of %v", o.Code, r.exit)
	}
	if len(o.Orphans) > 0 {
		bad("left processes behind: %v", o.Orphans)
	}
	for _, trace := range []string{"goroutine ", "panic:", "runtime error", "fatal error:"} {
		if strings.Contains(o.stderr+o.stdout, trace) {
			bad("output has %q: a stack trace", trace)
		}
	}
	for name, text := range map[string]string{"stdout": o.stdout, "stderr": o.stderr} {
		if c, ok := unprintable(text); ok {
			bad("%s has %s, which a terminal would obey", name, c)
		}
	}
	errorLine := o.line()
	if o.Code == 0 {
		errorLine = ""
	}
	switch said := strings.Count("\n"+o.stderr, "\nkdonnx: "); {
	case o.Code != 0 && said != 1, o.Code == 0 && said != 0:
		bad("%d lines of error", said)
	case o.Code != 0 && !strings.HasSuffix(o.stderr, errorLine+"\n"):
		bad("the error is not the last line")
	case o.Code != 0 && !strings.Contains(errorLine, r.names()):
		bad("the error does not name %s", r.names())
	}
	if len(errorLine) > 4096 {
		bad("an error of %d bytes", len(errorLine))
	}
	where := errorLine
	if o.Code == 0 {
		where = o.stdout + o.stderr
	}
	if !regexp.MustCompile(r.says).MatchString(where) {
		bad("said  %q\nwant  %q", where, r.says)
	}
	peak, base := r.peak, baseline
	if peak == 0 {
		peak = 64
	}
	if r.runs {
		base = runningBaseline
	}
	if o.PeakKiB > base()+peak<<10 {
		bad("peak memory %d MiB, limit %d MiB above the %d MiB of a good run", o.PeakKiB>>10, peak, base()>>10)
	}
	if !r.runs && o.CPU > 5*time.Second {
		bad("took %v of processor time, limit 5 s", o.CPU)
	}
	return list
}

// names is the file that the error must name.
func (r row) names() string {
	if r.file != "" {
		return r.file
	}
	for _, word := range strings.Fields(r.args) {
		if strings.Contains(word, ".") && word != goodModel && word != goodRows && !strings.HasPrefix(word, "out/") {
			return filepath.Base(word)
		}
	}
	return ""
}

// line is the error: the last line, without the program's name.
func (o outcome) line() string {
	lines := strings.Split(strings.TrimSuffix(o.stderr, "\n"), "\n")
	return lines[len(lines)-1]
}

// unprintable finds the first character that is none to be read.
func unprintable(text string) (string, bool) {
	for i, c := range text {
		if c == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 && len(text) < 1<<20 {
				return fmt.Sprintf("byte %#x", text[i]), true
			}
		}
		if c != '\n' && c != '\t' && !unicode.IsPrint(c) {
			return fmt.Sprintf("%U", c), true
		}
	}
	return "", false
}

// traces lists what the command did to files that it should not have.
func (r row) traces(before, after map[string]string, o outcome) []string {
	var list []string
	for name, was := range before {
		overwritten := o.Code == 0 && strings.HasPrefix(name, "out/")
		if is, there := after[name]; is != was && !overwritten {
			list = append(list, fmt.Sprintf("%s was changed (still there: %v)", name, there))
		}
	}
	for name := range after {
		if _, old := before[name]; !old && !(strings.HasPrefix(name, "out/") && (r.writes || o.Code == 0)) {
			list = append(list, "left "+name+" behind")
		}
	}
	slices.Sort(list)
	return list
}
