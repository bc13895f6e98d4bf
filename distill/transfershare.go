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

// sharesOf is the share of the transfer set that each class has: by the labels
// where every row has one, else by what the teacher answers.
func sharesOf(b metrics.Balance) []float64 {
	rows := b.Known
	if b.Labelled < b.N && b.Answered != nil {
		rows = b.Answered
	}
	shares := make([]float64, len(rows))
	for k, n := range rows {
		shares[k] = float64(n) / float64(b.N)
	}
	return shares
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
