package teacher

import (
	"context"
	"fmt"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Inner is a value inside a model's graph, which Options.Output may name: a
// copy of the graph in memory then gives it as an output.
type Inner struct {
	Port
	Op     string `json:"op"`               // that makes it
	Output bool   `json:"output,omitempty"` // whether it is an output of the model anyway
}

// Inners lists the values that the nodes of the model at path make, in the
// order of the nodes, with the types and shapes that the file gives. It fails
// as Inspect does.
func Inners(path string) ([]Inner, error) {
	m, err := onnx.Read(path, onnx.ReadOptions{})
	if err != nil {
		return nil, err
	}
	var all []Inner
	for _, in := range m.Graph.Inners() {
		op := in.Op
		if in.Domain != "" {
			op = in.Domain + "." + op
		}
		all = append(all, Inner{portOf(in.Value), op, in.Output})
	}
	return all, nil
}

// String is the value for people.
func (i Inner) String() string {
	s := fmt.Sprintf("%q by %s", i.Name, i.Op)
	if i.Type != "unknown" {
		s += ", " + i.Type
		if i.Shape != "" {
			s += " " + i.Shape
		}
	}
	if i.Output {
		s += ", an output"
	}
	return s
}

// forOwnOutputs is t, whose output may be a value inside the graph of m, for
// what the model's own outputs say of the rows' labels; nil when none does.
func (t *Teacher) forOwnOutputs(m *onnx.Model) *Teacher {
	own := &Teacher{path: t.path, digest: t.digest, library: t.library, scalars: t.scalars, o: t.o, graph: outlineOf(m, ""), stamps: t.stamps}
	own.o.Output, own.o.Kind, own.o.Task, own.o.ClassMap = "", Auto, "auto", nil
	var err error
	if own.outputs, err = fetchable(t.path, m, ""); err != nil {
		return nil
	}
	return own
}

// rangeOfOwn is the value range that the model's own output makes most sense
// with, for a value inside the graph and for numbers that the rows do not have
// either. It is false where that cannot be found out.
func (t *Teacher) rangeOfOwn(ctx context.Context, src dataset.Source) (candidate, bool) {
	if t.own == nil || !t.graph.inside && src.Spec().Task == dataset.Regression || t.o.Preprocess != nil || t.o.Input != "" && t.o.Input != "auto" {
		return candidate{}, false
	}
	own := *t.own
	own.start = t.start
	if err := own.open(ctx, own.outputs, 0); err != nil {
		return candidate{}, false
	}
	defer own.Close()
	c, err := own.Detect(ctx, src)
	if err != nil {
		return candidate{}, false
	}
	text := "as given"
	for _, line := range c.Why {
		if found, ok := strings.CutPrefix(line, "input range: "); ok {
			text = found
		}
	}
	plan := own.encode.plan
	plan.guess = false
	return candidate{name: c.Range, text: fmt.Sprintf("%s, by the model's own output %q", text, c.Output), pre: c.Preprocess, plan: plan}, true
}
