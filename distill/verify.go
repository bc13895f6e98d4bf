package distill

import (
	"context"
	"os"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// MetaVersion is the metadata key by which an exported student is known.
const MetaVersion = export.MetaPrefix + "version"

// Metadata keys of the class names, and of how the columns of a table became
// features.
const (
	metaClasses = export.MetaPrefix + export.ClassesKey
	metaSchema  = export.MetaPrefix + schemaKey
	schemaKey   = "schema"
)

// Verification is what Verify found.
type Verification struct {
	Parity     export.Parity `json:"parity"`
	Provenance []onnx.Entry  `json:"provenance"` // what the file says of itself
	File       []byte        `json:"-"`          // the bytes that were proven
}

// Verify runs the student at path natively and in ONNX Runtime on the rows of
// src and compares them. The error has kind Parity when they differ.
func Verify(ctx context.Context, path string, src dataset.Source, library string) (*Verification, error) {
	file, err := onnx.Read(path, onnx.ReadOptions{})
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", err)
	}
	v := &Verification{File: data}
	for _, e := range file.Metadata {
		if strings.HasPrefix(e.Key, export.MetaPrefix) {
			v.Provenance = append(v.Provenance, e)
		}
	}
	st, err := student.Load(path)
	if err != nil {
		return nil, err
	}
	pre, err := inputOf(st.InputShape(), src.Spec())
	if err != nil {
		return nil, fault.New(fault.Input, path, "", "%w", err)
	}
	pipe, err := pre.Compile(src.Spec())
	if err != nil {
		return nil, err
	}
	x, n, err := firstRows(ctx, &rows{src: src, pipe: pipe, classes: st.Classes()}, parityRows)
	if err != nil {
		return nil, err
	}
	v.Parity, err = export.Check(ctx, path, data, st, x, n, export.Options{Library: library})
	return v, err
}

// RowsOf are the options by which rows are opened for the model at path: the
// class names and the columns that an exported student was trained with. They
// are zero for another model.
func RowsOf(path string) (o dataset.Options, err error) {
	m, err := onnx.Read(path, onnx.ReadOptions{})
	if err != nil {
		return o, err
	}
	o.Classes = studentClasses(m)
	if text, ok := m.Meta(metaSchema); ok {
		if o.Schema, err = dataset.ParseSchema(text); err != nil {
			return o, fault.New(fault.Input, path, "metadata "+metaSchema, "%w", err)
		}
	}
	return o, nil
}

// studentClasses are the class names that an exported student carries.
func studentClasses(m *onnx.Model) []string {
	names, ok := m.Meta(metaClasses)
	if !ok {
		return nil
	}
	return export.SplitClasses(names)
}
