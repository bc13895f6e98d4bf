package teacher

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/runtime/onnx"
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
	InputName  string             `json:"input"`  // the one that takes the whole row; empty: columns go into several
	Inputs     []Input            `json:"inputs"` // all, in the model's order
	DType      string             `json:"dtype"`  // element type of InputName, or of the first that takes columns
	Layout     dataset.Layout     `json:"layout"`
	InputShape []int64            `json:"input_shape"`      // of the same, as declared; -1 where any
	Range      string             `json:"range,omitempty"`  // value range by name, when it has one
	Preprocess dataset.Preprocess `json:"preprocess"`       // raw rows to input
	Batch      int                `json:"batch"`            // rows of one call
	FixedBatch int                `json:"fixed_batch"`      // rows the model insists on; 0: any number
	Single     bool               `json:"single,omitempty"` // one row a call, and outputs without an axis for it

	Output     string       `json:"output"`
	Inside     bool         `json:"inside,omitempty"` // the output is a value inside the graph, which the model itself does not give
	Task       dataset.Task `json:"task,omitempty"`   // what is taught: multi-class (empty), multi-label or regression
	Kind       Kind         `json:"kind"`
	Shape      []int64      `json:"shape,omitempty"`       // of Values: of those of one row, where they have several axes
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

	Members []*Contract `json:"members,omitempty"` // of an ensemble

	Provider       string `json:"provider"`
	Library        string `json:"library"` // SHA-256
	LibraryVersion string `json:"library_version"`

	Rows     int      `json:"rows"`               // rows that were looked at
	Accuracy *float64 `json:"accuracy,omitempty"` // share of their labels that the teacher gives; nil without labels
	R2       *float64 `json:"r2,omitempty"`       // of regression: coefficient of determination, the mean over the targets; nil without targets
	Why      []string `json:"why"`                // each conclusion and its ground
	Warnings []string `json:"warnings,omitempty"`
}

// Input says what goes into one input: the whole row, some of its columns by
// name, or a constant.
type Input struct {
	Name     string   `json:"name"`
	DType    string   `json:"dtype"`
	Shape    []int64  `json:"shape"`              // as declared; -1 where any, empty where nothing is
	Dims     []int64  `json:"dims"`               // of one row as it goes in, without the batch's axis; of a constant
	Columns  []string `json:"columns,omitempty"`  // nil: the whole row, after Preprocess
	Constant *string  `json:"constant,omitempty"` // values, parted by commas
}

// takes records what goes into the inputs.
func (c *Contract) takes(plan inputPlan) {
	c.Layout, c.Inputs = plan.layout, nil
	whole := 0
	for _, f := range plan.feeds {
		in := Input{Name: f.info.Name, DType: f.info.DType.String(), Shape: f.info.Shape, Dims: f.dims}
		for _, col := range f.columns {
			in.Columns = append(in.Columns, col.name)
		}
		if f.value != nil {
			in.Constant = &f.value.text
		} else if c.DType == "" || f.whole() && whole == 0 {
			c.DType, c.InputShape = in.DType, in.Shape
		}
		if f.whole() {
			if whole++; whole == 1 {
				c.InputName = in.Name
			}
		}
		c.Inputs = append(c.Inputs, in)
	}
	c.Why = append(slices.Clone(plan.why), c.Why...)
}

// holds are the ends of what the types of integers hold, as far as float32
// tells whole numbers apart.
var holds = map[onnx.DType][2]float32{
	onnx.Int8: {math.MinInt8, math.MaxInt8}, onnx.Uint8: {0, math.MaxUint8}, onnx.Int16: {math.MinInt16, math.MaxInt16}, onnx.Uint16: {0, math.MaxUint16},
	onnx.Int32: {math.MinInt32, math.MaxInt32}, onnx.Uint32: {0, math.MaxUint32}, onnx.Uint64: {0, math.MaxFloat32},
}

// warnOfLoss warns of values that an input of integers rounds or cuts off.
func (c *Contract) warnOfLoss(e *encoder, l *look) {
	out := e.pipe.OutSize()
	for i := range e.plan.feeds {
		f, x := &e.plan.feeds[i], l.x
		if floating(f.info.DType) || f.info.DType == onnx.String || f.info.DType == onnx.Bool || f.value != nil {
			continue
		}
		if !e.raw(f) {
			x = make([]float32, l.n*out)
			e.pipe.Apply(x, l.x, l.n)
		}
		rounded, cut, ends := false, false, holds[f.info.DType]
		for i, v := range x {
			if f.columns != nil && !slices.ContainsFunc(f.columns, func(c column) bool { return c.n == 1 && c.x == i%out }) {
				continue
			}
			rounded = rounded || v != float32(math.Trunc(float64(v)))
			cut = cut || ends != [2]float32{} && (v < ends[0]-0.5 || v > ends[1]+0.5)
		}
		if rounded {
			c.warn("input %q takes integers (%s), the rows have fractions: they are rounded", f.info.Name, f.info.DType)
		}
		if cut {
			c.warn("input %q takes %s, %v to %v, the rows have values beyond: they are cut off there", f.info.Name, f.info.DType, ends[0], ends[1])
		}
	}
}

// text is the input in one line.
func (in *Input) text() string {
	s := fmt.Sprintf("input %q: %s %s", in.Name, in.DType, shapeText(in.Shape))
	switch {
	case in.Constant != nil:
		s += ", always " + *in.Constant
	case len(in.Columns) > 12:
		s += fmt.Sprintf(", from %d columns, %q to %q", len(in.Columns), in.Columns[0], in.Columns[len(in.Columns)-1])
	case len(in.Columns) > 1:
		s += ", from columns " + quoted(in.Columns)
	case len(in.Columns) == 1:
		s += ", from column " + quoted(in.Columns)
	}
	return s
}

// quoted lists names for people.
func quoted(names []string) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(parts, ", ")
}

// mapping is what goes into the inputs as one text: the name alone where the
// only input takes the whole row.
func (c *Contract) mapping() string {
	if len(c.Inputs) == 1 && c.Inputs[0].Columns == nil {
		in := c.Inputs[0]
		if len(in.Shape) == 0 || countFree(in.Shape) > 2 {
			return in.Name + " " + shapeText(in.Dims)
		}
		return in.Name
	}
	text, err := json.Marshal(c.Inputs)
	if err != nil {
		panic(err) // strings and integers always marshal
	}
	return string(text)
}

// Lines is the contract for people, one conclusion a line, warnings last.
func (c *Contract) Lines() []string {
	lines := c.plain()
	for _, w := range c.Warnings {
		lines = append(lines, "warning: "+w)
	}
	return lines
}

// plain is Lines without the warnings. Those of an ensemble are its members'.
func (c *Contract) plain() []string {
	var lines []string
	if c.Members == nil {
		for _, in := range c.Inputs {
			lines = append(lines, in.text())
		}
		lines = append(lines, c.outputLine())
	}
	return append(lines, c.Why...)
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
