package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// The kinds of DType.
const (
	Float32 = "float32"
	Float16 = "float16"
	TopK    = "topk"
)

// DType says how a row of logits is kept. The zero value leaves it to the
// store that is there already, and is float32 for a new one.
type DType struct {
	Kind string  // Float32, Float16 or TopK
	K    int     // of TopK: logits that are kept; 0 as long as Mass has not chosen it
	Mass float64 // of TopK: the share of the softmax mass that chooses K; 0: K was given
	Elem string  // of TopK: Float16 or Float32
}

// codec turns rows of logits into bytes of one size and back.
type codec interface {
	// array is the type and the number of columns of the rows in an NPY file.
	array() (descr string, cols int)
	// size is the number of bytes of a row.
	size() int
	// encode puts a row into dst. Its values are finite; one that the type
	// cannot hold is an error that names its class.
	encode(dst []byte, row []float32) error
	// decode makes a row of src that is as good as can be at the temperature.
	decode(dst []float32, src []byte, temperature float64)
}

// kind is one way to keep rows; each registers itself.
type kind struct {
	forms string // what parse takes, for people
	parse func(d *DType, args []string) error
	text  func(d DType) string
	codec func(d DType, classes int) (codec, error)
}

var kinds = map[string]kind{}

// ParseDType reads float32, float16, topk:K, topk:MASS, or one of the latter
// two with :float32 behind it. K is the number of logits of a row that are
// kept, MASS the share of the softmax mass, below 1, that they shall hold:
// topk:16, topk:0.999. What String gives it reads too. Empty is the zero value.
func ParseDType(s string) (DType, error) {
	if s == "" {
		return DType{}, nil
	}
	name, rest, more := strings.Cut(s, ":")
	var args []string
	if more {
		args = strings.Split(rest, ":")
	}
	d := DType{Kind: name}
	k, ok := kinds[name]
	err := fmt.Errorf("unknown")
	if ok {
		err = k.parse(&d, args)
	}
	if err != nil {
		var forms []string
		for _, k := range kinds {
			forms = append(forms, k.forms)
		}
		slices.Sort(forms)
		return DType{}, fault.New(fault.Usage, "", "--store-dtype", "got %q, expected %s", s, strings.Join(forms, ", "))
	}
	return d, nil
}

// String is the one text of d, which Key.DType holds.
func (d DType) String() string {
	if d == (DType{}) {
		return ""
	}
	return kinds[d.Kind].text(d)
}

// Open tells whether something of d is yet to be chosen by looking at logits.
func (d DType) Open() bool { return d.Kind == TopK && d.K == 0 }

// Admits tells whether a store whose rows are kept as stored is what d asks for.
func (d DType) Admits(stored string) bool {
	if d.Kind == "" || d.String() == stored {
		return true
	}
	s, err := ParseDType(stored)
	if err != nil || !d.Open() {
		return false
	}
	s.K = 0
	return s == d
}

// codec is the codec of the key's DType. What softmax is not taken of has no mass
// to keep the most of.
func (k Key) codec() (codec, error) {
	d, err := ParseDType(k.DType)
	switch {
	case err != nil:
		return nil, err
	case d.Kind == "" || d.Open() || d.String() != k.DType:
		return nil, fault.New(fault.Usage, "", "store dtype", "got %q, expected one that says all", k.DType)
	case d.Kind == TopK && k.Task != "":
		return nil, fault.New(fault.Usage, "", "store dtype", "got %s for targets of the task %s, expected float32 or float16: it keeps the most of a softmax", d, k.Task)
	}
	return kinds[d.Kind].codec(d, k.Classes)
}

// floats are the element types of a codec.
type floats struct {
	descr string
	size  int
	max   float32 // the largest value
	put   func(dst []byte, v float32)
	get   func(src []byte) float32
}

// tooLarge refuses what the element type would turn into infinity.
func (f floats) tooLarge(class int, v float32) error {
	return fmt.Errorf("the teacher gave %v for class %d, float16 holds up to %v: keep the targets as float32", v, class, f.max)
}

func (f floats) fits(v float32) bool { return v <= f.max && v >= -f.max }
