package main

import (
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/distill"
)

// training has do train with the cache, and bars that say how far it is.
func training[T any](a *app, do func(env distill.Env) (T, error)) (result T, err error) {
	cache, err := cacheDir()
	if err != nil {
		return result, err
	}
	bars := newProgress(a.err)
	defer bars.stop()
	return do(distill.Env{Progress: bars.report, TeacherMemory: bars.memory, Log: bars.log, Version: version(), Cache: cache})
}

// runFlags adds to f the flags of a run that it has not of its own and that are
// of use, bound to r.
func runFlags(f *pflag.FlagSet, r *distill.Recipe, ofUse func(name string) bool) {
	run := pflag.NewFlagSet("run", pflag.ContinueOnError)
	run.SortFlags = false
	recipeFlags(run, r)
	run.VisitAll(func(flag *pflag.Flag) {
		if f.Lookup(flag.Name) == nil && ofUse(flag.Name) {
			f.AddFlag(flag)
		}
	})
}

// forgetsFolder says what --restart does where a folder is left.
const forgetsFolder = "forget what is in the folder, and begin anew"
