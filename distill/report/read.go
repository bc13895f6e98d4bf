package report

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// MaxFile is the largest metrics.json that is read.
const MaxFile = 64 << 20

// Find is the metrics.json that path is, or that lies in the folder path.
func Find(path string) string {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return filepath.Join(path, "metrics.json")
	}
	return path
}

// Read reads a metrics.json that WriteJSON wrote, or whose bytes somebody
// else chose: what it says is checked so that every page can be made of it.
func Read(path string) (*Report, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// readFile is the file at path, one byte more than MaxFile at most.
func readFile(path string) ([]byte, error) {
	f, err := durable.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", plain(err))
	}
	return data, nil
}

// parseFile reads the JSON at path, which should be what, into to.
func parseFile(path, what string, to any) error {
	data, err := readFile(path)
	if err != nil {
		return err
	}
	if len(data) > MaxFile {
		return fault.New(fault.Input, path, "", "got more than %d MiB, expected %s", MaxFile>>20, what)
	}
	return durable.ParseJSON(path, data, what, to)
}

// plain is err without the path, which the fault names.
func plain(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Parse is Read of data, which path names in errors.
func Parse(path string, data []byte) (*Report, error) {
	if len(data) > MaxFile {
		return nil, fault.New(fault.Input, path, "", "got more than %d MiB, expected the metrics.json of a run", MaxFile>>20)
	}
	r, err := decode(path, data)
	if err != nil {
		return nil, err
	}
	if r.Format > Format {
		return nil, fault.New(fault.Integrity, path, "format", "got %d, expected at most %d: a newer kdonnx wrote it", r.Format, Format)
	}
	return r, r.check(path)
}

func decode(path string, data []byte) (*Report, error) {
	r := &Report{}
	return r, durable.ParseJSON(path, data, "the metrics.json of a run", r)
}
