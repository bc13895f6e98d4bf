package student

import (
	"slices"

	"github.com/kdonnx/kdonnx/student/graph"
)

// Value is a value inside a student's graph: what a node makes of each row.
type Value struct {
	Name  string
	Op    string // that makes it
	Shape []int  // of one row, without the batch axis
}

// Values lists the values that a projection can take, in the order of the
// nodes: those with the batch axis first that a trained weight comes before.
func (s *Student) Values() []Value {
	var all []Value
	for _, n := range s.g.Nodes {
		for _, v := range n.Out {
			if v.Name != "" && v.Trained() && v.Shape[0] == graph.Batch {
				all = append(all, Value{v.Name, n.Op.Type, slices.Clone(v.Shape[1:])})
			}
		}
	}
	return all
}
