package study

import (
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// without are keys of a recipe that no weight depends on, or that are named in
// another way: files by their content, rows by their digests.
var without = []string{
	"teacher.model", "teacher.before", "teacher.store", "teacher.library", "teacher.threads", "teacher.timeout", "teacher.memory",
	"teacher.doctor", "teacher.strict", "teacher.repair", "train.seeds", "train.no_baseline",
}

// learning is what a net depends on that learns from rows and teacher, by name:
// the keys of the given sections, the teacher and the rows.
func (s *seed) learning(sections ...string) (map[string]string, error) {
	id, err := s.teaching()
	if err != nil {
		return nil, err
	}
	if err := s.keys(id, s.recipe, sections...); err != nil {
		return nil, err
	}
	id["version"], id["output.input_name"] = s.env.Version, s.recipe.Output.InputName
	for _, what := range []string{transferRows, labelledRows, validationRows} {
		id[what] = s.rows[what]
	}
	return id, nil
}

// keys adds the values of sections of r.
func (s *seed) keys(id map[string]string, r distill.Recipe, sections ...string) error {
	values, err := r.KeyValues(sections...)
	for key, text := range values {
		if !slices.Contains(without, key) {
			id[key] = text
		}
	}
	return err
}

// teaching is what the teacher's answers depend on besides the rows.
func (s *seed) teaching() (map[string]string, error) {
	id, t := map[string]string{}, s.recipe.Teacher
	if t.Model == distill.NoTeacher {
		return map[string]string{"teacher": distill.NoTeacher}, nil
	}
	if err := s.keys(id, s.recipe, "teacher"); err != nil {
		return nil, err
	}
	if t.Store != "" {
		targets, err := store.Open(t.Store)
		if err != nil {
			return nil, err
		}
		id["targets"] = targets.Content()
		targets.Close()
		return id, nil
	}
	files, err := t.Models()
	if err != nil {
		return nil, err
	}
	for i, path := range append(slices.Clone(t.Before), files...) {
		digest := path
		if path != distill.Embedded {
			if digest, err = onnx.Digest(path); err != nil {
				return nil, err
			}
		}
		id[fmt.Sprintf("teacher[%d]", i)] = digest
	}
	return id, nil
}
