// Package models builds students by name: architectures as ONNX graphs with
// freshly initialised weights. Each architecture is one file that registers
// itself.
//
// # Invariants
//
// The same spec, input, classes and seed give the same model, bit for bit.
// The graph begins with the input's normalisation as frozen constants and ends
// in "logits" (batch, classes). Weights of the last layer are drawn from
// Glorot's uniform distribution (Glorot and Bengio 2010), those of the others
// from the one that the architecture names, or the option init: "he" when it
// names none. Biases are 0; normalisations begin as the identity. No
// convolution before a batch normalisation has a bias, but for those of
// "cnn:…?norm=1".
//
// Families carry the names of weights that PyTorch's users know: those of
// RepDistiller (resnetD, wrn-D-K, vggD), torchvision (mobilenetv2) and timm
// (transformer, with q, k and v apart and weights (in, out)).
package models

import (
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Input describes what the student is fed.
type Input struct {
	Name  string // of the graph's input; defaults to "input"
	Shape []int  // of one row: (C, H, W), (H, W, C) when NHWC, (T, D) or (D)
	NHWC  bool
	// Scale and Shift normalise inside the graph: x·Scale + Shift. One value,
	// one a channel, or one a feature; nil leaves x as it is.
	Scale, Shift []float32
	// Fill takes the place of values that are NaN, before Scale and Shift: one
	// value, one a channel, or one a feature; nil leaves them.
	Fill []float32
}

// Architecture is one entry of the zoo.
type Architecture struct {
	Name     string // of the architecture, or of a family: "resnetD"
	Help     string
	Examples []string
	Options  []string // keys that a spec may set after "?", beside init
	Init     string   // default of the option init; "" means "he"

	// Shown is the input, of ShownClasses classes, that List's readers see the
	// size of the examples for; defaults to 3×32×32 and 100.
	Shown        []int
	ShownClasses int

	// Family is what a spec without sizes is called, such as "resnet"; defaults to Name.
	Family string

	shapes  func(given url.Values) []Shape // in which nets of the family come, under options that are given; nil: in one
	family  *regexp.Regexp                 // names of a family, their numbers as submatches
	ratios  bool                           // sizes may be fractions
	widened func(s spec) Shape             // see Widened; nil, or a zero Shape: nothing to scale
	build   func(b *builder, s spec, classes int) error
}

var zoo = map[string]Architecture{}

func register(a Architecture) {
	a.Options = append(a.Options, "init")
	if a.Init == "" {
		a.Init = "he"
	}
	if a.Family == "" {
		a.Family = a.Name
	}
	if a.Shown == nil {
		a.Shown, a.ShownClasses = []int{3, 32, 32}, 100
	}
	zoo[a.Name] = a
}

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
	if err := checkClasses(classes); err != nil {
		return nil, err
	}
	// A dry run first: what is too large is refused before anything is drawn.
	if _, err := draft(s, in, classes, seed, true); err != nil {
		return nil, err
	}
	b, err := draft(s, in, classes, seed, false)
	if err != nil {
		return nil, err
	}
	return b.finish(text, classes)
}

func checkClasses(n int) error {
	if n < 1 || n > maxWidth {
		return usage("classes", "are %d, expected 1 to %d", n, maxWidth)
	}
	return nil
}

func draft(s spec, in Input, classes int, seed uint64, dry bool) (*builder, error) {
	b, err := newBuilder(in, seed)
	if err != nil {
		return nil, err
	}
	b.init, b.dry = s.init, dry
	if err := s.arch.build(b, s, classes); err != nil {
		return nil, err
	}
	return b, b.err
}

// Find gives the architecture that text names, or says what is wrong with the
// text as far as that can be said without its input.
func Find(text string) (Architecture, error) {
	s, err := parse(text)
	return s.arch, err
}

func usage(field, format string, args ...any) error {
	return fault.New(fault.Usage, "", field, format, args...)
}

// spec is a parsed student spec.
type spec struct {
	text    string
	arch    Architecture
	variant []int     // the numbers in the name of a family's member
	sizes   []int     // after the colon
	ratios  []float64 // the same where they may be fractions
	init    initialiser
	opts    url.Values
}

func (s spec) field() string { return "student " + strconv.Quote(s.text) }

// parse reads name[:n,n,...][?key=value&...].
func parse(text string) (spec, error) {
	head, query, _ := strings.Cut(text, "?")
	name, list, hasSizes := strings.Cut(head, ":")
	s := spec{text: text}
	if err := s.named(name); err != nil {
		return spec{}, err
	}
	if hasSizes {
		if err := s.sized(list); err != nil {
			return spec{}, err
		}
	}
	var err error
	if s.opts, err = url.ParseQuery(query); err != nil {
		return spec{}, usage(s.field(), "has options %q, expected key=value&key=value", query)
	}
	for key, values := range s.opts {
		if !slices.Contains(s.arch.Options, key) || len(values) != 1 {
			return spec{}, usage(s.field(), "has option %q %d times, expected each of %q at most once", key, len(values), s.arch.Options)
		}
	}
	init := s.arch.Init
	if s.opts.Has("init") {
		init = s.opts.Get("init")
	}
	if s.init = initialisers[init]; s.init == nil {
		return spec{}, usage(s.field(), "has init=%q, expected one of %s", init, initNames())
	}
	return s, nil
}

// named finds the architecture or the family of that name.
func (s *spec) named(name string) error {
	var names []string
	for _, a := range List() {
		names = append(names, a.Name)
		if a.family == nil {
			if a.Name == name {
				s.arch = a
				return nil
			}
			continue
		}
		if m := a.family.FindStringSubmatch(name); m != nil {
			s.arch = a
			for _, digits := range m[1:] {
				n, _ := strconv.Atoi(digits) // 0 where the name leaves it out
				s.variant = append(s.variant, n)
			}
			return nil
		}
	}
	return usage(s.field(), "names no architecture, expected one of %s", strings.Join(names, ", "))
}

// sized reads what stands after the colon.
func (s *spec) sized(list string) error {
	parts := strings.Split(list, ",")
	if len(parts) > maxLayers {
		return usage(s.field(), "has %d sizes, expected at most %d", len(parts), maxLayers)
	}
	for _, part := range parts {
		if name, _, _ := strings.Cut(part, ":"); new(spec).named(name) == nil {
			return usage(s.field(), "has size %q, which is an architecture: expected a number; where several students are tried they stand between semicolons", part)
		}
		if s.arch.ratios {
			v, err := strconv.ParseFloat(part, 64)
			if err != nil || !(v >= 0.05 && v <= 16) {
				return usage(s.field(), "has size %q, expected a number from 0.05 to 16", part)
			}
			s.ratios = append(s.ratios, v)
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > maxWidth {
			return usage(s.field(), "has size %q, expected a number from 1 to %d", part, maxWidth)
		}
		s.sizes = append(s.sizes, n)
	}
	return nil
}

// with is the text of s with other sizes behind the name, "" for none.
func (s spec) with(name, sizes string) string { return withOptions(name+sizes, s.opts.Encode()) }

// number is option key within [lo, hi], or def.
func (s spec) number(key string, def, lo, hi float64) (float64, error) {
	text := s.opts.Get(key)
	if text == "" {
		return def, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= lo && v <= hi) {
		return 0, usage(s.field(), "has %s=%q, expected a number from %g to %g", key, text, lo, hi)
	}
	return v, nil
}

// dropout is the option of that name: the share of values that are dropped.
func (s spec) dropout() (float64, error) { return s.number("dropout", 0, 0, 0.95) }

// count is option key as a whole number within [lo, hi], or def.
func (s spec) count(key string, def, lo, hi int) (int, error) {
	text := s.opts.Get(key)
	if text == "" {
		return def, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < lo || n > hi {
		return 0, usage(s.field(), "has %s=%q, expected a whole number from %d to %d", key, text, lo, hi)
	}
	return n, nil
}

// flag is option key as a truth value, false by default.
func (s spec) flag(key string) (bool, error) {
	switch s.opts.Get(key) {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	}
	return false, usage(s.field(), "has %s=%q, expected 0 or 1", key, s.opts.Get(key))
}

// noSizes refuses sizes where the architecture has none.
func (s spec) noSizes() error {
	if len(s.sizes)+len(s.ratios) > 0 {
		return usage(s.field(), "has sizes, expected none: %s", s.arch.Examples[0])
	}
	return nil
}
