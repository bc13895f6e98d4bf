package store

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Export writes the logits of the rows of src in their order, a row that occurs
// twice twice, for programs that read NumPy's arrays; of a nil src those of the
// store, in its order. path is one of
//
//	FILE.npy   logits, (rows, classes) float32
//	FILE.npz   logits; ids, (rows, 16) uint8; labels, (rows) int64, -1 for none
//	FOLDER     the same arrays as logits.npy, ids.npy and labels.npy
//
// labels are left out when src has none. A row that the store does not hold is a
// fault.Integrity.
func (s *Store) Export(ctx context.Context, src dataset.Source, path string) error {
	arrays, err := s.arrays(ctx, src)
	if err != nil {
		return err
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npy":
		return durable.WriteFile(durable.OS{}, path, arrays[0].write)
	case ".npz":
		return durable.WriteFile(durable.OS{}, path, func(out io.Writer) error { return writeNPZ(out, arrays) })
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fault.New(fault.IO, path, "", "cannot create folder: %w", reason(err))
	}
	for _, a := range arrays {
		if err := durable.WriteFile(durable.OS{}, filepath.Join(path, a.name+".npy"), a.write); err != nil {
			return err
		}
	}
	return nil
}

// array is one array of an export.
type array struct {
	name  string
	descr string
	dims  []int
	rows  func(put func([]byte) error) error
}

func (a array) write(out io.Writer) error {
	w := bufio.NewWriterSize(out, 1<<16)
	if err := dataset.WriteNPYHeader(w, a.descr, a.dims); err != nil {
		return err
	}
	if err := a.rows(func(b []byte) error { _, err := w.Write(b); return err }); err != nil {
		return err
	}
	return w.Flush()
}

func (s *Store) arrays(ctx context.Context, src dataset.Source) ([]array, error) {
	n := s.Len()
	each := s.eachID
	var labels []int32
	if src != nil {
		n = src.Len()
		each = func(ctx context.Context, fn func([]dataset.RowID) error) error { return dataset.EachID(ctx, src, fn) }
		var err error
		if labels, err = dataset.Labels(ctx, src); err != nil {
			return nil, err
		}
	}
	var logits []float32
	var raw []byte
	arrays := []array{
		{"logits", "<f4", []int{n, s.Classes()}, func(put func([]byte) error) error {
			return each(ctx, func(ids []dataset.RowID) error {
				logits = slices.Grow(logits[:0], len(ids)*s.Classes())[:len(ids)*s.Classes()]
				if err := s.Lookup(ids, logits); err != nil {
					return err
				}
				raw = raw[:0]
				for _, v := range logits {
					raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
				}
				return put(raw)
			})
		}},
		{"ids", "|u1", []int{n, idSize}, func(put func([]byte) error) error {
			return each(ctx, func(ids []dataset.RowID) error {
				for _, id := range ids {
					if err := put(id[:]); err != nil {
						return err
					}
				}
				return nil
			})
		}},
	}
	if slices.ContainsFunc(labels, func(y int32) bool { return y >= 0 }) {
		arrays = append(arrays, array{"labels", "<i8", []int{n}, func(put func([]byte) error) error {
			for _, y := range labels {
				if err := put(binary.LittleEndian.AppendUint64(nil, uint64(int64(y)))); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return arrays, nil
}

// eachID calls fn with the ids of the store in its order, some at a time.
func (s *Store) eachID(ctx context.Context, fn func([]dataset.RowID) error) error {
	const some = 256
	ids := make([]dataset.RowID, 0, some)
	var buf [idSize]byte
	for from := 0; from < s.Len(); from += some {
		if err := ctx.Err(); err != nil {
			return err
		}
		ids = ids[:0]
		for at := from; at < min(from+some, s.Len()); at++ {
			id, err := s.ids.row(at, buf[:])
			if err != nil {
				return err
			}
			ids = append(ids, dataset.RowID(id))
		}
		if err := fn(ids); err != nil {
			return err
		}
	}
	return nil
}

// writeNPZ writes arrays as numpy.savez does: a zip file of uncompressed .npy.
func writeNPZ(out io.Writer, arrays []array) error {
	z := zip.NewWriter(out)
	for _, a := range arrays {
		w, err := z.CreateHeader(&zip.FileHeader{Name: a.name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if err := a.write(w); err != nil {
			return err
		}
	}
	return z.Close()
}
