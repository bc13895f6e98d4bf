package graph

import "github.com/kdonnx/kdonnx/runtime/onnx"

// Which constants are weights. Float initializers train, but for those of rank
// 0, as exporters write the numbers of a formula. A Constant node is a number
// of the formula too, and frozen; but older exporters put weights there, so
// one of rank 1 or more trains where it feeds a weight slot, directly or
// through nodes that only reshape it. An initializer of rank 0 in a weight
// slot trains as well.

// slots names the values that feed a weight slot, one of Op.Weights, and the
// biases that an Add gives to a product. The nodes are in topological order.
func slots(nodes []*onnx.Node) map[string]bool {
	marked, product := map[string]bool{}, map[string]bool{}
	for _, n := range nodes {
		if op := opName(n); (op == "MatMul" || op == "Conv" || op == "Gemm") && len(n.Outputs) > 0 {
			product[n.Outputs[0]] = true
		}
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		name := opName(n)
		op := ops[name]
		if op == nil {
			continue
		}
		for _, k := range op.Weights {
			if k < len(n.Inputs) {
				marked[n.Inputs[k]] = true
			}
		}
		if name == "Add" && len(n.Inputs) == 2 {
			for k, in := range n.Inputs {
				if product[n.Inputs[1-k]] {
					marked[in] = true
				}
			}
		}
		if op.Passes && len(n.Inputs) > 0 && len(n.Outputs) > 0 && marked[n.Outputs[0]] {
			marked[n.Inputs[0]] = true
		}
	}
	return marked
}
