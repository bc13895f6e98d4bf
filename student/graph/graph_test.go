package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func node(op, in, out string, attrs ...*onnx.Attr) *onnx.Node {
	n := &onnx.Node{OpType: op, Outputs: strings.Fields(out), Attrs: attrs}
	for _, name := range strings.Fields(in) {
		n.Inputs = append(n.Inputs, strings.TrimPrefix(name, "-"))
	}
	return n
}

func floats(name string, dims ...int64) *onnx.Tensor {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i%5) - 1.5
	}
	return onnx.FloatTensor(name, dims, v)
}

// model has one input x of the given row shape, first axis batch.
func model(batch onnx.Dim, row []int64, inits []*onnx.Tensor, nodes ...*onnx.Node) *onnx.Model {
	x := &onnx.Value{Name: "x", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{batch}}
	for _, d := range row {
		x.Shape = append(x.Shape, onnx.Dim{Value: d})
	}
	return &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 17}}, Graph: &onnx.Graph{
		Name: "g", Nodes: nodes, Initializers: inits,
		Inputs:  []*onnx.Value{x},
		Outputs: []*onnx.Value{{Name: "y", DType: onnx.Float32}},
	}}
}

var dynamic = onnx.Dim{Param: "n"}

// training imports m and plans it for n rows.
func training(t *testing.T, m *onnx.Model, n int) (*Graph, *Plan, Gradients) {
	t.Helper()
	g, err := Import(m, "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	grads := g.NewGradients()
	p, err := g.NewPlan(n, grads)
	if err != nil {
		t.Fatal(err)
	}
	return g, p, grads
}

// TestPlace draws buffers at random and checks that none that live together
// overlap, and that memory is used again.
func TestPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var bufs []*buffer
		total := 0
		for range 1 + rng.IntN(30) {
			from := rng.IntN(20)
			b := &buffer{size: 1 + rng.IntN(100), from: from, to: from + rng.IntN(8)}
			bufs = append(bufs, b)
			total += (b.size + align - 1) / align * align
		}
		place(bufs)
		for i, a := range bufs {
			for _, b := range bufs[:i] {
				if a.from <= b.to && b.from <= a.to && a.at < b.at+b.size && b.at < a.at+a.size {
					t.Fatalf("%+v and %+v overlap", *a, *b)
				}
			}
		}
		if arenaSize(bufs) > total {
			t.Fatalf("arena of %d, buffers of %d", arenaSize(bufs), total)
		}
	}
	chain := []*buffer{{size: 64, from: 0, to: 1}, {size: 64, from: 1, to: 2}, {size: 64, from: 2, to: 3}, {size: 64, from: 3, to: 4}}
	place(chain)
	if got := arenaSize(chain); got != 128 {
		t.Errorf("a chain of four needs %d, want two buffers of 64", got)
	}
}

// TestRefuses gives models that are no students and expects errors that name
// op, node and cause.
func TestRefuses(t *testing.T) {
	w := floats("w", 4, 4)
	for name, c := range map[string]struct {
		m    *onnx.Model
		want []string
	}{
		"unknown op":       {model(dynamic, []int64{4}, nil, node("Einsum", "x", "y")), []string{`"y"`, "Einsum", "not supported", "teacher"}},
		"other domain":     {model(dynamic, []int64{4}, nil, &onnx.Node{Name: "n1", Domain: "com.acme", OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}), []string{"n1", "com.acme.Relu"}},
		"undefined input":  {model(dynamic, []int64{4}, nil, node("Add", "x z", "y")), []string{`"z"`, "neither"}},
		"cycle":            {model(dynamic, []int64{4}, nil, node("Add", "x b", "a"), node("Relu", "a", "b"), node("Relu", "b", "y")), []string{"cycle"}},
		"made twice":       {model(dynamic, []int64{4}, nil, node("Relu", "x", "y"), node("Relu", "x", "y")), []string{"produces", "too"}},
		"inner axis":       {model(dynamic, []int64{5}, []*onnx.Tensor{w}, node("MatMul", "x w", "y")), []string{"MatMul", "(N, 5)", "(4, 4)"}},
		"batch mixed":      {model(dynamic, []int64{4}, nil, node("Softmax", "x", "y", onnx.IntAttr("axis", 0))), []string{"Softmax", "batch"}},
		"torn batch":       {model(dynamic, []int64{4}, []*onnx.Tensor{onnx.Int64Tensor("s", []int64{2}, []int64{-1, 4})}, node("Transpose", "x", "t"), node("Reshape", "t s", "y")), []string{"Reshape", "(4, N) to (N, 4)", "mixes the rows"}},
		"two orders":       {model(dynamic, []int64{4}, []*onnx.Tensor{onnx.Int64Tensor("s", []int64{1}, []int64{-1})}, node("Transpose", "x", "t"), node("Reshape", "t s", "a"), node("Reshape", "x s", "b"), node("Add", "a b", "y")), []string{"Add", "different orders"}},
		"joined batch":     {model(dynamic, []int64{4}, nil, node("Concat", "x x", "y", onnx.IntAttr("axis", 0))), []string{"Concat", "batch"}},
		"no output":        {model(dynamic, []int64{4}, nil, node("Relu", "x", "z")), []string{`"y"`, "no node produces"}},
		"missing input":    {model(dynamic, []int64{4}, nil, node("Add", "x", "y")), []string{"input 1 is missing"}},
		"too many inputs":  {model(dynamic, []int64{4}, nil, node("Relu", "x x", "y")), []string{"at most 1"}},
		"unknown axis":     {model(dynamic, []int64{-1}, nil, node("Relu", "x", "y")), []string{`"x"`, "axis 1"}},
		"half weights":     {model(dynamic, []int64{4}, []*onnx.Tensor{{Name: "h", DType: onnx.Float16, Dims: []int64{1}, Data: []byte{0, 0}}}, node("Add", "x h", "y")), []string{`"h"`, "float16", "float32"}},
		"short weights":    {model(dynamic, []int64{4}, []*onnx.Tensor{{Name: "h", DType: onnx.Float32, Dims: []int64{2}, Data: []byte{0, 0}}}, node("Add", "x h", "y")), []string{`"h"`}},
		"huge weights":     {model(dynamic, []int64{4}, []*onnx.Tensor{{Name: "h", DType: onnx.Float32, Dims: []int64{1 << 31, 1 << 31, 1 << 31}}}, node("Add", "x h", "y")), []string{`"h"`}},
		"mask used":        {model(dynamic, []int64{4}, nil, node("Dropout", "x", "a m"), node("Add", "a m", "y")), []string{`"m"`, "Dropout", "does not give"}},
		"computed shape":   {model(dynamic, []int64{4}, nil, node("Reshape", "x x", "y")), []string{"Reshape", "integer constant"}},
		"bad reshape":      {model(dynamic, []int64{4}, []*onnx.Tensor{onnx.Int64Tensor("s", []int64{2}, []int64{-1, 3})}, node("Reshape", "x s", "y")), []string{"cannot reshape", "(N, 4)"}},
		"two rests":        {model(dynamic, []int64{4}, []*onnx.Tensor{onnx.Int64Tensor("s", []int64{2}, []int64{-1, -1})}, node("Reshape", "x s", "y")), []string{"cannot reshape"}},
		"window too large": {model(dynamic, []int64{1, 4, 4}, nil, node("MaxPool", "x", "y", onnx.IntsAttr("kernel_shape", 5, 5))), []string{"MaxPool", "does not fit"}},
		"stride 0":         {model(dynamic, []int64{1, 4, 4}, nil, node("MaxPool", "x", "y", onnx.IntsAttr("kernel_shape", 2, 2), onnx.IntsAttr("strides", 0, 1))), []string{"strides"}},
		"no kernel":        {model(dynamic, []int64{1, 4, 4}, nil, node("AveragePool", "x", "y")), []string{"kernel_shape"}},
		"group":            {model(dynamic, []int64{3, 4, 4}, []*onnx.Tensor{floats("k", 2, 1, 2, 2)}, node("Conv", "x k", "y", onnx.IntAttr("group", 2))), []string{"group 2"}},
		"huge border":      {model(dynamic, []int64{1, 1, 1}, []*onnx.Tensor{floats("k", 1, 1, 2, 2)}, node("Conv", "x k", "y", onnx.IntsAttr("pads", 1<<20, 1<<20, 1<<20, 1<<20), onnx.IntsAttr("strides", 1<<20, 1<<20))), []string{"Conv", "with its padding"}},
		"huge dilation":    {model(dynamic, []int64{1, 1, 1}, []*onnx.Tensor{floats("k", 99, 1, 2, 2)}, node("Conv", "x k", "y", onnx.IntsAttr("pads", 4096, 4096, 4096, 4096), onnx.IntsAttr("dilations", 8192, 8192))), []string{"Conv", "with its padding"}},
		"huge transpose":   {model(dynamic, []int64{1, 2, 2}, []*onnx.Tensor{floats("k", 1, 1, 1, 1)}, node("ConvTranspose", "x k", "y", onnx.IntsAttr("strides", 1<<20, 1<<20), onnx.IntsAttr("output_shape", 1, 1))), []string{"ConvTranspose", "with its padding"}},
		"many phases":      {model(dynamic, []int64{1, 1024, 1024}, []*onnx.Tensor{floats("k", 1, 1, 1, 1)}, node("Conv", "x k", "y", onnx.IntsAttr("strides", 1024, 1024))), []string{"strides are [1024 1024]", "combinations"}},
		"huge pooling":     {model(dynamic, []int64{1 << 23, 1, 1}, nil, node("AveragePool", "x", "y", onnx.IntsAttr("kernel_shape", 1<<20, 1<<20), onnx.IntsAttr("pads", 1<<19, 1<<19, 1<<19, 1<<19))), []string{"AveragePool", "positions"}},
		"3-D convolution":  {model(dynamic, []int64{3, 4, 4, 4}, []*onnx.Tensor{floats("k", 2, 3, 2, 2, 2)}, node("Conv", "x k", "y")), []string{"Conv", "(N, 3, 4, 4, 4)", "1-D and 2-D windows only"}},
		"3-D pooling":      {model(dynamic, []int64{3, 4, 4, 4}, nil, node("MaxPool", "x", "y", onnx.IntsAttr("kernel_shape", 2, 2, 2))), []string{"MaxPool", "1-D and 2-D windows only"}},
		"weight rank":      {model(dynamic, []int64{3, 4}, []*onnx.Tensor{floats("k", 2, 3, 2, 2)}, node("Conv", "x k", "y")), []string{"Conv", "(2, 3, 2, 2)", "(N, 3, 4)"}},
		"pads of 1-D":      {model(dynamic, []int64{3, 4}, nil, node("MaxPool", "x", "y", onnx.IntsAttr("kernel_shape", 2), onnx.IntsAttr("pads", 1))), []string{"pads is [1], expected 2 numbers"}},
		"all padded away":  {model(dynamic, []int64{3, 4}, []*onnx.Tensor{floats("k", 3, 2, 2)}, node("ConvTranspose", "x k", "y", onnx.IntsAttr("pads", 3, 2))), []string{"ConvTranspose", "leaves nothing of axis 2", "5"}},
		"output_padding":   {model(dynamic, []int64{3, 4}, []*onnx.Tensor{floats("k", 3, 2, 2)}, node("ConvTranspose", "x k", "y", onnx.IntsAttr("output_padding", -1))), []string{"output_padding is [-1]"}},
		"output_shape":     {model(dynamic, []int64{3, 4}, []*onnx.Tensor{floats("k", 3, 2, 2)}, node("ConvTranspose", "x k", "y", onnx.IntsAttr("output_shape", 6))), []string{"output_shape is [6]", "at most 5 on axis 2"}},
		"transposed group": {model(dynamic, []int64{3, 4}, []*onnx.Tensor{floats("k", 3, 2, 2)}, node("ConvTranspose", "x k", "y", onnx.IntAttr("group", 2))), []string{"group 2"}},
		"LayerNorm batch":  {model(dynamic, []int64{4}, []*onnx.Tensor{floats("s", 4)}, node("LayerNormalization", "x s", "y", onnx.IntAttr("axis", 0))), []string{"mixes the rows"}},
		"LayerNorm scale":  {model(dynamic, []int64{4}, []*onnx.Tensor{floats("s", 1)}, node("LayerNormalization", "x s", "y")), []string{"input 1 is (1), expected (4)"}},
		"scale by row":     {model(dynamic, []int64{4}, []*onnx.Tensor{floats("s", 4)}, node("LayerNormalization", "x x", "y")), []string{"input 1 is (N, 4), expected (4)"}},
		"RMS of opset 17":  {model(dynamic, []int64{4}, []*onnx.Tensor{floats("s", 4)}, node("RMSNormalization", "x s", "y")), []string{"opset 17", "opset 23"}},
		"GroupNorm opset":  {model(dynamic, []int64{4}, []*onnx.Tensor{floats("s", 4)}, node("GroupNormalization", "x s s", "y", onnx.IntAttr("num_groups", 2))), []string{"opset 18"}},
		"InstanceNorm":     {model(dynamic, []int64{4, 3}, []*onnx.Tensor{floats("s", 3)}, node("InstanceNormalization", "x s s", "y")), []string{"scale is (3), expected (4)"}},
		"p 3":              {model(dynamic, []int64{4}, nil, node("LpNormalization", "x", "y", onnx.IntAttr("p", 3))), []string{"p is 3"}},
		"LpNorm batch":     {model(dynamic, []int64{4}, nil, node("LpNormalization", "x", "y", onnx.IntAttr("axis", 0))), []string{"mixes the rows"}},
		"MatMul leading":   {model(dynamic, []int64{2, 3, 4}, []*onnx.Tensor{floats("k", 3, 4, 5)}, node("MatMul", "x k", "y")), []string{"leading axes", "do not broadcast"}},
		"MatMul batch":     {model(dynamic, []int64{4}, []*onnx.Tensor{floats("t", 4, 4)}, node("Transpose", "x", "xt"), node("MatMul", "xt x", "y")), []string{"mix the rows"}},
		"cast":             {model(dynamic, []int64{4}, nil, node("Cast", "x", "y", onnx.IntAttr("to", int64(onnx.Uint8)))), []string{"uint8", "float32"}},
		"ratio":            {model(dynamic, []int64{4}, []*onnx.Tensor{floats("r")}, node("Dropout", "x r", "y")), []string{"ratio", "-1.5"}},
		"computed state":   {model(dynamic, []int64{4}, []*onnx.Tensor{floats("s", 4)}, node("Relu", "s", "v"), node("BatchNormalization", "x s s s v", "y")), []string{`"v"`, "initializer"}},
		"reduced batch":    {model(dynamic, []int64{4}, nil, node("ReduceMean", "x", "y", onnx.IntsAttr("axes", 0))), []string{"ReduceMean", "axis 0", "batch"}},
		"all axes":         {model(dynamic, []int64{4}, nil, node("ReduceMax", "x", "y")), []string{"ReduceMax", "axis 0", "batch"}},
		"axis twice":       {model(dynamic, []int64{4}, nil, node("ReduceSum", "x", "y", onnx.IntsAttr("axes", 1, -1))), []string{"ReduceSum", "axis 1 twice"}},
		"axis too large":   {model(dynamic, []int64{4}, nil, node("ReduceL2", "x", "y", onnx.IntsAttr("axes", 2))), []string{"ReduceL2", "axis is 2"}},
		"computed axes":    {model(dynamic, []int64{4}, nil, node("ReduceMin", "x x", "y")), []string{"ReduceMin", "integer constant"}},
		"slope":            {model(dynamic, []int64{1, 4}, []*onnx.Tensor{floats("s", 3, 1)}, node("PRelu", "x s", "y")), []string{"PRelu", "(3, 1)", "(N, 1, 4)"}},
		"approximate":      {model(dynamic, []int64{4}, nil, node("Gelu", "x", "y", onnx.StringAttr("approximate", "sigmoid"))), []string{"Gelu", `"sigmoid"`, "none or tanh"}},
		"celu":             {model(dynamic, []int64{4}, nil, node("Celu", "x", "y", onnx.FloatAttr("alpha", 0))), []string{"Celu", "alpha"}},
		"gap in a sum":     {model(dynamic, []int64{4}, nil, &onnx.Node{OpType: "Sum", Inputs: []string{"x", "", "x"}, Outputs: []string{"y"}}), []string{"Sum", "input 1 is missing"}},
		"broadcast":        {model(dynamic, []int64{4}, []*onnx.Tensor{floats("s", 3)}, node("Add", "x s", "y")), []string{"(N, 4)", "(3)"}},
	} {
		_, err := Import(c.m, "m.onnx")
		if err == nil {
			t.Errorf("%s: imported", name)
			continue
		}
		if fault.KindOf(err) != fault.Input {
			t.Errorf("%s: %v is of kind %d", name, err, fault.KindOf(err))
		}
		for _, part := range append(c.want, "m.onnx") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", name, err, part)
			}
		}
	}
	old := model(dynamic, []int64{4}, nil, node("Relu", "x", "y"))
	old.Opsets[0].Version = 6
	if _, err := Import(old, "m.onnx"); err == nil || !strings.Contains(err.Error(), "opset 6") {
		t.Errorf("opset 6: %v", err)
	}
}

// TestSequenceFirst takes what keeps the rows of the batch apart, and gives a
// row the same values alone and among others.
func TestSequenceFirst(t *testing.T) {
	shape := func(name string, v ...int64) *onnx.Tensor {
		return onnx.Int64Tensor(name, []int64{int64(len(v))}, v)
	}
	m := model(dynamic, []int64{3, 4}, []*onnx.Tensor{shape("flat", -1, 4), shape("apart", 3, -1, 5), shape("turned", -1, 3, 5), floats("w", 4, 5)},
		node("Transpose", "x", "t", onnx.IntsAttr("perm", 1, 0, 2)), node("Reshape", "t flat", "f"), node("MatMul", "f w", "p"),
		node("Reshape", "p apart", "a"), node("Transpose", "a", "y", onnx.IntsAttr("perm", 1, 0, 2)))
	g, err := Import(m, "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	x, err := floats("x", 2, 3, 4).Float32s()
	if err != nil {
		t.Fatal(err)
	}
	var alone []float32
	for _, rows := range [][]float32{x[12:], x} {
		p, err := g.NewPlan(len(rows)/12, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Forward(rows)
		if y := p.Output(0); alone == nil {
			alone = slices.Clone(y)
		} else if !slices.Equal(alone, y[15:]) {
			t.Errorf("a row is %v, after another %v", alone, y[15:])
		}
	}
	m.Graph.Nodes[3].Inputs[1] = "turned"
	if _, err := Import(m, "m.onnx"); err == nil || !strings.Contains(err.Error(), "(3N, 5) to (N, 3, 5), which mixes the rows") {
		t.Errorf("turned without Transpose: %v", err)
	}
}

// TestPlanMemory expects an error where a batch takes more memory than there is.
func TestPlanMemory(t *testing.T) {
	conv := node("Conv", "x k", "y", onnx.IntsAttr("pads", 1, 1, 1, 1))
	for name, c := range map[string]struct {
		m    *onnx.Model
		rows int
	}{
		"activations": {model(dynamic, []int64{1 << 30}, nil, node("Relu", "x", "y")), 64},
		"work space":  {model(dynamic, []int64{1, 1 << 15, 1 << 15}, []*onnx.Tensor{floats("k", 1, 1, 3, 3)}, conv), 16},
	} {
		g, err := Import(c.m, "m.onnx")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.NewPlan(c.rows, nil); err == nil || fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), fmt.Sprintf("m.onnx: batch: of %d rows", c.rows)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// forwardOnly is a kernel without a gradient.
type forwardOnly struct{}

func (forwardOnly) Forward(_ *Run, in, out [][]float32) { copy(out[0], in[0]) }

// TestMissingBackward expects an error that names the op, and none when
// nothing before it is trained.
func TestMissingBackward(t *testing.T) {
	Register(Op{Type: "Opaque", MinIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) { return forwardOnly{}, nil }})
	defer delete(ops, "Opaque")
	m := model(dynamic, []int64{4}, []*onnx.Tensor{floats("w", 4), floats("v", 4)},
		node("Mul", "x w", "a"), node("Opaque", "a", "b"), node("Mul", "b v", "y"))
	g, err := Import(m, "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.NewPlan(2, nil); err != nil {
		t.Errorf("inference: %v", err)
	}
	_, err = g.NewPlan(2, g.NewGradients())
	for _, part := range []string{"Opaque", `"b"`, "no gradient", FrozenKey} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	m.Metadata = []onnx.Entry{{Key: FrozenKey, Value: "other, w"}}
	if g, err = Import(m, "m.onnx"); err != nil {
		t.Fatal(err)
	}
	if _, err := g.NewPlan(2, g.NewGradients()); err != nil {
		t.Errorf("with w frozen: %v", err)
	}
}

// TestAccumulates has a value with four consumers, one of which reads it
// twice, and a weight with two: y = x·w + (x·w)² + relu(x·w)·w.
func TestAccumulates(t *testing.T) {
	m := model(dynamic, []int64{1}, []*onnx.Tensor{onnx.FloatTensor("w", []int64{1}, []float32{3})},
		node("Mul", "x w", "a"), node("Mul", "a a", "s"), node("Relu", "a", "r"), node("Mul", "r w", "rw"),
		node("Add", "a s", "b"), node("Add", "b rw", "y"))
	g, err := Import(m, "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	g.TrackInputs()
	grads := g.NewGradients()
	p, err := g.NewPlan(2, grads)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p.Forward([]float32{2, 5})
		copy(p.OutputGrad(0), []float32{1, 10})
		p.Backward()
	}
	// y = xw + x²w² + xw², dy/dx = w + 2xw² + w², dy/dw = x + 2x²w + 2xw
	if want := []float32{3 + 36 + 9, 10 * (3 + 90 + 9)}; !slices.Equal(p.InputGrad(0), want) {
		t.Errorf("dx is %v, want %v", p.InputGrad(0), want)
	}
	if want := []float32{2 + 24 + 12 + 10*(5+150+30)}; !slices.Equal(grads[0], want) {
		t.Errorf("dw is %v, want %v", grads[0], want)
	}
}

// TestFixedBatch imports a model that an exporter fixed to one row, with a
// parameter that is reshaped first, as CNTK writes it, and runs three rows.
func TestFixedBatch(t *testing.T) {
	m := model(onnx.Dim{Value: 1}, []int64{2, 3}, []*onnx.Tensor{
		floats("w", 2, 3, 4), onnx.Int64Tensor("ws", []int64{2}, []int64{6, 4}), onnx.Int64Tensor("xs", []int64{2}, []int64{1, 6}),
	}, node("Reshape", "w ws", "wr"), node("Reshape", "x xs", "xr"), node("MatMul", "xr wr", "y"))
	m.IRVersion = 3
	m.Graph.Inputs = append(m.Graph.Inputs, &onnx.Value{Name: "w", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Value: 2}, {Value: 3}, {Value: 4}}},
		&onnx.Value{Name: "xs", DType: onnx.Int64, HasShape: true, Shape: []onnx.Dim{{Value: 2}}})
	g, err := Import(m, "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Outputs[0].Shape.String(); got != "(N, 4)" {
		t.Errorf("output is %s, want (N, 4)", got)
	}
	out := g.Model()
	if len(out.Graph.Inputs) != 1 || out.Graph.Inputs[0].Shape[0].Param != BatchName || out.IRVersion < 4 {
		t.Errorf("inputs are %+v at IR %d", out.Graph.Inputs, out.IRVersion)
	}
	again, err := Import(out, "again.onnx")
	if err != nil {
		t.Fatal(err)
	}
	p, err := again.NewPlan(3, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 18)
	for i := range x {
		x[i] = float32(i)
	}
	p.Forward(x)
	w := floats("", 24)
	vals, _ := w.Float32s()
	for r := range 3 {
		for c := range 4 {
			var want float32
			for k := range 6 {
				want += x[6*r+k] * vals[4*k+c]
			}
			if got := p.Output(0)[4*r+c]; got != want {
				t.Errorf("y[%d,%d] is %g, want %g", r, c, got, want)
			}
		}
	}
	if got := m.Graph.Nodes[1].Inputs[1]; got != "xs" {
		t.Errorf("the caller's model was changed: %q", got)
	}
}

// TestConstants folds Constant nodes as frozen values.
func TestConstants(t *testing.T) {
	m := model(dynamic, []int64{4}, nil,
		node("Constant", "", "two", onnx.FloatAttr("value_float", 2)),
		node("Constant", "", "off", onnx.TensorAttr("value", floats("", 4))),
		node("Constant", "", "list", &onnx.Attr{Name: "value_floats", Type: onnx.AttrFloats, Floats: []float32{1, 2, 3, 4}}),
		node("Constant", "", "shape", onnx.IntsAttr("value_ints", -1, 2)),
		node("Mul", "x two", "a"), node("Add", "a off", "b"), node("Mul", "b list", "c"), node("Reshape", "c shape", "y"))
	g, err := Import(m, "m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range g.Params {
		if p.Role != Frozen {
			t.Errorf("%s has role %d, want frozen", p.Name, p.Role)
		}
	}
	p, err := g.NewPlan(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Forward([]float32{1, 2, 3, 4})
	if want := []float32{0.5, 7, 19.5, 38}; !slices.Equal(p.Output(0), want) {
		t.Errorf("y is %v, want %v", p.Output(0), want)
	}
	if got := g.Outputs[0].Shape.String(); got != "(2N, 2)" {
		t.Errorf("shape is %s, want (2N, 2)", got)
	}
}

// TestCommit checks ONNX's momentum: running·momentum + batch·(1−momentum),
// population variance, and that only Commit changes anything.
func TestCommit(t *testing.T) {
	m := model(dynamic, []int64{1}, []*onnx.Tensor{
		onnx.FloatTensor("s", []int64{1}, []float32{1}), onnx.FloatTensor("b", []int64{1}, []float32{0}),
		onnx.FloatTensor("mean", []int64{1}, []float32{10}), onnx.FloatTensor("var", []int64{1}, []float32{4}),
	}, node("BatchNormalization", "x s b mean var", "y", onnx.FloatAttr("momentum", 0.75)))
	g, p, _ := training(t, m, 4)
	p.Forward([]float32{1, 3, 5, 7}) // mean 4, variance 5
	mean, variance := g.Params[2], g.Params[3]
	if mean.Data[0] != 10 || variance.Data[0] != 4 || mean.Role != State {
		t.Errorf("before Commit: mean %g, variance %g, role %d", mean.Data[0], variance.Data[0], mean.Role)
	}
	p.Commit()
	if mean.Data[0] != 8.5 || variance.Data[0] != 4.25 {
		t.Errorf("after Commit: mean %g, variance %g, want 8.5 and 4.25", mean.Data[0], variance.Data[0])
	}
	if _, err := g.NewPlan(1, g.NewGradients()); err == nil || !strings.Contains(err.Error(), "at least 2") {
		t.Errorf("a batch of one: %v", err)
	}
}

// TestDropoutRate checks the share of values dropped and that masks of other
// steps, seeds and nodes differ.
func TestDropoutRate(t *testing.T) {
	m := model(dynamic, []int64{5000}, []*onnx.Tensor{onnx.FloatTensor("r", []int64{}, []float32{0.3})},
		node("Dropout", "x r", "y"))
	_, p, _ := training(t, m, 4)
	x := slices.Repeat([]float32{1}, 20000)
	draw := func(seed, step uint64) []float32 {
		p.SetRandom(seed, step)
		p.Forward(x)
		return slices.Clone(p.Output(0))
	}
	a := draw(1, 1)
	zeros := 0
	for _, v := range a {
		if v == 0 {
			zeros++
		}
	}
	if zeros < 5740 || zeros > 6260 { // 6000 ± 4σ
		t.Errorf("%d of 20000 dropped, want about 6000", zeros)
	}
	if !slices.Equal(a, draw(1, 1)) {
		t.Error("the same step gives another mask")
	}
	if slices.Equal(a, draw(1, 2)) || slices.Equal(a, draw(2, 1)) {
		t.Error("another step or seed gives the same mask")
	}
}
