package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// PRelu is y = x where x ≥ 0, else slope·x, with the slope broadcast to x (He
// et al. 2015, arXiv 1502.01852); dx = dy, else dy·slope; the slope's gradient
// is 0, else dy·x.
func init() {
	registerBinary("PRelu", inferPRelu, binaryOp{
		forward: func(y, x, s []float32, _, step int) {
			if step == 0 {
				kernel.LeakyRelu(y, x, s[0])
				return
			}
			kernel.PRelu(y, x, s)
		},
		da: func(g, dy, x, s []float32, _, step int) {
			if step == 0 {
				kernel.LeakyReluBackward(g, dy, x, s[0])
				return
			}
			kernel.PReluBackward(g, dy, x, s)
		},
		db:      func(g, dy, x, _ []float32, _, _ int) { kernel.PReluSlope(g, dy, x) },
		weights: []int{1},
	})
}

func inferPRelu(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	out, err := broadcastShapes(x, n.In[1].Shape)
	if err != nil || out.String() != x.String() {
		return nil, fmt.Errorf("slope %v does not broadcast to %v", n.In[1].Shape, x)
	}
	return sameShape(n)
}
