package dataset

import (
	"context"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Relabel is src with other labels, one a row, each below len(classes) or
// Unlabelled, and so of the multi-class task. Values and identities stay.
func Relabel(src Source, labels []int32, classes []string) (Source, error) {
	if len(labels) != src.Len() {
		return nil, fault.New(fault.Usage, "", "labels", "got %d, expected one for each of %d rows", len(labels), src.Len())
	}
	for i, y := range labels {
		if y != Unlabelled && (y < 0 || int(y) >= len(classes)) {
			return nil, fault.New(fault.Usage, "", "labels", "row %d: got %d, expected 0 to %d, or %d for none", i, y, len(classes)-1, Unlabelled)
		}
	}
	spec := src.Spec()
	spec.Task, spec.Classes, spec.Targets = MultiClass, slices.Clone(classes), nil
	return &renamed{src: src, spec: spec, labels: slices.Clone(labels)}, nil
}

type renamed struct {
	src    Source
	spec   Spec
	labels []int32
}

func (s *renamed) Spec() Spec   { return s.spec }
func (s *renamed) Len() int     { return s.src.Len() }
func (s *renamed) Close() error { return nil }

func (s *renamed) Labels(context.Context) ([]int32, error) { return slices.Clone(s.labels), nil }

func (s *renamed) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := s.src.Read(ctx, rows, b); err != nil {
		return err
	}
	b.V = b.V[:0]
	for i, r := range rows {
		b.Y[i] = s.labels[r]
	}
	return nil
}
