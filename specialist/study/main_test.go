package study

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/clouds"
	"github.com/kdonnx/kdonnx/internal/killed"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// problem is the folder of a small task: train.csv and test.csv, six clouds in
// pairs of look-alikes, and teacher.onnx, which nobody can better.
var problem string

var pairs = clouds.Clouds{Centres: [][]float64{{0, 0, 0}, {1.2, 0, 0}, {5, 4, 0}, {5, 5, 0.6}, {0, 5, 5}, {0.8, 5, 5.8}}, Spread: 0.7}

func TestMain(m *testing.M) {
	ort.MaybeServeWorker()
	killed.Main(m, &problem, makeProblem, studyOnce)
}

func makeProblem(dir string) error {
	for name, rows := range map[string]int{"train.csv": 900, "test.csv": 400} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(pairs.CSV(rows, uint64(rows))), 0o644); err != nil {
			return err
		}
	}
	return pairs.WriteTeacher(filepath.Join(dir, "teacher.onnx"), "cloud")
}

// recipe is the study of the problem in rows, into dir.
func recipe(rows, dir string) distill.Recipe {
	r := distill.Default()
	r.Teacher.Model, r.Teacher.Input, r.Teacher.Doctor = filepath.Join(rows, "teacher.onnx"), "raw", false
	r.Data = distill.DataRecipe{Train: filepath.Join(rows, "train.csv"), Test: filepath.Join(rows, "test.csv"), ValSplit: 0.1, Labelled: 300}
	r.Student.Arch, r.Train.Epochs, r.Train.Batch = "mlp:6", 2, 32
	r.Specialist.Sets, r.Specialist.Output = 3, dir
	return r
}

// logged is an env that keeps its log.
type logged struct{ lines []string }

func (l *logged) env(rows string) distill.Env {
	return distill.Env{Version: "test", Cache: filepath.Join(rows, "cache"), Log: func(line string) { l.lines = append(l.lines, line) }}
}

// has tells whether text is in the log.
func (l *logged) has(text string) bool {
	return strings.Contains(strings.Join(l.lines, "\n"), text)
}

func mustRun(t *testing.T, r distill.Recipe) (*Result, *logged) {
	t.Helper()
	l := &logged{}
	result, err := Run(t.Context(), r, l.env(problem))
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(l.lines, "\n"))
	}
	return result, l
}

// timing is what differs from run to run.
var timing = regexp.MustCompile(`"(seconds|wall_s|[a-z_]*_ms|\w*_per_s)": ?("[^"]*"|[0-9.e+-]+)`)

// files are the models, records and tables in dir, without times and the names
// of folders.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		switch filepath.Ext(path) {
		case ".json":
			all[path] = timing.ReplaceAllString(strings.ReplaceAll(string(text), dir, ""), "")
		case ".onnx":
			all[path] = string(text)
		default:
			all[path] = "" // it is there: pages and tables show times
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameFiles(t *testing.T, what, want, got string) {
	t.Helper()
	a, b := files(t, want), files(t, got)
	for path := range a {
		other, there := b[path]
		switch {
		case !there:
			t.Errorf("%s: %s is missing", what, path)
		case other != a[path]:
			i := 0
			for i < len(a[path]) && i < len(other) && a[path][i] == other[i] {
				i++
			}
			t.Errorf("%s: %s differs: %.120q, expected %.120q", what, path, other[max(0, i-40):], a[path][max(0, i-40):])
		}
	}
	for path := range b {
		if _, there := a[path]; !there {
			t.Errorf("%s: %s is left", what, path)
		}
	}
}

// studyOnce follows the study with a checkpoint after nearly every step.
func studyOnce(dir string) error {
	r := recipe(problem, dir)
	r.Train.Epochs = 4
	env := (&logged{}).env(problem)
	env.Checkpoint = 1
	_, err := Run(context.Background(), r, env)
	return err
}
