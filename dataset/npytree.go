package dataset

import (
	"context"
	"slices"
)

var npyFiles = fileKind{"an NPY array", "NPY arrays", []string{".npy"}}

// npyTree is a Source of folders by class whose files are an array a row.
type npyTree struct {
	*tree
	spec Spec
	o    Options // with the layout that the first row has
}

func openNPYTree(dir string, o Options) (Source, error) {
	t, err := openTree(dir, npyFiles, o, nil)
	if err != nil {
		return nil, err
	}
	s := &npyTree{tree: t, o: o}
	if err := s.measure(); err != nil {
		t.Close()
		return nil, err
	}
	return s, nil
}

// measure reads the header of every file and settles the shape of a row. Where
// bad ones may be skipped, it reads their values too.
func (s *npyTree) measure() error {
	type head struct {
		shape  []int
		stored DType
		image  bool
		notes  []string
	}
	heads, err := survey(s.tree, s.o.SkipBad, func(name string) (h head, err error) {
		err = s.withRow(name, func(a *array) error {
			h = head{shape: a.spec.Shape, stored: a.spec.DType, image: a.spec.Image, notes: a.spec.Notes}
			if !s.o.SkipBad {
				return nil
			}
			return a.Read(context.Background(), []int{0}, &Batch{})
		})
		return h, err
	})
	if err != nil {
		return err
	}
	first := heads[0]
	s.spec = Spec{Shape: first.shape, Image: first.image, DType: first.stored, Classes: s.classes, Notes: append(s.notes, first.notes...)}
	for i, h := range heads {
		if !slices.Equal(h.shape, first.shape) {
			return inputFault(s.show(s.files[i].name), "", "row of shape %v, but %s has %v", h.shape, s.show(s.files[0].name), first.shape)
		}
		if h.stored != first.stored {
			s.spec.DType = Float32
		}
	}
	if !first.image {
		s.spec.Columns = columnNumbers(first.shape[0])
	}
	return nil
}

// withRow opens one file as an array of one row.
func (s *npyTree) withRow(name string, use func(a *array) error) error {
	f, size, err := s.openFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	x, err := newArray(s.show(name), "", f, size)
	if err != nil {
		return err
	}
	if n := len(x.dims); n < 1 || n > 3 {
		return inputFault(x.path, "", "row of shape %v, expected (features), (H, W), (H, W, C) or (C, H, W)", x.dims)
	}
	x.dims = append([]int{1}, x.dims...)
	a, err := x.rows(s.o)
	if err != nil {
		return err
	}
	return use(a)
}

// Spec describes the rows.
func (s *npyTree) Spec() Spec { return s.spec }

// Read opens and reads the file of each row.
func (s *npyTree) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, len(s.files)); err != nil {
		return at(s.dir, err)
	}
	size := s.spec.Size()
	b.Reset(len(rows), size)
	var one Batch
	for i, r := range rows {
		f := s.files[r]
		err := s.withRow(f.name, func(a *array) error {
			if !slices.Equal(a.spec.Shape, s.spec.Shape) {
				return inputFault(a.path, "", "row of shape %v, but it had %v when the folder was opened", a.spec.Shape, s.spec.Shape)
			}
			return a.Read(ctx, []int{0}, &one)
		})
		if err != nil {
			return err
		}
		copy(b.X[i*size:(i+1)*size], one.X)
		b.Y[i] = f.label
	}
	return ctx.Err()
}
