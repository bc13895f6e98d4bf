package teacher

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// inputPlan is how rows of one Spec go into a model's input.
type inputPlan struct {
	infos    []ort.Info
	features []int // with one input a feature: the column that each takes
	layout   dataset.Layout
	resize   []int
	dims     []int64 // of one row as the model takes it, without the batch axis
	fixed    int     // declared batch; 0: any
	why      []string
}

// floating tells whether inputs of the type take fractions.
func floating(d onnx.DType) bool {
	return d == onnx.Float32 || d == onnx.Float64 || d == onnx.Float16
}

// feedable tells whether rows can be converted to the type.
func feedable(d onnx.DType) bool {
	return floating(d) || slices.Contains([]onnx.DType{onnx.Uint8, onnx.Int8, onnx.Int32, onnx.Int64}, d)
}

// describe lists values for an error, as "x float32 (N, 784)".
func describe(infos []ort.Info) string {
	parts := make([]string, len(infos))
	for i, v := range infos {
		what := map[onnx.Kind]string{onnx.KindSequence: "sequence", onnx.KindMap: "map", onnx.KindOptional: "optional", onnx.KindSparseTensor: "sparse tensor", onnx.KindUnknown: "unknown"}[v.Kind]
		if v.Kind == onnx.KindTensor {
			what = v.DType.String() + " " + shapeText(v.Shape)
		}
		parts[i] = fmt.Sprintf("%q %s", v.Name, what)
	}
	return strings.Join(parts, ", ")
}

// planInput matches the declared inputs with the rows.
func planInput(path string, infos []ort.Info, spec dataset.Spec) (inputPlan, error) {
	p := inputPlan{infos: infos}
	for _, in := range infos {
		if in.Kind != onnx.KindTensor || !feedable(in.DType) {
			return p, fault.New(fault.Input, path, "input "+in.Name, "got %s, expected a tensor of float32, float64, float16, uint8, int8, int32 or int64", describe([]ort.Info{in}))
		}
	}
	switch len(infos) {
	case 0:
		return p, fault.New(fault.Input, path, "graph", "has no input, expected one that takes the rows")
	case 1:
		return p, p.single(path, infos[0], spec)
	}
	return p, p.perFeature(path, infos, spec)
}

// rowText is a row's shape for people.
func rowText(spec dataset.Spec) string {
	kind := "features"
	if spec.Image {
		kind = "(height, width, channels)"
	}
	parts := make([]string, len(spec.Shape))
	for i, d := range spec.Shape {
		parts[i] = fmt.Sprint(d)
	}
	return "(" + strings.Join(parts, ", ") + ") " + kind
}

// single plans for one input that takes whole rows.
func (p *inputPlan) single(path string, in ort.Info, spec dataset.Spec) error {
	shape := in.Shape
	if len(shape) == 0 {
		shape = []int64{-1, -1} // nothing declared: the plainest that a model may take
	}
	if shape[0] > 0 {
		p.fixed = int(shape[0])
	}
	rest := shape[1:]
	mismatch := fault.New(fault.Input, path, "input "+in.Name, "takes %s, the rows are %s", shapeText(shape), rowText(spec))
	if !spec.Image {
		p.layout = dataset.Flat
		var ok bool
		if p.dims, ok = fit(rest, spec.Size()); !ok {
			return mismatch
		}
		p.why = append(p.why, fmt.Sprintf("layout: %s, rows go in as %s", p.layout, shapeText(p.dims)))
		return nil
	}
	h, w, c := int64(spec.Shape[0]), int64(spec.Shape[1]), int64(spec.Shape[2])
	matches := func(want ...int64) bool {
		for i, d := range rest {
			if d >= 0 && d != want[i] {
				return false
			}
		}
		return len(rest) == len(want)
	}
	switch {
	case len(rest) == 1 && matches(h*w*c):
		p.layout, p.dims = dataset.Flat, []int64{h * w * c}
	case len(rest) == 2 && c == 1 && matches(h, w):
		p.layout, p.dims = dataset.NCHW, []int64{h, w}
	case len(rest) == 3 && matches(c, h, w):
		p.layout, p.dims = dataset.NCHW, []int64{c, h, w}
	case len(rest) == 3 && matches(h, w, c):
		p.layout, p.dims = dataset.NHWC, []int64{h, w, c}
	case len(rest) == 3 && rest[0] == c && rest[1] > 0 && rest[2] > 0:
		p.layout, p.dims, p.resize = dataset.NCHW, rest, []int{int(rest[1]), int(rest[2])}
	case len(rest) == 3 && rest[2] == c && rest[0] > 0 && rest[1] > 0:
		p.layout, p.dims, p.resize = dataset.NHWC, rest, []int{int(rest[0]), int(rest[1])}
	default:
		return mismatch
	}
	p.why = append(p.why, fmt.Sprintf("layout: %s, the input is %s and the rows are %s", p.layout, shapeText(shape), rowText(spec)))
	if p.resize != nil {
		p.why = append(p.why, fmt.Sprintf("size: rows are resized from %d×%d to %d×%d", h, w, p.resize[0], p.resize[1]))
	}
	return nil
}

// fit completes the declared axes of a row so that they hold size values: one
// unknown axis takes what is left, further ones are 1.
func fit(rest []int64, size int) (dims []int64, ok bool) {
	dims = slices.Clone(rest)
	known, free := int64(1), -1
	for i, d := range dims {
		switch {
		case d >= 0:
			known *= d
			if known > int64(size) {
				return nil, false
			}
		case free < 0:
			free = i
		default:
			dims[i] = 1
		}
	}
	if known == 0 || int64(size)%known != 0 {
		return nil, false
	}
	if free >= 0 {
		dims[free] = int64(size) / known
		return dims, true
	}
	return dims, known == int64(size)
}

// perFeature plans for a model with one input a feature, as converters of
// table pipelines write them.
func (p *inputPlan) perFeature(path string, infos []ort.Info, spec dataset.Spec) error {
	refuse := func(why string) error {
		return fault.New(fault.Input, path, "inputs", "%s: the model has %s; the rows are %s", why, describe(infos), rowText(spec))
	}
	if spec.Image || len(infos) != spec.Size() {
		return refuse(fmt.Sprintf("got %d inputs, expected 1, or 1 a feature", len(infos)))
	}
	for _, in := range infos {
		if n := len(in.Shape); n != 1 && n != 2 || n == 2 && in.Shape[1] > 1 || n != len(infos[0].Shape) {
			return refuse("expected inputs of one value a row")
		}
		if in.DType != infos[0].DType {
			return refuse("expected inputs of one type")
		}
		if in.Shape[0] > 0 {
			p.fixed = int(in.Shape[0])
		}
		at := slices.IndexFunc(spec.Columns, func(c string) bool { return strings.EqualFold(c, in.Name) })
		if at < 0 || slices.Contains(p.features, at) {
			p.features = nil
			break
		}
		p.features = append(p.features, at)
	}
	why := "by the columns' names"
	if p.features == nil {
		why = "in their order, for the names differ"
		for i := range infos {
			p.features = append(p.features, i)
		}
	}
	p.layout, p.dims = dataset.Flat, nil
	if len(infos[0].Shape) == 2 {
		p.dims = []int64{1}
	}
	p.why = append(p.why, fmt.Sprintf("inputs: one a feature, matched %s", why))
	return nil
}

// encoder turns raw rows into the model's inputs.
type encoder struct {
	plan inputPlan
	pipe *dataset.Pipeline
	size int // values of a raw row
}

// encoded is a buffer that an encoder fills.
type encoded struct {
	values []ort.Value
	floats []float32
	bytes  [][]byte
}

func newEncoder(plan inputPlan, pre dataset.Preprocess, spec dataset.Spec) (*encoder, error) {
	pipe, err := pre.Compile(spec)
	if err != nil {
		return nil, err
	}
	return &encoder{plan, pipe, spec.Size()}, nil
}

// encode fills b with n raw rows x, (n, size).
func (e *encoder) encode(b *encoded, x []float32, n int) {
	out := e.pipe.OutSize()
	b.floats = slices.Grow(b.floats[:0], n*out)[:n*out]
	e.pipe.Apply(b.floats, x, n)
	if b.values == nil {
		b.values = make([]ort.Value, len(e.plan.infos))
		b.bytes = make([][]byte, len(e.plan.infos))
	}
	for i, in := range e.plan.infos {
		first, stride, count := 0, 1, n*out
		if e.plan.features != nil {
			first, stride, count = e.plan.features[i], out, n
		}
		if in.DType == onnx.Float32 && stride == 1 && littleEndian {
			b.bytes[i] = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b.floats))), 4*count)
		} else {
			b.bytes[i] = convert(b.bytes[i], in.DType, b.floats, first, stride, count)
		}
		b.values[i] = ort.Value{DType: in.DType, Shape: append([]int64{int64(n)}, e.plan.dims...), Data: b.bytes[i]}
	}
}

// littleEndian tells whether the memory of a float32 is its encoding.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// convert writes count values of x, from first on and stride apart, into dst
// as little-endian values of type d. Integers are rounded to nearest and
// clamped.
func convert(dst []byte, d onnx.DType, x []float32, first, stride, count int) []byte {
	size := map[onnx.DType]int{onnx.Float32: 4, onnx.Float64: 8, onnx.Float16: 2, onnx.Uint8: 1, onnx.Int8: 1, onnx.Int32: 4, onnx.Int64: 8}[d]
	if cap(dst) < count*size {
		dst = make([]byte, count*size)
	}
	dst = dst[:count*size]
	le := binary.LittleEndian
	whole := func(v float32, lo, hi float64) float64 {
		return math.Max(lo, math.Min(hi, math.RoundToEven(float64(v))))
	}
	for i, at := 0, first; i < count; i, at = i+1, at+stride {
		v := x[at]
		switch d {
		case onnx.Float32:
			le.PutUint32(dst[4*i:], math.Float32bits(v))
		case onnx.Float64:
			le.PutUint64(dst[8*i:], math.Float64bits(float64(v)))
		case onnx.Float16:
			le.PutUint16(dst[2*i:], onnx.ToHalf(v))
		case onnx.Uint8:
			dst[i] = byte(whole(v, 0, 255))
		case onnx.Int8:
			dst[i] = byte(int8(whole(v, -128, 127)))
		case onnx.Int32:
			le.PutUint32(dst[4*i:], uint32(int32(whole(v, math.MinInt32, math.MaxInt32))))
		case onnx.Int64:
			le.PutUint64(dst[8*i:], uint64(int64(whole(v, -1<<53, 1<<53))))
		}
	}
	return dst
}
