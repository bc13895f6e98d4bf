package teacher

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// memory is a Source in memory.
type memory struct {
	spec dataset.Spec
	x    []float32
	y    []int32
	s    []string  // (n, Texts)
	v    []float32 // (n, len(Targets)); nil without
}

func (m *memory) Spec() dataset.Spec { return m.spec }
func (m *memory) Len() int           { return len(m.y) }
func (m *memory) Close() error       { return nil }
func (m *memory) Read(ctx context.Context, rows []int, b *dataset.Batch) error {
	size := m.spec.Size()
	b.ResetTo(len(rows), m.spec)
	texts, k := len(m.spec.Texts), len(m.spec.Targets)
	for i, r := range rows {
		copy(b.S[i*texts:], m.s[r*texts:(r+1)*texts])
		copy(b.V[i*k:(i+1)*k], m.v[r*k:(r+1)*k])
		copy(b.X[i*size:(i+1)*size], m.x[r*size:(r+1)*size])
		b.Y[i] = m.y[r]
	}
	return ctx.Err()
}

const (
	side = 6 // the test images are side×side
	kind = 3 // with this many classes
	grey = 115
)

// greys are n images of side×side×channels bytes with three bands of rows. The
// band of the image's class is grey, the others are darker or lighter: only who
// knows the scale can tell which is grey. Channel c is dimmed by c.
func greys(n, channels int) *memory {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(channels)))
	m := &memory{spec: dataset.Spec{Shape: []int{side, side, channels}, Image: true, DType: dataset.Uint8, Classes: []string{"top", "middle", "bottom"}}}
	for r := range n {
		y := r % kind
		var level [kind]int
		for b := range level {
			level[b] = []int{20, 60, 150, 170}[rng.IntN(4)]
		}
		level[y] = grey
		for p := range side * side {
			v := float32(level[band(p)] + rng.IntN(11) - 5)
			for c := range channels {
				m.x = append(m.x, v-float32(c))
			}
		}
		m.y = append(m.y, int32(y))
	}
	return m
}

// band is the band of pixel p.
func band(p int) int { return p / side / (side / kind) }

// unlabelled is m without labels and class names.
func unlabelled(m *memory) *memory {
	u := &memory{spec: m.spec, x: m.x, y: make([]int32, len(m.y))}
	u.spec.Classes = nil
	for i := range u.y {
		u.y[i] = dataset.Unlabelled
	}
	return u
}

// greyLogits says how grey each band of a row in 0..1 is: -100·(mean−grey)².
func greyLogits(x []float32) []float32 {
	z := make([]float32, kind)
	per := len(x) / kind
	for p, v := range x {
		z[p/per] += v / float32(per)
	}
	for k, mean := range z {
		z[k] = -100 * (mean - grey/255.0) * (mean - grey/255.0)
	}
	return z
}

// fake is a model in Go.
type fake struct {
	inputs, outputs []ort.Info
	f               func(in []ort.Value, n int) ([]ort.Value, error)

	options  ort.Options
	calls    int // of Run
	sizes    []int
	restarts int
	closed   bool
	onRun    func(call int) error // may fail a call
}

func (f *fake) Inputs() []ort.Info { return f.inputs }
func (f *fake) Outputs() []ort.Info {
	if f.options.Outputs == nil {
		return f.outputs
	}
	var out []ort.Info
	for _, name := range f.options.Outputs {
		for _, o := range f.outputs {
			if o.Name == name {
				out = append(out, o)
			}
		}
	}
	return out
}
func (f *fake) Close() error                  { f.closed = true; return nil }
func (f *fake) Restart(context.Context) error { f.restarts++; return nil }

func (f *fake) Run(ctx context.Context, in []ort.Value) ([]ort.Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.New(fault.Interrupted, "fake.onnx", "", "run stopped: %w", err)
	}
	f.calls++
	if f.onRun != nil {
		if err := f.onRun(f.calls); err != nil {
			return nil, err
		}
	}
	n := int(in[0].Shape[0])
	f.sizes = append(f.sizes, n)
	for i, v := range in {
		if want := elements(v.Shape) * v.DType.Size(); len(v.Data) != want || v.DType != f.inputs[i].DType {
			return nil, fmt.Errorf("input %d: %v %v with %d bytes", i, v.DType, v.Shape, len(v.Data))
		}
	}
	var all []ort.Value
	if b := f.options.Batch; b > 0 { // as ort does: cut, run, join
		for at := 0; at < n; at += b {
			cut := make([]ort.Value, len(in))
			for i, v := range in {
				per := len(v.Data) / n
				data := append([]byte(nil), v.Data[at*per:min(at+b, n)*per]...)
				for len(data) < b*per {
					data = append(data, v.Data[(n-1)*per:]...)
				}
				cut[i] = ort.Value{DType: v.DType, Shape: append([]int64{int64(b)}, v.Shape[1:]...), Data: data}
			}
			out, err := f.f(cut, b)
			if err != nil {
				return nil, err
			}
			for i, v := range out {
				if len(v.Shape) == 0 || v.Shape[0] != int64(b) {
					return nil, fault.New(fault.Input, "fake.onnx", "", "no leading axis to join")
				}
				if at == 0 {
					all = append(all, v)
				} else {
					all[i].Data = append(all[i].Data, v.Data...)
				}
			}
		}
		for i := range all {
			all[i].Shape[0] = int64(n)
			per := elements(all[i].Shape[1:])
			size := all[i].DType.Size()
			all[i].Data = all[i].Data[:n*per*size]
		}
	} else {
		var err error
		if all, err = f.f(in, n); err != nil {
			return nil, err
		}
	}
	if f.options.Outputs == nil {
		return all, nil
	}
	var out []ort.Value
	for _, name := range f.options.Outputs {
		for i, o := range f.outputs {
			if o.Name == name {
				out = append(out, all[i])
			}
		}
	}
	return out, nil
}

func elements(shape []int64) int {
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	return n
}

// teach makes a Teacher of the fake.
func (f *fake) teach(t testing.TB, o Options) *Teacher {
	t.Helper()
	x := &Teacher{path: "fake.onnx", digest: "d1", library: ort.Library{Digest: "l1", Version: "1.29.0"}, o: o}
	if o.Output != "" {
		x.outputs = []string{o.Output}
	}
	x.start = func(_ context.Context, so ort.Options) (ort.Runner, error) {
		f.options = so
		return f, nil
	}
	if err := x.open(context.Background(), x.outputs, 0); err != nil {
		t.Fatal(err)
	}
	return x
}

// floatsOf reads a value of any type that convert writes.
func floatsOf(v ort.Value) []float32 {
	if v.DType.Float() {
		return scores(nil, v)
	}
	var out []float32
	for b := v.Data; len(b) > 0; b = b[v.DType.Size():] {
		switch v.DType {
		case onnx.Uint8:
			out = append(out, float32(b[0]))
		case onnx.Int8:
			out = append(out, float32(int8(b[0])))
		case onnx.Uint16:
			out = append(out, float32(binary.LittleEndian.Uint16(b)))
		case onnx.Int16:
			out = append(out, float32(int16(binary.LittleEndian.Uint16(b))))
		case onnx.Uint32:
			out = append(out, float32(binary.LittleEndian.Uint32(b)))
		case onnx.Uint64:
			out = append(out, float32(binary.LittleEndian.Uint64(b)))
		case onnx.Int32:
			out = append(out, float32(int32(binary.LittleEndian.Uint32(b))))
		case onnx.Int64:
			out = append(out, float32(int64(binary.LittleEndian.Uint64(b))))
		}
	}
	return out
}

// batchOf makes n rows of values.
func batchOf(x []float32, n int) *dataset.Batch { return &dataset.Batch{N: n, X: x} }

// value makes a tensor of the type.
func value(d onnx.DType, x []float32, shape ...int64) ort.Value {
	if len(x) == 0 {
		panic("no values")
	}
	return ort.Value{DType: d, Shape: shape, Data: convert(nil, d, x, 0, 1, len(x))}
}

// tensor describes a tensor.
func tensor(name string, d onnx.DType, shape ...int64) ort.Info {
	return ort.Info{Name: name, Kind: onnx.KindTensor, DType: d, Shape: shape}
}

// unitOf undoes a value range, by name.
var unitOf = map[string]func(float32) float32{
	"raw":       func(v float32) float32 { return v / 255 },
	"unit":      func(v float32) float32 { return v },
	"symmetric": func(v float32) float32 { return (v + 1) / 2 },
}

// outputOf turns logits into a kind, in place.
func outputOf(k Kind, z []float32) {
	if k == Logits {
		return
	}
	top, sum := math.Inf(-1), 0.0
	for _, v := range z {
		top = math.Max(top, float64(v))
	}
	for _, v := range z {
		sum += math.Exp(float64(v) - top)
	}
	for i, v := range z {
		l := float64(v) - top - math.Log(sum)
		if z[i] = float32(l); k == Probabilities {
			z[i] = float32(math.Exp(l))
		}
	}
}

// greyFake is a fake that knows greys, whose input has the given type, shape
// and range and whose output has the given kind.
func greyFake(d onnx.DType, toUnit func(float32) float32, k Kind, shape ...int64) *fake {
	f := &fake{inputs: []ort.Info{tensor("x", d, shape...)}, outputs: []ort.Info{tensor("y", onnx.Float32, shape[0], kind)}}
	f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		x := floatsOf(in[0])
		size := len(x) / n
		var out []float32
		for r := range n {
			row := x[r*size : (r+1)*size]
			for i := range row {
				row[i] = toUnit(row[i])
			}
			z := greyLogits(row)
			outputOf(k, z)
			out = append(out, z...)
		}
		return []ort.Value{value(onnx.Float32, out, int64(n), kind)}, nil
	}
	return f
}

// says requires a line that holds all the words.
func says(t testing.TB, c *Contract, words ...string) {
	t.Helper()
line:
	for _, l := range c.Lines() {
		for _, w := range words {
			if !strings.Contains(l, w) {
				continue line
			}
		}
		return
	}
	t.Errorf("no line says %q:\n%v", words, c)
}
