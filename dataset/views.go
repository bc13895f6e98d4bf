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

func (s *subset) Values(ctx context.Context) ([]float32, error) {
	all, err := Values(ctx, s.src)
	if err != nil {
		return nil, err
	}
	if err := checkRows(s.rows, s.src.Len()); err != nil {
		return nil, err
	}
	k := len(s.Spec().Targets)
	v := make([]float32, 0, len(s.rows)*k)
	for _, r := range s.rows {
		v = append(v, all[r*k:(r+1)*k]...)
	}
	return v, nil
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

// relabelled is src without the labels of some rows.
type relabelled struct {
	src  Source
	spec Spec
	kept []bool // by row, whether it keeps its label; nil: none does
}

func (s *relabelled) Spec() Spec   { return s.spec }
func (s *relabelled) Len() int     { return s.src.Len() }
func (s *relabelled) Close() error { return nil }

// keeps tells whether row r keeps its label.
func (s *relabelled) keeps(r int) bool { return s.kept != nil && s.kept[r] }

func (s *relabelled) Labels(ctx context.Context) ([]int32, error) {
	if s.kept == nil {
		return labelsOrNone(nil, s.Len()), nil
	}
	y, err := Labels(ctx, s.src)
	if err != nil {
		return nil, err
	}
	y = slices.Clone(y)
	for r := range y {
		if !s.keeps(r) {
			y[r] = Unlabelled
		}
	}
	return y, nil
}

func (s *relabelled) Values(ctx context.Context) ([]float32, error) {
	v, err := Values(ctx, s.src)
	if err != nil {
		return nil, err
	}
	k := len(s.spec.Targets)
	v = slices.Clone(v[:s.Len()*k])
	for r := range s.Len() {
		if !s.keeps(r) {
			copy(v[r*k:(r+1)*k], unknowns(k))
		}
	}
	return v, nil
}

func (s *relabelled) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := s.src.Read(ctx, rows, b); err != nil {
		return err
	}
	k := len(s.spec.Targets)
	b.V = b.V[:b.N*k]
	for i, r := range rows {
		if !s.keeps(r) {
			b.Y[i] = Unlabelled
			copy(b.V[i*k:(i+1)*k], unknowns(k))
		}
	}
	return nil
}

// Unlabel is src without its labels, and so without a task.
func Unlabel(src Source) Source {
	spec := src.Spec()
	spec.Task, spec.Classes, spec.Targets = MultiClass, nil, nil
	return &relabelled{src: src, spec: spec}
}

// WithLabels is src with the labels of n rows only, chosen by the seed in
// proportion to the Strata and at least one of each where n allows it. The
// other rows are unlabelled. It is src itself when no more rows have one.
func WithLabels(ctx context.Context, src Source, n int, seed uint64) (Source, error) {
	if n < 1 {
		return nil, fault.New(fault.Usage, "", "labelled", "got %d rows, expected at least 1", n)
	}
	all, err := Strata(ctx, src)
	if err != nil {
		return nil, err
	}
	strata := groups(all)
	if len(strata) > 0 && strata[0].label == Unlabelled {
		strata = strata[1:]
	}
	chosen := choose(strata, n, seed)
	if len(chosen) < n {
		return src, nil
	}
	s := &relabelled{src: src, spec: src.Spec(), kept: make([]bool, len(all))}
	for _, r := range chosen {
		s.kept[r] = true
	}
	return s, nil
}

// Limit is n rows of src, chosen by the seed in proportion to the Strata and
// in their order. It is src itself when that has no more rows.
func Limit(ctx context.Context, src Source, n int, seed uint64) (Source, error) {
	if n < 1 {
		return nil, fault.New(fault.Usage, "", "limit", "got %d rows, expected at least 1", n)
	}
	if n >= src.Len() {
		return src, nil
	}
	all, err := Strata(ctx, src)
	if err != nil {
		return nil, err
	}
	return Subset(src, choose(groups(all), n, seed)), nil
}

// Concat is the rows of all sources, one source after the other. Their rows
// must have one shape, and their labels one task and one list of names; sources
// without labels go with any.
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
		if !c.spec.Labelled() {
			c.spec.Task, c.spec.Targets = spec.Task, spec.Targets
		}
		if spec.Labelled() && (spec.Task != c.spec.Task || !slices.Equal(spec.Targets, c.spec.Targets)) {
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
		if k := len(c.spec.Targets); len(part.V) < part.N*k { // of a source without labels
			part.V = append(part.V[:0], unknowns(part.N*k)...)
		}
		for i, p := range places {
			b.copyRow(p, &part, i)
		}
	}
	return ctx.Err()
}
