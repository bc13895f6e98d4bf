package metrics

import (
	"fmt"

	"github.com/kdonnx/kdonnx/dataset"
)

// Rows are what a model says of some rows, and what is known of them.
type Rows struct {
	Out     []float32 // (N, C) logits or numbers
	Labels  []int32   // (N) class, or Unlabelled; nil when rows have none
	Values  []float32 // (N, C) labels of 0 or 1, or numbers, NaN where not known; nil when rows have none
	Teacher []float32 // (N, C) what a teacher says; nil without one
}

// Scorer makes a Result of rows that come in batches. It is not safe for
// concurrent use.
type Scorer interface {
	// Score takes rows in. An output that is no answer is a fault.Input that
	// names the row, counted from the first Score; the batch then counts for
	// nothing. It panics on slices that do not fit.
	Score(Rows) error
	// Result measures all rows so far; more may be added after.
	Result() Result
}

// NewScorer makes the Scorer of a task for outputs of that width.
func NewScorer(task dataset.Task, width int) (Scorer, error) {
	switch task {
	case dataset.MultiLabel:
		return newLabelScorer(width)
	case dataset.Regression:
		return newNumberScorer(width)
	}
	return NewAccumulator(width)
}

// Score is Add.
func (a *Accumulator) Score(r Rows) error { return a.Add(r.Out, r.Labels, r.Teacher) }

// count is N of rows that have values, and panics when they do not fit.
func (r Rows) count(width int) int {
	n := rows(r.Out, nil, r.Teacher, width)
	if r.Values != nil && len(r.Values) != len(r.Out) {
		panic(fmt.Sprintf("metrics: %d values do not fit %d outputs", len(r.Values), len(r.Out)))
	}
	return n
}

// value is value i, or NaN where there are none.
func (r Rows) value(i int) float32 {
	if r.Values == nil {
		return nan
	}
	return r.Values[i]
}
