package dataset

import (
	"context"
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// The sources of this file view others and own nothing: their Close does
// nothing, and the sources below stay open until they are closed themselves.

// labeller is a Source that knows its labels without reading rows.
type labeller interface {
	Labels(ctx context.Context) ([]int32, error)
}

// Labels gives the label of every row, without reading rows where the source
// knows them.
func Labels(ctx context.Context, src Source) ([]int32, error) {
	if l, ok := src.(labeller); ok {
		return l.Labels(ctx)
	}
	all := make([]int32, 0, src.Len())
	err := Batches(ctx, src, nil, 256, func(_ []int, b *Batch) error {
		all = append(all, b.Y...)
		return nil
	})
	return all, err
}

// Subset is the rows of src at the given positions, in that order.
func Subset(src Source, rows []int) Source {
	return &subset{src, slices.Clone(rows)}
}

type subset struct {
	src  Source
	rows []int
}

func (s *subset) Spec() Spec   { return s.src.Spec() }
func (s *subset) Len() int     { return len(s.rows) }
func (s *subset) Close() error { return nil }

func (s *subset) Labels(ctx context.Context) ([]int32, error) {
	all, err := Labels(ctx, s.src)
	if err != nil {
		return nil, err
	}
	if err := checkRows(s.rows, len(all)); err != nil {
		return nil, err
	}
	y := make([]int32, len(s.rows))
	for i, r := range s.rows {
		y[i] = all[r]
	}
	return y, nil
}

func (s *subset) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, len(s.rows)); err != nil {
		return err
	}
	below := make([]int, len(rows))
	for i, r := range rows {
		below[i] = s.rows[r]
	}
	return s.src.Read(ctx, below, b)
}

// relabelled is src with other labels.
type relabelled struct {
	src    Source
	spec   Spec
	labels []int32 // nil: none
}

func (s *relabelled) Spec() Spec   { return s.spec }
func (s *relabelled) Len() int     { return s.src.Len() }
func (s *relabelled) Close() error { return nil }

func (s *relabelled) Labels(context.Context) ([]int32, error) {
	return labelsOrNone(s.labels, s.src.Len()), nil
}

func (s *relabelled) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := s.src.Read(ctx, rows, b); err != nil {
		return err
	}
	for i, r := range rows {
		b.Y[i] = Unlabelled
		if s.labels != nil {
			b.Y[i] = s.labels[r]
		}
	}
	return nil
}

// Unlabel is src without its labels.
func Unlabel(src Source) Source {
	spec := src.Spec()
	spec.Classes = nil
	return &relabelled{src: src, spec: spec}
}

// WithLabels is src with the labels of n rows only, chosen by the seed in
// proportion to the classes and at least one of each where n allows it. The
// other rows are Unlabelled. It is src itself when no more rows have one.
func WithLabels(ctx context.Context, src Source, n int, seed uint64) (Source, error) {
	if n < 1 {
		return nil, fault.New(fault.Usage, "", "labelled", "got %d rows, expected at least 1", n)
	}
	all, err := Labels(ctx, src)
	if err != nil {
		return nil, err
	}
	byClass := groups(all)
	if len(byClass) > 0 && byClass[0].label == Unlabelled {
		byClass = byClass[1:]
	}
	kept := make([]int32, len(all))
	for i := range kept {
		kept[i] = Unlabelled
	}
	chosen := choose(byClass, n, seed)
	if len(chosen) < n {
		return src, nil
	}
	for _, r := range chosen {
		kept[r] = all[r]
	}
	return &relabelled{src: src, spec: src.Spec(), labels: kept}, nil
}

// Limit is n rows of src, chosen by the seed in proportion to the classes and
// in their order. It is src itself when that has no more rows.
func Limit(ctx context.Context, src Source, n int, seed uint64) (Source, error) {
	if n < 1 {
		return nil, fault.New(fault.Usage, "", "limit", "got %d rows, expected at least 1", n)
	}
	if n >= src.Len() {
		return src, nil
	}
	all, err := Labels(ctx, src)
	if err != nil {
		return nil, err
	}
	return Subset(src, choose(groups(all), n, seed)), nil
}

// Concat is the rows of all sources, one source after the other. Their rows
// must have one shape, and their classes one list of names; sources without
// labels go with any.
func Concat(srcs ...Source) (Source, error) {
	if len(srcs) == 0 {
		return nil, fault.New(fault.Usage, "", "", "no sources to concatenate")
	}
	c := &concat{srcs: slices.Clone(srcs), spec: srcs[0].Spec()}
	for i, s := range srcs {
		spec := s.Spec()
		if !slices.Equal(spec.Shape, c.spec.Shape) || spec.Image != c.spec.Image {
			return nil, fault.New(fault.Input, "", "", "rows of two shapes: %s, and %s", rowShape(c.spec), rowShape(spec))
		}
		if !slices.Equal(spec.Texts, c.spec.Texts) {
			return nil, fault.New(fault.Input, "", "", "two lists of text columns: %s, and %s", few(c.spec.Texts), few(spec.Texts))
		}
		if spec.Task != c.spec.Task || !slices.Equal(spec.Targets, c.spec.Targets) {
			return nil, fault.New(fault.Input, "", "", "two things to predict: %s %s, and %s %s", c.spec.Task, few(c.spec.Targets), spec.Task, few(spec.Targets))
		}
		c.spec.Missing = c.spec.Missing || spec.Missing
		if len(c.spec.Classes) == 0 {
			c.spec.Classes = spec.Classes
		}
		if len(spec.Classes) > 0 && !slices.Equal(spec.Classes, c.spec.Classes) {
			return nil, fault.New(fault.Input, "", "", "two lists of classes: %s, and %s", few(c.spec.Classes), few(spec.Classes))
		}
		if spec.DType != c.spec.DType {
			c.spec.DType = Float32
		}
		if i > 0 {
			c.spec.Notes = append(slices.Clip(c.spec.Notes), spec.Notes...)
		}
		c.ends = append(c.ends, c.Len()+s.Len())
	}
	return c, nil
}

func rowShape(s Spec) string {
	if s.Image {
		return fmt.Sprintf("images of (H, W, C) = %v", s.Shape)
	}
	return fmt.Sprintf("tables of %v features", s.Shape)
}

// few shows a list of names, cut when it is long.
func few(names []string) string {
	const most = 12
	if len(names) <= most {
		return fmt.Sprintf("%q", names)
	}
	return fmt.Sprintf("%q and %d more", names[:most], len(names)-most)
}

type concat struct {
	srcs []Source
	spec Spec
	ends []int // position after the last row of each source
}

func (c *concat) Spec() Spec   { return c.spec }
func (c *concat) Close() error { return nil }

func (c *concat) Len() int {
	if len(c.ends) == 0 {
		return 0
	}
	return c.ends[len(c.ends)-1]
}

func (c *concat) Labels(ctx context.Context) ([]int32, error) {
	var all []int32
	for _, s := range c.srcs {
		y, err := Labels(ctx, s)
		if err != nil {
			return nil, err
		}
		all = append(all, y...)
	}
	return all, nil
}

func (c *concat) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, c.Len()); err != nil {
		return err
	}
	b.ResetTo(len(rows), c.spec)
	var part Batch
	for k, s := range c.srcs {
		start := c.ends[k] - s.Len()
		var below, places []int
		for i, r := range rows {
			if r >= start && r < c.ends[k] {
				below, places = append(below, r-start), append(places, i)
			}
		}
		if len(below) == 0 {
			continue
		}
		if err := s.Read(ctx, below, &part); err != nil {
			return err
		}
		for i, p := range places {
			b.copyRow(p, &part, i)
		}
	}
	return ctx.Err()
}
