package teacher

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// logZero stands for the logarithm of a probability that underflowed to 0 in
// float32, whose smallest positive value has the logarithm -103.28.
const logZero = -104

// columns returns the number of values that v gives for each of n rows, or
// why it gives no vector of scores a row.
func columns(v ort.Value, n int) (int, error) {
	if v.Keys == nil && !v.DType.Float() {
		return 0, fmt.Errorf("is %v: labels and the like, expected scores", v.DType)
	}
	if len(v.Shape) == 0 || v.Shape[0] != int64(n) {
		return 0, fmt.Errorf("is %s for %d rows, expected a leading axis of %d", shapeText(v.Shape), n, n)
	}
	c := int64(1)
	for _, d := range v.Shape[1:] {
		if d != 1 && c != 1 || d == 0 {
			return 0, fmt.Errorf("is %s, expected one score a class", shapeText(v.Shape))
		}
		c *= d
	}
	return int(c), nil
}

// scores appends the values of v, a float tensor, to dst.
func scores(dst []float32, v ort.Value) []float32 {
	le := binary.LittleEndian
	d := v.DType
	if v.Keys != nil {
		d = onnx.Float32
	}
	switch b := v.Data; d {
	case onnx.Float32:
		for ; len(b) >= 4; b = b[4:] {
			dst = append(dst, math.Float32frombits(le.Uint32(b)))
		}
	case onnx.Float64:
		for ; len(b) >= 8; b = b[8:] {
			dst = append(dst, float32(math.Float64frombits(le.Uint64(b))))
		}
	case onnx.Float16:
		for ; len(b) >= 2; b = b[2:] {
			dst = append(dst, onnx.FromHalf(le.Uint16(b)))
		}
	case onnx.BFloat16:
		for ; len(b) >= 2; b = b[2:] {
			dst = append(dst, math.Float32frombits(uint32(le.Uint16(b))<<16))
		}
	}
	return dst
}

// chooseOutput picks the output that teaches from what the model gave for n
// rows of the given number of classes (0: unknown). want names it, or is empty.
func chooseOutput(path string, infos []ort.Info, values []ort.Value, n, classes int, want string) (at int, why string, err error) {
	if want != "" {
		at := slices.IndexFunc(infos, func(i ort.Info) bool { return i.Name == want })
		if at < 0 {
			return 0, "", fault.New(fault.Usage, path, "output "+want, "not there: the model has %s", describe(infos))
		}
		if _, err := columns(values[at], n); err != nil {
			return 0, "", fault.New(fault.Input, path, "output "+want, "%v", err)
		}
		return at, "as asked for", nil
	}
	var able, fitting []int
	var reasons string
	for i, v := range values {
		c, err := columns(v, n)
		if err != nil {
			reasons += fmt.Sprintf("; %q %v", infos[i].Name, err)
			continue
		}
		able = append(able, i)
		if c == classes || c == 1 && classes == 2 {
			fitting = append(fitting, i)
		}
	}
	if len(able) == 0 {
		return 0, "", fault.New(fault.Input, path, "outputs", "none gives scores: the model has %s%s", describe(infos), reasons)
	}
	if len(able) == 1 {
		if len(infos) == 1 {
			return able[0], "the only one", nil
		}
		return able[0], "the only one that gives scores", nil
	}
	if len(fitting) == 1 {
		return fitting[0], fmt.Sprintf("the only one with %d classes", classes), nil
	}
	// The same scores before and after a softmax: take those before it.
	logits, others := -1, 0
	for _, i := range fitting {
		c, _ := columns(values[i], n)
		if k, _ := kindOf(scores(nil, values[i]), c); k != Logits {
			others++
		} else if logits < 0 {
			logits = i
		} else {
			logits, others = -1, -len(infos)
		}
	}
	if logits >= 0 && others > 0 {
		return logits, fmt.Sprintf("the only one with %d classes that is not normalised", classes), nil
	}
	return 0, "", fault.New(fault.Input, path, "outputs", "%d of them give scores, name the one that teaches: the model has %s", len(able), describe(infos))
}

// kindOf tells what rows of c scores mean by their values alone.
func kindOf(x []float32, c int) (Kind, string) {
	if c < 2 || len(x) == 0 {
		return Logits, "one column"
	}
	const tolerance = 5e-3 // float16 softmax of many classes
	probs, logs := true, true
	low, high := math.Inf(1), math.Inf(-1)
	for ; len(x) >= c && (probs || logs); x = x[c:] {
		sum, sumExp := 0.0, 0.0
		for _, v := range x[:c] {
			f := float64(v)
			sum, sumExp = sum+f, sumExp+math.Exp(f)
			probs = probs && f >= -1e-6
			logs = logs && f <= 1e-6
			low, high = min(low, f), max(high, f)
		}
		probs = probs && math.Abs(sum-1) <= tolerance
		logs = logs && math.Abs(sumExp-1) <= tolerance
	}
	switch {
	case probs:
		return Probabilities, "every row is ≥ 0 and sums to 1"
	case logs:
		return LogProbabilities, "every row is ≤ 0 and its exponentials sum to 1"
	case low >= 0 && high <= 1:
		return Logits, "values from 0 to 1 whose rows do not sum to 1"
	}
	return Logits, "rows are neither probabilities nor their logarithms"
}

// floorOf is what probabilities are raised to before the logarithm. A softmax
// gives meaningful values down to the smallest float32; votes and counts give
// none between 0 and the smallest share, where the logarithm of a rounding
// error of 1 stands for "none".
func floorOf(x []float32) float32 {
	for _, p := range x {
		if p > 0 && p < 1e-7 {
			return 1e-38
		}
	}
	return 1e-7
}

// decoder turns rows of raw scores into logits.
type decoder struct {
	kind      Kind
	raw       int   // scores of a row
	classes   int   // logits of a row
	columns   []int // raw column of each class; nil: in order
	oneColumn bool
	floor     float32
}

func (c *Contract) decoder() decoder {
	raw := c.Classes
	if c.OneColumn {
		raw = 1
	}
	return decoder{c.Kind, raw, c.Classes, c.Columns, c.OneColumn, c.Floor}
}

// logits writes n rows of raw scores to dst, (n, classes). It returns the
// first row that is not finite, or -1.
func (d decoder) logits(dst, raw []float32, n int) (bad int) {
	for r := range n {
		x, z := raw[r*d.raw:(r+1)*d.raw], dst[r*d.classes:(r+1)*d.classes]
		for _, v := range x {
			if v-v != 0 && !(d.kind == LogProbabilities && v < 0) {
				return r
			}
		}
		switch {
		case d.oneColumn && d.kind == Probabilities:
			z[0], z[1] = d.log(1-x[0]), d.log(x[0])
		case d.oneColumn:
			z[0], z[1] = 0, x[0]
		default:
			for j := range z {
				at := j
				if d.columns != nil {
					at = d.columns[j]
				}
				z[j] = d.value(x[at])
			}
		}
	}
	return -1
}

func (d decoder) value(v float32) float32 {
	switch d.kind {
	case Probabilities:
		return d.log(v)
	case LogProbabilities:
		if v-v != 0 {
			return logZero
		}
	}
	return v
}

func (d decoder) log(p float32) float32 {
	return float32(math.Log(float64(max(p, d.floor))))
}

// matchClasses settles how the output's columns are the rows' classes. keys
// are the names that the output gives, labels all labels of the rows.
func (c *Contract) matchClasses(path string, raw int, keys []string, spec dataset.Spec, labels []int32) error {
	classes := len(spec.Classes)
	c.Classes, c.ClassNames = raw, keys
	if raw == 1 && classes == 2 {
		c.Classes, c.OneColumn = 2, true
		c.why("classes: one column, taken as the score of class 1 of 2")
		return nil
	}
	offending := slices.IndexFunc(labels, func(y int32) bool { return int(y) >= raw })
	if classes != 0 && raw != classes || offending >= 0 {
		if offending < 0 {
			offending = max(0, slices.IndexFunc(labels, func(y int32) bool { return y >= 0 }))
		}
		label := "no label"
		if offending < len(labels) && labels[offending] >= 0 {
			label = fmt.Sprintf("label %d", labels[offending])
		}
		return fault.New(fault.Input, path, "output "+c.Output, "the teacher has %d classes, the rows have %d: row %d has %s", raw, classes, offending, label)
	}
	if classes == 0 {
		c.why("classes: %d, as many as the output has columns", raw)
		return nil
	}
	if order, ok := permutation(keys, spec.Classes); ok {
		c.ClassNames = slices.Clone(spec.Classes)
		if order == nil {
			c.why("classes: %d, named as the rows' are", raw)
			return nil
		}
		c.Columns = order
		c.why("classes: %d, put in the order of the rows' by their names", raw)
		return nil
	}
	c.why("classes: %d, column i is class i", raw)
	return nil
}

// permutation gives the position among keys of each name; nil when the two
// are the same list, false when they are not the same names.
func permutation(keys, names []string) (order []int, ok bool) {
	if len(keys) != len(names) || len(keys) == 0 {
		return nil, false
	}
	if slices.Equal(keys, names) {
		return nil, true
	}
	for _, name := range names {
		at := slices.Index(keys, name)
		if at < 0 || slices.Contains(order, at) {
			return nil, false
		}
		order = append(order, at)
	}
	return order, true
}
