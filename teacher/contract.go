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
	Probabilities    Kind = "probabilities"     // of one class a row: they sum to 1
	LogProbabilities Kind = "log-probabilities" // their logarithms
	Sigmoids         Kind = "sigmoids"          // a probability for each class on its own
	Labels           Kind = "labels"            // no scores, only which class
	Values           Kind = "values"            // numbers that are no scores: regression, activations
)

// Kinds are the names of all kinds.
var Kinds = []Kind{Auto, Logits, Probabilities, LogProbabilities, Sigmoids, Labels, Values}

// KindNames are Kinds as texts.
func KindNames() []string {
	names := make([]string, len(Kinds))
	for i, k := range Kinds {
		names[i] = string(k)
	}
	return names
}

// Tasks are the names of what a teacher may be asked to teach; binary is
// multi-class with two classes.
var Tasks = []string{"auto", "multi-class", "binary", "multi-label", "regression"}

// DefaultSmoothing is the probability that a teacher which only gives labels is
// taken to leave to the other classes, as is usual for label smoothing (Szegedy
// et al. 2016).
const DefaultSmoothing = 0.1

// taskName is the task for people.
func taskName(t dataset.Task, classes int) string {
	switch {
	case t != dataset.MultiClass:
		return string(t)
	case classes == 2:
		return "binary"
	}
	return "multi-class"
}

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
	Inside     bool         `json:"inside,omitempty"` // the output is a value inside the graph, which the model itself does not give
	Task       dataset.Task `json:"task,omitempty"`   // what is taught: multi-class (empty), multi-label or regression
	Kind       Kind         `json:"kind"`
	Scale      float32      `json:"scale,omitempty"`       // numbers q of the output stand for (q − Zero)·Scale; 0: for themselves
	Zero       float32      `json:"zero,omitempty"`        // see Scale
	Classes    int          `json:"classes"`               // values of a target row: classes, labels, or numbers
	ClassNames []string     `json:"class_names,omitempty"` // by class; nil when the model gives none
	Columns    []int        `json:"columns,omitempty"`     // output column of each class; nil: in order
	Merged     [][]int      `json:"merged,omitempty"`      // instead of Columns, where a class has several output columns
	Raw        int          `json:"raw,omitempty"`         // columns of the output, or labels that it may give, where they are not Classes
	OneColumn  bool         `json:"one_column,omitempty"`  // two classes, of which the output gives the score of the second
	Floor      float32      `json:"floor,omitempty"`       // probabilities are raised to this before the logarithm
	LabelTexts []string     `json:"label_texts,omitempty"` // of Labels: what the output gives, one for each column it would have
	Smoothing  float32      `json:"smoothing,omitempty"`   // of Labels: the probability of all classes but the one given

	Provider       string `json:"provider"`
	Library        string `json:"library"` // SHA-256
	LibraryVersion string `json:"library_version"`

	Rows     int      `json:"rows"`               // rows that were looked at
	Accuracy *float64 `json:"accuracy,omitempty"` // share of their labels that the teacher gives; nil without labels
	R2       *float64 `json:"r2,omitempty"`       // of regression: coefficient of determination, the mean over the targets; nil without targets
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
		c.outputLine(),
	}
	lines = append(lines, c.Why...)
	for _, w := range c.Warnings {
		lines = append(lines, "warning: "+w)
	}
	return lines
}

// TargetsAre is what the targets of a row are, in a word: logits or values.
func (c *Contract) TargetsAre() string {
	if c.Task == dataset.Regression {
		return "values"
	}
	return "logits"
}

// outputLine says what the output is.
func (c *Contract) outputLine() string {
	what := fmt.Sprintf("%s of %d classes", c.Kind, c.Classes)
	switch {
	case c.Task == dataset.MultiLabel:
		what = fmt.Sprintf("%s of %d labels", c.Kind, c.Classes)
	case c.Task == dataset.Regression && c.Classes == 1:
		what = "one value a row"
	case c.Task == dataset.Regression:
		what = fmt.Sprintf("%d values a row", c.Classes)
	}
	return fmt.Sprintf("output %q: %s", c.Output, what)
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
