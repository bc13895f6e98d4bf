package teacher

import (
	"fmt"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Inner is a value inside a model's graph, which Options.Output may name: a
// copy of the graph in memory then gives it as an output.
type Inner struct {
	Port
	Op     string `json:"op"`               // that makes it
	Output bool   `json:"output,omitempty"` // whether it is an output of the model anyway
}

// Inners lists the values that the nodes of the model at path make, in the
// order of the nodes, with the types and shapes that the file gives. It fails
// as Inspect does.
func Inners(path string) ([]Inner, error) {
	m, err := onnx.Read(path, onnx.ReadOptions{})
	if err != nil {
		return nil, err
	}
	var all []Inner
	for _, in := range m.Graph.Inners() {
		op := in.Op
		if in.Domain != "" {
			op = in.Domain + "." + op
		}
		all = append(all, Inner{portOf(in.Value), op, in.Output})
	}
	return all, nil
}

// String is the value for people.
func (i Inner) String() string {
	s := fmt.Sprintf("%q by %s", i.Name, i.Op)
	if i.Type != "unknown" {
		s += ", " + i.Type
		if i.Shape != "" {
			s += " " + i.Shape
		}
	}
	if i.Output {
		s += ", an output"
	}
	return s
}
