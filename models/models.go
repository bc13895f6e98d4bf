// Package models builds students by name: architectures as ONNX graphs with
// freshly initialised weights. Each architecture is one file that registers
// itself.
//
// # Invariants
//
// The same spec, input, classes and seed give the same model, bit for bit.
// The graph begins with the input's normalisation as frozen constants and ends
// in "logits" (batch, classes). Weights of layers before a ReLU are drawn from
// He's normal distribution (He et al. 2015, arXiv 1502.01852), those of the
// last layer from Glorot's uniform one (Glorot and Bengio 2010); biases are 0.
package models

import (
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Input describes what the student is fed.
type Input struct {
	Name  string // of the graph's input; defaults to "input"
	Shape []int  // of one row: (C, H, W), (H, W, C) when NHWC, or (D)
	NHWC  bool
	// Scale and Shift normalise inside the graph: x·Scale + Shift. One value,
	// one a channel, or one a feature; nil leaves x as it is.
	Scale, Shift []float32
}

// Architecture is one entry of the zoo.
type Architecture struct {
	Name     string
	Help     string
	Examples []string
	Options  []string // keys that a spec may set after "?"

	build func(b *builder, s spec, classes int) error
}

var zoo = map[string]Architecture{}

func register(a Architecture) { zoo[a.Name] = a }

// List gives the architectures in alphabetical order.
func List() []Architecture {
	var out []Architecture
	for _, a := range zoo {
		out = append(out, a)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Build makes the model that text names, such as "mlp:800,800?dropout=0.2":
// architecture, sizes, options. Classes is the number of outputs. Errors are
// of kind Usage.
func Build(text string, in Input, classes int, seed uint64) (*onnx.Model, error) {
	s, err := parse(text)
	if err != nil {
		return nil, err
	}
	if classes < 1 || classes > maxWidth {
		return nil, usage("classes", "are %d, expected 1 to %d", classes, maxWidth)
	}
	b, err := newBuilder(in, seed)
	if err != nil {
		return nil, err
	}
	if err := zoo[s.name].build(b, s, classes); err != nil {
		return nil, err
	}
	return b.finish(text, classes)
}

// Check tells what is wrong with the text of an architecture, as far as that
// can be said without its input: an unknown name, size or option.
func Check(text string) error {
	_, err := parse(text)
	return err
}

func usage(field, format string, args ...any) error {
	return fault.New(fault.Usage, "", field, format, args...)
}

// spec is a parsed student spec.
type spec struct {
	text  string
	name  string
	sizes []int
	opts  url.Values
}

// parse reads name[:n,n,...][?key=value&...].
func parse(text string) (spec, error) {
	field := "student " + strconv.Quote(text)
	head, query, _ := strings.Cut(text, "?")
	name, list, hasSizes := strings.Cut(head, ":")
	a, ok := zoo[name]
	if !ok {
		var names []string
		for _, a := range List() {
			names = append(names, a.Name)
		}
		return spec{}, usage(field, "names no architecture, expected one of %s", strings.Join(names, ", "))
	}
	s := spec{text: text, name: name}
	if hasSizes {
		for _, part := range strings.Split(list, ",") {
			n, err := strconv.Atoi(part)
			if err != nil || n < 1 || n > maxWidth {
				return spec{}, usage(field, "has size %q, expected a number from 1 to %d", part, maxWidth)
			}
			s.sizes = append(s.sizes, n)
		}
	}
	if len(s.sizes) > maxLayers {
		return spec{}, usage(field, "has %d sizes, expected at most %d", len(s.sizes), maxLayers)
	}
	var err error
	if s.opts, err = url.ParseQuery(query); err != nil {
		return spec{}, usage(field, "has options %q, expected key=value&key=value", query)
	}
	for key, values := range s.opts {
		known := false
		for _, o := range a.Options {
			known = known || o == key
		}
		if !known || len(values) != 1 {
			return spec{}, usage(field, "has option %q %d times, expected each of %q at most once", key, len(values), a.Options)
		}
	}
	return s, nil
}

// number is option key within [lo, hi], or def.
func (s spec) number(key string, def, lo, hi float64) (float64, error) {
	text := s.opts.Get(key)
	if text == "" {
		return def, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= lo && v <= hi) {
		return 0, usage("student "+strconv.Quote(s.text), "has %s=%q, expected a number from %g to %g", key, text, lo, hi)
	}
	return v, nil
}

// flag is option key as a truth value, false by default.
func (s spec) flag(key string) (bool, error) {
	switch s.opts.Get(key) {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	}
	return false, usage("student "+strconv.Quote(s.text), "has %s=%q, expected 0 or 1", key, s.opts.Get(key))
}

// noSizes refuses sizes where the architecture has none.
func (s spec) noSizes() error {
	if len(s.sizes) > 0 {
		return usage("student "+strconv.Quote(s.text), "has sizes, expected none: %s", zoo[s.name].Examples[0])
	}
	return nil
}
