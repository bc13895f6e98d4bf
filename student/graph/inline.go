package graph

import (
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Bounds on the calls of model-local functions written out.
const (
	maxCallDepth = 100
	maxNodes     = 1_000_000
)

// inline writes the calls of model-local functions out, as PyTorch's dynamo
// exporter makes them, so that the graph has nodes of ai.onnx only.
func (im *importer) inline() error {
	m := im.g.model
	if len(m.Functions) == 0 {
		return nil
	}
	in := &inliner{importer: im, functions: map[string]*onnx.Function{}}
	for _, f := range m.Functions {
		in.functions[functionKey(f.Domain, f.Name, f.Overload)] = f
	}
	if err := in.expand(m.Graph.Nodes, 0); err != nil {
		return err
	}
	m.Graph.Nodes = in.out
	m.Functions = nil
	return nil
}

type inliner struct {
	*importer
	functions map[string]*onnx.Function
	out       []*onnx.Node
	calls     int
}

func functionKey(domain, name, overload string) string {
	if domain == "ai.onnx" {
		domain = ""
	}
	return fmt.Sprintf("%q %q %q", domain, name, overload)
}

func (in *inliner) expand(nodes []*onnx.Node, depth int) error {
	for _, n := range nodes {
		f := in.functions[functionKey(n.Domain, n.OpType, n.Overload)]
		if f == nil {
			in.out = append(in.out, n)
			continue
		}
		if depth >= maxCallDepth || len(in.out) > maxNodes || in.calls > maxNodes {
			return in.fail(nodeField(n), "calls functions deeper than %d or of more than %d nodes", maxCallDepth, maxNodes)
		}
		body, err := in.body(n, f)
		if err != nil {
			return err
		}
		if err := in.expand(body, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// body is a copy of f's nodes with the values and attributes of the call.
func (in *inliner) body(call *onnx.Node, f *onnx.Function) ([]*onnx.Node, error) {
	for _, o := range f.Opsets {
		if (o.Domain == "" || o.Domain == "ai.onnx") && o.Version != in.opset {
			return nil, in.fail(nodeField(call), "its function is of opset %d, expected that of the model, %d", o.Version, in.opset)
		}
	}
	in.calls++
	prefix := fmt.Sprintf("%s/%d/", nodeName(call), in.calls)
	names := map[string]string{"": ""}
	for i, name := range f.Inputs {
		names[name] = ""
		if i < len(call.Inputs) {
			names[name] = call.Inputs[i]
		}
	}
	var out []*onnx.Node
	for i, name := range f.Outputs {
		if i >= len(call.Outputs) || call.Outputs[i] == "" {
			continue
		}
		if from, taken := names[name]; taken { // an input given back, or an output twice
			out = append(out, &onnx.Node{Name: prefix + name, OpType: "Identity", Inputs: []string{from}, Outputs: []string{call.Outputs[i]}})
			continue
		}
		names[name] = call.Outputs[i]
	}
	rename := func(list []string) {
		for i, name := range list {
			to, ok := names[name]
			if !ok {
				to = prefix + name
				names[name] = to
			}
			list[i] = to
		}
	}
	for _, n := range f.Nodes {
		c := cloneNode(n)
		if c.Name != "" {
			c.Name = prefix + c.Name
		}
		rename(c.Inputs)
		rename(c.Outputs)
		c.Attrs = bind(c.Attrs, call, f)
		out = append(out, c)
	}
	return out, nil
}

// bind puts the call's attributes, or the function's defaults, where a node of
// its body refers to them; one that neither has is left out.
func bind(attrs []*onnx.Attr, call *onnx.Node, f *onnx.Function) []*onnx.Attr {
	var out []*onnx.Attr
	for _, a := range attrs {
		if a.Ref == "" {
			out = append(out, a)
			continue
		}
		value := call.Attr(a.Ref)
		if i := slices.IndexFunc(f.AttrDefaults, func(d *onnx.Attr) bool { return d.Name == a.Ref }); value == nil && i >= 0 {
			value = f.AttrDefaults[i]
		}
		if value != nil {
			c := *value
			c.Name = a.Name
			out = append(out, &c)
		}
	}
	return out
}
