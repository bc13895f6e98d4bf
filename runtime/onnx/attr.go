package onnx

import "strconv"

var attrTypes = [...]string{
	AttrFloat: "FLOAT", AttrInt: "INT", AttrString: "STRING", AttrTensor: "TENSOR", AttrGraph: "GRAPH",
	AttrFloats: "FLOATS", AttrInts: "INTS", AttrStrings: "STRINGS", AttrTensors: "TENSORS", AttrGraphs: "GRAPHS",
	AttrSparseTensor: "SPARSE_TENSOR", AttrSparseTensors: "SPARSE_TENSORS",
	AttrTypeProto: "TYPE_PROTO", AttrTypeProtos: "TYPE_PROTOS",
}

// String is the type's name in the specification.
func (t AttrType) String() string {
	if t <= 0 || int(t) >= len(attrTypes) {
		return "UNDEFINED(" + strconv.Itoa(int(t)) + ")"
	}
	return attrTypes[t]
}

// Attr gives the attribute called name, or nil.
func (n *Node) Attr(name string) *Attr {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// typed gives the attribute called name if it has a value of type t.
func (n *Node) typed(name string, t AttrType) *Attr {
	if a := n.Attr(name); a != nil && a.Type == t && a.Ref == "" {
		return a
	}
	return nil
}

// AttrInt gives an integer attribute, or def where the node has none of that
// name and type.
func (n *Node) AttrInt(name string, def int64) int64 {
	if a := n.typed(name, AttrInt); a != nil {
		return a.I
	}
	return def
}

// AttrInts gives a list of integers, or def where the node has none of that
// name and type.
func (n *Node) AttrInts(name string, def []int64) []int64 {
	if a := n.typed(name, AttrInts); a != nil {
		return a.Ints
	}
	return def
}

// AttrFloat gives a float attribute, or def where the node has none of that
// name and type.
func (n *Node) AttrFloat(name string, def float32) float32 {
	if a := n.typed(name, AttrFloat); a != nil {
		return a.F
	}
	return def
}

// AttrString gives a string attribute, or def where the node has none of that
// name and type.
func (n *Node) AttrString(name, def string) string {
	if a := n.typed(name, AttrString); a != nil {
		return string(a.S)
	}
	return def
}

// IntAttr makes an integer attribute.
func IntAttr(name string, v int64) *Attr { return &Attr{Name: name, Type: AttrInt, I: v} }

// IntsAttr makes an attribute that is a list of integers.
func IntsAttr(name string, v ...int64) *Attr { return &Attr{Name: name, Type: AttrInts, Ints: v} }

// FloatAttr makes a float attribute.
func FloatAttr(name string, v float32) *Attr { return &Attr{Name: name, Type: AttrFloat, F: v} }

// StringAttr makes a string attribute.
func StringAttr(name, v string) *Attr { return &Attr{Name: name, Type: AttrString, S: []byte(v)} }

// TensorAttr makes a tensor attribute.
func TensorAttr(name string, t *Tensor) *Attr { return &Attr{Name: name, Type: AttrTensor, T: t} }

// GraphAttr makes a subgraph attribute.
func GraphAttr(name string, g *Graph) *Attr { return &Attr{Name: name, Type: AttrGraph, G: g} }
