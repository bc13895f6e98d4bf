package distill

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/recalibrate"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// sharesKey is the metadata key, without export.MetaPrefix, of the share of the
// transfer set that each class has.
const sharesKey = "transfer.shares"

// Rare is the part of its prior below which a class counts as absent from, or
// rare in, a transfer set.
const Rare = 0.1

// targetMass is the mean softmax of the targets of some rows, at T = 1.
func targetMass(ctx context.Context, targets *store.Store, ids []dataset.RowID) ([]float64, error) {
	c := targets.Classes()
	mean := make([]float64, c)
	var z []float32
	for part := range slices.Chunk(ids, evalBatch) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		z = grow(z, len(part)*c)
		if err := targets.Lookup(part, z); err != nil {
			return nil, err
		}
		if err := addMass(mean, z, float64(len(part))/float64(len(ids))); err != nil {
			return nil, fault.New(fault.Input, targets.Dir(), "targets", "%w", err)
		}
	}
	return mean, nil
}

// addMass adds weight times the mean softmax of the rows of z to mean.
func addMass(mean []float64, z []float32, weight float64) error {
	m, err := recalibrate.Mass(z, len(mean))
	for k, v := range m {
		mean[k] += weight * v
	}
	return err
}

// countTransfer finds the share of the transfer set that each class has, by
// the labels and where a row has none by what the teacher answers, and says
// which classes hardly occur.
func (d *run) countTransfer(ctx context.Context) error {
	t := d.teacher
	if d.task != dataset.MultiClass || t.classes < 2 {
		return nil
	}
	labels, err := dataset.Labels(ctx, d.data.Transfer)
	if err != nil {
		return err
	}
	each := 1 / float64(len(labels))
	t.shares = make([]float64, t.classes)
	var unlabelled []int
	for i, y := range labels {
		if y == dataset.Unlabelled {
			unlabelled = append(unlabelled, i)
		} else {
			t.shares[y] += each
		}
	}
	z := make([]float32, t.classes)
	err = dataset.EachID(ctx, dataset.Subset(d.data.Transfer, unlabelled), func(ids []dataset.RowID) error {
		for i := range ids {
			if err := t.targets.Lookup(ids[i:i+1], z); err != nil {
				return err
			}
			t.shares[metrics.Argmax(z)] += each
		}
		return nil
	})
	if err != nil {
		return err
	}
	var rare []string
	for k, name := range d.classNames() {
		if t.shares[k] < Rare/float64(t.classes) {
			rare = append(rare, strconv.Quote(name))
		}
	}
	if n := len(rare); n > 0 {
		more := ""
		if n > 8 {
			rare, more = rare[:8], " and others"
		}
		d.note(fmt.Sprintf("%d of %d classes have less than a tenth of an equal share of the transfer set, %s%s: kdonnx recalibrate sets their biases where they will be met",
			n, t.classes, strings.Join(rare, ", "), more))
	}
	return nil
}

// joinNumbers and splitNumbers write and read numbers as one metadata value.
func joinNumbers[F float32 | float64](v []F, digits, bits int) string {
	texts := make([]string, len(v))
	for i, x := range v {
		texts[i] = strconv.FormatFloat(float64(x), 'g', digits, bits)
	}
	return strings.Join(texts, " ")
}

func splitNumbers(text string, n int) ([]float64, error) {
	fields := strings.Fields(text)
	if len(fields) != n {
		return nil, fmt.Errorf("got %d numbers, expected %d, one a class", len(fields), n)
	}
	v := make([]float64, n)
	for i, f := range fields {
		var err error
		if v[i], err = strconv.ParseFloat(f, 64); err != nil || !within(v[i], -1e30, 1e30) {
			return nil, fmt.Errorf("got %q, expected a finite number", f)
		}
	}
	return v, nil
}
