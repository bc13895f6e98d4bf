package onnx

import (
	"cmp"
	"slices"
)

// Initializer gives the dense initializer called name, or nil.
func (g *Graph) Initializer(name string) *Tensor {
	for _, t := range g.Initializers {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// RealInputs gives the inputs that a caller must feed: those that are no
// initializers.
func (g *Graph) RealInputs() []*Value {
	given := make(map[string]bool, len(g.Initializers)+len(g.Sparse))
	for _, t := range g.Initializers {
		given[t.Name] = true
	}
	for _, s := range g.Sparse {
		given[s.Values.Name] = true
	}
	var real []*Value
	for _, v := range g.Inputs {
		if !given[v.Name] {
			real = append(real, v)
		}
	}
	return real
}

// Opset gives the version imported for domain ("" and "ai.onnx" are one), or 0.
func (m *Model) Opset(domain string) int64 {
	for _, o := range m.Opsets {
		if plainDomain(o.Domain) == plainDomain(domain) {
			return o.Version
		}
	}
	return 0
}

// plainDomain folds the two spellings of the standard domain into one.
func plainDomain(d string) string {
	if d == "ai.onnx" {
		return ""
	}
	return d
}

// Meta gives the value of a metadata key. Of duplicates the last counts, as in
// ONNX Runtime.
func (m *Model) Meta(key string) (string, bool) {
	for _, e := range slices.Backward(m.Metadata) {
		if e.Key == key {
			return e.Value, true
		}
	}
	return "", false
}

// SetMeta sets a metadata key, leaving all entries sorted by key.
func (m *Model) SetMeta(key, value string) {
	m.Metadata = slices.DeleteFunc(m.Metadata, func(e Entry) bool { return e.Key == key })
	m.Metadata = append(m.Metadata, Entry{key, value})
	slices.SortStableFunc(m.Metadata, func(a, b Entry) int { return cmp.Compare(a.Key, b.Key) })
}
