package onnx

import (
	"errors"
	"io"
	"os"
	"syscall"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/sniff"
)

// Read reads the model file at path. It accepts whatever is well-formed,
// unknown operators included, and refuses the rest before memory is spent on
// it; errors are of kind Input, or IO where the system failed.
//
// External data must lie in regular files at or below path's folder, reached
// through no symbolic link. Read always checks that it is there; it loads it
// only with o.Weights.
func Read(path string, o ReadOptions) (*Model, error) {
	m, _, err := readFile(path, o)
	return m, err
}

// readFile is Read, and gives the bytes of the model file too.
func readFile(path string, o ReadOptions) (*Model, []byte, error) {
	lim := o.Limits.withDefaults()
	data, err := slurp(path, lim)
	if err != nil {
		return nil, nil, in(path, err)
	}
	m, err := parse(data, lim)
	if err != nil {
		return nil, nil, in(path, err)
	}
	if err := external(path, m, o, lim); err != nil {
		return nil, nil, in(path, err)
	}
	return m, data, nil
}

// Parse reads a model from memory. name stands in errors for the path. There
// is no folder, so a model with external data is refused with o.Weights, and
// its data is not looked for without.
func Parse(name string, data []byte, o ReadOptions) (*Model, error) {
	lim := o.Limits.withDefaults()
	if err := fits(int64(len(data)), lim); err != nil {
		return nil, in(name, err)
	}
	if err := refuseStranger(data); err != nil {
		return nil, in(name, err)
	}
	m, err := parse(data, lim)
	if err != nil {
		return nil, in(name, err)
	}
	if o.Weights {
		w := walker{tensor: func(at *loc, t *Tensor, _ bool) error {
			if t.External == nil {
				return nil
			}
			return at.bad("its bytes are external, expected them in the model: there is no folder to look in")
		}}
		if err := w.model(m); err != nil {
			return nil, in(name, err)
		}
	}
	if o.Strict {
		if err := finite(m, nil); err != nil {
			return nil, in(name, err)
		}
	}
	return m, nil
}

// parse goes from bytes to a well-formed model.
func parse(data []byte, lim Limits) (*Model, error) {
	if err := scan(data, "ModelProto", lim); err != nil {
		return nil, err
	}
	m, err := decode(data)
	if err != nil {
		return nil, err
	}
	if err := check(m, lim); err != nil {
		return nil, err
	}
	return m, nil
}

// external checks all external data, loads it if o says so, and holds every
// number to what o wants of it.
func external(path string, m *Model, o ReadOptions, lim Limits) error {
	var f *folder
	defer func() {
		if f != nil {
			f.close()
		}
	}()
	err := walker{tensor: func(at *loc, t *Tensor, _ bool) (err error) {
		if t.External == nil {
			return nil
		}
		if f == nil {
			if f, err = openFolder(path, lim); err != nil {
				return err
			}
		}
		at = at.in("external_data")
		if o.Weights {
			return f.load(at, t)
		}
		if _, err := f.region(at, t.External); err != nil {
			return err
		}
		return f.spend(at, t.External.Length) // before anybody reads that much
	}}.model(m)
	if err != nil || !o.Strict {
		return err
	}
	if f != nil {
		f.total = 0
	}
	return finite(m, f)
}

// slurp reads a regular file whole, unless it is too large or plainly no
// model. It never waits on a pipe or device.
func slurp(path string, lim Limits) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fault.New(fault.IO, "", "", "cannot be opened: %w", cause(err))
	}
	if err := regular(st); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fault.New(fault.IO, "", "", "cannot be opened: %w", cause(err))
	}
	defer f.Close()
	if st, err = f.Stat(); err != nil {
		return nil, fault.New(fault.IO, "", "", "cannot be read: %w", cause(err))
	}
	if err := regular(st); err != nil {
		return nil, err
	}
	head := make([]byte, min(st.Size(), sniff.Len))
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, fault.New(fault.IO, "", "", "cannot be read: %w", cause(err))
	}
	if err := refuseStranger(head); err != nil {
		return nil, err
	}
	if err := fits(st.Size(), lim); err != nil {
		return nil, err
	}
	if _, _, n := protowire.ConsumeTag(head); n < 0 {
		return nil, fault.New(fault.Input, "", "byte 0", "broken field tag: the file is no ONNX model")
	}
	data := make([]byte, st.Size())
	copy(data, head)
	if _, err := io.ReadFull(f, data[len(head):]); err != nil && len(data) > len(head) {
		return nil, fault.New(fault.IO, "", "", "became shorter while it was read: %w", cause(err))
	}
	return data, nil
}

func regular(st os.FileInfo) error {
	switch {
	case st.IsDir():
		return fault.New(fault.Input, "", "", "is a folder, expected an ONNX file")
	case !st.Mode().IsRegular():
		return fault.New(fault.Input, "", "", "is a device or pipe, expected an ONNX file")
	}
	return nil
}

func fits(size int64, lim Limits) error {
	switch {
	case size > maxProto:
		return fault.New(fault.Input, "", "", "%d bytes, which exceeds the 2 GiB protobuf limit; use external data", size)
	case size > lim.FileSize:
		return fault.New(fault.Input, "", "", "%d bytes, limit %d", size, lim.FileSize)
	}
	return nil
}

// in names the file in an error that does not yet.
func in(path string, err error) error {
	var e *fault.Error
	if errors.As(err, &e) && e.Path == "" {
		named := *e
		named.Path = path
		return &named
	}
	return err
}
