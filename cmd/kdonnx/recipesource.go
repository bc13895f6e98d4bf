package main

import (
	"os"

	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// recipeSource is where a recipe comes from besides the flags.
type recipeSource struct {
	file string
	sets []string
	base func() distill.Recipe // nil: distill.Default
}

func (s *recipeSource) flags(f *pflag.FlagSet) {
	defer under(f, groupRecipe)()
	f.StringVar(&s.file, "recipe", "", "recipe.yaml with the same settings as the flags, which override it; - is standard input")
	f.StringArrayVar(&s.sets, "set", nil, "override one recipe key, `KEY=VALUE`: --set loss.temperature=4")
}

// layered is the recipe that flags, --set and a recipe file give together:
// defaults, then the file, then --set, then the flags that were given.
func (s *recipeSource) layered(given *pflag.FlagSet) (*distill.Recipe, error) {
	return s.layeredBy(given, recipeFlags)
}

// layeredBy is layered of flags that bind a recipe in their own way.
func (s *recipeSource) layeredBy(given *pflag.FlagSet, bind func(*pflag.FlagSet, *distill.Recipe)) (*distill.Recipe, error) {
	r := distill.Default()
	if s.base != nil {
		r = s.base()
	}
	if s.file != "" {
		file := s.file
		if file == "-" {
			file = os.Stdin.Name()
		}
		if err := r.Merge(file); err != nil {
			return nil, err
		}
	}
	for _, set := range s.sets {
		if err := r.Set(set); err != nil {
			return nil, err
		}
	}
	bound := pflag.NewFlagSet("recipe", pflag.ContinueOnError)
	bind(bound, &r)
	var failed error
	given.Visit(func(f *pflag.Flag) {
		if to := bound.Lookup(f.Name); to != nil && failed == nil {
			if list, ok := f.Value.(pflag.SliceValue); ok {
				failed = to.Value.(pflag.SliceValue).Replace(list.GetSlice())
			} else if err := to.Value.Set(f.Value.String()); err != nil {
				failed = fault.New(fault.Usage, "", "--"+f.Name, "got %q: %w", f.Value, err)
			}
		}
	})
	// Rows of one's own need a teacher of one's own: the embedded one is not
	// a default for them.
	if r.Data.Train != distill.Embedded && r.Teacher.Model == distill.Embedded && !given.Changed("teacher") {
		r.Teacher.Model = ""
	}
	return &r, failed
}
