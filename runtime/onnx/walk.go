package onnx

// walker visits every node and every constant of a model, wherever it hides:
// subgraphs, functions, attributes, sparse tensors, training graphs. A nil
// callback is skipped; the first error ends the walk.
type walker struct {
	node   func(at *loc, n *Node) error
	tensor func(at *loc, t *Tensor, initializer bool) error
	sparse func(at *loc, s *SparseTensor) error
}

func (w walker) model(m *Model) error {
	if err := w.graph((&loc{}).in("graph"), m.Graph); err != nil {
		return err
	}
	for i, f := range m.Functions {
		at := (&loc{}).at("functions", i, f.Name)
		if err := w.attrs(at, "attribute_proto", f.AttrDefaults); err != nil {
			return err
		}
		if err := w.nodes(at, f.Nodes); err != nil {
			return err
		}
	}
	for i, t := range m.Training {
		at := (&loc{}).at("training_info", i, "")
		if err := w.graph(at.in("initialization"), t.Initialization); err != nil {
			return err
		}
		if err := w.graph(at.in("algorithm"), t.Algorithm); err != nil {
			return err
		}
	}
	return nil
}

func (w walker) graph(at *loc, g *Graph) error {
	if g == nil {
		return nil
	}
	for i, t := range g.Initializers {
		if err := w.visit(at.at("initializer", i, t.Name), t, true); err != nil {
			return err
		}
	}
	for i, s := range g.Sparse {
		if err := w.visitSparse(at.at("sparse_initializer", i, s.Values.Name), s, true); err != nil {
			return err
		}
	}
	return w.nodes(at, g.Nodes)
}

func (w walker) nodes(at *loc, nodes []*Node) error {
	for i, n := range nodes {
		here := at.at("node", i, n.Name)
		if w.node != nil {
			if err := w.node(here, n); err != nil {
				return err
			}
		}
		if err := w.attrs(here, "attribute", n.Attrs); err != nil {
			return err
		}
	}
	return nil
}

func (w walker) attrs(at *loc, field string, attrs []*Attr) error {
	for i, a := range attrs {
		here := at.at(field, i, a.Name)
		if a.T != nil {
			if err := w.visit(here.named("t", a.T.Name), a.T, false); err != nil {
				return err
			}
		}
		for i, t := range a.Tensors {
			if err := w.visit(here.at("tensors", i, t.Name), t, false); err != nil {
				return err
			}
		}
		if a.Sparse != nil {
			if err := w.visitSparse(here.in("sparse_tensor"), a.Sparse, false); err != nil {
				return err
			}
		}
		for i, s := range a.Sparses {
			if err := w.visitSparse(here.at("sparse_tensors", i, ""), s, false); err != nil {
				return err
			}
		}
		if err := w.graph(here.in("g"), a.G); err != nil {
			return err
		}
		for i, g := range a.Graphs {
			if err := w.graph(here.at("graphs", i, g.Name), g); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w walker) visit(at *loc, t *Tensor, initializer bool) error {
	if w.tensor == nil {
		return nil
	}
	return w.tensor(at, t, initializer)
}

func (w walker) visitSparse(at *loc, s *SparseTensor, initializer bool) error {
	if w.sparse != nil {
		if err := w.sparse(at, s); err != nil {
			return err
		}
	}
	if err := w.visit(at.named("values", s.Values.Name), s.Values, initializer); err != nil {
		return err
	}
	return w.visit(at.named("indices", s.Indices.Name), s.Indices, false)
}
