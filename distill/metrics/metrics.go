// Package metrics measures a model from its outputs: errors, accuracy,
// agreement with a teacher, calibration and confusion of classes; F1 and
// average precision of labels that are yes or no; RMSE, MAE and R² of numbers;
// and a paired test between two models. Each task is one file.
//
// # Invariants
//
// The answer to a row is its first largest logit. What needs a label counts
// the labelled rows, agreement the rows that have a teacher row; a share of
// no rows is 0, and Labelled and Compared say that it is. Every number of a
// Result is finite. A Scorer's memory depends on the number of classes and not
// on the number of rows, but for average precisions: see MaxRanked.
package metrics

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Unlabelled is the label of a row that has none.
const Unlabelled int32 = -1

const (
	// CalibrationBins is the number of confidence bins: that of Guo et al.
	CalibrationBins = 15
	// MaxConfusion is the largest number of classes that get a confusion
	// matrix: 1024 classes take 8 MiB.
	MaxConfusion = 1024
)

// Result is what one model does on one set of rows. What it says of classes is
// of labels or of nothing where the task is another: see MultiLabel and
// Regression, one of which is then there.
type Result struct {
	Task      dataset.Task `json:"task,omitempty"`
	N         int          `json:"n"`         // rows
	Errors    int          `json:"errors"`    // labelled rows answered wrongly
	Accuracy  float64      `json:"accuracy"`  // share of the labelled rows answered rightly
	Agreement float64      `json:"agreement"` // share of the compared rows answered as the teacher does
	ECE       float64      `json:"ece"`       // expected calibration error, Guo et al. 2017 (arXiv 1706.04599), eq. 3, over the labelled rows
	Labelled  int          `json:"labelled"`  // rows with a label
	Compared  int          `json:"compared"`  // rows with a teacher row
	NLL       float64      `json:"nll"`       // mean −log softmax(z)_y of the labelled rows, in nats; see MaxNLL

	Bins      []Bin   `json:"bins,omitempty"`      // reliability diagram: CalibrationBins bins of equal width
	Confusion [][]int `json:"confusion,omitempty"` // [label][answer] rows; nil above MaxConfusion classes
	PerClass  []Class `json:"per_class,omitempty"` // by label

	*MultiLabel
	*Regression
}

// ClassFields are the fields of a Result, or of a Summary, that mean nothing
// for numbers. Embedded beside one that is a level deeper it leaves them out of
// the JSON.
type ClassFields struct {
	Errors   *int     `json:"errors,omitempty"`
	Accuracy *float64 `json:"accuracy,omitempty"`
	ECE      *float64 `json:"ece,omitempty"`
}

// Summary is the part of a Result that goes on one line. A share of no rows
// is nil, which JSON writes as null.
type Summary struct {
	N         int      `json:"n"`
	Errors    int      `json:"errors"`
	Accuracy  *float64 `json:"accuracy"`
	Agreement *float64 `json:"agreement"`
	ECE       *float64 `json:"ece"`

	Task          dataset.Task `json:"task,omitempty"`
	*LabelScores               // of MultiLabel, with labelled rows
	*NumberScores              // of Regression, with labelled rows
	TeacherRMSE   *float64     `json:"teacher_rmse,omitempty"` // of Regression, with a teacher
}

// Bin is one confidence bin (Low, High] of a reliability diagram.
type Bin struct {
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Count      int     `json:"count"`
	Accuracy   float64 `json:"accuracy"`   // share of the bin's rows answered rightly
	Confidence float64 `json:"confidence"` // mean of the largest softmax probability
}

// Class is how one class fares.
type Class struct {
	Support   int     `json:"support"`   // rows of the class
	Correct   int     `json:"correct"`   // of these, answered rightly
	Predicted int     `json:"predicted"` // labelled rows answered with the class
	Accuracy  float64 `json:"accuracy"`  // Correct/Support, the recall
}

// MaxNLL is what a row adds to NLL when its label has probability 0 by a
// logit of -Inf: −log of the smallest positive float32.
const MaxNLL = 149 * math.Ln2

// Summary returns the summary block.
func (r Result) Summary() Summary {
	s := Summary{N: r.N, Errors: r.Errors, Task: r.Task}
	if r.Labelled > 0 {
		s.Accuracy, s.ECE = &r.Accuracy, &r.ECE
		if r.MultiLabel != nil {
			s.LabelScores = &r.MultiLabel.LabelScores
		}
		if r.Regression != nil {
			s.NumberScores = &r.Regression.NumberScores
		}
	}
	if r.Compared > 0 {
		s.Agreement = &r.Agreement
		if r.Regression != nil {
			s.TeacherRMSE = &r.Regression.TeacherRMSE
		}
	}
	return s
}

// Argmax returns the first largest of x.
func Argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// Correct appends to dst, for each labelled row in order, whether logits
// (N, classes) answer it rightly: the form that McNemar takes. Errors are
// those of Accumulator.Add.
func Correct(dst []bool, logits []float32, labels []int32, classes int) ([]bool, error) {
	n := rows(logits, labels, nil, classes)
	for i := range n {
		row := logits[i*classes : (i+1)*classes]
		if err := check(row, "", i); err != nil {
			return nil, err
		}
		if labels == nil || labels[i] == Unlabelled {
			continue
		}
		if err := checkLabel(labels[i], classes, i); err != nil {
			return nil, err
		}
		dst = append(dst, Argmax(row) == int(labels[i]))
	}
	return dst, nil
}

// rows returns N, and panics when the slices do not fit one another.
func rows(logits []float32, labels []int32, teacher []float32, classes int) int {
	if classes < 1 || len(logits)%classes != 0 ||
		labels != nil && len(labels)*classes != len(logits) ||
		teacher != nil && len(teacher) != len(logits) {
		panic(fmt.Sprintf("metrics: %d logits, %d labels and %d teacher logits do not fit %d classes", len(logits), len(labels), len(teacher), classes))
	}
	return len(logits) / classes
}

// check refuses a row that has no softmax. Probability 0, -Inf, is allowed.
func check(row []float32, whose string, i int) error {
	finite := false
	for c, v := range row {
		x := float64(v)
		if math.IsNaN(x) || math.IsInf(x, 1) {
			return fault.New(fault.Input, "", fmt.Sprintf("row %d", i), "got %slogit %v for class %d, want a finite number or -Inf", whose, v, c)
		}
		finite = finite || !math.IsInf(x, -1)
	}
	if !finite {
		return fault.New(fault.Input, "", fmt.Sprintf("row %d", i), "got %slogits that are all -Inf, want one finite at least", whose)
	}
	return nil
}

func checkLabel(y int32, classes, i int) error {
	if y < Unlabelled || int(y) >= classes {
		return fault.New(fault.Input, "", fmt.Sprintf("row %d", i), "got label %d, want -1 or a class below %d", y, classes)
	}
	return nil
}
