package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCharacters follows a small recipe of specialists on the embedded
// characters, twice: the table has what the study's own files say, and nothing
// is trained again.
func TestCharacters(t *testing.T) {
	l := newLab(t)
	l.recipes, l.students = filepath.Join(l.recipes, "paper"), 1
	const recipe = `data: {val_split: 0}
student: {arch: "mlp:8"}
loss: {temperature: 1, alpha: 0.5}
train: {epochs: 1}
specialist: {sets: 2, classes_each: 8, students: [same], rivals: false}
`
	if err := os.WriteFile(filepath.Join(filepath.Dir(l.recipes), "specialists.yaml"), []byte(recipe), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := characters(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.study("../specialists", "specialists/characters")
	if err != nil {
		t.Fatal(err)
	}
	r.Teacher.Model = "embedded"
	s, err := l.follow(t.Context(), "again", r)
	if err != nil {
		t.Fatal(err)
	}
	if log := fmt.Sprint(l.log); strings.Count(log, "bundle: is done")+strings.Count(log, "specialists: is done") != l.students {
		t.Errorf("the second time specialists were trained again:\n%s", log)
	}
	if len(s.Seeds) != l.students || len(f.Rows) != 2 || f.Rows[0].Measured != percents(relativeGains(s)) || f.Rows[1].Measured != keptText(s.Students[0]) {
		t.Errorf("got rows %+v of seeds %v", f.Rows, s.Seeds)
	}
	models, covering := f.Tables[0], f.Tables[1]
	if len(models.Rows) != 3 || len(covering.Rows) == 0 {
		t.Errorf("got %d models and %d lines by covering, expected 3 and some", len(models.Rows), len(covering.Rows))
	}
	for i, m := range s.Models {
		if models.Rows[i][0] != m.Name || models.Rows[i][1] != spread(m.Scores["errors"].Values) {
			t.Errorf("got %q, expected model %s", models.Rows[i], m.Name)
		}
	}
}
