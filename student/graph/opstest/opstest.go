// Package opstest is the suite that every op of a student passes: forward
// against a float64 reference, the gradient of every input against finite
// differences of that reference, entry by entry (a random sample of large
// inputs) and along a random direction, for batches of 1 and 5, with inputs
// shared by two nodes or used twice by one. Rows register themselves; an op
// without a row fails the suite.
package opstest

import (
	"fmt"
	"sort"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// Tensor is a float64 array in row-major order.
type Tensor struct {
	Dims []int
	Data []float64
}

// Kind is where an input of a node comes from.
type Kind int

// The kinds of input.
const (
	Data  Kind = iota // a graph input
	Param             // a trained initializer
	State             // running statistics
	Const             // a float constant that is no parameter of the function
	Ints              // an integer constant
	None              // left out
	Ids               // a graph input of int64, numbers from Lo to Hi
	Holes             // a graph input of which about a third is NaN
	Mask              // Holes through IsNaN; the reference sees Holes
)

// Input is one input of the node under test.
type Input struct {
	Kind   Kind
	Shape  graph.Shape // Batch (−1) where the batch is
	Lo, Hi float64     // range of the random values; both 0: −1 to 1
	Values []float64   // of Const
	Ints   []int64
}

// Env is what a reference may depend on besides its inputs.
type Env struct {
	Training   bool
	Seed, Step uint64
	Node       int // index of the node in the graph
}

// Case is one row of the suite.
type Case struct {
	Op       string
	Name     string
	Opset    int64 // 0: 17
	Attrs    []*onnx.Attr
	Inputs   []Input
	MinBatch int  // smallest batch that trains
	Outputs  int  // of the node; 0: 1
	Cast     bool // whether the output is no float32 and is cast to it
	// Ref computes the output in float64 by the definition of the op; of
	// several outputs, their values one after another.
	Ref func(e Env, in []Tensor) Tensor
}

var rows = map[string][]Case{}

// Add registers a row.
func Add(c Case) { rows[c.Op] = append(rows[c.Op], c) }

// Missing lists the registered ops that have no row.
func Missing() []string {
	var names []string
	for _, op := range graph.Ops() {
		if len(rows[op]) == 0 {
			names = append(names, op)
		}
	}
	return names
}

// Run runs every row.
func Run(t *testing.T) {
	for _, op := range Missing() {
		t.Errorf("op %s has no row in opstest", op)
	}
	for _, c := range Rows() {
		for _, batch := range []int{1, 5} {
			for _, v := range []Variant{Plain, Twice, Same} {
				t.Run(fmt.Sprintf("%s/%s/batch%d/%s", c.Op, c.Name, batch, v), func(t *testing.T) {
					if !c.allows(batch, v) {
						t.SkipNow()
					}
					if err := c.Check(batch, v, nil); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// Rows lists the rows, op by op in alphabetical order.
func Rows() []Case {
	var names []string
	for op := range rows {
		names = append(names, op)
	}
	sort.Strings(names)
	var all []Case
	for _, op := range names {
		all = append(all, rows[op]...)
	}
	return all
}

// Variant is how the node stands in the graph.
type Variant string

// The variants: once; two nodes on the same inputs whose outputs are added;
// the first input given as the second too.
const (
	Plain Variant = "plain"
	Twice Variant = "twice"
	Same  Variant = "same"
)

func (c Case) allows(batch int, v Variant) bool {
	if batch < c.MinBatch {
		return false
	}
	if v != Same {
		return true
	}
	if len(c.Inputs) < 2 || c.Inputs[0].Kind != c.Inputs[1].Kind || c.Inputs[0].Kind > Param {
		return false
	}
	return c.Inputs[0].Shape.String() == c.Inputs[1].Shape.String()
}

// Tamper spoils a run on purpose, to see that Check notices. Either may be nil.
type Tamper struct {
	Weights func(input int, dims []int, data []float32) // after import
	Grads   func(input int, grad []float32)             // after the backward pass
}

// fullCheck is the number of entries of one input up to which every one is
// differentiated; of more, about so many.
const fullCheck = 150

// tolerance is the error allowed relative to the largest reference value.
const tolerance = 2e-5

// Check runs one row and tells where it departs from the reference.
func (c Case) Check(batch int, v Variant, tamper *Tamper) error {
	r, err := c.newRun(batch, v)
	if err != nil {
		return err
	}
	if tamper != nil && tamper.Weights != nil {
		for i, p := range r.params {
			if p != nil {
				tamper.Weights(i, p.Dims, p.Data)
			}
		}
	}
	for _, training := range []bool{false, true} {
		if err := r.check(training, tamper); err != nil {
			return fmt.Errorf("training %v: %w", training, err)
		}
	}
	return nil
}
