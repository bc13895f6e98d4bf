package graph

import (
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/glob"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// frozenNames lists what the metadata of m freezes.
func frozenNames(m *onnx.Model) map[string]bool {
	frozen := map[string]bool{}
	for _, e := range m.Metadata {
		if e.Key == FrozenKey {
			for _, name := range strings.Split(e.Value, ",") {
				frozen[strings.TrimSpace(name)] = true
			}
		}
	}
	return frozen
}

// Freeze stops the training of the initializers whose names match a shell
// pattern, in which * stands for any characters, ? for one and [a-z] for one
// of a set. It is an error when a pattern matches no trained initializer. It
// holds for plans and gradients made from then on, and is written into the
// metadata of the model. Running statistics go on following the data.
func (g *Graph) Freeze(patterns ...string) error {
	chosen := map[*Param]bool{}
	for _, pattern := range patterns {
		found := false
		for _, p := range g.Params {
			ok, err := glob.Match(pattern, p.Name)
			if err != nil {
				return fault.New(fault.Usage, g.Name, "freeze", "pattern %q is malformed, expected a shell pattern such as \"features.*\"", pattern)
			}
			if ok && (p.Role == Trained || chosen[p]) {
				chosen[p], found = true, true
			}
		}
		if !found {
			return fault.New(fault.Usage, g.Name, "freeze", "pattern %q matches no trained initializer, there are %s", pattern, g.trainedNames())
		}
	}
	for p := range chosen {
		p.Role = Frozen
	}
	g.markGradients()
	return nil
}

// trainedNames lists some names of trained initializers.
func (g *Graph) trainedNames() string {
	const some = 8
	var names []string
	for _, p := range g.Params {
		if p.Role == Trained {
			names = append(names, p.Name)
		}
	}
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > some:
		return strings.Join(names[:some], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

// writeFrozen lists in the metadata of m the frozen initializers that another
// import would take for trained.
func (g *Graph) writeFrozen(m *onnx.Model) {
	listed := frozenNames(m)
	in := map[string]bool{}
	for _, t := range m.Graph.Initializers {
		in[t.Name] = t.DType == onnx.Float32
	}
	var names []string
	for _, p := range g.Params {
		if p.Role == Frozen && in[p.Name] && !listed[p.Name] {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return
	}
	if old, ok := m.Meta(FrozenKey); ok && old != "" {
		names = slices.Insert(names, 0, old)
	}
	m.SetMeta(FrozenKey, strings.Join(names, ","))
}
