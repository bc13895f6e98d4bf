package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"sync"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// measure reads the head of every image and settles the shape of a row. With
// skipBad it decodes every image and leaves out those that fail.
func (s *imageFolder) measure(skipBad bool) error {
	heads := make([]picture, len(s.files))
	errs := make([]error, len(s.files))
	var next sync.Mutex
	var done sync.WaitGroup
	at := 0
	for range runtime.GOMAXPROCS(0) {
		done.Go(func() {
			for {
				next.Lock()
				i := at
				at++
				next.Unlock()
				if i >= len(s.files) {
					return
				}
				heads[i], errs[i] = s.head(s.files[i].name, skipBad)
			}
		})
	}
	done.Wait()
	if err := s.skip(skipBad, &heads, errs); err != nil {
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
		s.spec.Notes = append(s.spec.Notes, fmt.Sprintf("%d images of 16 bits a channel are rounded to 8", deep))
	}
	s.spec.Shape = []int{first.h, first.w, 3}
	if s.resize != nil {
		s.spec.Shape = []int{s.resize[0], s.resize[1], 3}
	}
	if gray {
		s.spec.Shape[2] = 1
	}
	return nil
}

// skip leaves out the images that failed, or fails on the first of them.
func (s *imageFolder) skip(allowed bool, heads *[]picture, errs []error) error {
	kept := 0
	var bad []string
	for i, err := range errs {
		if err != nil && !allowed {
			return err
		}
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		s.files[kept], (*heads)[kept] = s.files[i], (*heads)[i]
		kept++
	}
	s.files, *heads = s.files[:kept], (*heads)[:kept]
	if len(bad) == 0 {
		return nil
	}
	const most = 10
	s.spec.Notes = append(s.spec.Notes, fmt.Sprintf("%d bad images are left out", len(bad)))
	s.spec.Notes = append(s.spec.Notes, bad[:min(most, len(bad))]...)
	if kept == 0 {
		return inputFault(s.dir, "", "all %d images are bad, the first: %s", len(bad), bad[0])
	}
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
	data, size, err := s.bytes(name, maxImageFile)
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

// bad names the file in the error of a decoder.
func (s *imageFolder) bad(name string, err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) {
		return at(s.show(name), err)
	}
	return inputFault(s.show(name), "", "%w", err)
}

// bytes reads at most limit bytes of a file, and gives its size.
func (s *imageFolder) bytes(name string, limit int64) ([]byte, int64, error) {
	st, err := s.root.Stat(name)
	if err != nil {
		if l, lerr := s.root.Lstat(name); lerr == nil && l.Mode()&fs.ModeSymlink != 0 {
			return nil, 0, inputFault(s.show(name), "", "a symbolic link that leads nowhere inside the folder")
		}
		return nil, 0, ioFault(s.show(name), err)
	}
	if !st.Mode().IsRegular() {
		return nil, 0, inputFault(s.show(name), "", "is a device, pipe or folder, expected an image")
	}
	if st.Size() > maxImageFile {
		return nil, 0, inputFault(s.show(name), "", "image file of %d bytes, limit %d", st.Size(), maxImageFile)
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, 0, ioFault(s.show(name), err)
	}
	defer f.Close()
	data := make([]byte, min(st.Size(), limit))
	n, err := io.ReadFull(f, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, 0, ioFault(s.show(name), err)
	}
	return data[:n], st.Size(), nil
}
