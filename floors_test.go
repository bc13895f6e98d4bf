// Package kdonnx holds the checks that concern the repository as a whole.
package kdonnx

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/kdonnx/kdonnx"

// floors is the drawing of docs/design.md: a package imports only from lower
// floors. The longest prefix of a package's folder decides.
var floors = map[string]int{
	"internal":                 0,
	"student/kernel":           0,
	"runtime/onnx":             0,
	"dataset":                  0,
	"student/graph":            1,
	"student/optim":            1,
	"distill/loss":             1,
	"distill/metrics":          1,
	"distill/schedule":         2,
	"distill/recalibrate":      1,
	"runtime/ort":              1,
	"teacher/store":            1,
	"student":                  2,
	"teacher":                  2,
	"models":                   3,
	"export":                   3,
	"distill/report":           3,
	"distill":                  4,
	"distill/sweep":            5,
	"specialist":               5,
	"specialist/study":         6,
	"specialist/cluster":       1,
	"specialist/fuse":          1,
	"cmd":                      7,
	"bench":                    5,
	"internal/clouds":          4,
	"internal/contracts":       1,
	"student/graph/opstest":    2,
	"student/graph/exporters":  1,
	"student/graph/randomnets": 1,
}

// outside says which rooms alone may import a library: each is hidden behind
// one package, so that replacing it touches one.
var outside = map[string][]string{
	"github.com/yalue/onnxruntime_go": {"runtime/ort", "bench"},
	"google.golang.org/protobuf":      {"runtime/onnx"},
	"github.com/spf13/cobra":          {"cmd"},
	"github.com/vbauerster/mpb":       {"cmd"},
	"github.com/goccy/go-yaml":        {"distill", "cmd"},
	"github.com/mmcloughlin/avo":      {"student/kernel/internal/asmgen"},
	"github.com/parquet-go/":          {"dataset"},
	"github.com/klauspost/compress":   {"dataset"},
}

// testOnly are libraries that the product itself never imports.
var testOnly = []string{
	"github.com/owulveryck/onnx-go", "gorgonia.org/", "github.com/google/go-cmp",
	"pgregory.net/rapid", "github.com/rogpeppe/go-internal",
}

// A breach is one import that the drawing does not allow.
type breach struct{ file, imp, why string }

// breaches reads every .go file below fsys and lists what the drawing forbids.
func breaches(t *testing.T, fsys fs.FS) []breach {
	var found []breach
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") || path.Dir(p) == "." {
			return nil
		}
		src, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if why := judge(p, imp); why != "" {
				found = append(found, breach{p, imp, why})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// judge says why the file may not import imp, or nothing.
func judge(file, imp string) string {
	dir, test := path.Dir(file), strings.HasSuffix(file, "_test.go")
	if imp == "C" && dir != "runtime/ort" {
		return "cgo lives in runtime/ort alone"
	}
	if room, ok := strings.CutPrefix(imp, module+"/"); ok {
		from, ok := floorOf(dir)
		if !ok {
			return dir + " stands on no floor"
		}
		to, ok := floorOf(room)
		if !ok {
			return room + " stands on no floor"
		}
		within := strings.HasPrefix(room+"/", dir+"/") || strings.HasPrefix(dir+"/", room+"/")
		if !test && to > from || !test && to == from && to > 0 && !within {
			return "floor " + strconv.Itoa(to) + " imported from floor " + strconv.Itoa(from)
		}
		return ""
	}
	for lib, rooms := range outside {
		if strings.HasPrefix(imp, lib) && !test && !inAny(dir, rooms) {
			return "hidden behind " + strings.Join(rooms, ", ")
		}
	}
	for _, lib := range testOnly {
		if strings.HasPrefix(imp, lib) && !test {
			return "for tests only"
		}
	}
	return ""
}

func floorOf(dir string) (floor int, ok bool) {
	for d := dir; d != "."; d = path.Dir(d) {
		if f, ok := floors[d]; ok {
			return f, true
		}
	}
	return 0, false
}

func inAny(dir string, rooms []string) bool {
	for _, r := range rooms {
		if dir == r || strings.HasPrefix(dir, r+"/") {
			return true
		}
	}
	return false
}

func TestFloors(t *testing.T) {
	for _, b := range breaches(t, os.DirFS(".")) {
		t.Errorf("%s imports %s: %s", b.file, b.imp, b.why)
	}
}

// TestFloorsSee plants one breach of each kind and requires that it is seen.
func TestFloorsSee(t *testing.T) {
	dir := t.TempDir()
	for file, imp := range map[string]string{
		"student/kernel/a.go": module + "/student/graph",
		"distill/loss/b.go":   module + "/teacher/store",
		"dataset/c.go":        module + "/attic",
		"student/d.go":        "C",
		"teacher/e.go":        "google.golang.org/protobuf/proto",
		"export/f.go":         "github.com/owulveryck/onnx-go",
		"attic/g.go":          module + "/dataset",
	} {
		p := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("package x\n\nimport _ \""+imp+"\"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(breaches(t, os.DirFS(dir))); got != 7 {
		t.Errorf("saw %d of 7 planted breaches", got)
	}
}
