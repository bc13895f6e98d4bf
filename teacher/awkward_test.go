package teacher

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// zRows are n rows of c numbers, which the models of these tests take for
// logits: whole eighths from -4 to 4, no two of a row alike. The label is the
// largest.
func zRows(n, c int, names ...string) *memory {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(c)))
	m := &memory{spec: dataset.Spec{Shape: []int{c}, DType: dataset.Float32, Classes: names}}
	for range n {
		row := make([]float32, c)
		for j, v := range rng.Perm(65)[:c] {
			row[j] = float32(v)/8 - 4
		}
		m.x = append(m.x, row...)
		m.y = append(m.y, int32(slices.Index(row, slices.Max(row))))
	}
	return m
}

// node makes a node of one output, named as that.
func node(op, out string, in string, attrs ...*onnx.Attr) *onnx.Node {
	n := &onnx.Node{Name: "n_" + out, OpType: op, Inputs: []string{in}, Outputs: []string{out}, Attrs: attrs}
	return n
}

// binaryNode makes a node of two inputs.
func binaryNode(op, out, a, b string) *onnx.Node {
	return &onnx.Node{Name: "n_" + out, OpType: op, Inputs: []string{a, b}, Outputs: []string{out}}
}

// ml puts a node into the domain of classical models.
func ml(n *onnx.Node) *onnx.Node {
	n.Domain = "ai.onnx.ml"
	return n
}

func stringsAttr(name string, v ...string) *onnx.Attr {
	a := &onnx.Attr{Name: name, Type: onnx.AttrStrings}
	for _, s := range v {
		a.Strings = append(a.Strings, []byte(s))
	}
	return a
}

// out declares an output; no shape where dims is empty.
func out(name string, d onnx.DType, dims ...int64) *onnx.Value {
	v := &onnx.Value{Name: name, DType: d, HasShape: len(dims) > 0}
	for _, n := range dims {
		v.Shape = append(v.Shape, onnx.Dim{Value: n})
	}
	return v
}

// scalarOf makes an initializer of one float32.
func scalarOf(name string, v float32) *onnx.Tensor { return onnx.FloatTensor(name, nil, []float32{v}) }

// awkward is a model on zRows and what it must be taken for.
type awkward struct {
	name    string
	c       int // columns of the rows; 0: 3
	batch   int64
	nodes   []*onnx.Node
	inits   []*onnx.Tensor
	outputs []*onnx.Value
	meta    []onnx.Entry
	rows    func(m *memory)
	o       Options

	output string // that is chosen; empty: any
	task   dataset.Task
	kind   Kind
	want   func(z []float32) []float32 // targets of a row of logits
	exact  bool                        // not up to a constant
	loose  float64                     // tolerance; 0: 2e-3
	clean  bool                        // no warnings
	words  []string
	faulty fault.Kind // instead
}

func softmaxOf(z []float32) []float32 {
	p := slices.Clone(z)
	outputOf(Probabilities, p)
	return p
}

// same are logits that come back as they are.
func same(z []float32) []float32 { return z }

// oneHot are the logits of a label alone with the given smoothing.
func oneHot(smoothing float64) func(z []float32) []float32 {
	return func(z []float32) []float32 {
		out := make([]float32, len(z))
		top := slices.Index(z, slices.Max(z))
		for j := range out {
			out[j] = float32(math.Log(smoothing / float64(len(z)-1)))
		}
		out[top] = float32(math.Log(1 - smoothing))
		return out
	}
}

func unlabel(m *memory) {
	m.spec.Classes = nil
	for i := range m.y {
		m.y[i] = dataset.Unlabelled
	}
}

func awkwardModels() []awkward {
	abc := []string{"a", "b", "c"}
	axis1 := onnx.IntAttr("axis", 1)
	shape := func(dims ...int64) *onnx.Tensor { return onnx.Int64Tensor("shape", []int64{int64(len(dims))}, dims) }
	swap := func(z []float32) []float32 { return []float32{z[2], z[0], z[1]} } // rows a, b, c of c, a, b
	cast := func(to onnx.DType, name, in string) *onnx.Node {
		return node("Cast", name, in, onnx.IntAttr("to", int64(to)))
	}
	argmax := func(keep int64) []*onnx.Node {
		return []*onnx.Node{node("ArgMax", "label", "x", axis1, onnx.IntAttr("keepdims", keep))}
	}
	encode := func(labels ...string) *onnx.Node {
		return ml(node("LabelEncoder", "text", "label", &onnx.Attr{Name: "keys_int64s", Type: onnx.AttrInts, Ints: []int64{0, 1, 2}}, stringsAttr("values_strings", labels...)))
	}
	multi := func(m *memory) {
		m.spec.Classes, m.spec.Task, m.spec.Targets = nil, dataset.MultiLabel, slices.Clone(abc)
		for i := range m.y {
			m.y[i] = dataset.Unlabelled
		}
		for _, z := range m.x {
			m.v = append(m.v, map[bool]float32{true: 1}[z > 0])
		}
	}
	regress := func(m *memory) {
		multi(m)
		m.spec.Task, m.v = dataset.Regression, slices.Clone(m.x)
	}
	return []awkward{
		// Shapes.
		{name: "trailing axes", nodes: []*onnx.Node{binaryNode("Reshape", "y", "x", "shape")}, inits: []*onnx.Tensor{shape(0, 3, 1, 1)}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3, 1, 1)}, kind: Logits, want: same, clean: true},
		{name: "an axis before", nodes: []*onnx.Node{binaryNode("Reshape", "y", "x", "shape")}, inits: []*onnx.Tensor{shape(0, 1, 3)}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 1, 3)}, kind: Logits, want: same, clean: true},
		{name: "batch 1, four axes", batch: 1, nodes: []*onnx.Node{binaryNode("Reshape", "y", "x", "shape")}, inits: []*onnx.Tensor{shape(1, 3, 1, 1)}, outputs: []*onnx.Value{out("y", onnx.Float32, 1, 3, 1, 1)}, kind: Logits, want: same, clean: true},
		{name: "rank 1 of one row", nodes: []*onnx.Node{binaryNode("Reshape", "y", "x", "shape")}, inits: []*onnx.Tensor{shape(3)}, outputs: []*onnx.Value{out("y", onnx.Float32, 3)}, kind: Logits, want: same},
		{name: "declared otherwise", nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, -1)}, kind: Logits, want: same, clean: true},
		{name: "nothing declared", nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{{Name: "y", Kind: onnx.KindUnknown}}, kind: Logits, want: same, clean: true},
		{name: "segmentation", nodes: []*onnx.Node{binaryNode("Expand", "y0", "wide", "shape"), node("Transpose", "y", "y0", onnx.IntsAttr("perm", 0, 1, 2, 3))}, inits: []*onnx.Tensor{shape(1, 3, 4, 4)},
			outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3, 4, 4)}, faulty: fault.Input, words: []string{"none gives scores", "(96, 3, 4, 4), scores for places as of segmentation"}},
		// Types.
		{name: "float16", nodes: []*onnx.Node{cast(onnx.Float16, "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float16, -1, 3)}, kind: Logits, want: same, clean: true},
		{name: "double", nodes: []*onnx.Node{cast(onnx.Float64, "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float64, -1, 3)}, kind: Logits, want: same, clean: true},
		{name: "bfloat16", nodes: []*onnx.Node{cast(onnx.BFloat16, "y", "x")}, outputs: []*onnx.Value{out("y", onnx.BFloat16, -1, 3)}, kind: Logits, want: same, loose: 2e-2, clean: true},
		{name: "int32 without a scale", nodes: []*onnx.Node{binaryNode("Mul", "big", "x", "eight"), cast(onnx.Int32, "y", "big")}, inits: []*onnx.Tensor{scalarOf("eight", 8)}, outputs: []*onnx.Value{out("y", onnx.Int32, -1, 3)},
			kind: Logits, want: func(z []float32) []float32 { return []float32{8 * z[0], 8 * z[1], 8 * z[2]} }, words: []string{"warning", "int32 without a scale"}},
		{name: "int8 with its scale", nodes: []*onnx.Node{{OpType: "QuantizeLinear", Inputs: []string{"x", "scale", "zero"}, Outputs: []string{"y"}}},
			inits:   []*onnx.Tensor{scalarOf("scale", 0.125), {Name: "zero", DType: onnx.Int8, Data: []byte{5}}},
			outputs: []*onnx.Value{out("y", onnx.Int8, -1, 3)}, kind: Logits, want: same, clean: true, words: []string{"int8 (q − 5)·0.125"}},
		{name: "uint8 softmax", nodes: []*onnx.Node{node("Softmax", "p", "x", axis1), binaryNode("Mul", "big", "p", "most"), node("Round", "whole", "big"), cast(onnx.Uint8, "y", "whole")}, inits: []*onnx.Tensor{scalarOf("most", 255)},
			outputs: []*onnx.Value{out("y", onnx.Uint8, -1, 3)}, kind: Probabilities, exact: true, words: []string{"sums to 25", "shares of that"},
			loose: 0.02, want: func(z []float32) []float32 {
				p := softmaxOf(z)
				sum := 0.0
				for j := range p {
					p[j] = float32(math.RoundToEven(float64(p[j]) * 255))
					sum += float64(p[j])
				}
				for j := range p {
					p[j] = float32(math.Log(max(1e-7, float64(p[j])/255)))
				}
				return p
			}},
		{name: "percentages", nodes: []*onnx.Node{node("Softmax", "p", "x", axis1), binaryNode("Mul", "y", "p", "hundred")}, inits: []*onnx.Tensor{scalarOf("hundred", 100)},
			outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)}, kind: Probabilities, want: same, clean: true, words: []string{"sums to 100"}},
		{name: "softmax through int8", nodes: []*onnx.Node{node("Softmax", "p", "x", axis1),
			{OpType: "QuantizeLinear", Inputs: []string{"p", "scale", "zero"}, Outputs: []string{"q"}}, {OpType: "DequantizeLinear", Inputs: []string{"q", "scale", "zero"}, Outputs: []string{"y"}}},
			inits: []*onnx.Tensor{scalarOf("scale", 1.0/64), {Name: "zero", DType: onnx.Uint8, Data: []byte{0}}}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)},
			kind: Probabilities, exact: true, want: func(z []float32) []float32 {
				p := softmaxOf(z)
				for j := range p {
					p[j] = float32(math.Log(max(1e-7, math.RoundToEven(float64(p[j])*64)/64)))
				}
				return p
			}},
		// Kinds.
		{name: "a sigmoid a class", nodes: []*onnx.Node{node("Sigmoid", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)}, kind: Sigmoids, want: same, exact: true, words: []string{"warning", "a probability for each class on its own"}},
		{name: "logits within 0 to 1", nodes: []*onnx.Node{binaryNode("Div", "small", "x", "sixteen"), binaryNode("Add", "y", "small", "half")}, inits: []*onnx.Tensor{scalarOf("sixteen", 16), scalarOf("half", 0.5)},
			outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)}, kind: Logits, want: func(z []float32) []float32 { return []float32{z[0] / 16, z[1] / 16, z[2] / 16} }, words: []string{"warning", "--teacher-kind sigmoids"}},
		{name: "hard labels", nodes: argmax(0), outputs: []*onnx.Value{out("label", onnx.Int64, -1)}, kind: Labels, exact: true, want: oneHot(0.1), clean: true, words: []string{"a probability of 0.9"}},
		{name: "hard labels in a column", nodes: argmax(1), outputs: []*onnx.Value{out("label", onnx.Int64, -1, 1)}, o: Options{Smoothing: 0.25}, kind: Labels, exact: true, want: oneHot(0.25), clean: true},
		{name: "hard labels as floats", nodes: append(argmax(1), cast(onnx.Float32, "y", "label")), outputs: []*onnx.Value{out("y", onnx.Float32, -1, 1)}, kind: Labels, exact: true, want: oneHot(0.1), clean: true},
		{name: "texts", nodes: append(argmax(0), encode("c", "a", "b")), outputs: []*onnx.Value{out("text", onnx.String, -1)}, kind: Labels, exact: true,
			rows: func(m *memory) { relabel(m, 2, 0, 1) }, want: func(z []float32) []float32 { return oneHot(0.1)([]float32{z[1], z[2], z[0]}) }, clean: true},
		{name: "texts of rows without labels", nodes: append(argmax(0), encode("c", "a", "b")), outputs: []*onnx.Value{out("text", onnx.String, -1)}, kind: Labels, exact: true,
			rows: unlabel, o: Options{Input: "raw"}, want: func(z []float32) []float32 { return oneHot(0.1)([]float32{z[1], z[2], z[0]}) }, words: []string{`3 texts that it gave: "a", "b", "c"`}},
		{name: "a classifier of texts", nodes: []*onnx.Node{linearClassifier("c", "a", "b")}, outputs: []*onnx.Value{out("label", onnx.String, -1), out("p", onnx.Float32, -1, 3)}, output: "p", kind: Probabilities,
			rows: func(m *memory) { relabel(m, 2, 0, 1) }, want: func(z []float32) []float32 { return []float32{z[1], z[2], z[0]} }, clean: true, words: []string{"classlabels_strings of the LinearClassifier"}},
		// Two classes.
		{name: "one logit", c: 2, nodes: margin(), inits: marginWeights(), outputs: []*onnx.Value{out("y", onnx.Float32, -1, 1)}, kind: Logits, exact: true, want: func(z []float32) []float32 { return []float32{0, z[1] - z[0]} }, clean: true, words: []string{"task: binary"}},
		{name: "one sigmoid, rank 1", c: 2, nodes: append(margin(), node("Sigmoid", "p", "y"), binaryNode("Reshape", "flat", "p", "shape")), inits: append(marginWeights(), shape(-1)), outputs: []*onnx.Value{out("flat", onnx.Float32, -1)},
			kind: Probabilities, want: same, clean: true},
		{name: "one sigmoid of the other class", c: 2, nodes: append(margin(), node("Sigmoid", "p", "y")), inits: marginWeights(), outputs: []*onnx.Value{out("p", onnx.Float32, -1, 1)},
			meta: []onnx.Entry{{Key: "labels", Value: `["b", "a"]`}}, rows: func(m *memory) { relabel(m, 1, 0) }, kind: Probabilities, want: func(z []float32) []float32 { return []float32{z[1], z[0]} }, clean: true},
		{name: "one sigmoid without rows' labels", c: 2, rows: unlabel, o: Options{Input: "raw"}, nodes: append(margin(), node("Sigmoid", "p", "y")), inits: marginWeights(), outputs: []*onnx.Value{out("p", onnx.Float32, -1, 1)},
			kind: Probabilities, want: same, words: []string{"task: binary, the output is one sigmoid"}},
		// Several outputs.
		{name: "auxiliary heads", nodes: []*onnx.Node{node("Neg", "aux_1", "x"), node("Identity", "main", "x")}, outputs: []*onnx.Value{out("aux_1", onnx.Float32, -1, 3), out("main", onnx.Float32, -1, 3)},
			output: "main", kind: Logits, want: same, clean: true, words: []string{"not called auxiliary"}},
		{name: "a head called output", nodes: []*onnx.Node{node("Neg", "other", "x"), node("Identity", "output", "x")}, outputs: []*onnx.Value{out("other", onnx.Float32, -1, 3), out("output", onnx.Float32, -1, 3)},
			output: "output", kind: Logits, want: same, clean: true},
		{name: "two heads", nodes: []*onnx.Node{node("Neg", "m", "x"), node("Identity", "n", "x")}, outputs: []*onnx.Value{out("m", onnx.Float32, -1, 3), out("n", onnx.Float32, -1, 3)},
			faulty: fault.Input, words: []string{"2 of them give scores", "--teacher-output", `"m" float32 (N, 3)`}},
		// Other tasks.
		{name: "multi-label sigmoids", rows: multi, nodes: []*onnx.Node{node("Sigmoid", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)}, task: dataset.MultiLabel, kind: Sigmoids, exact: true, want: same, clean: true},
		{name: "multi-label logits", rows: multi, nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)}, task: dataset.MultiLabel, kind: Logits, exact: true, want: same, clean: true},
		{name: "multi-label 0 and 1", rows: multi, nodes: []*onnx.Node{binaryNode("Greater", "on", "x", "nought"), cast(onnx.Int64, "y", "on")}, inits: []*onnx.Tensor{scalarOf("nought", 0)}, outputs: []*onnx.Value{out("y", onnx.Int64, -1, 3)},
			task: dataset.MultiLabel, kind: Labels, exact: true, clean: true, want: func(z []float32) []float32 {
				w := make([]float32, 3)
				for j, v := range z {
					w[j] = float32(math.Log(9)) * map[bool]float32{true: 1, false: -1}[v > 0]
				}
				return w
			}},
		{name: "sigmoids of rows without labels", rows: unlabel, o: Options{Input: "raw"}, nodes: []*onnx.Node{node("Sigmoid", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)},
			task: dataset.MultiLabel, kind: Sigmoids, exact: true, want: same, words: []string{"task: multi-label, the output is several sigmoids"}},
		{name: "regression", rows: regress, nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)}, task: dataset.Regression, kind: Values, exact: true, want: same, clean: true, words: []string{"R² 1.000"}},
		{name: "regression of one number", rows: unlabel, o: Options{Input: "raw"}, nodes: []*onnx.Node{node("ReduceSum", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 1)},
			task: dataset.Regression, kind: Values, exact: true, want: func(z []float32) []float32 { return []float32{z[0] + z[1] + z[2]} }, words: []string{"the output is one number a row, and no sigmoid"}},
		{name: "too many values", rows: func(m *memory) { regress(m); m.spec.Targets = m.spec.Targets[:1]; m.v = m.v[:len(m.y)] }, nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)},
			faulty: fault.Input, words: []string{"gives 3 values a row, the rows have 1 to predict"}},
		// Values inside the graph.
		{name: "before the softmax", o: Options{Output: "inner"}, nodes: []*onnx.Node{binaryNode("Mul", "inner", "x", "eight"), node("Softmax", "y", "inner", axis1)}, inits: []*onnx.Tensor{scalarOf("eight", 8)}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)},
			output: "inner", kind: Logits, want: func(z []float32) []float32 { return []float32{8 * z[0], 8 * z[1], 8 * z[2]} }, clean: true, words: []string{"a value inside the graph"}},
		{name: "a feature map", o: Options{Output: "map", Task: "regression"}, nodes: []*onnx.Node{binaryNode("Reshape", "four", "x", "shape"), {OpType: "Concat", Inputs: []string{"four", "four"}, Outputs: []string{"map"}, Attrs: []*onnx.Attr{onnx.IntAttr("axis", 3)}}, node("Flatten", "y", "map")},
			inits: []*onnx.Tensor{shape(0, 3, 1, 1)}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 6)}, output: "map", task: dataset.Regression, kind: Values, exact: true,
			want: func(z []float32) []float32 { return []float32{z[0], z[0], z[1], z[1], z[2], z[2]} }, words: []string{"values: 6 a row"}},
		{name: "a feature map by mistake", o: Options{Output: "map"}, nodes: []*onnx.Node{binaryNode("Reshape", "four", "x", "shape"), {OpType: "Concat", Inputs: []string{"four", "four"}, Outputs: []string{"map"}, Attrs: []*onnx.Attr{onnx.IntAttr("axis", 3)}}, node("Flatten", "y", "map")},
			inits: []*onnx.Tensor{shape(0, 3, 1, 1)}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 6)}, faulty: fault.Input, words: []string{"output map", "--teacher-task regression takes all its values"}},
		{name: "no such value", o: Options{Output: "nowhere"}, nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)}, faulty: fault.Usage, words: []string{"output nowhere", "kdonnx inspect --values"}},
		// Names of classes.
		{name: "names in another order", meta: []onnx.Entry{{Key: "names", Value: "{0: 'C', 1: 'A', 2: 'B'}"}}, rows: func(m *memory) { relabel(m, 2, 0, 1) }, nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)},
			kind: Logits, want: func(z []float32) []float32 { return []float32{z[1], z[2], z[0]} }, clean: true, words: []string{"put in the order of the rows'", `the metadata "names"`, "but for case"}},
		{name: "a subset by names", c: 5, meta: []onnx.Entry{{Key: "id2label", Value: `{"0": "x", "1": "c", "2": "b", "3": "y", "4": "a"}`}}, rows: func(m *memory) { relabel(m, -1, 2, 1, -1, 0); m.spec.Classes = abc }, nodes: []*onnx.Node{node("Softmax", "y", "x", axis1)},
			outputs: []*onnx.Value{out("y", onnx.Float32, -1, 5)}, kind: Probabilities, want: func(z []float32) []float32 { return []float32{z[4], z[2], z[1]} }, clean: true, words: []string{"3 of the teacher's 5", "the others are left out"}},
		{name: "a class map that merges", c: 5, o: Options{ClassMap: mustMap("0=a,1=b,2=b,4=c")}, rows: func(m *memory) { relabel(m, 0, 1, 1, -1, 2); m.spec.Classes = abc }, nodes: []*onnx.Node{node("Softmax", "y", "x", axis1)},
			outputs: []*onnx.Value{out("y", onnx.Float32, -1, 5)}, kind: Probabilities, clean: true, words: []string{"some of them joined, 1 left out"},
			want: func(z []float32) []float32 {
				return []float32{z[0], float32(math.Log(math.Exp(float64(z[1])) + math.Exp(float64(z[2])))), z[4]}
			}},
		{name: "other names in the same order", meta: []onnx.Entry{{Key: "classes", Value: "eins\nzwei\ndrei"}}, nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)},
			kind: Logits, want: same, words: []string{"warning", `"eins", "zwei", "drei"`, `"a", "b", "c"`}},
		{name: "some of the names elsewhere", meta: []onnx.Entry{{Key: "classes", Value: "c\nd\nb"}}, nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)},
			faulty: fault.Input, words: []string{`"c", "d", "b"`, `"a", "b", "c"`, "--class-map"}},
		{name: "one against one", c: 10, rows: func(m *memory) {
			relabel(m, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4)
			m.spec.Classes = []string{"a", "b", "c", "d", "e"}
		}, nodes: []*onnx.Node{node("Identity", "y", "x")},
			outputs: []*onnx.Value{out("y", onnx.Float32, -1, 10)}, faulty: fault.Input, words: []string{"one for each pair of the rows' 5 classes"}},
		{name: "classes mixed up", rows: func(m *memory) { relabel(m, 2, 0, 1) }, nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)},
			kind: Logits, want: same, words: []string{"warning", "look mixed up", `--class-map "0=c,1=a,2=b"`}},
		{name: "a class map that mends it", o: Options{ClassMap: mustMap("0=c,1=a,2=b")}, rows: func(m *memory) { relabel(m, 2, 0, 1) }, nodes: []*onnx.Node{node("Identity", "y", "x")}, outputs: []*onnx.Value{out("y", onnx.Float32, -1, 3)},
			kind: Logits, want: func(z []float32) []float32 { return swap(swap(z)) }, clean: true},
	}
}

func mustMap(s string) []ClassPair {
	pairs, err := ParseClassMap(s)
	if err != nil {
		panic(err)
	}
	return pairs
}

// relabel makes label i label to[i].
func relabel(m *memory, to ...int32) {
	for i, y := range m.y {
		m.y[i] = to[y]
	}
}

// margin is y = x[1] − x[0].
func margin() []*onnx.Node { return []*onnx.Node{binaryNode("MatMul", "y", "x", "w")} }

func marginWeights() []*onnx.Tensor {
	return []*onnx.Tensor{onnx.FloatTensor("w", []int64{2, 1}, []float32{-1, 1})}
}

// linearClassifier gives a text and the softmax of x.
func linearClassifier(labels ...string) *onnx.Node {
	return &onnx.Node{OpType: "LinearClassifier", Domain: "ai.onnx.ml", Inputs: []string{"x"}, Outputs: []string{"label", "p"}, Attrs: []*onnx.Attr{
		{Name: "coefficients", Type: onnx.AttrFloats, Floats: []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}}, {Name: "intercepts", Type: onnx.AttrFloats, Floats: []float32{0, 0, 0}},
		stringsAttr("classlabels_strings", labels...), onnx.StringAttr("post_transform", "SOFTMAX"),
	}}
}

// model is the ONNX model of a.
func (a awkward) model() *onnx.Model {
	batch := free
	if a.batch > 0 {
		batch = onnx.Dim{Value: a.batch}
	}
	nodes := a.nodes
	for _, n := range nodes { // what only some of the models take
		if slices.Contains(n.Inputs, "wide") {
			nodes = append([]*onnx.Node{{OpType: "Unsqueeze", Inputs: []string{"x", "axes"}, Outputs: []string{"wide"}}}, nodes...)
			a.inits = append(a.inits, onnx.Int64Tensor("axes", []int64{2}, []int64{2, 3}))
			break
		}
	}
	return &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}, {Domain: "ai.onnx.ml", Version: 2}}, Metadata: a.meta, Graph: &onnx.Graph{
		Name: "awkward", Nodes: nodes, Initializers: a.inits, Outputs: a.outputs,
		Inputs: []*onnx.Value{{Name: "x", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{batch, {Value: int64(a.c)}}}},
	}}
}

// TestAwkwardOutputs runs every awkward model in ONNX Runtime and compares the
// targets with figures worked out here.
func TestAwkwardOutputs(t *testing.T) {
	needLibrary(t)
	ctx := context.Background()
	for _, a := range awkwardModels() {
		t.Run(a.name, func(t *testing.T) {
			if a.c == 0 {
				a.c = 3
			}
			src := zRows(96, a.c, []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}[:a.c]...)
			if a.rows != nil {
				a.rows(src)
			}
			a.o.InProcess = true
			x, err := Open(ctx, writeModel(t, a.model()), a.o)
			var c *Contract
			if err == nil {
				defer x.Close()
				c, err = x.Detect(ctx, src)
			}
			if a.faulty != 0 {
				faulttest.Want(t, err, a.faulty, a.words...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.output != "" && c.Output != a.output || c.Task != a.task || c.Kind != a.kind || a.clean && len(c.Warnings) > 0 {
				t.Fatalf("got\n%v", c)
			}
			says(t, c, append(a.words, "")...)
			if c.Accuracy != nil && a.clean && *c.Accuracy < 0.99 {
				t.Errorf("accuracy %v\n%v", *c.Accuracy, c)
			}
			got := make([]float32, len(src.y)*c.Classes)
			if err := x.Logits(ctx, batchOf(src.x, len(src.y)), got); err != nil {
				t.Fatal(err)
			}
			for r := range src.y {
				want := a.want(src.x[r*a.c : (r+1)*a.c])
				if err := equalTargets(got[r*c.Classes:(r+1)*c.Classes], want, a.exact, a.loose); err != nil {
					t.Fatalf("row %d: %v\n%v", r, err, c)
				}
			}
		})
	}
}

// equalTargets compares targets, up to a constant unless exact.
func equalTargets(got, want []float32, exact bool, loose float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("got %v, expected %v", got, want)
	}
	if loose == 0 {
		loose = 2e-3
	}
	off := 0.0
	if !exact {
		off = float64(got[0]) - float64(want[0])
	}
	for j := range want {
		if d := math.Abs(float64(got[j]) - off - float64(want[j])); !(d <= loose*(1+math.Abs(float64(want[j])))) {
			return fmt.Errorf("got %v, expected %v", got, want)
		}
	}
	return nil
}
