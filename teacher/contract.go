package teacher

import (
	"fmt"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
)

// Kind is what a row of a teacher's output means.
type Kind string

// The kinds. Both logits and log-probabilities are valid logits: they differ
// by a constant a row, which no softmax sees.
const (
	Auto             Kind = "auto" // to be detected
	Logits           Kind = "logits"
	Probabilities    Kind = "probabilities"
	LogProbabilities Kind = "log-probabilities"
)

// Contract is what a teacher wants and means.
type Contract struct {
	InputName  string             `json:"input"`              // its only input
	Inputs     []string           `json:"inputs,omitempty"`   // instead: one input a feature, in the order of the features
	Features   []int              `json:"features,omitempty"` // the row's column that each of Inputs takes
	DType      string             `json:"dtype"`              // element type of the input
	Layout     dataset.Layout     `json:"layout"`
	InputShape []int64            `json:"input_shape"`      // as declared; -1 where any
	Range      string             `json:"range,omitempty"`  // value range by name, when it has one
	Preprocess dataset.Preprocess `json:"preprocess"`       // raw rows to input
	Batch      int                `json:"batch"`            // rows of one call
	FixedBatch int                `json:"fixed_batch"`      // rows the model insists on; 0: any number
	Single     bool               `json:"single,omitempty"` // one row a call, and outputs without an axis for it

	Output     string       `json:"output"`
	Task       dataset.Task `json:"task,omitempty"` // what is taught: multi-class (empty), multi-label or regression
	Kind       Kind         `json:"kind"`
	Classes    int          `json:"classes"`
	ClassNames []string     `json:"class_names,omitempty"` // by class; nil when the model gives none
	Columns    []int        `json:"columns,omitempty"`     // output column of each class; nil: in order
	OneColumn  bool         `json:"one_column,omitempty"`  // two classes, of which the output gives the score of the second
	Floor      float32      `json:"floor,omitempty"`       // probabilities are raised to this before the logarithm

	Provider       string `json:"provider"`
	Library        string `json:"library"` // SHA-256
	LibraryVersion string `json:"library_version"`

	Rows     int      `json:"rows"`               // rows that were looked at
	Accuracy *float64 `json:"accuracy,omitempty"` // share of their labels that the teacher gives; nil without labels
	Why      []string `json:"why"`                // each conclusion and its ground
	Warnings []string `json:"warnings,omitempty"`
}

// Lines is the contract for people, one conclusion a line, warnings last.
func (c *Contract) Lines() []string {
	input := fmt.Sprintf("input %q: %s %s", c.InputName, c.DType, shapeText(c.InputShape))
	if len(c.Inputs) > 0 {
		input = fmt.Sprintf("%d inputs, one a feature: %s", len(c.Inputs), c.DType)
	}
	lines := []string{
		input,
		fmt.Sprintf("output %q: %s of %d classes", c.Output, c.Kind, c.Classes),
	}
	lines = append(lines, c.Why...)
	for _, w := range c.Warnings {
		lines = append(lines, "warning: "+w)
	}
	return lines
}

// String is Lines, each ended by a newline.
func (c *Contract) String() string { return strings.Join(c.Lines(), "\n") + "\n" }

func (c *Contract) why(format string, args ...any) {
	c.Why = append(c.Why, fmt.Sprintf(format, args...))
}

func (c *Contract) warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}

// shapeText writes a shape as (N, 1, 28, 28): N for a free leading axis, ? for
// any other.
func shapeText(shape []int64) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		switch {
		case d >= 0:
			parts[i] = fmt.Sprint(d)
		case i == 0:
			parts[i] = "N"
		default:
			parts[i] = "?"
		}
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
