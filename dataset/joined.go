package dataset

import (
	"context"
	"errors"
	"os"
	"slices"
)

// maxOpenParts is the number of files that one source keeps open; the parts of
// a larger one are opened anew for each read.
const maxOpenParts = 128

// joined is the rows of several arrays of one shape, one after the other.
type joined struct {
	parts  []*array
	ends   []int // position after the last row of each part
	spec   Spec
	labels []int32   // nil when no row has one
	values []float32 // (n, Targets)
}

// join makes one source of parts, whose labels it takes. It owns them: they
// are closed when it is, or when it cannot be made.
func join(parts []*array) (*joined, error) {
	s := &joined{parts: parts, spec: parts[0].spec}
	labelled := 0
	for _, p := range parts {
		if !slices.Equal(p.spec.Shape, s.spec.Shape) {
			s.Close()
			return nil, inputFault(p.path, "", "rows of shape %v, but %s has rows of shape %v", p.spec.Shape, showPath(parts[0].path), s.spec.Shape)
		}
		if p.spec.Task != s.spec.Task || len(p.spec.Targets) != len(s.spec.Targets) {
			s.Close()
			return nil, inputFault(p.path, "labels", "%d of %s, but those of %s are %d of %s: --task says what all are",
				len(p.spec.Targets), p.spec.Task, showPath(parts[0].path), len(s.spec.Targets), s.spec.Task)
		}
		s.values = append(s.values, p.values...)
		if p.spec.DType != s.spec.DType {
			s.spec.DType = Float32
		}
		if p.labels != nil {
			labelled++
		}
		s.labels = append(s.labels, labelsOrNone(p.labels, p.n)...)
		s.ends = append(s.ends, len(s.labels))
	}
	if labelled == 0 {
		s.labels = nil
	}
	return s, nil
}

// Spec describes the rows.
func (s *joined) Spec() Spec { return s.spec }

// Len is the number of rows.
func (s *joined) Len() int { return s.ends[len(s.ends)-1] }

// Labels gives the labels without reading.
func (s *joined) Labels(context.Context) ([]int32, error) {
	return labelsOrNone(s.labels, s.Len()), nil
}

// Values gives the values to predict without reading.
func (s *joined) Values(context.Context) ([]float32, error) { return slices.Clone(s.values), nil }

// Close closes every part.
func (s *joined) Close() error {
	var errs []error
	for _, p := range s.parts {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// Read reads the rows part by part.
func (s *joined) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, s.Len()); err != nil {
		return at(s.parts[0].path, err)
	}
	size := s.spec.Size()
	b.ResetTo(len(rows), s.spec)
	places := make(map[int][]int) // positions in rows, by part
	for i, r := range rows {
		k, _ := slices.BinarySearch(s.ends, r+1)
		places[k] = append(places[k], i)
	}
	var one Batch
	for k, p := range s.parts {
		if len(places[k]) == 0 {
			continue
		}
		first := s.ends[k] - p.n
		inside := make([]int, len(places[k]))
		for j, i := range places[k] {
			inside[j] = rows[i] - first
		}
		if err := p.Read(ctx, inside, &one); err != nil {
			return err
		}
		for j, i := range places[k] {
			copy(b.X[i*size:(i+1)*size], one.X[j*size:])
			copyPart(b.V, s.values, i, rows[i], len(rows), s.Len())
			b.Y[i] = Unlabelled
			if s.labels != nil {
				b.Y[i] = s.labels[rows[i]]
			}
		}
	}
	return ctx.Err()
}

// closeParts closes parts that are not joined.
func closeParts(parts []*array) {
	for _, p := range parts {
		p.Close()
	}
}

// reopen closes the file of a, which each read then opens anew.
func (a *array) reopen() {
	if f, ok := a.data.(*os.File); ok {
		a.data = reopened(f.Name())
	}
	a.Close()
	a.closer = nil
}

// reopened is a file that is opened for each read.
type reopened string

// ReadAt reads from the file as os.File does.
func (path reopened) ReadAt(p []byte, off int64) (int, error) {
	f, _, err := openRegular(string(path))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(p, off)
}
