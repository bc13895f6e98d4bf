package teacher

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// perRow returns the number of elements that v gives for each of n rows.
func perRow(v ort.Value, n int) (int, error) {
	if len(v.Shape) == 0 || v.Shape[0] != int64(n) {
		return 0, fmt.Errorf("is %s for %d rows, expected a leading axis of %d", shapeText(v.Shape), n, n)
	}
	c := int64(1)
	for _, d := range v.Shape[1:] {
		c *= d
	}
	if c == 0 {
		return 0, fmt.Errorf("is %s, expected one score a class", shapeText(v.Shape))
	}
	return int(c), nil
}

// columns returns the number of scores that v gives for each of n rows, or
// why it gives no vector of scores a row. Integers are scores where a row has
// several, as those of a quantised model are.
func columns(v ort.Value, n int) (int, error) {
	c, err := perRow(v, n)
	switch {
	case !scored(v) && (v.DType == onnx.String || err == nil && c == 1):
		return 0, fmt.Errorf("is %v: labels and the like, expected scores", v.DType)
	case err != nil:
		return 0, err
	}
	axes := 0
	for _, d := range v.Shape[1:] {
		if d != 1 {
			axes++
		}
	}
	if axes > 1 {
		return 0, fmt.Errorf("is %s, scores for places as of segmentation, expected one score a class", shapeText(v.Shape))
	}
	return c, nil
}

// scored tells whether the elements of v are fractions.
func scored(v ort.Value) bool { return v.Keys != nil || v.DType.Float() }

// oneLabel tells whether v gives one integer or text for each of n rows.
func oneLabel(v ort.Value, n int) bool {
	c, err := perRow(v, n)
	return err == nil && c == 1 && !scored(v)
}

// width is what t takes of v for each of n rows: scores, one label, or, of a
// task of values, all elements.
func (t *Teacher) width(v ort.Value, n int, spec dataset.Spec) (int, error) {
	if t.wantedTask(spec) == dataset.Regression && v.DType != onnx.String {
		return perRow(v, n)
	}
	return columns(v, n)
}

// scores appends the numbers of v to dst.
func scores(dst []float32, v ort.Value) []float32 {
	if v.Keys != nil {
		return numbersOf(dst, onnx.Float32, v.Data)
	}
	return numbersOf(dst, v.DType, v.Data)
}

// numbersOf appends the little-endian numbers of type d in b to dst.
func numbersOf(dst []float32, d onnx.DType, b []byte) []float32 {
	size := d.Size()
	if size == 0 {
		return dst
	}
	dst = slices.Grow(dst, len(b)/size)
	le := binary.LittleEndian
	for ; len(b) >= size; b = b[size:] {
		var v float32
		switch d {
		case onnx.Float32:
			v = math.Float32frombits(le.Uint32(b))
		case onnx.Float64:
			v = float32(math.Float64frombits(le.Uint64(b)))
		case onnx.Float16:
			v = onnx.FromHalf(le.Uint16(b))
		case onnx.BFloat16:
			v = math.Float32frombits(uint32(le.Uint16(b)) << 16)
		case onnx.Bool, onnx.Uint8:
			v = float32(b[0])
		case onnx.Int8:
			v = float32(int8(b[0]))
		case onnx.Uint16:
			v = float32(le.Uint16(b))
		case onnx.Int16:
			v = float32(int16(le.Uint16(b)))
		case onnx.Uint32:
			v = float32(le.Uint32(b))
		case onnx.Int32:
			v = float32(int32(le.Uint32(b)))
		case onnx.Uint64:
			v = float32(le.Uint64(b))
		case onnx.Int64:
			v = float32(int64(le.Uint64(b)))
		default:
			return dst
		}
		dst = append(dst, v)
	}
	return dst
}

// labelTextsOf are the labels of v as texts.
func labelTextsOf(v ort.Value) []string {
	if v.DType == onnx.String {
		return v.Strings
	}
	if v.DType == onnx.Int64 { // beyond what a float32 holds
		out := make([]string, 0, len(v.Data)/8)
		for b := v.Data; len(b) >= 8; b = b[8:] {
			out = append(out, strconv.FormatInt(int64(binary.LittleEndian.Uint64(b)), 10))
		}
		return out
	}
	x := scores(nil, v)
	out := make([]string, len(x))
	for i, f := range x {
		out[i] = strconv.FormatFloat(float64(f), 'f', -1, 32)
	}
	return out
}

// chooseOutput picks the output that teaches from what the model gave for n
// rows, and says why.
func (t *Teacher) chooseOutput(infos []ort.Info, values []ort.Value, n int, spec dataset.Spec) (at int, why string, err error) {
	if want := t.o.Output; want != "" {
		at := slices.IndexFunc(infos, func(i ort.Info) bool { return i.Name == want })
		if at < 0 {
			return 0, "", fault.New(fault.Usage, t.path, "output "+want, "not there: the model has %s", describe(infos))
		}
		if _, err := t.width(values[at], n, spec); err != nil && !oneLabel(values[at], n) {
			hint := ""
			if _, whole := perRow(values[at], n); whole == nil && t.graph.inside {
				hint = "; --teacher-task regression takes all its values"
			}
			return 0, "", fault.New(fault.Input, t.path, "output "+want, "%v%s", err, hint)
		}
		return at, "as asked for", nil
	}
	classes := t.wantedClasses(spec)
	var able, fitting, labels []int
	var reasons string
	for i, v := range values {
		c, err := t.width(v, n, spec)
		switch {
		case oneLabel(v, n) && (err != nil || c == 1):
			labels = append(labels, i)
		case err != nil:
			reasons += fmt.Sprintf("; %q %v", infos[i].Name, err)
		default:
			able = append(able, i)
			if c == classes || c == 1 && classes == 2 {
				fitting = append(fitting, i)
			}
		}
	}
	switch {
	case len(able) == 0 && len(labels) > 0:
		if len(infos) == 1 {
			return labels[0], "the only one", nil
		}
		return labels[0], "the first that gives labels, for none gives scores", nil
	case len(able) == 0:
		return 0, "", fault.New(fault.Input, t.path, "outputs", "none gives scores: the model has %s%s", describe(infos), reasons)
	case len(infos) == 1:
		return able[0], "the only one", nil
	case len(able) == 1:
		return able[0], "the only one that gives scores", nil
	case len(fitting) == 1:
		return fitting[0], fmt.Sprintf("the only one with %d classes", classes), nil
	}
	if at, why := t.preferred(infos, values, n, classes, fitting); at >= 0 {
		return at, why, nil
	}
	return 0, "", fault.New(fault.Input, t.path, "outputs", "%d of them give scores, name the one that teaches by --teacher-output: the model has %s", len(able), describe(infos))
}

// preferred chooses among outputs of the right number of classes, or gives -1:
// the same scores before and after a softmax, one head and others that only
// helped to train it, or one with a telling name.
func (t *Teacher) preferred(infos []ort.Info, values []ort.Value, n, classes int, fitting []int) (at int, why string) {
	only := func(of []int, is func(i int) bool) (int, bool) {
		found := -1
		for _, i := range of {
			if is(i) {
				if found >= 0 {
					return -1, false
				}
				found = i
			}
		}
		return found, found >= 0
	}
	heads := slices.DeleteFunc(slices.Clone(fitting), func(i int) bool { return strings.Contains(strings.ToLower(infos[i].Name), "aux") })
	if len(heads) == 1 {
		return heads[0], fmt.Sprintf("the only one with %d classes that is not called auxiliary", classes)
	}
	raw, ok := only(heads, func(i int) bool {
		c, err := columns(values[i], n)
		if err != nil {
			return false
		}
		kind, _ := kindOf(scores(nil, values[i]), c, sumTolerance)
		return kind == Logits
	})
	if ok {
		return raw, fmt.Sprintf("the only one with %d classes that is not normalised", classes)
	}
	for _, name := range []string{"logits", "output", "scores", "predictions", "probabilities"} {
		if i, ok := only(heads, func(i int) bool { return strings.EqualFold(infos[i].Name, name) }); ok {
			return i, fmt.Sprintf("the one called so, of %d with %d classes", len(heads), classes)
		}
	}
	return -1, ""
}

// read appends what v says of n rows to dst, raw numbers a row: scores, or of
// labels their positions among the contract's.
func (t *Teacher) read(c *Contract, dst []float32, v ort.Value, n, raw int) ([]float32, error) {
	field := "output " + c.Output
	if c.LabelTexts != nil {
		texts := labelTextsOf(v)
		if len(texts) != n {
			return dst, fault.New(fault.Input, t.path, field, "is %s for %d rows, expected one label a row", shapeText(v.Shape), n)
		}
		for _, s := range texts {
			at, ok := t.labelAt[s]
			if !ok { // notFinite names the row and the label
				t.strange = s
				dst = append(dst, float32(math.NaN()))
				continue
			}
			dst = append(dst, float32(at))
		}
		return dst, nil
	}
	got, err := columns(v, n)
	if c.Kind == Values {
		got, err = perRow(v, n)
	}
	if err == nil && got != raw {
		err = fmt.Errorf("got %d scores a row, expected %d as before", got, raw)
	}
	if err != nil {
		return dst, fault.New(fault.Input, t.path, field, "%v", err)
	}
	from := len(dst)
	dst = scores(dst, v)
	if c.Scale != 0 {
		for i, q := range dst[from:] {
			dst[from+i] = (q - c.Zero) * c.Scale
		}
	}
	return dst, nil
}

// clip cuts a long text.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// fewNames lists names, cut when there are many.
func fewNames(names []string) string {
	const most = 8
	shown := make([]string, min(len(names), most))
	for i := range shown {
		shown[i] = strconv.Quote(clip(names[i]))
	}
	s := strings.Join(shown, ", ")
	if len(names) > most {
		s += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return s
}
