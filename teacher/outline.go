package teacher

import (
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// outline is what a model's graph says of its outputs, the exposed ones
// included.
type outline struct {
	ends   map[string]string  // what an output probably is, see guessKind
	before map[string]string  // the value that the Softmax or Sigmoid at the end of an output takes
	quants map[string]quant   // scale of an output of integers
	steps  map[string]float32 // least difference of an output that was integers on its way
	names  []nameList         // of the classes, the most trustworthy first
	inside bool               // the output that was asked for is a value inside the graph
}

// quant turns integers q into (q − zero)·scale.
type quant struct{ scale, zero float32 }

// outlineOf reads m, which must hold its small constants. want names the
// output that was asked for, which may be a value inside the graph, or is empty.
func outlineOf(m *onnx.Model, want string) outline {
	o := outline{ends: map[string]string{}, before: map[string]string{}, quants: map[string]quant{}, steps: map[string]float32{}, names: classNames(m)}
	outputs := m.Graph.Outputs
	if want != "" && !slices.ContainsFunc(outputs, func(v *onnx.Value) bool { return v.Name == want }) {
		for _, in := range m.Graph.Inners() {
			if in.Value.Name == want {
				o.inside = true
				outputs = append(slices.Clip(outputs), in.Value)
			}
		}
	}
	maker := makers(m.Graph)
	for _, v := range outputs {
		o.ends[v.Name] = guessKind(maker, v)
		n, decoded := endOf(maker, v.Name)
		if decoded != nil && len(decoded.Inputs) > 1 {
			o.steps[v.Name], _ = constant(m.Graph, maker, decoded.Inputs[1])
		}
		if n != nil && len(n.Inputs) > 0 && (n.OpType == "Softmax" || n.OpType == "Sigmoid") {
			if maker[n.Inputs[0]] != nil {
				o.before[v.Name] = n.Inputs[0]
			}
		}
		if q, ok := quantOf(m.Graph, maker, maker[v.Name]); ok {
			o.quants[v.Name] = q
		}
	}
	return o
}

// makers finds the node that makes a value.
func makers(g *onnx.Graph) map[string]*onnx.Node {
	maker := map[string]*onnx.Node{}
	for _, n := range g.Nodes {
		for _, out := range n.Outputs {
			maker[out] = n
		}
	}
	return maker
}

// endOf follows a value back to the node that gives it its meaning, nil when
// no node does. decoded is the DequantizeLinear on the way, or nil.
func endOf(maker map[string]*onnx.Node, name string) (end, decoded *onnx.Node) {
	for range 16 {
		n := maker[name]
		if n == nil || !slices.Contains(keepsKind, n.OpType) || len(n.Inputs) == 0 {
			return n, decoded
		}
		if n.OpType == "DequantizeLinear" {
			decoded = n
		}
		name = n.Inputs[0]
	}
	return nil, decoded
}

// quantised gives the position of the scale among the inputs of operators that
// make quantised values; the zero point follows.
var quantised = map[string]int{
	"QuantizeLinear": 1, "QLinearConv": 6, "QLinearMatMul": 6, "QLinearAdd": 6, "QLinearMul": 6,
	"QLinearSoftmax": 3, "QLinearSigmoid": 3, "QLinearGlobalAveragePool": 3, "QLinearAveragePool": 3, "QLinearLeakyRelu": 3, "QGemm": 7,
}

// quantOf reads the scale of the integers that n makes, where it is one
// constant for all of them.
func quantOf(g *onnx.Graph, maker map[string]*onnx.Node, n *onnx.Node) (quant, bool) {
	for n != nil && slices.Contains([]string{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"}, n.OpType) && len(n.Inputs) > 0 {
		n = maker[n.Inputs[0]]
	}
	if n == nil {
		return quant{}, false
	}
	at, ok := quantised[n.OpType]
	if !ok || len(n.Inputs) <= at {
		return quant{}, false
	}
	q := quant{}
	if q.scale, ok = constant(g, maker, n.Inputs[at]); !ok || !(q.scale > 0) || math.IsInf(float64(q.scale), 0) {
		return quant{}, false
	}
	if len(n.Inputs) > at+1 && n.Inputs[at+1] != "" {
		if q.zero, ok = constant(g, maker, n.Inputs[at+1]); !ok {
			return quant{}, false
		}
	}
	return q, true
}

// constant is the only number of the initializer or Constant called name.
func constant(g *onnx.Graph, maker map[string]*onnx.Node, name string) (float32, bool) {
	t := g.Initializer(name)
	if n := maker[name]; t == nil && n != nil && n.OpType == "Constant" && len(n.Attrs) == 1 {
		t = n.Attrs[0].T
	}
	if t == nil || t.External != nil || t.NumElements() != 1 || len(t.Data) != t.DType.Size() {
		return 0, false
	}
	x := numbersOf(nil, t.DType, t.Data)
	if len(x) != 1 {
		return 0, false
	}
	return x[0], true
}
