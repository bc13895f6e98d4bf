package dataset

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// setLabels takes the labels of an array: of shape (N) or (N, 1) whole numbers
// from 0, or -1 for a row without a label, and else values to predict, (N, K).
// Of K columns those that hold 0 and 1 alone are labels of yes or no.
func (a *array) setLabels(y *ndarray, o Options) error {
	if len(y.dims) < 1 || len(y.dims) > 2 || len(y.dims) == 2 && (y.dims[1] < 1 || y.dims[1] > maxTargets) {
		return inputFault(y.path, y.field, "labels of shape %v, expected (%d) or (%d, labels)", y.dims, a.n, a.n)
	}
	if y.dims[0] != a.n {
		return inputFault(y.path, y.field, "%d labels for %d rows", y.dims[0], a.n)
	}
	task, asked, err := ParseTask(o.Task)
	if err != nil {
		return err
	}
	k := 1
	if len(y.dims) == 2 {
		k = y.dims[1]
	}
	if n := int64(a.n) * int64(k) * int64(max(y.elem.size, 4)); n > maxUnpacked {
		return inputFault(y.path, y.field, "labels of %d bytes, limit %d", n, int64(maxUnpacked))
	}
	raw, _, err := readExactly(io.NewSectionReader(y.data, y.offset, int64(a.n*k)*int64(y.elem.size)), int64(a.n*k)*int64(y.elem.size))
	if err != nil {
		return ioFault(y.path, err)
	}
	values := make([]float32, a.n*k)
	y.elem.decode(values, raw)
	partial, what, clearly := partialLabel(y, values, raw)
	switch {
	case asked && task == MultiClass && k > 1:
		return inputFault(y.path, y.field, "labels of shape %v for one class, expected (%d), or --task %s or %s", y.dims, a.n, MultiLabel, Regression)
	case !asked && k > 1 && onlyLabels(values):
		task = MultiLabel
		a.spec.Notes = append(a.spec.Notes, fmt.Sprintf("the labels are %d columns of 0 and 1 alone: each is a label of yes or no (--task %s)", k, MultiLabel))
	case !asked && (k > 1 || clearly):
		task = Regression
		a.spec.Notes = append(a.spec.Notes, fmt.Sprintf("the labels are %d columns of numbers: each is predicted as a number (--task %s)", k, Regression))
	}
	if task != MultiClass {
		return a.setValues(y, values, k, task, o)
	}
	if partial >= 0 {
		return inputFault(y.path, joinField(y.field, "row "+strconv.Itoa(partial)), "label %v, expected a whole number from 0 to %d, or -1 for none; numbers to predict need --task %s", what, maxClasses-1, Regression)
	}
	a.labels = make([]int32, a.n)
	for i, v := range values {
		a.labels[i] = int32(math.Round(float64(v)))
	}
	a.spec.Classes, err = classNames(y.path, o, a.labels)
	return err
}

// partialLabel finds the first value that is no class, or gives -1, and tells
// whether the values are clearly no classes: a tenth of them is far from whole.
func partialLabel(y *ndarray, values []float32, raw []byte) (first int, what float64, clearly bool) {
	wide := strings.TrimLeft(y.descr, "<>=|") == "f8"
	far := 0
	first = -1
	for i := range values {
		v := float64(values[i])
		if wide { // 0.99999999 is 1 in float32
			v = float64At(raw[8*i:], strings.HasPrefix(y.descr, ">"))
		}
		if first < 0 && (v != math.Trunc(v) || v < -1 || v >= maxClasses) { // also NaN
			first, what = i, v
		}
		if math.Abs(v-math.Round(v)) > 1e-6*max(1, math.Abs(v)) {
			far++
		}
	}
	return first, what, 10*far > len(values)
}

// setValues takes the values to predict, (N, K). NaN is one that is not known.
func (a *array) setValues(y *ndarray, values []float32, k int, task Task, o Options) error {
	for i, v := range values {
		where := joinField(y.field, "row "+strconv.Itoa(i/k))
		switch {
		case math.IsInf(float64(v), 0):
			return inputFault(y.path, where, "value %v to predict, expected a finite float32, or NaN for none", v)
		case task == MultiLabel && v == v && v != 0 && v != 1:
			return inputFault(y.path, where, "label %v, expected 0 or 1, or NaN for none", v)
		}
	}
	a.values, a.spec.Task, a.spec.Targets = values, task, o.Targets
	if len(o.Targets) != k {
		a.spec.Targets = []string{"target"}
		for i := 1; k > 1 && i <= k; i++ {
			a.spec.Targets = append(a.spec.Targets[:i-1], "target "+strconv.Itoa(i))
		}
	}
	return nil
}
