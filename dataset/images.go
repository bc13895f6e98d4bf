package dataset

import (
	"context"
	"fmt"
	"math"
)

func init() {
	Register(Format{
		Name:   "images",
		About:  "a folder with one folder of PNG, JPEG or GIF images for each class, or train, val and test folders of that",
		Detect: imageFiles.detect,
		Open:   openImages,
		Splits: splitsOfTree,
	})
}

const imageHead = 128 << 10 // bytes in which the size of most images stands

var imageFiles = fileKind{"an image", "images", []string{".png", ".jpg", ".jpeg", ".gif"}}

// imageFolder is a Source that decodes on demand.
type imageFolder struct {
	*tree
	spec   Spec
	resize []int
}

func openImages(dir string, o Options) (Source, error) {
	t, err := openTree(dir, imageFiles, o, nil)
	if err != nil {
		return nil, err
	}
	s := &imageFolder{tree: t, resize: o.Resize, spec: Spec{Image: true, DType: Uint8, Classes: t.classes}}
	if err := s.measure(o.SkipBad); err != nil {
		t.Close()
		return nil, err
	}
	return s, nil
}

// measure reads the head of every image and settles the shape of a row. With
// skipBad it decodes every image and leaves out those that fail.
func (s *imageFolder) measure(skipBad bool) error {
	heads, err := survey(s.tree, skipBad, func(name string) (picture, error) { return s.head(name, skipBad) })
	if err != nil {
		return err
	}
	first := heads[0]
	gray, deep := true, 0
	for i, p := range heads {
		gray = gray && p.gray
		if p.deep {
			deep++
		}
		if (p.h != first.h || p.w != first.w) && s.resize == nil {
			return inputFault(s.show(s.files[i].name), "", "image of %d×%d pixels, but %s has %d×%d: resize them to one size",
				p.w, p.h, s.show(s.files[0].name), first.w, first.h)
		}
	}
	if deep > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d images of 16 bits a channel are rounded to 8", deep))
	}
	s.spec.Shape = []int{first.h, first.w, 3}
	if s.resize != nil {
		s.spec.Shape = []int{s.resize[0], s.resize[1], 3}
	}
	if gray {
		s.spec.Shape[2] = 1
	}
	s.spec.Notes = s.notes
	return nil
}

// head reads what the head of an image says; with whole, all of it.
func (s *imageFolder) head(name string, whole bool) (picture, error) {
	if !whole {
		data, size, err := s.bytes(name, imageHead)
		if err != nil {
			return picture{}, err
		}
		p, err := headOf(data, size)
		if err == nil || size <= imageHead {
			return p, s.bad(name, err)
		}
	}
	data, size, err := s.bytes(name, maxRowFile)
	if err != nil {
		return picture{}, err
	}
	if !whole {
		p, err := headOf(data, size)
		return p, s.bad(name, err)
	}
	p, _, err := pixelsOf(data, 3)
	return p, s.bad(name, err)
}

// Spec describes the rows.
func (s *imageFolder) Spec() Spec { return s.spec }

// Read decodes the images of the rows.
func (s *imageFolder) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, len(s.files)); err != nil {
		return at(s.dir, err)
	}
	h, w, c := s.spec.Shape[0], s.spec.Shape[1], s.spec.Shape[2]
	b.Reset(len(rows), h*w*c)
	for i, r := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := s.files[r]
		data, _, err := s.bytes(f.name, maxRowFile)
		if err != nil {
			return err
		}
		p, x, err := pixelsOf(data, c)
		if err != nil {
			return s.bad(f.name, err)
		}
		if s.resize != nil {
			z := newResizer(p.h, p.w, h, w)
			resized := make([]float32, h*w*c)
			z.apply(resized, x, make([]float32, z.scratch(c)), c)
			for k, v := range resized {
				resized[k] = float32(math.Round(float64(v)))
			}
			x = resized
		}
		dst := b.X[i*h*w*c : (i+1)*h*w*c]
		if len(x) != len(dst) {
			return inputFault(s.show(f.name), "", "image of %d×%d pixels, but it had %d×%d when the folder was opened", p.w, p.h, w, h)
		}
		copy(dst, x)
		b.Y[i] = f.label
	}
	return ctx.Err()
}
