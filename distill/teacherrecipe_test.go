package distill

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEnsembleRecipe reads members with settings of their own over those of
// the block.
func TestEnsembleRecipe(t *testing.T) {
	r := Default()
	err := r.Merge(write(t, "recipe.yaml", `
teacher:
  model: ""
  input: unit
  before: [scale.onnx]
  mean: geometric
  timeout: 3s
  ensemble:
    - model: a.onnx
      weight: 2
      preprocess: "scale=1/255"
    - model: b.onnx
      temperature: 3
      input: raw
      before: []
      kind: logits
`))
	if err != nil {
		t.Fatal(err)
	}
	tr := &r.Teacher
	if tr.Mean != "geometric" || tr.Timeout.Seconds() != 3 || tr.Provider != "cpu" || tr.Smooth != 0.1 {
		t.Errorf("got %+v", tr)
	}
	members, err := tr.members()
	if err != nil || len(members) != 2 {
		t.Fatalf("got %v, %v", members, err)
	}
	a, b := members[0].over(tr.ModelRecipe), members[1].over(tr.ModelRecipe)
	want := []ModelRecipe{
		{Model: "a.onnx", Before: []string{"scale.onnx"}, Kind: "auto", Task: "auto", Smooth: 0.1, Input: "unit", Prep: "scale=1/255"},
		{Model: "b.onnx", Before: []string{}, Kind: "logits", Task: "auto", Smooth: 0.1, Input: "raw"},
	}
	if d := cmp.Diff(want, []ModelRecipe{a, b}); d != "" {
		t.Error(d)
	}
	if members[0].Weight != 2 || members[1].Temperature != 3 {
		t.Errorf("got %+v", members)
	}
	if got := tr.files(); !cmp.Equal(got, []string{"scale.onnx", "", "a.onnx", "b.onnx"}) {
		t.Errorf("files %q", got)
	}
}

func TestBadEnsembles(t *testing.T) {
	for text, want := range map[string]string{
		"teacher:\n  ensemble:\n    - model: a.onnx\n      wieght: 2\n":                  "wieght",
		"teacher:\n  model: a.onnx\n  ensemble:\n    - model: b.onnx\n":                  "expected one or the other",
		"teacher:\n  model: \"\"\n  ensemble:\n    - weight: 2\n":                        "teacher.ensemble[0].model: missing",
		"teacher:\n  model: \"\"\n  ensemble:\n    - model: a.onnx\n      kind: maybe\n": `--teacher-kind: got "maybe"`,
		"teacher:\n  mean: median\n":                                                     `--mean: got "median"`,
	} {
		r := Default()
		r.Data.Train = "rows.csv"
		err := r.Merge(write(t, "recipe.yaml", text))
		if err == nil {
			r.Fill()
			err = r.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, expected %q", text, err, want)
		}
	}
}

// TestWeightsOfOne: what only an ensemble has is not left out in silence.
func TestWeightsOfOne(t *testing.T) {
	one := ModelRecipe{Model: file("teacher.onnx")}
	for _, tr := range []TeacherRecipe{
		{ModelRecipe: one, Temperatures: []float64{2}},
		{ModelRecipe: one, Weights: []float64{1}},
		{Ensemble: []MemberRecipe{{ModelRecipe: one, Temperature: 2}}},
	} {
		_, _, err := OpenTeacher(t.Context(), &tr, t.TempDir())
		faulttest.Want(t, err, fault.Usage, "expected several teachers")
	}
}

// TestFolderOfTeachers lists the models of a folder by name.
func TestFolderOfTeachers(t *testing.T) {
	dir := t.TempDir()
	tr := TeacherRecipe{ModelRecipe: ModelRecipe{Model: dir}}
	if _, err := tr.Models(); err == nil || !strings.Contains(err.Error(), "folder without .onnx files") {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"b.onnx", "A.ONNX", "notes.txt", "a.onnx.data"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := tr.Models()
	if err != nil || !cmp.Equal(got, []string{filepath.Join(dir, "A.ONNX"), filepath.Join(dir, "b.onnx")}) {
		t.Errorf("got %q, %v", got, err)
	}
}
