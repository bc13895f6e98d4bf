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

// Metadata key of how the columns of a table became features.
const (
	MetaSchema = export.MetaPrefix + schemaKey
	schemaKey  = "schema"
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
	labels, err := labelOptions(file)
	if err != nil {
		return nil, fault.At(path, err)
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
	pre, err := InputOf(st.InputShape(), src.Spec())
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
	task, _, err := dataset.ParseTask(labels.Task)
	if err != nil {
		return nil, fault.At(path, err)
	}
	v.Parity, err = export.Check(ctx, path, data, st, x, n, export.Options{Library: library, Task: task})
	return v, err
}

// RowsOf are the options by which rows are opened for the model at path: how
// the labels are read that an exported student is held against, and the columns
// that it was trained with. They are zero for another model.
func RowsOf(path string) (o dataset.Options, err error) {
	m, err := onnx.Read(path, onnx.ReadOptions{})
	if err != nil {
		return o, err
	}
	if o, err = labelOptions(m); err != nil {
		return o, fault.At(path, err)
	}
	if text, ok := m.Meta(MetaSchema); ok {
		if o.Schema, err = dataset.ParseSchema(text); err != nil {
			return o, fault.New(fault.Input, path, "metadata "+MetaSchema, "%w", err)
		}
	}
	return o, nil
}

// labelOptions are what an exported student says of labels.
func labelOptions(m *onnx.Model) (o dataset.Options, err error) {
	names := func(key string) []string {
		text, ok := m.Meta(export.MetaPrefix + key)
		if !ok {
			return nil
		}
		return export.SplitClasses(text)
	}
	o.Classes, o.Targets = names(export.ClassesKey), names(export.TargetsKey)
	o.Task, _ = m.Meta(export.MetaPrefix + export.TaskKey)
	if task, _, err := dataset.ParseTask(o.Task); err != nil || task != dataset.MultiClass && len(o.Targets) == 0 {
		return o, fault.New(fault.Input, "", "metadata "+export.MetaPrefix+export.TaskKey, "got %q with %d targets, expected one of %s, with the names of its targets", o.Task, len(o.Targets), strings.Join(dataset.Tasks, ", "))
	}
	return o, nil
}
