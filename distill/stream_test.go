package distill

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/distill/report/stream"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// timeless are the whole lines of a stream without what differs between two
// equal runs, the epochs of each training together, and torn is what is left of a
// last one.
func timeless(t *testing.T, path string) (lines []string, torn string) {
	t.Helper()
	text := string(mustRead(t, path))
	if i := strings.LastIndexByte(text, '\n'); i < len(text)-1 {
		text, torn = text[:i+1], text[i+1:]
	}
	training := map[string]string{} // of each line, to sort by
	for l := range strings.Lines(text) {
		var v map[string]any
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatalf("%s: %q: %v", path, l, err)
		}
		if i := len(lines); (v["event"] == "start") != (i == 0) || i > 0 && strings.Contains(lines[i-1], `"event":"end"`) {
			t.Errorf("%s: line %d is %q", path, i+1, l)
		}
		for _, k := range []string{"seconds", "time", "wall_s", "steps_per_s", "samples_per_s", "recipe"} {
			delete(v, k)
		}
		b, _ := json.Marshal(v)
		lines = append(lines, string(b))
		switch v["event"] {
		case "start": // before all others
		case "epoch":
			training[string(b)] = fmt.Sprintf("1 seed %v, %s", v["seed"], map[any]string{RoleStudent: "0", RoleBaseline: "1"}[v["role"]])
		default:
			training[string(b)] = "2"
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(training[a], training[b]) })
	return lines, torn
}

// TestStreams interrupts a run and tears its streams as a kill may; the run
// that goes on leaves those of one that was let alone.
func TestStreams(t *testing.T) {
	r := lively(stored(t))
	r.Output.TensorBoard = filepath.Join(t.TempDir(), "tb")
	result := mustRun(t, r, newRecord().Env)
	want, torn := timeless(t, result.Files.Stream)
	epochs := r.Train.Epochs
	if torn != "" || len(want) != 2*epochs+2 || !strings.Contains(want[0], `"event":"start"`) || !strings.Contains(want[2*epochs+1], `"event":"end"`) {
		t.Fatalf("%d lines, expected a start, %d epochs of student and baseline, and an end; %q is left", len(want), epochs, torn)
	}
	for i, e := range result.History.Student {
		if l := want[i+1]; !strings.Contains(l, `"role":"student"`) || !strings.Contains(l, fmt.Sprintf(`"epoch":%d,`, e.Epoch)) || !strings.Contains(l, fmt.Sprintf(`"loss_soft":%v,`, e.Train.Soft)) {
			t.Errorf("line %d is %s, expected %+v", i+1, l, e)
		}
	}
	events := map[string]int{} // bytes by role
	for _, role := range []string{RoleStudent, RoleBaseline} {
		events[role] = len(mustRead(t, filepath.Join(r.Output.TensorBoard, role, stream.EventFile)))
	}
	for _, c := range []struct {
		role string
		at   int64
		torn string
	}{
		{RoleStudent, 1, ""}, {RoleStudent, 20, `{"event":"epoch","role":"stu`}, {RoleStudent, 20, want[1] + "\n" + want[1] + "\n"}, {RoleBaseline, 1, want[2]}, {RoleBaseline, 17, "\x00\x00"},
	} {
		again := r
		again.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
		again.Output.TensorBoard = filepath.Join(t.TempDir(), "tb")
		interrupted(t, again, newRecord().Env, c.role, c.at)
		path := filepath.Join(filepath.Dir(again.Output.Model), "metrics.jsonl")
		for _, p := range []string{path, filepath.Join(again.Output.TensorBoard, RoleStudent, stream.EventFile)} {
			f, err := os.OpenFile(p, os.O_APPEND|os.O_WRONLY, 0)
			if errors.Is(err, fs.ErrNotExist) && p != path && c.role == RoleBaseline {
				continue // beside which the student had not begun
			}
			if err == nil {
				_, err = f.WriteString(c.torn)
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		mustRun(t, again, newRecord().Env)
		if got, torn := timeless(t, path); torn != "" || !slices.Equal(got, want) {
			t.Errorf("interrupted at %d of %s: %d lines and %q, not those of a whole run", c.at, c.role, len(got), torn)
		}
		for _, role := range []string{RoleStudent, RoleBaseline} {
			if n := len(mustRead(t, filepath.Join(again.Output.TensorBoard, role, stream.EventFile))); n != events[role] {
				t.Errorf("interrupted at %d of %s: %d bytes of events of %s, expected %d", c.at, c.role, n, role, events[role])
			}
		}
	}
}

// TestStreamInUse refuses a second writer.
func TestStreamInUse(t *testing.T) {
	r := stored(t)
	if err := os.MkdirAll(filepath.Dir(r.Output.Model), 0o755); err != nil {
		t.Fatal(err)
	}
	j, err := durable.OpenJournal(filepath.Join(filepath.Dir(r.Output.Model), "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	_, err = Run(t.Context(), r, newRecord().Env)
	faulttest.Want(t, err, fault.IO, "metrics.jsonl", "another run writes it")
}

// TestRebuiltReport makes page and CSV again from the metrics of a run.
func TestRebuiltReport(t *testing.T) {
	r := stored(t)
	files := mustRun(t, r, newRecord().Env).Files
	back, err := report.Read(files.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	again := report.Files{JSON: filepath.Join(dir, "m"), HTML: filepath.Join(dir, "h"), CSV: filepath.Join(dir, "c")}
	if err := again.Write(back); err != nil {
		t.Fatal(err)
	}
	for a, b := range map[string]string{files.Metrics: again.JSON, files.Report: again.HTML, files.CSV: again.CSV} {
		if string(mustRead(t, a)) != string(mustRead(t, b)) {
			t.Errorf("%s is not what the run wrote", a)
		}
	}
	if back.Format != report.Format || back.Provenance.Test.Digest == "" || back.Recipe["train.lr"] != fmt.Sprint(r.Train.LR) {
		t.Errorf("format %d, test rows %+v, recipe %v", back.Format, back.Provenance.Test, back.Recipe)
	}
}

// TestSettingsRoundTrip sets a default recipe to what another one says, key by key: it
// becomes that one, but for its outputs.
func TestSettingsRoundTrip(t *testing.T) {
	beta := 0.25
	want := Default()
	want.Loss.Beta, want.Train.Decay, want.Teacher.Options = &beta, []string{"!embed*", "a: b"}, map[string]string{"k": "v"}
	want.Train.Augment, want.Teacher.Before, want.Data.Train = "noise=0.1 mixup=0.4", []string{"x.onnx"}, "rows: of, mine"
	want.Teacher.Timeout *= 3
	settings := want.Settings()
	got := Default()
	for k, v := range settings {
		if strings.HasPrefix(k, "output.") {
			t.Errorf("%s is no setting", k)
		}
		if strings.Contains(v, ": ") && v[0] != '[' && v[0] != '{' {
			v = fmt.Sprintf("%q", v)
		}
		if err := got.Set(k + "=" + v); err != nil {
			t.Errorf("%s=%s: %v", k, v, err)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if len(settings) < 40 || settings["teacher.timeout"] != "6m0s" {
		t.Errorf("%d settings: %v", len(settings), settings)
	}
}
