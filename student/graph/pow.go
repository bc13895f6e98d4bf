package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Pow is y = a^b; da = dy·b·a^(b−1), db = dy·a^b·log a. A number for b is a
// constant that is not trained; a tensor of exponents is. The gradient of b is 0
// where a = 0 and b ≥ 0, and NaN where a < 0.
func init() {
	registerBinary("Pow", inferPow, binaryOp{forward: kernel.Pow, da: kernel.PowBase, db: kernel.PowExponent})
}

func inferPow(n *Node) ([]Shape, error) {
	if p := n.In[1].param; p != nil && len(p.Data) == 1 {
		if _, err := n.ConstFloat(1, 1); err != nil {
			return nil, err
		}
	}
	return inferBinary(n)
}
