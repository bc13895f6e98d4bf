package contracts

import (
	"encoding/binary"
	"fmt"
	"path/filepath"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// net builds a model node by node.
type net struct {
	m *onnx.Model
	g *onnx.Graph
	n int // names given
}

// newNet begins a model of opset 17 with classical operators beside.
func newNet() *net {
	g := &onnx.Graph{Name: "net"}
	return &net{g: g, m: &onnx.Model{IRVersion: 8, Graph: g,
		Opsets: []onnx.Opset{{Version: 17}, {Domain: "ai.onnx.ml", Version: 3}}}}
}

// value declares a tensor: an axis is a number, or a name for any number.
func value(name string, t onnx.DType, axes ...any) *onnx.Value {
	v := &onnx.Value{Name: name, DType: t, HasShape: true, Shape: []onnx.Dim{}}
	for _, a := range axes {
		switch a := a.(type) {
		case int:
			v.Shape = append(v.Shape, onnx.Dim{Value: int64(a)})
		case string:
			v.Shape = append(v.Shape, onnx.Dim{Value: -1, Param: a})
		}
	}
	return v
}

func (n *net) input(name string, t onnx.DType, axes ...any) string {
	n.g.Inputs = append(n.g.Inputs, value(name, t, axes...))
	return name
}

// output gives the value from another name and declares it.
func (n *net) output(name, from string, t onnx.DType, axes ...any) {
	n.g.Nodes = append(n.g.Nodes, &onnx.Node{Name: "out_" + name, OpType: "Identity", Inputs: []string{from}, Outputs: []string{name}})
	n.g.Outputs = append(n.g.Outputs, value(name, t, axes...))
}

func (n *net) name(op string) string {
	n.n++
	return fmt.Sprintf("%s_%d", op, n.n)
}

// do adds a node with one output and returns that.
func (n *net) do(op string, in []string, attrs ...*onnx.Attr) string {
	return n.many(op, in, 1, attrs...)[0]
}

// many adds a node with several outputs.
func (n *net) many(op string, in []string, outputs int, attrs ...*onnx.Attr) []string {
	node := &onnx.Node{Name: n.name(op), OpType: op, Inputs: in, Attrs: attrs}
	if classicalOps[op] {
		node.Domain = "ai.onnx.ml"
	}
	for i := range outputs {
		node.Outputs = append(node.Outputs, fmt.Sprintf("%s:%d", node.Name, i))
	}
	n.g.Nodes = append(n.g.Nodes, node)
	return node.Outputs
}

// classicalOps are the operators of ai.onnx.ml that the cases use.
var classicalOps = map[string]bool{"ZipMap": true, "LinearClassifier": true, "TreeEnsembleClassifier": true, "LabelEncoder": true,
	"OneHotEncoder": true, "Imputer": true, "Scaler": true, "ArrayFeatureExtractor": true, "SVMRegressor": true, "Normalizer": true}

// floats adds a constant and returns its name.
func (n *net) floats(v []float32, dims ...int64) string {
	return n.tensor(onnx.FloatTensor(n.name("w"), dims, v))
}

// ints adds a constant and returns its name.
func (n *net) ints(v []int64, dims ...int64) string {
	return n.tensor(onnx.Int64Tensor(n.name("k"), dims, v))
}

func (n *net) tensor(t *onnx.Tensor) string {
	n.g.Initializers = append(n.g.Initializers, t)
	return t.Name
}

// bytes adds a constant of one-byte elements.
func (n *net) bytes(t onnx.DType, v []byte, dims ...int64) string {
	return n.tensor(&onnx.Tensor{Name: n.name("q"), DType: t, Dims: dims, Data: v})
}

// cast adds a Cast.
func (n *net) cast(x string, to onnx.DType) string {
	return n.do("Cast", []string{x}, onnx.IntAttr("to", int64(to)))
}

// scores is x·W + b for x (N, features): the logits of p.
func (n *net) scores(x string, p *problem) string {
	w, b := p.linear()
	return n.do("Add", []string{n.do("MatMul", []string{x, n.floats(w, int64(p.size()), int64(p.classes))}), n.floats(b, int64(p.classes))})
}

// softmax is over the last axis.
func (n *net) softmax(x string) string { return n.do("Softmax", []string{x}, onnx.IntAttr("axis", -1)) }

// write puts the model into d and returns its path.
func (n *net) write(d *dir, name string) string {
	path := filepath.Join(d.path, name)
	if err := onnx.Write(path, n.m); err != nil && d.err == nil {
		d.err = err
	}
	return path
}

// halves is v as float16 bytes.
func halves(v []float32) []byte {
	out := make([]byte, 0, 2*len(v))
	for _, x := range v {
		out = binary.LittleEndian.AppendUint16(out, onnx.ToHalf(x))
	}
	return out
}
