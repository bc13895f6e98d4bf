package graph

import "github.com/kdonnx/kdonnx/runtime/onnx"

// expandFixed mends a Concat of a file whose batch is fixed at 1: an input of
// leading axis 1 beside one of the batch, such as a class token, is one for
// every row. An Expand to the batch is put before it, in the graph and in the
// model.
func (im *importer) expandFixed(n *Node) error {
	if n.source.OpType != "Concat" || n.batch != 1 || im.opset < 8 {
		return nil
	}
	ref := -1
	for i, v := range n.In {
		if v != nil && len(v.Shape) > 1 && v.Shape[0] == Batch {
			ref = i
		}
	}
	if a := n.Int("axis", 0); ref < 0 || a == 0 || a == -len(n.In[ref].Shape) {
		return nil
	}
	for i, v := range n.In {
		if v == nil || v.isInts || len(v.Shape) != len(n.In[ref].Shape) || v.Shape[0] != 1 {
			continue
		}
		name := im.fresh(v.Name + "_rows")
		delete(im.byName, name)
		part := func(suffix string) string { return name + "_" + suffix }
		first := onnx.Int64Tensor("", []int64{1}, []int64{0})
		rest := onnx.Int64Tensor("", []int64{int64(len(v.Shape) - 1)}, dims64(v.Shape[1:]))
		nodes := []*onnx.Node{
			{OpType: "Shape", Inputs: []string{n.In[ref].Name}, Outputs: []string{part("shape")}},
			{OpType: "Constant", Outputs: []string{part("first")}, Attrs: []*onnx.Attr{onnx.TensorAttr("value", first)}},
			{OpType: "Gather", Inputs: []string{part("shape"), part("first")}, Outputs: []string{part("batch")}},
			{OpType: "Constant", Outputs: []string{part("rest")}, Attrs: []*onnx.Attr{onnx.TensorAttr("value", rest)}},
			{OpType: "Concat", Inputs: []string{part("batch"), part("rest")}, Outputs: []string{part("target")}, Attrs: []*onnx.Attr{onnx.IntAttr("axis", 0)}},
			{OpType: "Expand", Inputs: []string{v.Name, part("target")}, Outputs: []string{name}},
		}
		for _, added := range nodes {
			added.Name = added.Outputs[0]
			if err := im.readNode(added); err != nil {
				return err
			}
		}
		im.inserted[n.source] = append(im.inserted[n.source], nodes...)
		n.In[i], n.source.Inputs[i] = im.byName[name], name
	}
	return nil
}

// insert puts the nodes of expandFixed before those that they are for.
func (im *importer) insert(src *onnx.Graph) {
	if len(im.inserted) == 0 {
		return
	}
	var all []*onnx.Node
	for _, n := range src.Nodes {
		all = append(append(all, im.inserted[n]...), n)
	}
	src.Nodes = all
}
