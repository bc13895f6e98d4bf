package graph

import (
	"fmt"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// The opsets of ai.onnx whose ops import knows.
const (
	MinOpset = 7
	MaxOpset = 26
)

// Limits on what a file may ask for.
const (
	maxRank = 16
	maxSize = 1 << 31 // values per row of one tensor
)

// Import checks a model and makes it a graph: batch axis dynamic, constants
// folded, nodes that reach no output dropped, every shape inferred. The model
// is copied. Name is the file's, for errors.
func Import(m *onnx.Model, name string) (*Graph, error) {
	im := &importer{g: &Graph{Name: name}, byName: map[string]*Value{}, secret: map[string]string{}, nodes: map[*onnx.Node]bool{}, inserted: map[*onnx.Node][]*onnx.Node{}}
	if err := im.run(m); err != nil {
		return nil, err
	}
	return im.g, nil
}

type importer struct {
	g        *Graph
	opset    int64
	batch    int64 // the number the file fixes the batch at; 0 when dynamic
	byName   map[string]*Value
	given    map[string]bool             // names of all initializers
	slots    map[string]bool             // names of the values that are weights
	frozen   map[string]bool             // names that the metadata freezes
	uses     map[string]int              // by value name: inputs that read it
	kept     []*Node                     // the graph's nodes before those that nothing reads were dropped
	nodes    map[*onnx.Node]bool         // nodes of the model that are nodes of the graph
	inserted map[*onnx.Node][]*onnx.Node // nodes that import puts before a node of the model
	spent    int                         // values that folding has made
	secret   map[string]string           // outputs that no op of a student gives, and their node
}

func (im *importer) fail(field, format string, args ...any) error {
	return fault.New(fault.Input, im.g.Name, field, format, args...)
}

func (im *importer) run(m *onnx.Model) error {
	if m == nil || m.Graph == nil {
		return im.fail("", "the model has no graph")
	}
	if err := im.readOpset(m); err != nil {
		return err
	}
	im.g.model = clone(m)
	src := im.g.model.Graph
	if err := im.inline(); err != nil {
		return err
	}
	keep, err := im.live(src)
	if err != nil {
		return err
	}
	src.Nodes = keep
	im.slots = slots(keep)
	if err := im.readInitializers(src, frozenNames(m)); err != nil {
		return err
	}
	if err := im.readInputs(src); err != nil {
		return err
	}
	for _, n := range src.Nodes {
		if err := im.readNode(n); err != nil {
			return err
		}
	}
	im.insert(src)
	for _, o := range src.Outputs {
		v := im.byName[o.Name]
		if v == nil && im.secret[o.Name] != "" {
			return im.fail(fmt.Sprintf("graph output %q", o.Name), "is a further output of %s, which a student does not give", im.secret[o.Name])
		}
		if v == nil || v.producer < 0 {
			return im.fail(fmt.Sprintf("graph output %q", o.Name), "no node produces it, expected an output that depends on the input")
		}
		im.g.Outputs = append(im.g.Outputs, v)
	}
	for _, n := range im.g.Nodes {
		for _, i := range n.reads {
			n.In[i].param.Role = Frozen
		}
	}
	im.prune()
	im.g.markGradients()
	im.normalise()
	return nil
}

func (im *importer) readOpset(m *onnx.Model) error {
	for _, o := range m.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			im.opset = o.Version
		}
	}
	if im.opset < MinOpset || im.opset > MaxOpset {
		return im.fail("opset_import", "ai.onnx is opset %d, a student needs %d to %d", im.opset, MinOpset, MaxOpset)
	}
	return nil
}

// nodeField names a node in an error: its name, or its first output.
func nodeField(n *onnx.Node) string {
	return fmt.Sprintf("node %q (%s)", nodeName(n), opName(n))
}

func nodeName(n *onnx.Node) string {
	if n.Name != "" {
		return n.Name
	}
	for _, o := range n.Outputs {
		if o != "" {
			return o
		}
	}
	return "?"
}

func opName(n *onnx.Node) string {
	if n.Domain == "" || n.Domain == "ai.onnx" {
		return n.OpType
	}
	return n.Domain + "." + n.OpType
}

func (im *importer) add(v *Value) error {
	if im.byName[v.Name] != nil {
		return im.fail(fmt.Sprintf("value %q", v.Name), "is defined twice")
	}
	v.id = len(im.g.values)
	im.g.values = append(im.g.values, v)
	im.byName[v.Name] = v
	return nil
}

// readInputs makes the graph's inputs values and takes their first axis for
// the batch. An initializer listed as an input (IR < 4) is none.
func (im *importer) readInputs(src *onnx.Graph) error {
	for _, in := range src.Inputs {
		if im.given[in.Name] {
			continue
		}
		field := fmt.Sprintf("graph input %q", in.Name)
		if in.Kind != onnx.KindTensor || in.DType != onnx.Float32 && in.DType != onnx.Int64 && in.DType != onnx.Int32 {
			return im.fail(field, "has element type %v, a student needs a float32 tensor, or int64 or int32 for token ids", in.DType)
		}
		if !in.HasShape || len(in.Shape) == 0 || len(in.Shape) > maxRank {
			return im.fail(field, "has no usable shape (rank %d), expected a batch axis first", len(in.Shape))
		}
		v := &Value{Name: in.Name, Shape: Shape{Batch}, dtype: in.DType, producer: -1}
		if d := in.Shape[0]; d.Param == "" && d.Value > 0 {
			im.batch = d.Value
		}
		size := int64(1)
		for i, d := range in.Shape[1:] {
			if d.Param != "" || d.Value < 1 {
				return im.fail(field, "axis %d is unknown (%q), a student needs every axis but the batch as a number", i+1, d.Param)
			}
			if d.Value > maxSize || size*d.Value > maxSize {
				return im.fail(field, "has more than %d values a row", maxSize)
			}
			size *= d.Value
			v.Shape = append(v.Shape, int(d.Value))
		}
		if err := im.add(v); err != nil {
			return err
		}
		im.g.Inputs = append(im.g.Inputs, v)
	}
	return nil
}

func (im *importer) readNode(src *onnx.Node) error {
	field := nodeField(src)
	op := opName(src)
	if op == "Constant" {
		return im.readConstant(src, field)
	}
	if ops[op] == nil && !folded[op] {
		return im.fail(field, "op %s is not supported in a student: use the model as a teacher, or a student made of %s", op, strings.Join(Ops(), ", "))
	}
	n := &Node{Name: nodeName(src), Op: ops[op], Opset: im.opset, source: src, batch: im.batch}
	if err := im.readOperands(n, field); err != nil {
		return err
	}
	var values []*Value
	err := im.expandFixed(n)
	if err == nil {
		values, err = im.fold(n)
	}
	if err == nil && values == nil {
		values, err = im.keepNode(n)
	}
	if err != nil {
		return im.fail(field, "%w", err)
	}
	for k, v := range values {
		v.id = len(im.g.values)
		if k < len(src.Outputs) && src.Outputs[k] != "" {
			v.Name = src.Outputs[k]
			if err := im.add(v); err != nil {
				return err
			}
		} else {
			im.g.values = append(im.g.values, v)
		}
		if v.param != nil {
			v.param.Name = v.Name
		}
	}
	for k := len(values); k < len(src.Outputs); k++ {
		im.secret[src.Outputs[k]] = field
	}
	return nil
}

// readOperands finds the values that a node's inputs name.
func (im *importer) readOperands(n *Node, field string) error {
	for _, name := range n.source.Inputs {
		var v *Value
		if name != "" {
			if v = im.byName[name]; v == nil {
				if from := im.secret[name]; from != "" {
					return im.fail(field, "input %q is a further output of %s, which a student does not give", name, from)
				}
				return im.fail(field, "input %q is neither an input, an initializer nor the output of a node", name)
			}
		}
		n.In = append(n.In, v)
	}
	return nil
}

// keepNode makes n a node of the graph and gives its outputs.
func (im *importer) keepNode(n *Node) ([]*Value, error) {
	if n.Op == nil {
		return nil, fmt.Errorf("op %s is computed at import only, from integer constants and shapes", n.source.OpType)
	}
	if err := n.Op.arity(n); err != nil {
		return nil, err
	}
	if n.Op.Moves {
		if err := im.dataInputs(n); err != nil {
			return nil, err
		}
	}
	if err := im.settle(n); err != nil {
		return nil, err
	}
	out, _, err := im.outputs(n)
	if err == nil {
		err = orderRows(n, out)
	}
	if err != nil {
		return nil, err
	}
	n.index = len(im.g.Nodes)
	for _, v := range out {
		v.producer = n.index
	}
	n.Out = out
	im.g.Nodes = append(im.g.Nodes, n)
	im.kept = append(im.kept, n)
	im.nodes[n.source] = true
	return out, nil
}

func contains(list []int, x int) bool {
	for _, v := range list {
		if v == x {
			return true
		}
	}
	return false
}

func checkShape(s Shape) error {
	if len(s) > maxRank {
		return fmt.Errorf("has rank %d, expected at most %d", len(s), maxRank)
	}
	size, batches := 1, 0
	for _, d := range s {
		if d < 0 {
			batches++
			d = -d
		}
		if d == 0 {
			return fmt.Errorf("is empty, shape %v", s)
		}
		if d > maxSize || size > maxSize/d {
			return fmt.Errorf("has more than %d values a row, shape %v", maxSize, s)
		}
		size *= d
	}
	if batches > 1 {
		return fmt.Errorf("has the batch on two axes, shape %v", s)
	}
	return nil
}
