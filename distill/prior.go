package distill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// maxPrior bounds a file of priors.
const maxPrior = 1 << 22

// priorOf reads what the share of each class should be:
//
//	uniform                 the same for all
//	labels:ROWS             that of the labels of other rows, such as those that are trained on
//	teacher:MODEL.onnx      the mean of what that model says of the same rows, at T = 1
//	targets:STORE           the same, of targets that were stored
//	CLASS=SHARE,CLASS=SHARE that of some classes; FILE has one such pair a line
//
// The result is (C), NaN of a class of which it says nothing.
func (c *recalibrating) priorOf(ctx context.Context, text string) ([]float64, error) {
	kind, arg, _ := strings.Cut(text, ":")
	switch {
	case text == "uniform":
		p := make([]float64, c.classes)
		for k := range p {
			p[k] = 1 / float64(c.classes)
		}
		return p, nil
	case kind == "labels" && arg != "":
		return c.labelShares(ctx, arg)
	case kind == "teacher" && arg != "":
		return c.teacherMass(ctx, arg)
	case kind == "targets" && arg != "":
		return c.storedMass(ctx, arg)
	case strings.Contains(text, "="):
		return c.pairs(strings.SplitSeq(text, ","), "")
	}
	data, err := readPairs(text)
	if err != nil {
		return nil, err
	}
	return c.pairs(strings.SplitSeq(strings.TrimPrefix(string(data), "\uFEFF"), "\n"), text)
}

func readPairs(path string) ([]byte, error) {
	f, err := durable.Open(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "", "--prior", "got %q, expected uniform, labels:ROWS, teacher:MODEL, targets:STORE, CLASS=SHARE,… or a file of such pairs, which there is not", path)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPrior+1))
	switch {
	case err != nil:
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", err)
	case len(data) > maxPrior:
		return nil, fault.New(fault.Input, path, "", "has more than the limit of %d bytes for priors", maxPrior)
	}
	return data, nil
}

// pairs reads CLASS=SHARE, of a file one a line; empty lines and those that
// begin with # are none.
func (c *recalibrating) pairs(list iter.Seq[string], path string) ([]float64, error) {
	p, named := make([]float64, c.classes), 0
	c.explicit = true
	for k := range p {
		p[k] = math.NaN()
	}
	line := 0
	for pair := range list {
		line++
		pair = strings.TrimSpace(pair)
		if pair == "" || path != "" && strings.HasPrefix(pair, "#") {
			continue
		}
		bad := func(format string, args ...any) error {
			if path != "" {
				return fault.New(fault.Input, path, fmt.Sprintf("line %d", line), format, args...)
			}
			return fault.New(fault.Usage, "", "--prior", format, args...)
		}
		at := strings.LastIndex(pair, "=")
		if at < 0 {
			return nil, bad("got %q, expected CLASS=SHARE", fault.Clip(pair, 40))
		}
		k, err := classNumber(strings.TrimSpace(pair[:at]), c.names, c.classes)
		if err != nil {
			return nil, bad("%w", err)
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(pair[at+1:]), 64)
		switch {
		case err != nil || !(v > 0 && v < 1):
			return nil, bad("got %q for class %q, expected a share above 0 and below 1", fault.Clip(strings.TrimSpace(pair[at+1:]), 40), c.name(k))
		case p[k] == p[k]:
			return nil, bad("class %q is named twice", c.name(k))
		}
		p[k] = v
		named++
	}
	switch {
	case named == 0 && path != "":
		return nil, fault.New(fault.Input, path, "", "names no class, expected lines of CLASS=SHARE")
	case named == 0:
		return nil, fault.New(fault.Usage, "", "--prior", "names no class, expected CLASS=SHARE")
	}
	return p, nil
}

// labelShares are the shares of the labels of other rows.
func (c *recalibrating) labelShares(ctx context.Context, rows string) ([]float64, error) {
	o := c.o.Like
	src, err := OpenRows(ctx, rows, "train", false, o, RowLimit{})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if src.Spec().Task != dataset.MultiClass {
		return nil, fault.New(fault.Input, rows, "labels", "are of %s, expected classes", src.Spec().Task)
	}
	labels, err := dataset.Labels(ctx, src)
	if err != nil {
		return nil, err
	}
	p, n := make([]float64, c.classes), 0.0
	for i, y := range labels {
		switch {
		case y == dataset.Unlabelled:
			continue
		case int(y) >= c.classes:
			return nil, fault.New(fault.Input, rows, fmt.Sprintf("row %d", i), "label %d, but the model knows the %d classes 0 to %d", y, c.classes, c.classes-1)
		}
		p[y]++
		n++
	}
	if n == 0 {
		return nil, fault.New(fault.Input, rows, "labels", "no row has a label, expected some to count")
	}
	for k := range p {
		p[k] /= n
	}
	return p, nil
}

// teacherMass is what a model says of the rows, on average.
func (c *recalibrating) teacherMass(ctx context.Context, model string) ([]float64, error) {
	t := Default().Teacher
	t.Model, t.Library, t.Threads = model, c.o.Model.Library, c.o.Model.Threads
	m, stop, err := OpenTeacher(ctx, &t, c.o.Cache)
	if err != nil {
		return nil, err
	}
	defer stop()
	m.NameRows(c.o.RowsName)
	contract, err := m.Detect(ctx, c.o.Rows)
	if err != nil {
		return nil, err
	}
	if contract.Task != dataset.MultiClass || contract.Classes != c.classes {
		return nil, fault.New(fault.Input, model, "", "gives %s, expected %d classes as the model does", contract.TargetsAre(), c.classes)
	}
	for _, line := range contract.Lines() {
		c.log("teacher: " + line)
	}
	mean := make([]float64, c.classes)
	var z []float32
	err = dataset.Batches(ctx, c.o.Rows, nil, evalBatch, func(_ []int, b *dataset.Batch) error {
		z = grow(z, b.N*c.classes)
		if err := m.Logits(ctx, b, z); err != nil {
			return err
		}
		if err := addMass(mean, z, float64(b.N)/float64(c.o.Rows.Len())); err != nil {
			return fault.New(fault.Input, model, "", "%w", err)
		}
		return nil
	})
	return mean, err
}

// storedMass is what a teacher said of the rows, on average.
func (c *recalibrating) storedMass(ctx context.Context, dir string) ([]float64, error) {
	s, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if task := dataset.Task(s.Key().Task); task != dataset.MultiClass {
		return nil, fault.New(fault.Input, dir, "task", "the targets are of %s, expected classes", task)
	}
	r, err := openRows(ctx, c.o.Rows, nil, s, dataset.MultiClass, c.classes)
	if err != nil {
		return nil, err
	}
	return targetMass(ctx, s, r.ids)
}
