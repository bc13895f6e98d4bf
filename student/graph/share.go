package graph

import "github.com/kdonnx/kdonnx/internal/fault"

// Share makes the parameters of g that another graph has too, by name, one with
// those of the other: what trains one trains both. g must hold every parameter
// of other, with its size and role, and plans of g must be made afterwards.
func (g *Graph) Share(other *Graph) error {
	mine := make(map[string]*Param, len(g.Params))
	for _, p := range g.Params {
		mine[p.Name] = p
	}
	for _, p := range other.Params {
		own := mine[p.Name]
		if own == nil || len(own.Data) != len(p.Data) || own.Role != p.Role {
			return fault.New(fault.Input, g.Name, "initializer "+p.Name, "is not the same in both graphs")
		}
		own.Data = p.Data
	}
	return nil
}

// Trained tells whether a trained parameter comes before v, so that a gradient
// at v trains something.
func (v *Value) Trained() bool { return v.grad }
