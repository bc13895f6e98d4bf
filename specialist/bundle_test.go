package specialist

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// bundle writes a generalist of four classes and two specialists.
func bundle(t *testing.T) (*Bundle, string) {
	t.Helper()
	dir := t.TempDir()
	for name, classes := range map[string]int{"generalist.onnx": 4, "specialist-000.onnx": 3, "specialist-001.onnx": 4} {
		m, err := models.Build("mlp:5", models.Input{Shape: []int{3}}, classes, uint64(classes))
		if err != nil {
			t.Fatal(err)
		}
		if err := onnx.Write(filepath.Join(dir, name), m); err != nil {
			t.Fatal(err)
		}
	}
	b := &Bundle{Classes: []string{"a", "b", "c", "d"}, Top: 1, Generalist: Member{File: "generalist.onnx"}, Specialists: []Expert{
		{Member: Member{File: "specialist-000.onnx"}, Classes: []int{1, 3}, Head: Dustbin, Fraction: 0.5},
		{Member: Member{File: "specialist-001.onnx"}, Classes: []int{0}, Head: Full, Fraction: 0.25, Correction: 1.0986122886681098},
	}}
	if err := b.Write(dir); err != nil {
		t.Fatal(err)
	}
	return b, dir
}

func TestBundle(t *testing.T) {
	want, dir := bundle(t)
	got, err := ReadBundle(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Specialists) != 2 || got.Specialists[1].Correction != want.Specialists[1].Correction || got.Specialists[0].Digest != want.Specialists[0].Digest {
		t.Errorf("read %+v, wrote %+v", got, want)
	}
	path := filepath.Join(dir, manifestFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to, field string
		kind            fault.Kind
	}{
		{"kdonnx specialists 1", "kdonnx specialists 2", "format", fault.Input},
		{`"top": 1`, `"top": 5`, "top", fault.Input},
		{`"file": "generalist.onnx"`, `"file": "../generalist.onnx"`, "generalist.file", fault.Input},
		{`"file": "specialist-001.onnx"`, `"file": "none.onnx"`, "none.onnx", fault.Input},
		{`"head": "full"`, `"head": "half"`, "specialists[1].head", fault.Input},
		{`"fraction": 0.25`, `"fraction": 1.25`, "specialists[1].fraction", fault.Input},
		{"{", "[", "byte 13: ", fault.Input},
	} {
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), c.from, c.to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := ReadBundle(dir)
		if err == nil || !strings.Contains(err.Error(), c.field) {
			t.Errorf("%s: got %v", c.to, err)
		} else if k := fault.KindOf(err); k != c.kind && c.field != "none.onnx" {
			t.Errorf("%s: %v is of kind %d", c.to, err, k)
		}
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(dir, "specialist-000.onnx")
	data, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(model, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadBundle(dir); fault.KindOf(err) != fault.Integrity || !strings.Contains(err.Error(), "specialist-000.onnx") {
		t.Errorf("a changed specialist: %v", err)
	}
}

func TestSets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clusters.json")
	want := &Sets{Classes: []string{"a", "b", "c"}, Sets: [][]int{{0, 2}, {1, 2}}}
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadSets(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Covering(2) != 2 || got.Covering(0) != 1 || strings.Join(got.Names(1), "") != "bc" {
		t.Errorf("%+v", got)
	}
	for _, set := range [][]int{{}, {3}, {-1}, {1, 1}, {2, 1}} {
		bad := &Sets{Classes: want.Classes, Sets: [][]int{{0}, set}}
		if err := bad.Write(path); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSets(path); fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "sets[1]") {
			t.Errorf("%v: %v", set, err)
		}
	}
}
