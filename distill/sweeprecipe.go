package distill

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// SweepRecipe says what a sweep tries: several values of what a recipe says
// once. Run refuses a recipe that has one; package sweep follows it.
type SweepRecipe struct {
	Student     Values `yaml:"student" json:"student,omitempty"`
	Loss        Values `yaml:"loss" json:"loss,omitempty"`
	Temperature Values `yaml:"temperature" json:"temperature,omitempty"`
	Alpha       Values `yaml:"alpha" json:"alpha,omitempty"`
	Beta        Values `yaml:"beta" json:"beta,omitempty"`
	LR          Values `yaml:"lr" json:"lr,omitempty"`
	WeightDecay Values `yaml:"weight_decay" json:"weight_decay,omitempty"`
	Vary        Vary   `yaml:"vary" json:"vary,omitempty"` // any other key of the sections student, loss and train

	Method      string  `yaml:"method" json:"method"`             // see sweep.Methods; empty: grid, or random where cells is given
	Cells       int     `yaml:"cells" json:"cells"`               // how many are drawn at random; 0: all combinations
	Eta         int     `yaml:"eta" json:"eta"`                   // of halving: one in so many goes on
	FirstEpochs int     `yaml:"first_epochs" json:"first_epochs"` // of halving: least epochs before the first choice
	Seeds       int     `yaml:"seeds" json:"seeds"`               // trainings of each cell, whose mean decides
	HoldOut     float64 `yaml:"hold_out" json:"hold_out"`         // share of the training rows that the cells are judged on; 0: see HeldOut
	Parallel    int     `yaml:"parallel" json:"parallel"`         // trainings at once; 0: one a core
	Output      string  `yaml:"output" json:"output"`             // folder of what the sweep leaves
}

// DefaultSweep is how a sweep goes unless the recipe says otherwise.
func DefaultSweep() SweepRecipe {
	return SweepRecipe{Eta: 3, FirstEpochs: 1, Seeds: 1, Output: "out/sweep"}
}

// Values are what a key is to be in turn, as they are written in a recipe; or
// one range: "0.01..0.3", or "0.01..0.3 log". In YAML a list, or one value.
type Values []string

// Vary are values by key, such as train.ema. In YAML a map.
type Vary map[string]Values

// UnmarshalYAML reads a list of texts, numbers and booleans, or one.
func (v *Values) UnmarshalYAML(n ast.Node) error {
	*v = nil
	nodes := []ast.Node{n}
	switch n := n.(type) {
	case *ast.NullNode:
		return nil
	case *ast.SequenceNode:
		nodes = n.Values
	}
	for _, n := range nodes {
		text, _, ok := scalar(n)
		if !ok {
			at := n.GetToken().Position
			return fmt.Errorf("[%d:%d] got %s, expected a value, or a list of values", at.Line, at.Column, n.Type())
		}
		*v = append(*v, text)
	}
	return nil
}

// String is the values between semicolons.
func (v Values) String() string { return strings.Join(v, "; ") }

// isZero tells whether nothing is to be tried.
func (s *SweepRecipe) isZero() bool {
	for _, v := range []Values{s.Student, s.Loss, s.Temperature, s.Alpha, s.Beta, s.LR, s.WeightDecay} {
		if len(v) > 0 {
			return false
		}
	}
	return len(s.Vary) == 0 && s.Method == "" && s.Cells == 0
}
