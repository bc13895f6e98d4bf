package distill

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// Metadata keys, without export.MetaPrefix, of a recalibrated model: the sum
// of all that was added to the logits since training, one number a class, and
// what the last of it was made to match.
const (
	biasKey      = "recalibration.bias"
	priorKey     = "recalibration.prior"
	priorRowsKey = "recalibration.data.sha256"
)

// describe is what the new file says of its biases; what m says of rows that
// judged it before is no longer true and goes.
func (c *recalibrating) describe(ctx context.Context, m *onnx.Model, bias []float32) ([]onnx.Entry, error) {
	total := slices.Clone(bias)
	if text, ok := m.Meta(export.MetaPrefix + biasKey); ok {
		had, err := splitNumbers(text, c.classes)
		if err != nil {
			return nil, fault.New(fault.Input, c.o.Model.Model, "metadata "+export.MetaPrefix+biasKey, "%w", err)
		}
		for k, v := range had {
			total[k] += float32(v)
		}
	}
	m.Metadata = slices.DeleteFunc(m.Metadata, func(e onnx.Entry) bool { return strings.HasPrefix(e.Key, export.MetaPrefix+"test.") })
	digest, err := dataset.Digest(ctx, dataset.Unlabel(c.o.Rows))
	if err != nil {
		return nil, err
	}
	return []onnx.Entry{{Key: biasKey, Value: joinNumbers(total, -1, 32)}, {Key: priorKey, Value: priorName(c.o.Prior)}, {Key: priorRowsKey, Value: digest}}, nil
}

// priorName is a prior without the folders of the file that it names.
func priorName(text string) string {
	kind, arg, ok := strings.Cut(text, ":")
	switch {
	case ok && arg != "":
		return kind + ":" + filepath.Base(arg)
	case strings.Contains(text, "="):
		return text
	}
	return filepath.Base(text)
}

// write puts the new file in its place once ONNX Runtime reproduces it.
func (c *recalibrating) write(ctx context.Context, st *student.Student, metadata []onnx.Entry, r *Recalibration) error {
	if c.o.Unverified {
		return export.WriteUnverified(st, c.o.Output, metadata)
	}
	x, n, err := firstRows(ctx, &rows{src: c.o.Rows, pipe: c.pipe, classes: c.classes}, parityRows)
	if err != nil {
		return err
	}
	p, err := export.Write(ctx, st, c.o.Output, x, n, export.Options{Library: c.o.Model.Library, Metadata: metadata})
	r.Parity = &p
	return err
}
