package main

import (
	"context"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/teacher"
)

// teachersFlag is --teacher: one model, or given several times an ensemble.
type teachersFlag struct {
	t     *distill.TeacherRecipe
	given bool
}

func (f *teachersFlag) Type() string   { return "FILE" }
func (f *teachersFlag) String() string { return strings.Join(f.GetSlice(), ",") }

// Set takes one model: the first in place of what the recipe says.
func (f *teachersFlag) Set(s string) error {
	if !f.given {
		f.given = true
		return f.Replace([]string{s})
	}
	return f.Append(s)
}

func (f *teachersFlag) Append(s string) error { return f.Replace(append(f.GetSlice(), s)) }

// GetSlice lists the models.
func (f *teachersFlag) GetSlice() []string {
	if f.t == nil {
		return nil
	}
	if len(f.t.Ensemble) == 0 {
		if f.t.Model == "" {
			return nil
		}
		return []string{f.t.Model}
	}
	var all []string
	for _, m := range f.t.Ensemble {
		all = append(all, m.Model)
	}
	return all
}

func (f *teachersFlag) Replace(models []string) error {
	f.given = true
	f.t.Model, f.t.Ensemble = "", nil
	if len(models) == 1 {
		f.t.Model = models[0]
		return nil
	}
	for _, m := range models {
		f.t.Ensemble = append(f.t.Ensemble, distill.MemberRecipe{ModelRecipe: distill.ModelRecipe{Model: m}})
	}
	return nil
}

// openTaught opens rows and the teacher that is to be asked about them. stop
// closes both.
func openTaught(ctx context.Context, t *distill.TeacherRecipe, data *dataFlags) (src dataset.Source, model teacher.Model, stop func(), err error) {
	if src, err = data.open(ctx, "train"); err != nil {
		return nil, nil, nil, err
	}
	cache, err := cacheDir()
	if err != nil {
		src.Close()
		return nil, nil, nil, err
	}
	model, closeTeacher, err := distill.OpenTeacher(ctx, t, cache)
	if err != nil {
		src.Close()
		return nil, nil, nil, err
	}
	model.NameRows(data.path)
	return src, model, func() { closeTeacher(); src.Close() }, nil
}
