package graph

import "github.com/kdonnx/kdonnx/runtime/onnx"

// Which constants are weights. Float initializers train, but for those of rank
// 0, as exporters write the numbers of a formula. A Constant node is a number
// of the formula too, and frozen; but older exporters put weights there, so
// one of rank 1 or more trains where it feeds a weight slot, directly or
// through nodes that only reshape it. An initializer of rank 0 in a weight
// slot trains as well.

// weightSlots lists the inputs of ops that are learnt.
var weightSlots = map[string][]int{
	"Conv": {1, 2}, "ConvTranspose": {1, 2}, "Gemm": {0, 1, 2}, "MatMul": {0, 1}, "Gather": {0}, "PRelu": {1},
	"BatchNormalization": {1, 2}, "LayerNormalization": {1, 2}, "InstanceNormalization": {1, 2},
	"GroupNormalization": {1, 2}, "RMSNormalization": {1},
}

// passes lists the ops whose input 0 is the same weight in another form.
var passes = map[string]bool{
	"Identity": true, "Transpose": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true, "Flatten": true, "Cast": true,
}

// slots names the values that feed a weight slot, and the biases that an Add
// gives to a product. The nodes are in topological order.
func slots(nodes []*onnx.Node) map[string]bool {
	marked, product := map[string]bool{}, map[string]bool{}
	for _, n := range nodes {
		if op := opName(n); (op == "MatMul" || op == "Conv" || op == "Gemm") && len(n.Outputs) > 0 {
			product[n.Outputs[0]] = true
		}
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		op := opName(n)
		for _, k := range weightSlots[op] {
			if k < len(n.Inputs) {
				marked[n.Inputs[k]] = true
			}
		}
		if op == "Add" && len(n.Inputs) == 2 {
			for k, in := range n.Inputs {
				if product[n.Inputs[1-k]] {
					marked[in] = true
				}
			}
		}
		if passes[op] && len(n.Inputs) > 0 && len(n.Outputs) > 0 && marked[n.Outputs[0]] {
			marked[n.Inputs[0]] = true
		}
	}
	return marked
}
