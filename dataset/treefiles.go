package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// openFile opens a regular file of the folder, and gives its size.
func (t *tree) openFile(name string) (*os.File, int64, error) {
	st, err := t.root.Stat(name)
	if err != nil {
		if l, lerr := t.root.Lstat(name); lerr == nil && l.Mode()&fs.ModeSymlink != 0 {
			return nil, 0, inputFault(t.show(name), "", "a symbolic link that leads nowhere inside the folder")
		}
		return nil, 0, ioFault(t.show(name), err)
	}
	if !st.Mode().IsRegular() {
		return nil, 0, inputFault(t.show(name), "", "is a device, pipe or folder, expected %s", t.kind.noun)
	}
	if st.Size() > maxRowFile {
		return nil, 0, inputFault(t.show(name), "", "file of %d bytes, limit %d", st.Size(), maxRowFile)
	}
	f, err := t.root.Open(name)
	if err != nil {
		return nil, 0, ioFault(t.show(name), err)
	}
	return f, st.Size(), nil
}

// bytes reads at most limit bytes of a file, and gives its size.
func (t *tree) bytes(name string, limit int64) ([]byte, int64, error) {
	f, size, err := t.openFile(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	data := make([]byte, min(size, limit))
	n, err := io.ReadFull(f, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, 0, ioFault(t.show(name), err)
	}
	return data[:n], size, nil
}

// bad names the file in the error of a decoder.
func (t *tree) bad(name string, err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) {
		return at(t.show(name), err)
	}
	return inputFault(t.show(name), "", "%w", err)
}

// survey runs look on every file, on all cores, and gives what it found. Where
// bad ones may be skipped, those files are left out, counted and noted; else
// the first of them is the error.
func survey[T any](t *tree, skipBad bool, look func(name string) (T, error)) ([]T, error) {
	found := make([]T, len(t.files))
	errs := make([]error, len(t.files))
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
				if i >= len(t.files) {
					return
				}
				found[i], errs[i] = look(t.files[i].name)
			}
		})
	}
	done.Wait()
	kept := 0
	var bad []string
	for i, err := range errs {
		if err != nil && !skipBad {
			return nil, err
		}
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		t.files[kept], found[kept] = t.files[i], found[i]
		kept++
	}
	t.files, found = t.files[:kept], found[:kept]
	if len(bad) == 0 {
		return found, nil
	}
	const most = 10
	t.notes = append(t.notes, fmt.Sprintf("%d bad %s are left out", len(bad), t.kind.plural))
	t.notes = append(t.notes, bad[:min(most, len(bad))]...)
	if kept == 0 {
		return nil, inputFault(t.dir, "", "all %d %s are bad, the first: %s", len(bad), t.kind.plural, bad[0])
	}
	return found, nil
}
