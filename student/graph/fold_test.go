package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// TestInteger checks the arithmetic of c + n·N against numbers, for batches of
// 1 to 7, and that what depends on the batch otherwise is refused.
func TestInteger(t *testing.T) {
	ops := map[string]struct {
		symbolic intBinary
		plain    func(a, b int64) int64
	}{
		"add":   {integer.add, func(a, b int64) int64 { return a + b }},
		"sub":   {integer.sub, func(a, b int64) int64 { return a - b }},
		"mul":   {integer.mul, func(a, b int64) int64 { return a * b }},
		"div":   {integer.div, func(a, b int64) int64 { return a / b }},
		"mod":   {func(a, b integer) (integer, error) { return a.mod(b, false) }, func(a, b int64) int64 { return ((a % b) + b) % b }},
		"fmod":  {func(a, b integer) (integer, error) { return a.mod(b, true) }, func(a, b int64) int64 { return a % b }},
		"equal": {equal, func(a, b int64) int64 { return truth(a == b) }},
		"less":  {intBinaries["Less"], func(a, b int64) int64 { return truth(a < b) }},
		"max":   {intBinaries["Max"], func(a, b int64) int64 { return max(a, b) }},
	}
	at := func(a integer, n int64) int64 { return a.c + a.n*n }
	const far = 5
	for name, op := range ops {
		answers := 0
		for _, a := range grid(far) {
			for _, b := range grid(far) {
				got, err := op.symbolic(a, b)
				if err != nil {
					if a.n == 0 && b.n == 0 && (b.c != 0 || name == "add" || name == "mul") {
						t.Errorf("%s of numbers %v and %v: %v", name, a, b, err)
					}
					continue
				}
				answers++
				for n := int64(1); n < 8; n++ {
					if b := at(b, n); b == 0 && (name == "div" || strings.HasSuffix(name, "mod")) {
						t.Errorf("%s: %v by %v is answered, which is 0 at %d", name, a, b, n)
					} else if want := op.plain(at(a, n), b); at(got, n) != want {
						t.Fatalf("%s of %v and %v is %v, at batch %d want %d", name, a, b, got, n, want)
					}
				}
			}
		}
		if answers < 100 {
			t.Errorf("%s: only %d answers", name, answers)
		}
	}
	for _, big := range []integer{number(1 << 62), number(-1 << 63), {n: 1 << 62}} {
		if v, err := big.mul(number(4)); err == nil {
			t.Errorf("%v·4 is %v", big, v)
		}
	}
	if v, err := number(-1 << 63).div(number(-1)); err == nil {
		t.Errorf("−2⁶³ by −1 is %v", v)
	}
	if v, err := number(1<<63 - 1).add(number(1)); err == nil {
		t.Errorf("2⁶³−1+1 is %v", v)
	}
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// grid lists c + n·N for c and n from −k to k.
func grid(k int64) []integer {
	var out []integer
	for c := -k; c <= k; c++ {
		for n := -k; n <= k; n++ {
			out = append(out, integer{c, n})
		}
	}
	return out
}

// importOne imports nodes that end in a Reshape of x (N, 2, 6) to shape, with
// initializers of int64.
func importOne(nodes []*onnx.Node, inits map[string][]int64) (*Graph, error) {
	var tensors []*onnx.Tensor
	for name, v := range inits {
		tensors = append(tensors, onnx.Int64Tensor(name, []int64{int64(len(v))}, v))
	}
	slices.SortFunc(tensors, func(a, b *onnx.Tensor) int { return strings.Compare(a.Name, b.Name) })
	return Import(model(dynamic, []int64{2, 6}, tensors, append(nodes, node("Reshape", "x shape", "y"))...), "m.onnx")
}

// TestShapeArithmetic folds each op of shape arithmetic into the shape of a
// Reshape of (N, 2, 6).
func TestShapeArithmetic(t *testing.T) {
	value := func(dims []int64, v ...int64) *onnx.Attr {
		return onnx.TensorAttr("value", onnx.Int64Tensor("", dims, v))
	}
	for name, c := range map[string]struct {
		nodes []*onnx.Node
		inits map[string][]int64
		want  string
	}{
		"size":     {[]*onnx.Node{node("Size", "x", "s"), node("Div", "s six", "q"), node("Concat", "q six", "shape", onnx.IntAttr("axis", 0))}, map[string][]int64{"six": {6}}, "(2N, 6)"},
		"multiply": {[]*onnx.Node{node("Shape", "x", "s"), node("Mul", "s f", "shape")}, map[string][]int64{"f": {2, 3, 1}}, ""},
		"range":    {[]*onnx.Node{node("Constant", "", "a", value(nil, 2)), node("Constant", "", "b", value(nil, 7)), node("Constant", "", "d", value(nil, 4)), node("Range", "a b d", "r"), node("Concat", "minus r", "shape", onnx.IntAttr("axis", 0))}, map[string][]int64{"minus": {-1}}, "(N, 2, 6)"},
		"reduce":   {[]*onnx.Node{node("Shape", "x", "s"), node("ReduceProd", "s", "p", onnx.IntAttr("keepdims", 1)), node("Mod", "two five", "m"), node("Div", "p m", "q"), node("Concat", "q m", "shape", onnx.IntAttr("axis", 0))}, map[string][]int64{"two": {2}, "five": {5}}, "(6N, 2)"},
		"where":    {[]*onnx.Node{node("Shape", "x", "s"), node("Equal", "s k", "e"), node("Not", "e", "n"), node("Where", "n s r", "shape")}, map[string][]int64{"k": {0, 2, 6}, "r": {9, 4, 3}}, "(N, 4, 3)"},
		"fill":     {[]*onnx.Node{node("ConstantOfShape", "one", "f", value([]int64{1}, 12)), node("Concat", "minus f", "shape", onnx.IntAttr("axis", 0))}, map[string][]int64{"one": {1}, "minus": {-1}}, "(N, 12)"},
		"cast":     {[]*onnx.Node{node("Shape", "x", "s", onnx.IntAttr("start", 1)), node("Cast", "s", "f", onnx.IntAttr("to", 1)), node("Constant", "", "h", onnx.FloatAttr("value_float", 0.5)), node("Mul", "f h", "g"), node("Cast", "g", "i", onnx.IntAttr("to", 7)), node("Concat", "minus i four", "shape", onnx.IntAttr("axis", 0))}, map[string][]int64{"minus": {-1}, "four": {4}}, "(N, 1, 3, 4)"},
		"split":    {[]*onnx.Node{node("Shape", "x", "s"), node("Split", "s", "a b c", onnx.IntAttr("axis", 0)), node("Mul", "b c", "bc"), node("Concat", "a bc", "shape", onnx.IntAttr("axis", 0))}, nil, "(N, 12)"},
	} {
		g, err := importOne(c.nodes, c.inits)
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "cannot reshape (N, 2, 6) to [2N 6 6]") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := g.Outputs[0].Shape.String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		m := g.Model().Graph
		if len(m.Nodes) != 1 || len(m.Initializers) != 1 || len(g.Nodes) != 1 {
			t.Errorf("%s: %d nodes and %d initializers are left", name, len(m.Nodes), len(m.Initializers))
		}
	}
}

// TestShapeErrors expects errors that name node and reason.
func TestShapeErrors(t *testing.T) {
	for name, c := range map[string]struct {
		nodes []*onnx.Node
		inits map[string][]int64
		want  []string
	}{
		"square of the batch": {[]*onnx.Node{node("Shape", "x", "s"), node("Mul", "s s", "shape")}, nil, []string{`"shape" (Mul)`, "square of the batch"}},
		"half a batch":        {[]*onnx.Node{node("Shape", "x", "s"), node("Div", "s d", "shape")}, map[string][]int64{"d": {2, 1, 1}}, []string{"(Div)", "(N)/(2)"}},
		"division by 0":       {[]*onnx.Node{node("Shape", "x", "s"), node("Div", "s d", "shape")}, map[string][]int64{"d": {0}}, []string{"(Div)", "divided by 0"}},
		"unknown comparison":  {[]*onnx.Node{node("Shape", "x", "s"), node("Equal", "s d", "shape")}, map[string][]int64{"d": {4}}, []string{"(Equal)", "depends on the batch"}},
		"range of the batch":  {[]*onnx.Node{node("Shape", "x", "s"), node("Gather", "s z", "n"), node("Range", "z n one", "shape")}, map[string][]int64{"z": {0}, "one": {1}}, []string{"(Range)", "N, expected a number"}},
		"computed":            {[]*onnx.Node{node("Equal", "x x", "shape")}, nil, []string{"(Equal)", `"x" is computed`}},
		"large":               {[]*onnx.Node{node("ConstantOfShape", "d", "shape")}, map[string][]int64{"d": {1 << 15, 1 << 15}}, []string{"(ConstantOfShape)", "at most"}},
		"huge":                {[]*onnx.Node{node("ConstantOfShape", "d", "shape")}, map[string][]int64{"d": {1 << 40, 1 << 40}}, []string{"(ConstantOfShape)", "expected at most"}},
		"overflow":            {[]*onnx.Node{node("Mul", "d d", "shape")}, map[string][]int64{"d": {1 << 62}}, []string{"(Mul)", "overflows"}},
		"float arithmetic":    {[]*onnx.Node{node("Sqrt2", "d", "shape")}, map[string][]int64{"d": {1}}, []string{"Sqrt2", "not supported"}},
	} {
		_, err := importOne(c.nodes, c.inits)
		for _, part := range append(c.want, "m.onnx") {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not say %q", name, err, part)
			}
		}
	}
}

// TestShapeOpErrors gives the shape ops what they cannot do.
func TestShapeOpErrors(t *testing.T) {
	ints := func(name string, v ...int64) *onnx.Tensor { return onnx.Int64Tensor(name, []int64{int64(len(v))}, v) }
	for name, c := range map[string]struct {
		node  *onnx.Node
		inits []*onnx.Tensor
		want  string
	}{
		"slice of the batch":   {node("Slice", "x a b", "y"), []*onnx.Tensor{ints("a", 1), ints("b", 3)}, "the batch"},
		"empty slice":          {node("Slice", "x a b c", "y"), []*onnx.Tensor{ints("a", 3), ints("b", 3), ints("c", 1)}, "nothing"},
		"step 0":               {node("Slice", "x a b c d", "y"), []*onnx.Tensor{ints("a", 0), ints("b", 3), ints("c", 1), ints("d", 0)}, "step of 0"},
		"gather out of range":  {node("Gather", "x a", "y", onnx.IntAttr("axis", 1)), []*onnx.Tensor{ints("a", 4)}, "index is 4, expected -4 to 3"},
		"gather of the batch":  {node("Gather", "x a", "y"), []*onnx.Tensor{ints("a", 0)}, "the batch"},
		"gather by floats":     {node("Gather", "x x", "y", onnx.IntAttr("axis", 1)), nil, "expected int64"},
		"split of the batch":   {node("Split", "x", "y z"), nil, "the batch"},
		"uneven split":         {node("Split", "x", "y z w", onnx.IntAttr("axis", 1)), nil, "no multiple"},
		"split sizes":          {node("Split", "x a", "y z", onnx.IntAttr("axis", 1)), []*onnx.Tensor{ints("a", 1, 2)}, "into [1 2]"},
		"pad of the batch":     {node("Pad", "x a", "y"), []*onnx.Tensor{ints("a", 1, 0, 0, 0)}, "the batch"},
		"wide reflection":      {node("Pad", "x a", "y", onnx.StringAttr("mode", "reflect")), []*onnx.Tensor{ints("a", 0, 4, 0, 0)}, "less than the axis"},
		"pad mode":             {node("Pad", "x a", "y", onnx.StringAttr("mode", "mirror")), []*onnx.Tensor{ints("a", 0, 1, 0, 0)}, `"mirror"`},
		"squeeze of 4":         {node("Squeeze", "x a", "y"), []*onnx.Tensor{ints("a", 1)}, "is not 1"},
		"squeeze of the batch": {node("Squeeze", "x a", "y"), []*onnx.Tensor{ints("a", 0)}, "the batch"},
		"axis twice":           {node("Unsqueeze", "x a", "y"), []*onnx.Tensor{ints("a", 1, -3)}, "twice"},
		"old form":             {node("Unsqueeze", "x", "y", onnx.IntsAttr("axes", 1)), nil, "since opset 13"},
		"expand to other":      {node("Expand", "x a", "y"), []*onnx.Tensor{ints("a", 1, 3)}, "do not broadcast"},
		"tile of the batch":    {node("Tile", "x a", "y"), []*onnx.Tensor{ints("a", 2, 1)}, "the batch"},
		"huge tile":            {node("Tile", "x a", "y"), []*onnx.Tensor{ints("a", 1, 1<<62)}, "overflows"},
		"blocks":               {node("DepthToSpace", "x", "y", onnx.IntAttr("blocksize", 2)), nil, "(N, C, H, W)"},
	} {
		_, err := Import(model(dynamic, []int64{4}, c.inits, c.node), "m.onnx")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.node.OpType) {
			t.Errorf("%s: %v does not say %q and %s", name, err, c.want, c.node.OpType)
		}
	}
}

// TestFloatConstants folds arithmetic of constants and keeps a trained
// initializer that passes through nodes.
func TestFloatConstants(t *testing.T) {
	scalar := func(v float32) *onnx.Attr {
		return onnx.TensorAttr("value", onnx.FloatTensor("", []int64{}, []float32{v}))
	}
	m := model(dynamic, []int64{2}, []*onnx.Tensor{onnx.FloatTensor("w", []int64{2, 2}, []float32{1, 2, 3, 4}), onnx.FloatTensor("k", []int64{1, 2}, []float32{10, 20})},
		node("Constant", "", "a", scalar(3)), node("Constant", "", "b", scalar(4)), node("Div", "a b", "q"),
		node("Identity", "k", "k1"), node("Transpose", "k1", "kt"), node("Mul", "kt q", "kq"),
		node("Identity", "w", "w1"), node("Transpose", "w1", "wt"), node("MatMul", "x wt", "h"),
		node("MatMul", "h kq", "y"))
	m.Metadata = []onnx.Entry{{Key: FrozenKey, Value: "k"}}
	g, err := Import(m, "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, n := range g.Nodes {
		left = append(left, n.Op.Type)
	}
	if want := []string{"Identity", "Transpose", "MatMul", "MatMul"}; !slices.Equal(left, want) {
		t.Errorf("nodes are %q, want %q", left, want)
	}
	if len(g.Params) != 2 || g.Params[0].Name != "w" || g.Params[0].Role != Trained || g.Params[1].Name != "kq" || g.Params[1].Role != Frozen {
		t.Errorf("parameters are %+v", g.Params)
	}
	again, err := Import(g.Model(), "again.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if got := again.trainedNames(); got != "w" {
		t.Errorf("after a round trip %s train, want w", got)
	}
	p, err := again.NewPlan(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Forward([]float32{1, 2}) // x·wᵀ = (5, 11), times (7.5, 15)ᵀ
	if got := p.Output(0)[0]; got != 202.5 {
		t.Errorf("y is %g, want 202.5", got)
	}
}

// TestTied has one initializer in two layers, directly and through Transpose.
func TestTied(t *testing.T) {
	m := model(dynamic, []int64{2}, []*onnx.Tensor{onnx.FloatTensor("w", []int64{2, 2}, []float32{1, 2, 3, 4})},
		node("MatMul", "x w", "h"), node("Transpose", "w", "wt"), node("MatMul", "h wt", "y"))
	_, p, grads := training(t, m, 1)
	p.Forward([]float32{1, 1})
	copy(p.OutputGrad(0), []float32{1, 10})
	p.Backward()
	// y = x·w·wᵀ: dw = xᵀ·(dy·w) + dyᵀ·(x·w), with dy·w = (31, 42) and x·w = (4, 6)
	if want := []float32{31 + 4, 42 + 6, 31 + 40, 42 + 60}; len(grads) != 1 || !slices.Equal(grads[0], want) {
		t.Errorf("dw is %v, want %v", grads, want)
	}
}

// TestScalars freezes initializers of rank 0, but for one in the slot of a
// weight, and Constant nodes, but for weights.
func TestScalars(t *testing.T) {
	m := model(dynamic, []int64{2, 2}, []*onnx.Tensor{floats("eps"), floats("w", 2, 2), floats("scale", 1)},
		node("Add", "x eps", "a"), node("MatMul", "a w", "b"), node("Mul", "b scale", "y"))
	g, err := Import(m, "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if got := g.trainedNames(); got != "w, scale" {
		t.Errorf("%s train, want w and scale", got)
	}
}
