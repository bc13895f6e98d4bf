package onnx

import (
	"io"
	"path/filepath"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// alignment of a constant in a file of external data, so that it can be mapped.
const alignment = 4096

// WriteBeside is Write for a model of any size: the constants of its main graph
// that have at least least bytes go into a file called name in the model's
// folder, which is written first.
func WriteBeside(path, name string, m *Model, least int) error {
	if bad := badLocation(name); bad != "" || len(components(name)) > 1 {
		return fault.New(fault.Usage, path, "external data", "name %s %s, expected a plain file name", quote(name), bad)
	}
	if err := check(m, Limits{}.withDefaults()); err != nil {
		return in(path, err)
	}
	graph := *m.Graph
	graph.Initializers = nil
	var outside []*Tensor
	end := int64(0)
	for _, t := range m.Graph.Initializers {
		if t.DType != String && len(t.Data) >= least {
			moved := *t
			moved.Data, moved.External = nil, &External{Location: name, Offset: end, Length: int64(len(t.Data))}
			end = (end + int64(len(t.Data)) + alignment - 1) / alignment * alignment
			outside = append(outside, t)
			t = &moved
		}
		graph.Initializers = append(graph.Initializers, t)
	}
	err := durable.WriteFile(durable.OS{}, filepath.Join(filepath.Dir(path), name), func(w io.Writer) error {
		padding := make([]byte, alignment)
		for i, t := range outside {
			if _, err := w.Write(t.Data); err != nil {
				return err
			}
			if over := len(t.Data) % alignment; over > 0 && i < len(outside)-1 {
				if _, err := w.Write(padding[over:]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	parted := *m
	parted.Graph = &graph
	data, err := marshal(&parted)
	if err != nil {
		return in(path, err)
	}
	return durable.WriteFile(durable.OS{}, path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
