package models

import (
	"math"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// Suffix makes a model of one output (N, C) give numbers in units of their own,
// under the name output: what it gave, in deviations from a mean, times scale
// plus shift, one of each a column. They are frozen constants, as those of the
// input's normalisation. m is changed.
func Suffix(m *onnx.Model, output string, scale, shift []float32) error {
	g := m.Graph
	out := g.Outputs[0]
	if len(out.Shape) != 2 || out.Shape[1].Value != int64(len(scale)) || len(shift) != len(scale) {
		return fault.New(fault.Input, "", "output "+out.Name, "has shape %v, expected (N, %d) to scale", out.Shape, len(scale))
	}
	for i := range scale {
		if s, t := float64(scale[i]), float64(shift[i]); !(s > 0 && s <= math.MaxFloat32 && math.Abs(t) <= math.MaxFloat32) {
			return fault.New(fault.Input, "", "output "+out.Name, "column %d has scale %v and shift %v, expected finite numbers, the scale above 0", i, s, t)
		}
	}
	taken := valueNames(g)
	free := func(name string) string {
		for taken[name] {
			name += "_"
		}
		taken[name] = true
		return name
	}
	inner := out.Name
	if inner == output {
		inner = free("standardised")
		for _, n := range g.Nodes {
			for _, names := range [][]string{n.Inputs, n.Outputs} {
				for i := range names {
					if names[i] == output {
						names[i] = inner
					}
				}
			}
		}
	}
	by, plus, scaled := free("output_scale"), free("output_shift"), free("scaled")
	dims := []int64{1, int64(len(scale))}
	g.Initializers = append(g.Initializers, onnx.FloatTensor(by, dims, scale), onnx.FloatTensor(plus, dims, shift))
	g.Nodes = append(g.Nodes,
		&onnx.Node{Name: scaled, OpType: "Mul", Inputs: []string{inner, by}, Outputs: []string{scaled}},
		&onnx.Node{Name: free("shifted"), OpType: "Add", Inputs: []string{scaled, plus}, Outputs: []string{output}})
	named := *out
	named.Name = output
	g.Outputs = []*onnx.Value{&named}
	frozen := []string{by, plus}
	if before, ok := m.Meta(graph.FrozenKey); ok && before != "" {
		frozen = slices.Insert(frozen, 0, before)
	}
	m.SetMeta(graph.FrozenKey, strings.Join(frozen, ","))
	return nil
}
