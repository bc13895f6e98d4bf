package dataset

import (
	"fmt"
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
	if k == 1 && y.elem.finite && (!asked || task == MultiClass) || asked && task == MultiClass && k == 1 {
		return a.setClasses(y, o)
	}
	values := make([]float32, 0, a.n*k)
	bad := badLabels{first: -1}
	err = y.pieces(a.n*k, func(part []float32, raw []byte) error {
		bad.look(y, part, raw)
		values = append(values, part...)
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case asked && task == MultiClass && k > 1:
		return inputFault(y.path, y.field, "labels of shape %v for one class, expected (%d), or --task %s or %s", y.dims, a.n, MultiLabel, Regression)
	case !asked && k > 1 && onlyLabels(values):
		task = MultiLabel
		a.spec.Notes = append(a.spec.Notes, fmt.Sprintf("the labels are %d columns of 0 and 1 alone: each is a label of yes or no (--task %s)", k, MultiLabel))
	case !asked && (k > 1 || bad.clearly()):
		task = Regression
		a.spec.Notes = append(a.spec.Notes, fmt.Sprintf("the labels are %d columns of numbers: each is predicted as a number (--task %s)", k, Regression))
	}
	if task != MultiClass {
		return a.setValues(y, values, k, task, o)
	}
	return a.setClasses(y, o)
}

// setClasses takes labels of one class each.
func (a *array) setClasses(y *ndarray, o Options) error {
	a.labels = make([]int32, 0, a.n)
	bad := badLabels{first: -1}
	err := y.pieces(a.n, func(part []float32, raw []byte) error {
		bad.look(y, part, raw)
		if bad.first >= 0 {
			return inputFault(y.path, joinField(y.field, "row "+strconv.Itoa(bad.first)), "label %v, expected a whole number from 0 to %d, or -1 for none; numbers to predict need --task %s", bad.what, maxClasses-1, Regression)
		}
		for _, v := range part {
			a.labels = append(a.labels, int32(v))
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.spec.Classes, err = classNames(y.path, o, a.labels)
	return err
}

// pieces calls fn with the first n values of y in order, and with their bytes.
func (y *ndarray) pieces(n int, fn func(part []float32, raw []byte) error) error {
	const piece = 1 << 14
	raw, values := make([]byte, min(n, piece)*y.elem.size), make([]float32, min(n, piece))
	for from := 0; from < n; from += len(values) {
		values = values[:min(len(values), n-from)]
		raw = raw[:len(values)*y.elem.size]
		if got, err := y.data.ReadAt(raw, y.offset+int64(from)*int64(y.elem.size)); got < len(raw) {
			return ioFault(y.path, err)
		}
		y.elem.decode(values, raw)
		if err := fn(values, raw); err != nil {
			return err
		}
	}
	return nil
}

// badLabels looks for values that are no class.
type badLabels struct {
	seen, far int     // values; those that are far from whole
	first     int     // -1 when there is none
	what      float64 // the first
}

// look takes in a piece of the values of y.
func (b *badLabels) look(y *ndarray, part []float32, raw []byte) {
	wide, bigEndian := strings.TrimLeft(y.descr, "<>=|") == "f8", strings.HasPrefix(y.descr, ">")
	for i, value := range part {
		v := float64(value)
		if wide { // 0.99999999 is 1 in float32
			v = float64At(raw[8*i:], bigEndian)
		}
		if b.first < 0 && (v != math.Trunc(v) || v < -1 || v >= maxClasses) { // also NaN
			b.first, b.what = b.seen+i, v
		}
		if math.Abs(v-math.Round(v)) > 1e-6*max(1, math.Abs(v)) {
			b.far++
		}
	}
	b.seen += len(part)
}

// clearly tells whether the values are no classes: a tenth is far from whole.
func (b *badLabels) clearly() bool { return 10*b.far > b.seen }

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
