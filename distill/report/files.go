package report

import (
	"encoding/json"
	"io"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Files are where a report goes, each complete or absent; an empty name is not
// written.
type Files struct{ JSON, HTML, CSV string }

// Write writes r. The page and the CSV are made of what the JSON says, so that
// whoever reads that makes the same bytes.
func (f Files) Write(r *Report) error {
	data, err := encode(f.JSON, r)
	if err != nil {
		return err
	}
	said, err := decode(f.JSON, data)
	if err != nil {
		return err
	}
	if f.JSON != "" {
		if err := durable.Write(f.JSON, data); err != nil {
			return err
		}
	}
	if f.HTML != "" {
		if err := Write(f.HTML, said); err != nil {
			return err
		}
	}
	if f.CSV != "" {
		return durable.WriteFile(durable.OS{}, f.CSV, func(w io.Writer) error { return CSV(w, said) })
	}
	return nil
}

// encode is r as indented JSON with keys in a fixed order.
func encode(path string, r *Report) ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot encode: %w", err)
	}
	return append(data, '\n'), nil
}
