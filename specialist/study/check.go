package study

import (
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist"
)

// DefaultRecipe is the study of the embedded characters: a small generalist that
// has learnt from the embedded teacher for a short time, so that there is
// something left to gain, and overlapping sets. Few rows have a label, but the
// teacher's word for the others is right nearly always, so that it weighs more
// than the generalist's.
func DefaultRecipe() distill.Recipe {
	r := distill.Default()
	r.Student.Arch, r.Train.Epochs = "mlp:64", 10
	s := &r.Specialist
	s.Sets, s.ClassesEach, s.Epochs, s.Alpha = 16, 8, 20, 0.1
	return r
}

// check settles the recipe and refuses what makes no sense.
func (s *study) check() error {
	bad := func(flag, format string, args ...any) error {
		return fault.New(fault.Usage, "", flag, format, args...)
	}
	a, r := &s.ask, &s.recipe
	if err := a.Validate(); err != nil {
		return err
	}
	budget, err := r.Student.Budget()
	if err != nil {
		return err
	}
	switch {
	case !slices.Contains(specialist.Methods, a.Method):
		return bad("--method", "got %q, expected one of %s", a.Method, strings.Join(specialist.Methods, ", "))
	case a.Head != string(specialist.Dustbin) && a.Head != string(specialist.Full):
		return bad("--head", "got %q, expected %q or %q", a.Head, specialist.Dustbin, specialist.Full)
	case r.Student.File() != "":
		return bad("--student", "got the file %q, expected an architecture; --generalist takes a file", r.Student.Arch)
	case !budget.IsZero():
		return bad("--student", "has a budget, expected an architecture: kdonnx distill searches one within a budget")
	case r.Loss.Hint != "":
		return bad("--hint", "got %q, expected none: students of specialists learn from their outputs", r.Loss.Hint)
	case r.Output.Unverified:
		return bad("output.unverified", "got true, expected false: the ensemble becomes one file once ONNX Runtime has proven it")
	}
	seen := map[string]bool{}
	for _, arch := range a.Students {
		one := distill.Default()
		if one.Student.Arch = arch; arch == distill.SameStudent {
			one.Student.Arch = r.Student.Arch
		}
		if one.Student.File() != "" {
			return bad("--students", "got the file %q, expected an architecture, or %s", arch, distill.SameStudent)
		}
		if err := one.Validate(); err != nil {
			return fault.New(fault.Usage, "", "--students", "%w", err)
		}
		if seen[arch] {
			return bad("--students", "got %q twice", arch)
		}
		seen[arch] = true
	}
	if a.Generalist != "" && r.Teacher.Model == "" {
		r.Teacher.Model = distill.NoTeacher // who has the generalist may have nobody who teaches its rivals
	}
	first := r.Train.Seed
	if r.Data.SplitSeed == nil {
		r.Data.SplitSeed = &first
	}
	r.Specialist = distill.DefaultSpecialist()
	r.Train.NoBaseline = true
	r.Output.Model = s.at("student.onnx") // nothing is written there
	if err := r.Validate(); err != nil {
		return err
	}
	r.Fill()
	return nil
}
