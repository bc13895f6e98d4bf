package teacher

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// assignment is one Options.Inputs: what goes into an input, as given.
type assignment struct {
	name string
	what string // "@VALUE,…", "*" for the whole row, or "COLUMN,…"
}

// cutAssignment reads NAME=WHAT. Where there are several = the first before
// which one of the model's names stands counts.
func cutAssignment(text string, infos []ort.Info) (assignment, bool) {
	for at := range len(text) {
		if text[at] == '=' && slices.ContainsFunc(infos, func(i ort.Info) bool { return i.Name == text[:at] }) {
			return assignment{text[:at], text[at+1:]}, true
		}
	}
	name, what, ok := strings.Cut(text, "=")
	return assignment{name, what}, ok && name != "" && what != ""
}

// checkAssignments refuses what no model could follow.
func checkAssignments(texts []string) error {
	for _, text := range texts {
		if _, ok := cutAssignment(text, nil); !ok {
			return fault.New(fault.Usage, "", "teacher inputs", "got %q, expected NAME=COLUMN,…, NAME=* for the whole row, or NAME=@VALUE", text)
		}
	}
	return nil
}

// assigned gives what Options.Inputs say of each of infos, empty for nothing.
func assigned(path string, infos []ort.Info, texts []string) ([]string, error) {
	out := make([]string, len(infos))
	for _, text := range texts {
		a, _ := cutAssignment(text, infos)
		at := slices.IndexFunc(infos, func(i ort.Info) bool { return i.Name == a.name })
		if at < 0 {
			at = slices.IndexFunc(infos, func(i ort.Info) bool { return strings.EqualFold(i.Name, a.name) })
		}
		switch {
		case at < 0:
			return nil, fault.New(fault.Usage, path, "input "+a.name, "not there: the model has %s", describe(infos))
		case out[at] != "":
			return nil, fault.New(fault.Usage, path, "input "+a.name, "given twice: %s and %s", out[at], a.what)
		}
		out[at] = a.what
	}
	return out, nil
}

// asked is why a model is not told that it is being trained.
const asked = "by its name: a teacher is asked, not trained"

// usual are inputs that say how a model is to run, and what they are where
// nobody says: it is not being trained, drops nothing out, and no token is
// padding or of a second sentence.
var usual = map[string]struct{ value, why string }{
	"training": {"false", asked}, "is_training": {"false", asked}, "training_mode": {"false", asked}, "train": {"false", asked},
	"keep_prob": {"1", asked}, "dropout_keep_prob": {"1", asked},
	"attention_mask": {"1", "by its name: every token counts"}, "token_type_ids": {"0", "by its name: all tokens are of one sentence"},
}

// usualValue is what an input gets without being asked, and why.
func usualValue(in ort.Info) (value, why string, ok bool) {
	name, _, _ := strings.Cut(in.Name[strings.LastIndexByte(in.Name, '/')+1:], ":") // TensorFlow's scope/name:0
	u, known := usual[strings.ToLower(name)]
	tokens := u.why != asked
	if !known || in.DType == onnx.String || tokens && len(in.Shape) != 2 || !tokens && (len(in.Shape) > 1 || len(in.Shape) == 1 && in.Shape[0] > 1) {
		return "", "", false
	}
	return u.value, u.why, true
}

// fixedValue is an input that is the same for every row.
type fixedValue struct {
	text    string // as given
	data    []byte // of one row, or of the whole when it has no axis for the batch
	strings []string
	axis    bool // whether the first axis is the batch's when that may be any, and data goes in once a row
}

// constantFeed makes in a constant of the values in text, parted by commas: as
// many as its shape holds, or one that fills it. Axes that may be any are like
// those of like, the row's own, where the ranks agree.
func constantFeed(path string, in ort.Info, scalar bool, text string, like *feed) (feed, error) {
	bad := func(format string, args ...any) (feed, error) {
		return feed{}, fault.New(fault.Usage, path, "input "+in.Name+"=@"+text, format, args...)
	}
	parts := strings.Split(text, ",")
	f := feed{info: in, value: &fixedValue{text: text}}
	shape := slices.Clone(in.Shape)
	if len(shape) == 0 && !scalar && len(parts) > 1 {
		shape = []int64{int64(len(parts))} // nothing declared
	}
	f.value.axis = len(shape) > 0 && (shape[0] < 0 || like != nil && len(like.info.Shape) > 0 && like.info.Shape[0] == shape[0])
	f.dims = shape
	if f.value.axis {
		f.dims = shape[1:]
	}
	free, size := -1, int64(1)
	for i, d := range f.dims {
		switch {
		case d >= 0:
		case like != nil && f.value.axis && len(like.dims) == len(f.dims):
			f.dims[i] = like.dims[i]
		case free < 0 && len(parts) > 1:
			free, f.dims[i] = i, 1
		default:
			f.dims[i] = 1
		}
		size *= f.dims[i]
	}
	if free >= 0 && size > 0 && int64(len(parts))%size == 0 {
		f.dims[free] = int64(len(parts)) / size
		size = int64(len(parts))
	}
	if size > 1<<24 || int64(len(parts)) != size && len(parts) != 1 {
		return bad("got %d values, expected 1 or %d: it takes %s %s", len(parts), size, in.DType, shapeText(in.Shape))
	}
	for i := range size {
		word := strings.TrimSpace(parts[min(int(i), len(parts)-1)])
		if in.DType == onnx.String {
			f.value.strings = append(f.value.strings, word)
			continue
		}
		data, err := parseValue(f.value.data, in.DType, word)
		if err != nil {
			return bad("got %q, expected a number that %s can hold", word, in.DType)
		}
		f.value.data = data
	}
	return f, nil
}

// parseValue appends the value that word says, little-endian, exactly.
func parseValue(dst []byte, d onnx.DType, word string) ([]byte, error) {
	le := binary.LittleEndian
	bits := 8 * d.Size()
	var u uint64
	switch {
	case d == onnx.Bool:
		v, err := strconv.ParseBool(strings.ToLower(word))
		if err != nil {
			return nil, err
		}
		if v {
			u = 1
		}
	case d == onnx.Float64:
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, err
		}
		u = math.Float64bits(v)
	case floating(d):
		v, err := strconv.ParseFloat(word, 32)
		if err != nil {
			return nil, err
		}
		return append(dst, convert(nil, d, []float32{float32(v)}, 0, 1, 1)...), nil
	case slices.Contains([]onnx.DType{onnx.Uint8, onnx.Uint16, onnx.Uint32, onnx.Uint64}, d):
		v, err := strconv.ParseUint(word, 10, bits)
		if err != nil {
			return nil, err
		}
		u = v
	default:
		v, err := strconv.ParseInt(word, 10, bits)
		if err != nil {
			return nil, err
		}
		u = uint64(v)
	}
	return append(dst, le.AppendUint64(nil, u)[:d.Size()]...), nil
}
