package graph

import "slices"

// fuse joins nodes that one kernel computes in one pass over memory:
//
//	BatchNormalization [+ Add] [+ Relu]
//	BatchNormalization + Clip from 0
//	Add + Relu
//	Conv + any of these or Relu, for inference
//
// A node takes the place of the last of those that it stands for. A value
// that something else reads too, or that the graph gives, stays.
func fuse(nodes []*Node, outputs []*Value, training bool) []*Node {
	f := &fuser{nodes: nodes, readers: map[int]int{}, producer: map[int]int{}}
	for i, n := range nodes {
		for _, v := range n.In {
			if v != nil {
				f.readers[v.id]++
			}
		}
		for _, v := range n.Out {
			f.producer[v.id] = i
		}
	}
	for _, v := range outputs {
		f.readers[v.id]++
	}
	for i, n := range slices.Clone(nodes) {
		switch n.Op.Type {
		case "Add":
			f.residual(i)
		case "Relu":
			f.rectified(i)
		case "Clip":
			f.capped(i)
		}
	}
	if !training {
		for i := range nodes {
			f.folded(i)
		}
	}
	return slices.DeleteFunc(f.nodes, func(n *Node) bool { return n == nil })
}

type fuser struct {
	nodes    []*Node
	readers  map[int]int // by value id
	producer map[int]int // by value id: the node
}

// only gives the node that produces v when v has no other reader.
func (f *fuser) only(v *Value) (*Node, int) {
	i, ok := f.producer[v.id]
	if !ok || f.readers[v.id] != 1 {
		return nil, 0
	}
	return f.nodes[i], i
}

// replace puts n in the place of node i and drops node j.
func (f *fuser) replace(i, j int, n *Node) {
	f.nodes[i], f.nodes[j] = n, nil
	f.producer[n.Out[0].id] = i
}

// residual makes an Add of a normalised value and another of its shape part of
// the normalisation.
func (f *fuser) residual(i int) {
	add := f.nodes[i]
	for k, v := range add.In {
		n, j := f.only(v)
		z := add.In[1-k]
		if n == nil || n.Op.Type != "BatchNormalization" || n.relu || len(n.In) != 5 || z == v ||
			!slices.Equal(z.Shape, v.Shape) || z.param != nil || !slices.Equal(add.Out[0].Shape, v.Shape) {
			continue
		}
		c := *n
		c.In, c.Out = append(slices.Clone(n.In), z), add.Out
		f.replace(i, j, &c)
		return
	}
}

// rectified makes a Relu part of what it follows.
func (f *fuser) rectified(i int) {
	relu := f.nodes[i]
	n, j := f.only(relu.In[0])
	if n == nil || n.relu {
		return
	}
	switch {
	case n.Op.Type == "BatchNormalization":
	case n.Op.Type == "Add" && slices.Equal(n.In[0].Shape, n.In[1].Shape) && slices.Equal(n.In[0].Shape, n.Out[0].Shape):
	default:
		return
	}
	c := *n
	c.relu, c.Out = true, relu.Out
	if n.Op.Type == "Add" {
		c.Op = addRelu
	}
	f.replace(i, j, &c)
}

// capped makes a Clip from 0 part of the normalisation that it follows.
func (f *fuser) capped(i int) {
	clip := f.nodes[i]
	n, j := f.only(clip.In[0])
	lo, hi, err := clipBounds(clip)
	if n == nil || n.relu || n.Op.Type != "BatchNormalization" || len(n.In) > 5 || err != nil || lo != 0 || !(hi > 0) {
		return
	}
	c := *n
	c.relu, c.cap, c.Out = true, hi, clip.Out
	f.replace(i, j, &c)
}

// folded makes what follows a convolution part of it: a normalisation, with
// what it has been joined with, or else a Relu.
func (f *fuser) folded(i int) {
	n := f.nodes[i]
	if n == nil || n.Op.Type != "BatchNormalization" && n.Op.Type != "Relu" {
		return
	}
	c, j := f.only(n.In[0])
	if c == nil || c.Op.Type != "Conv" || c.Op == convNorm || computed(c.In[1:]) || computed(n.In[1:min(len(n.In), 5)]) {
		return
	}
	joined := *c
	joined.Op, joined.Out = convNorm, n.Out
	joined.relu, joined.cap = n.relu || n.Op.Type == "Relu", n.cap
	joined.In = make([]*Value, convNormInputs)
	copy(joined.In, c.In)
	if n.Op.Type == "BatchNormalization" {
		copy(joined.In[convNormScale:], n.In[1:])
		joined.epsilon = batchNormEpsilon(n)
	}
	f.replace(i, j, &joined)
}

// computed tells whether some of the values are no parameters: what a plan
// prepares of them would be of another pass.
func computed(values []*Value) bool {
	return slices.ContainsFunc(values, func(v *Value) bool { return v != nil && v.param == nil })
}
