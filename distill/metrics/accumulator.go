package metrics

import (
	"math"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Accumulator makes a Result of rows that come in batches. It is not safe for
// concurrent use.
type Accumulator struct {
	classes                              int
	n, labelled, errors, compared, agree int
	nll                                  float64
	bins                                 [CalibrationBins]binSums
	confusion                            []int // (C, C) [label][answer]; nil above MaxConfusion
	support, correct, predicted          []int // (C)
}

type binSums struct {
	count, correct int
	confidence     float64
}

// NewAccumulator makes an empty Accumulator; fewer than one class is a
// fault.Usage.
func NewAccumulator(classes int) (*Accumulator, error) {
	if classes < 1 {
		return nil, fault.New(fault.Usage, "", "classes", "got %d, want at least 1", classes)
	}
	a := &Accumulator{classes: classes, support: make([]int, classes), correct: make([]int, classes), predicted: make([]int, classes)}
	if classes <= MaxConfusion {
		a.confusion = make([]int, classes*classes)
	}
	return a, nil
}

// Add takes logits (N, C), labels (N) or nil, and teacher logits (N, C) or
// nil. A logit that is NaN or +Inf, a row that is all -Inf, or a label outside
// [-1, C) is a fault.Input that names the row, counted from the first Add;
// the batch then counts for nothing. It panics on slices that do not fit.
func (a *Accumulator) Add(logits []float32, labels []int32, teacher []float32) error {
	c := a.classes
	n := rows(logits, labels, teacher, c)
	for i := range n {
		if err := check(logits[i*c:(i+1)*c], "", a.n+i); err != nil {
			return err
		}
		if teacher != nil {
			if err := check(teacher[i*c:(i+1)*c], "teacher ", a.n+i); err != nil {
				return err
			}
		}
		if labels != nil {
			if err := checkLabel(labels[i], c, a.n+i); err != nil {
				return err
			}
		}
	}
	for i := range n {
		row := logits[i*c : (i+1)*c]
		answer := Argmax(row)
		if teacher != nil {
			a.compared++
			if Argmax(teacher[i*c:(i+1)*c]) == answer {
				a.agree++
			}
		}
		if labels != nil && labels[i] != Unlabelled {
			a.addLabelled(row, int(labels[i]), answer)
		}
	}
	a.n += n
	return nil
}

// addLabelled counts one row with label y.
func (a *Accumulator) addLabelled(row []float32, y, answer int) {
	hi, rest := float64(row[answer]), 0.0
	for i, v := range row {
		if i != answer {
			rest += math.Exp(float64(v) - hi)
		}
	}
	a.nll += min(hi-float64(row[y])+math.Log1p(rest), worst(row[y]))
	confidence := 1 / (1 + rest)
	bin := &a.bins[binOf(confidence)]
	bin.count++
	bin.confidence += confidence
	a.labelled++
	a.support[y]++
	a.predicted[answer]++
	if answer == y {
		bin.correct++
		a.correct[y]++
	} else {
		a.errors++
	}
	if a.confusion != nil {
		a.confusion[y*a.classes+answer]++
	}
}

// worst bounds the NLL of a row by MaxNLL where its label's logit is -Inf,
// and leaves a finite logit alone.
func worst(z float32) float64 {
	if math.IsInf(float64(z), -1) {
		return MaxNLL
	}
	return math.Inf(1)
}

// binOf returns the bin ((m−1)/15, m/15] that holds a confidence in (0, 1].
func binOf(confidence float64) int {
	m := int(math.Ceil(confidence*CalibrationBins)) - 1
	return max(0, min(CalibrationBins-1, m))
}

// Result measures all rows added so far; more may be added after.
func (a *Accumulator) Result() Result {
	r := Result{
		N: a.n, Labelled: a.labelled, Errors: a.errors, Compared: a.compared,
		Accuracy: share(a.labelled-a.errors, a.labelled), Agreement: share(a.agree, a.compared),
		PerClass: make([]Class, a.classes),
	}
	if a.labelled > 0 {
		r.NLL = a.nll / float64(a.labelled)
	}
	r.Bins, r.ECE = calibration(&a.bins)
	for c := range r.PerClass {
		r.PerClass[c] = Class{Support: a.support[c], Correct: a.correct[c], Predicted: a.predicted[c], Accuracy: share(a.correct[c], a.support[c])}
	}
	if a.confusion != nil {
		r.Confusion = make([][]int, a.classes)
		for y := range r.Confusion {
			r.Confusion[y] = append([]int(nil), a.confusion[y*a.classes:(y+1)*a.classes]...)
		}
	}
	return r
}

// calibration is the reliability diagram of sums, and its expected error
//
//	ECE = Σ_m |B_m|/n · |acc(B_m) − conf(B_m)|
func calibration(sums *[CalibrationBins]binSums) (bins []Bin, ece float64) {
	bins = make([]Bin, CalibrationBins)
	n := 0
	for _, s := range sums {
		n += s.count
	}
	for m, s := range sums {
		b := Bin{Low: float64(m) / CalibrationBins, High: float64(m+1) / CalibrationBins, Count: s.count, Accuracy: share(s.correct, s.count)}
		if s.count > 0 {
			b.Confidence = s.confidence / float64(s.count)
			ece += math.Abs(b.Accuracy-b.Confidence) * float64(s.count) / float64(n)
		}
		bins[m] = b
	}
	return bins, ece
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
