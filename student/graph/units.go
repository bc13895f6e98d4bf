package graph

import "slices"

// Units says how the incoming weights of units lie in a parameter: it is
// (Outer, Fan, Inner), and one unit has the Fan values of one outer and one
// inner index. It is zero for what is no weight of units.
type Units struct{ Outer, Fan, Inner int }

// Units gives the layout of every parameter, in the order of Params. The
// weights of Gemm, MatMul and Conv have units, straight or through Transpose
// and Identity; of several readers the first decides.
//
//	Gemm, transB: (units, fan)   Gemm: (fan, units)   MatMul: (…, fan, units)
//	Conv: (units, C/group, KH, KW), its fan being all but the first axis
func (g *Graph) Units() []Units {
	out := make([]Units, len(g.Params))
	for _, n := range g.Nodes {
		if n.Op.Type != "Gemm" && n.Op.Type != "MatMul" && n.Op.Type != "Conv" {
			continue
		}
		p, turned := g.weight(n.In[1])
		if p == nil || len(p.Dims) < 2 || out[p.index] != (Units{}) {
			continue
		}
		size, last := product(p.Dims), len(p.Dims)-1
		u := Units{p.Dims[0], size / max(1, p.Dims[0]), 1}
		if n.Op.Type != "Conv" {
			unitsFirst := turned != (n.Op.Type == "Gemm" && n.Int("transB", 0) != 0)
			u = Units{size / max(1, p.Dims[last]*p.Dims[last-1]), p.Dims[last-1], p.Dims[last]}
			if unitsFirst {
				u = Units{size / max(1, p.Dims[last]), p.Dims[last], 1}
			}
		}
		out[p.index] = u
	}
	return out
}

// weight is the parameter that v is, and whether its last two axes have
// changed places on the way.
func (g *Graph) weight(v *Value) (p *Param, turned bool) {
	for v.param == nil && v.producer >= 0 {
		n := g.Nodes[v.producer]
		switch rank := len(v.Shape); {
		case n.Op.Type == "Identity":
		case n.Op.Type == "Transpose" && rank == 2 && slices.Equal(n.Ints("perm", []int{1, 0}), []int{1, 0}):
			turned = !turned
		default:
			return nil, false
		}
		v = n.In[0]
	}
	return v.param, turned
}
