package distill

import (
	"fmt"
	"reflect"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// SpecialistRecipe says how a generalist gets specialists, and what they are
// held against: section 5 of Hinton, Vinyals and Dean (2015, arXiv 1503.02531).
// The other sections are those of the generalist, of its rivals and of the
// students that all of it is distilled into. Run refuses a recipe that has one;
// package specialist/study follows it.
type SpecialistRecipe struct {
	Generalist  string   `yaml:"generalist" json:"generalist"`     // .onnx file; empty: the recipe's student is trained
	Sets        int      `yaml:"sets" json:"sets"`                 // of classes, a specialist each; 0: the number with the largest silhouette
	ClassesEach int      `yaml:"classes_each" json:"classes_each"` // of each set, which may then overlap; 0: every class in one set
	Method      string   `yaml:"method" json:"method"`             // of clustering, see specialist.Methods
	Head        string   `yaml:"head" json:"head"`                 // outputs of the specialists: dustbin or full
	Top         int      `yaml:"top" json:"top"`                   // so many of the generalist's most likely classes say which specialists are heard
	Alpha       float64  `yaml:"alpha" json:"alpha"`               // weight of the generalist's soft targets for its specialists; that of the labels is 1 − alpha
	Temperature float64  `yaml:"temperature" json:"temperature"`   // of these
	Epochs      int      `yaml:"epochs" json:"epochs"`             // of each specialist; 0: train.epochs
	LR          float64  `yaml:"lr" json:"lr"`                     // peak learning rate of the specialists; 0: train.lr
	Students    []string `yaml:"students" json:"students"`         // architectures that generalist and specialists are distilled back into; SameStudent: the generalist's
	Rivals      bool     `yaml:"rivals" json:"rivals"`             // train one larger net and an ensemble of generalists with as many parameters
	Parallel    int      `yaml:"parallel" json:"parallel"`         // specialists that are trained at once; 0: one a core
	Output      string   `yaml:"output" json:"output"`             // folder of all that is left
}

// SameStudent stands for the generalist's own architecture.
const SameStudent = "same"

// DefaultSpecialist is how specialists are made unless the recipe says
// otherwise.
func DefaultSpecialist() SpecialistRecipe {
	return SpecialistRecipe{Method: "confusion", Head: "dustbin", Top: 1, Alpha: 0.5, Temperature: 1, Students: []string{SameStudent}, Rivals: true, Output: "out/specialists"}
}

// isDefault tells whether nothing is asked for.
func (s *SpecialistRecipe) isDefault() bool {
	return s.isEmpty() || reflect.DeepEqual(*s, DefaultSpecialist())
}

// isEmpty tells whether there is no section at all, as in a recipe that was not
// made from Default.
func (s *SpecialistRecipe) isEmpty() bool { return reflect.DeepEqual(*s, SpecialistRecipe{}) }

// Validate checks every number before anything is spent; the names are those of
// package specialist, which checks them.
func (s *SpecialistRecipe) Validate() error {
	for _, c := range s.numbers() {
		if !c.ok {
			return fault.New(fault.Usage, "", c.flag, "got %v, expected %s", c.value, c.want)
		}
	}
	if s.Output == "" {
		return fault.New(fault.Usage, "", "-o", "empty: name the folder of what is left")
	}
	return nil
}

// Most of what a recipe asks for.
const (
	maxSets     = 10000
	maxParallel = 1024
)

func (s *SpecialistRecipe) numbers() []numberCheck {
	return []numberCheck{
		{"--sets", float64(s.Sets), s.Sets >= 0 && s.Sets <= maxSets, fmt.Sprintf("a number from 0 (chosen) to %d", maxSets)},
		{"--classes-each", float64(s.ClassesEach), s.ClassesEach >= 0, "a number of at least 0"},
		{"--top", float64(s.Top), s.Top >= 1, "a number of at least 1"},
		{"--specialist-alpha", s.Alpha, within(s.Alpha, 0, 1), "a number from 0 to 1"},
		{"--specialist-temperature", s.Temperature, within(s.Temperature, 0.01, 1000), "a number from 0.01 to 1000"},
		{"--specialist-epochs", float64(s.Epochs), s.Epochs >= 0 && s.Epochs <= 1e6, "a number from 0 (as the generalist) to 1000000"},
		{"--specialist-lr", s.LR, within(s.LR, 0, 1000), "a number from 0 (as the generalist) to 1000"},
		{"--parallel", float64(s.Parallel), s.Parallel >= 0 && s.Parallel <= maxParallel, fmt.Sprintf("a number from 0 (one a core) to %d", maxParallel)},
	}
}
