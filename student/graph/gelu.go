package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Gelu is y = x·Φ(x), Φ the normal distribution function and φ its density;
// dx = dy·(Φ(x) + x·φ(x)). With approximate = tanh it is y = x·s,
// s = 1/(1+e^−v), v = √(8/π)·(x + 0.044715·x³); dx = dy·(s + x·v'·s·(1−s)).
func init() {
	registerPointwise("Gelu", inferGelu, func(n *Node) *pointwise {
		if n.String("approximate", "none") == "tanh" {
			return ofInput(kernel.GeluTanh, kernel.GeluTanhBackward)
		}
		return ofInput(kernel.Gelu, kernel.GeluBackward)
	})
}

func inferGelu(n *Node) ([]Shape, error) {
	if a := n.String("approximate", "none"); a != "none" && a != "tanh" {
		return nil, fmt.Errorf("approximate is %q, expected none or tanh", a)
	}
	return sameShape(n)
}
