package graph

import (
	"fmt"
	"sort"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Op is how one ONNX operator behaves in a student. Each op's file registers
// it in init; opstest holds at least one row for each.
type Op struct {
	Type   string
	Layout Layout
	// GradInPlace says that Backward may be given dout[0] itself as din[0].
	GradInPlace bool
	MinIn       int   // inputs that must be there
	MaxIn       int   // 0: any number
	Weights     []int // inputs that are learnt, a Constant node's too
	State       []int // inputs that are running statistics, not trained
	NoGrad      []int // inputs that are read as constants at import
	Index       []int // inputs that are integers, constant or computed, as those of Gather
	Moves       bool  // the outputs hold values of the inputs, unchanged: integers too
	Passes      bool  // the output is all of input 0 in another form: a weight stays one

	// Infer gives the shapes of the outputs, or says what is wrong with the
	// node. n.In has its shapes, attributes are read with n.Int and the like.
	Infer func(n *Node) ([]Shape, error)
	// DType gives the element type of the outputs; nil means float32, or with
	// Moves that of the first input.
	DType func(n *Node) onnx.DType
	// Build makes the kernels of one node for one batch size.
	Build func(b *Build) (Kernel, error)
	// MultiplyAdds counts them for a batch of one; nil means none that count.
	MultiplyAdds func(n *Node) int64
}

// Kernel computes a node's outputs. In and out are the node's inputs and
// outputs in order, nil where one is left out; each out is overwritten.
type Kernel interface {
	Forward(r *Run, in, out [][]float32)
}

// Backwarder is a Kernel with a gradient. A node's backward overwrites din[i]
// wherever it is not nil, from the forward's in and out, and dout, which is
// nil for an output that nothing depends on.
type Backwarder interface {
	Kernel
	Backward(r *Run, in, out, dout, din [][]float32)
}

// Committer is a Kernel with state that a training forward changes: the
// change is held back until Commit, so that a failed step leaves no trace.
type Committer interface {
	Commit(in [][]float32)
}

// Preparer is a Kernel that turns its parameters into a form that its Forward
// of an inference plan works faster with. in holds those inputs of the node
// that are parameters; what is computed is not there yet.
type Preparer interface {
	Prepare(in [][]float32)
}

// Run is what kernels share during one pass.
type Run struct {
	Seed uint64    // of the trainer, for random masks
	Step uint64    // of the trainer, from 0
	Work []float32 // scratch; its content does not outlive the call
	err  error     // the first thing wrong with the data, see Plan.Err
}

// Fail records that the data of this pass is not what node wants.
func (r *Run) Fail(n *Node, format string, args ...any) {
	if r.err == nil {
		r.err = fault.New(fault.Input, "", nodeField(n.source), format, args...)
	}
}

// Build is what a kernel is made from.
type Build struct {
	Node     *Node
	Batch    int
	Training bool
	work     int
}

// In is the shape of input i for this batch; of an op that takes any order, as
// it lies in memory.
func (b *Build) In(i int) []int { return b.dims(b.Node.In[i]) }

// Out is the shape of output i for this batch, likewise.
func (b *Build) Out(i int) []int { return b.dims(b.Node.Out[i]) }

func (b *Build) dims(v *Value) []int {
	s := v.Shape.At(b.Batch)
	if v.last && b.Node.Op.Layout == AnyOrder {
		return axesInMemory(s)
	}
	return s
}

// Axis is where axis a of an image lies in the shapes that In and Out give.
func (b *Build) Axis(a int) int {
	switch last := b.Node.Out[0].last && b.Node.Op.Layout == AnyOrder; {
	case last && a == 1:
		return len(b.Node.Out[0].Shape) - 1
	case last && a > 1:
		return a - 1
	}
	return a
}

// NeedWork asks that Run.Work have at least n floats.
func (b *Build) NeedWork(n int) { b.work = max(b.work, n) }

var ops = map[string]*Op{}

// Register adds an op; a second one of the same type is a programmer's error.
func Register(op Op) {
	if ops[op.Type] != nil {
		panic("graph: op registered twice: " + op.Type)
	}
	if op.Infer == nil || op.Build == nil {
		panic("graph: op without Infer or Build: " + op.Type)
	}
	ops[op.Type] = &op
}

// Ops lists the registered op types in alphabetical order.
func Ops() []string {
	names := make([]string, 0, len(ops))
	for name := range ops {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// outType is the element type of a node's outputs.
func (n *Node) outType() onnx.DType {
	switch {
	case n.Op.DType != nil:
		return n.Op.DType(n)
	case n.Has(0) && (n.Op.Moves || isFloat(n.In[0].dtype)):
		return n.In[0].dtype
	}
	return onnx.Float32
}

// arity checks the number of inputs.
func (op *Op) arity(n *Node) error {
	last := len(n.In)
	for last > 0 && n.In[last-1] == nil {
		last--
	}
	if op.MaxIn > 0 && last > op.MaxIn {
		return fmt.Errorf("has %d inputs, expected at most %d", last, op.MaxIn)
	}
	for i := range op.MinIn {
		if !n.Has(i) {
			return fmt.Errorf("input %d is missing, expected %d", i, op.MinIn)
		}
	}
	return nil
}
