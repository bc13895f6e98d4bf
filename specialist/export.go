package specialist

import (
	"context"
	"strconv"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Metadata keys, without export.MetaPrefix, of a bundle in one file: how many
// specialists it has, and how many of the generalist's most likely classes say
// which of them are active.
const (
	specialistsKey = "specialists"
	topKey         = "specialists.top"
)

// ExportOptions say where the one file of a bundle is put, and what it is
// proven on.
type ExportOptions struct {
	Output   string
	Rows     dataset.Source // the first of these; nil: random ones
	RowsName string         // what faults call them
	Library  string         // of ONNX Runtime; empty: looked up
}

// Export puts b at o.Output as one .onnx file (Assemble), once ONNX Runtime has been
// seen to give what Ensemble.Predict gives, for rows one by one and in batches.
// Where it does not the error has kind Parity and nothing is written.
func Export(ctx context.Context, b *Bundle, o ExportOptions) (*Parity, error) {
	if err := export.Ready(o.Library); err != nil {
		return nil, err
	}
	data, err := inOneFile(b, o.Output)
	if err != nil {
		return nil, err
	}
	if o.Rows == nil {
		if o.Rows, err = noise(b.Path(b.Generalist)); err != nil {
			return nil, err
		}
		o.RowsName = "random rows"
	}
	p, err := prove(ctx, b, data, o)
	if err != nil {
		return p, err
	}
	return p, durable.Write(o.Output, data)
}

// inOneFile are the bytes of the one file of b, which is to lie at path.
func inOneFile(b *Bundle, path string) ([]byte, error) {
	m, err := Assemble(b)
	if err != nil {
		return nil, err
	}
	describe(m, b)
	data, err := onnx.Marshal(m)
	return data, fault.At(path, err)
}

// describe sets the metadata of m: what the rows are, as the generalist has it, and
// what the outputs are.
func describe(m *onnx.Model, b *Bundle) {
	m.ProducerName, m.ProducerVersion = "kdonnx", ""
	schema, tabular := m.Meta(distill.MetaSchema)
	m.Metadata = nil
	if tabular {
		m.SetMeta(distill.MetaSchema, schema)
	}
	m.SetMeta(export.MetaPrefix+export.ClassesKey, export.JoinClasses(b.Classes))
	m.SetMeta(export.MetaPrefix+specialistsKey, strconv.Itoa(len(b.Specialists)))
	m.SetMeta(export.MetaPrefix+topKey, strconv.Itoa(b.Top))
}
