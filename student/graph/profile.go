package graph

import (
	"slices"
	"strings"
	"time"
)

// OpTime is what one op of a plan has taken since Profile.
type OpTime struct {
	Node, Op          string
	MultiplyAdds      int64 // of a forward pass of the batch; 0 where none are counted
	Forward, Backward time.Duration
	Gradients         int // multiply-adds of backward over those of forward: 0 to 2
}

// Profile makes the plan keep the time of every op from now on, from zero.
func (p *Plan) Profile() {
	for i := range p.steps {
		s := &p.steps[i]
		s.time = OpTime{Node: s.node.Name, Op: s.node.title()}
		if count := s.node.Op.MultiplyAdds; count != nil {
			s.time.MultiplyAdds = count(s.node) * int64(p.Batch)
		}
		for _, g := range s.din[:min(2, len(s.din))] {
			if s.back != nil && g != nil {
				s.time.Gradients++
			}
		}
	}
	p.profiled = true
}

// Times lists the ops in the order of the forward pass.
func (p *Plan) Times() []OpTime {
	out := make([]OpTime, len(p.steps))
	for i := range p.steps {
		out[i] = p.steps[i].time
	}
	return out
}

// title is the op with what is fused into it.
func (n *Node) title() string {
	parts := []string{n.Op.Type}
	if n.Op.Type == "BatchNormalization" && len(n.In) == 6 {
		parts = append(parts, "Add")
	}
	switch {
	case n.cap > 0:
		parts = append(parts, "Clip")
	case n.relu && n.Op != addRelu:
		parts = append(parts, "Relu")
	}
	return strings.Join(slices.Compact(parts), "+")
}
