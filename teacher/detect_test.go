package teacher

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

func detect(t testing.TB, x *Teacher, src dataset.Source) *Contract {
	t.Helper()
	c, err := x.Detect(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDetectRangeAndKind runs every kind of output with every value range, and
// requires the logits of the first rows.
func TestDetectRangeAndKind(t *testing.T) {
	src := greys(300, 1)
	mean, std, err := dataset.Stats(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	ranges := map[string]func(float32) float32{
		"standard": func(v float32) float32 { return (v*std[0] + mean[0]) / 255 },
	}
	for name, f := range unitOf {
		ranges[name] = f
	}
	for name, toUnit := range ranges {
		for _, k := range []Kind{Logits, Probabilities, LogProbabilities} {
			t.Run(fmt.Sprintf("%s/%s", name, k), func(t *testing.T) {
				x := greyFake(onnx.Float32, toUnit, k, -1, 1, side, side).teach(t, Options{})
				c := detect(t, x, src)
				if c.Range != name || c.Kind != k || c.Layout != dataset.NCHW || c.Classes != kind || c.Batch != DefaultBatch {
					t.Fatalf("got\n%v", c)
				}
				if c.Accuracy == nil || *c.Accuracy < 0.99 {
					t.Errorf("accuracy %v", c.Accuracy)
				}
				if len(c.Warnings) != 0 {
					t.Errorf("warnings: %q", c.Warnings)
				}
				says(t, c, "input range: ", "100.0 % of 300 labelled rows right", "raw 0..255")
				got := make([]float32, 5*kind)
				if err := x.Logits(context.Background(), batchOf(src.x[:5*side*side], 5), got); err != nil {
					t.Fatal(err)
				}
				for r := range 5 {
					row := slices.Clone(src.x[r*side*side : (r+1)*side*side])
					for i := range row {
						row[i] /= 255
					}
					near(t, got[r*kind:(r+1)*kind], greyLogits(row))
				}
			})
		}
	}
}

// near requires logits that are equal up to a constant.
func near(t testing.TB, got, want []float32) {
	t.Helper()
	for j := range want {
		a, b := float64(got[j]-got[0]), float64(want[j]-want[0])
		if math.Abs(a-b) > 2e-3*(1+math.Abs(b)) {
			t.Fatalf("got %v, expected %v up to a constant", got, want)
		}
	}
}

func TestDetectInputTypes(t *testing.T) {
	src := greys(90, 1)
	for _, d := range []onnx.DType{onnx.Float32, onnx.Float64, onnx.Float16, onnx.BFloat16, onnx.Uint8, onnx.Uint16, onnx.Uint32, onnx.Uint64, onnx.Int16, onnx.Int32, onnx.Int64} {
		x := greyFake(d, unitOf["raw"], Logits, -1, side*side).teach(t, Options{})
		c := detect(t, x, src)
		if c.Range != "raw" || c.DType != d.String() || c.Layout != dataset.Flat || *c.Accuracy < 0.99 {
			t.Errorf("%v: got\n%v", d, c)
		}
	}
	x := greyFake(onnx.Complex64, unitOf["raw"], Logits, -1, side*side).teach(t, Options{})
	_, err := x.Detect(context.Background(), src)
	faulttest.Want(t, err, fault.Input, "input x", "complex64", "expected a tensor of floats, integers, bool or string")
}

// TestSignedBytes finds out that an input of signed bytes wants x − 128, and
// warns of what is cut off where that is not what is asked for.
func TestSignedBytes(t *testing.T) {
	src := greys(200, 1)
	signed := func(v float32) float32 { return (v + 128) / 255 }
	c := detect(t, greyFake(onnx.Int8, signed, Logits, -1, side*side).teach(t, Options{}), src)
	if c.Range != "signed" || *c.Accuracy < 0.99 || len(c.Warnings) != 0 {
		t.Errorf("got\n%v", c)
	}
	c = detect(t, greyFake(onnx.Int8, signed, Logits, -1, side*side).teach(t, Options{Input: "raw"}), src)
	says(t, c, "warning", `input "x" takes int8, -128 to 127, the rows have values beyond`)
	for i := range src.x {
		src.x[i] /= 255
	}
	src.spec.DType = dataset.Float32
	c = detect(t, greyFake(onnx.Uint8, unitOf["raw"], Logits, -1, side*side).teach(t, Options{}), src)
	if c.Range != "bytes" || *c.Accuracy < 0.99 {
		t.Errorf("got\n%v", c)
	}
}

// TestDetectLayouts uses images whose channels differ, so that a wrong order
// gives wrong values.
func TestDetectLayouts(t *testing.T) {
	single, colour := greys(60, 1), greys(60, 3)
	for _, c := range []struct {
		src    *memory
		shape  []int64
		layout dataset.Layout
		resize []int
		words  []string
	}{
		{single, []int64{-1, 1, side, side}, dataset.NCHW, nil, nil},
		{single, []int64{-1, side, side, 1}, dataset.NHWC, nil, nil},
		{single, []int64{-1, side, side}, dataset.NCHW, nil, nil},
		{single, []int64{-1, side * side}, dataset.Flat, nil, nil},
		{single, []int64{-1, -1}, dataset.Flat, nil, nil},
		{single, []int64{-1, -1, -1, -1}, dataset.NCHW, nil, nil},
		{colour, []int64{-1, 3, side, side}, dataset.NCHW, nil, nil},
		{colour, []int64{-1, side, side, 3}, dataset.NHWC, nil, nil},
		{colour, []int64{-1, 3 * side * side}, dataset.Flat, nil, nil},
		{colour, []int64{-1, 3, -1, -1}, dataset.NCHW, nil, nil},
		{colour, []int64{-1, 3, 2 * side, 2 * side}, dataset.NCHW, []int{2 * side, 2 * side}, []string{"resized from 6×6 to 12×12"}},
		{colour, []int64{-1, 9, side, 3}, dataset.NHWC, []int{9, side}, []string{"resized from 6×6 to 9×6"}},
	} {
		t.Run(fmt.Sprint(c.shape, len(c.src.spec.Shape)), func(t *testing.T) {
			channels := c.src.spec.Shape[2]
			f := greyFake(onnx.Float32, unitOf["raw"], Logits, c.shape...)
			f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
				x := floatsOf(in[0])
				size := len(x) / n
				if c.resize == nil {
					for p := range side * side { // the first row, pixel by pixel
						for ch := range channels {
							at := ch*side*side + p
							if c.layout == dataset.NHWC {
								at = p*channels + ch
							}
							if want := max(0, x[atFirst(c.layout, p, channels)]-float32(ch)); x[at] != want {
								return nil, fmt.Errorf("pixel %d channel %d: got %v, expected %v", p, ch, x[at], want)
							}
						}
					}
				}
				out := make([]float32, n*kind)
				for i := range out {
					out[i] = x[i%kind*size/kind] / 255
				}
				return []ort.Value{value(onnx.Float32, out, int64(n), kind)}, nil
			}
			x := f.teach(t, Options{Input: "raw"})
			got := detect(t, x, c.src)
			if got.Layout != c.layout || !slices.Equal(got.Preprocess.Resize, c.resize) {
				t.Errorf("got %s %v", got.Layout, got.Preprocess.Resize)
			}
			says(t, got, append(c.words, "")...)
		})
	}
}

// atFirst is where pixel p has its first channel.
func atFirst(l dataset.Layout, p, channels int) int {
	if l == dataset.NHWC {
		return p * channels
	}
	return p
}

func TestMismatchedInputs(t *testing.T) {
	table := &memory{spec: dataset.Spec{Shape: []int{4}, DType: dataset.Float32, Columns: []string{"a", "b", "c", "d"}}, x: make([]float32, 8), y: []int32{-1, -1}}
	for _, c := range []struct {
		src   *memory
		shape []int64
		words []string
	}{
		{table, []int64{-1, 2}, []string{"takes fewer columns than there are, and no row has a label", `"x" float32 (N, 2)`, `the rows have "a", "b", "c", "d"`, "--input x=COLUMN"}},
		{table, []int64{-1, 3, 2}, []string{"takes float32 (N, 3, 2)", "the rows are (4) features"}},
		{table, []int64{-1, 0}, []string{"takes float32 (N, 0)"}},
		{greys(3, 1), []int64{-1, 4, side, side}, []string{"takes float32 (N, 4, 6, 6)", "the rows are (6, 6, 1) (height, width, channels)"}},
		{greys(3, 3), []int64{-1, 2, side, side}, []string{"takes float32 (N, 2, 6, 6)"}},
		{greys(3, 1), []int64{-1, 785}, []string{"takes float32 (N, 785)"}},
		{greys(3, 1), []int64{-1, 1, 1, 1, 36}, []string{"takes float32 (N, 1, 1, 1, 36)"}},
	} {
		x := greyFake(onnx.Float32, unitOf["raw"], Logits, c.shape...).teach(t, Options{})
		_, err := x.Detect(context.Background(), c.src)
		faulttest.Want(t, err, fault.Input, append(c.words, "fake.onnx", "input x")...)
	}
	x := (&fake{}).teach(t, Options{})
	_, err := x.Detect(context.Background(), table)
	faulttest.Want(t, err, fault.Input, "has no input")
	empty := greys(0, 1)
	x = greyFake(onnx.Float32, unitOf["raw"], Logits, -1, 36).teach(t, Options{})
	_, err = x.Detect(context.Background(), empty)
	faulttest.Want(t, err, fault.Input, "no rows")
}

func TestTableRowsInShapedInputs(t *testing.T) {
	for _, c := range []struct{ rest, want []int64 }{
		{[]int64{6}, []int64{6}}, {[]int64{-1}, []int64{6}}, {[]int64{2, 3}, []int64{2, 3}}, {[]int64{2, -1}, []int64{2, 3}},
		{[]int64{-1, -1, 3}, []int64{2, 1, 3}}, {[]int64{1, 6, 1}, []int64{1, 6, 1}}, {[]int64{4}, nil}, {[]int64{4, -1}, nil}, {[]int64{7}, nil},
	} {
		got, ok := fit(c.rest, 6)
		if ok != (c.want != nil) || ok && !slices.Equal(got, c.want) {
			t.Errorf("%v: got %v, %v", c.rest, got, ok)
		}
	}
}

func TestOneInputAFeature(t *testing.T) {
	src := &memory{spec: dataset.Spec{Shape: []int{3}, DType: dataset.Float32, Columns: []string{"Age", "height", "mass"}, Classes: []string{"a", "b"}}}
	for r := range 40 {
		src.x = append(src.x, float32(r), 100, float32(r%7))
		src.y = append(src.y, int32(r/20))
	}
	for _, c := range []struct {
		names []string
		want  []int
		words string
	}{
		{[]string{"mass", "age", "height"}, []int{2, 0, 1}, "columns matched by their names"},
		{[]string{"x0", "x1", "x2"}, []int{0, 1, 2}, "in their order, for the names differ"},
	} {
		f := &fake{outputs: []ort.Info{tensor("y", onnx.Float32, -1, 2)}}
		age := 0
		for i, name := range c.names {
			f.inputs = append(f.inputs, tensor(name, onnx.Float32, -1, 1))
			if c.want[i] == 0 {
				age = i
			}
		}
		f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
			var out []float32
			for _, v := range scores(nil, in[age]) {
				out = append(out, 19.5-v, v-19.5)
			}
			return []ort.Value{value(onnx.Float32, out, int64(n), 2)}, nil
		}
		got := detect(t, f.teach(t, Options{}), src)
		for i, in := range got.Inputs {
			if in.Name != c.names[i] || len(in.Columns) != 1 || in.Columns[0] != src.spec.Columns[c.want[i]] {
				t.Errorf("input %d is %+v", i, in)
			}
		}
		if got.InputName != "" || len(got.Inputs) != 3 || *got.Accuracy != 1 {
			t.Errorf("got\n%v", got)
		}
		says(t, got, c.words)
		f.inputs = f.inputs[:2]
		if c.names[1] == "age" {
			says(t, detect(t, f.teach(t, Options{}), src), "columns that go into none", `"height"`)
			continue
		}
		_, err := f.teach(t, Options{}).Detect(context.Background(), src)
		faulttest.Want(t, err, fault.Input, "cannot tell which column goes into which", `the rows have "Age", "height", "mass"`, "--input "+c.names[0]+"=COLUMN")
	}
}

func TestNotFinite(t *testing.T) {
	src := greys(60, 1)
	bad := src.x[17*side*side : 18*side*side]
	f := greyFake(onnx.Float32, unitOf["raw"], Logits, -1, side*side)
	plain := f.f
	f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		out, err := plain(in, n)
		x, z := floatsOf(in[0]), scores(nil, out[0])
		for r := range n {
			if slices.Equal(x[r*side*side:(r+1)*side*side], bad) {
				z[r*kind] = float32(math.NaN())
			}
		}
		return []ort.Value{value(onnx.Float32, z, int64(n), kind)}, err
	}
	_, err := f.teach(t, Options{Input: "raw"}).Detect(context.Background(), src)
	faulttest.Want(t, err, fault.Input, "row 17 (", dataset.IDOf(bad).String(), "not finite")
}

// TestDetectIsDeterministic also covers a second Detect on the same Teacher
// and the JSON form.
func TestDetectIsDeterministic(t *testing.T) {
	src := greys(700, 1)
	f := greyFake(onnx.Float32, unitOf["unit"], Probabilities, -1, 1, side, side)
	f.outputs = append(f.outputs, tensor("label", onnx.Int64, -1))
	plain := f.f
	f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		out, err := plain(in, n)
		return append(out, value(onnx.Int64, make([]float32, n), int64(n))), err
	}
	x := f.teach(t, Options{})
	first := detect(t, x, src)
	if d := cmp.Diff(first, detect(t, x, src)); d != "" {
		t.Error(d)
	}
	raw, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var back Contract
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(*first, back); d != "" {
		t.Error(d)
	}
}

// TestHangWhileDetecting requires that a model that hangs is tried on a batch
// and on one row, no more, and that Detect can be called again.
func TestHangWhileDetecting(t *testing.T) {
	src := greys(60, 1)
	f := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side)
	f.onRun = func(int) error {
		time.Sleep(2 * time.Millisecond)
		return fault.New(fault.Teacher, "fake.onnx", "", "teacher process killed: no answer after 1ms")
	}
	x := f.teach(t, Options{Timeout: time.Millisecond})
	_, err := x.Detect(context.Background(), src)
	faulttest.Want(t, err, fault.Teacher, "no answer")
	if f.calls != 2 || f.restarts != 0 {
		t.Errorf("%d calls and %d restarts, expected 2 and none", f.calls, f.restarts)
	}
	f.onRun = nil
	if c := detect(t, x, src); *c.Accuracy < 0.99 {
		t.Errorf("got\n%v", c)
	}
}

// TestCrashWhileDetecting goes on after one death and says so.
func TestCrashWhileDetecting(t *testing.T) {
	f := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side)
	f.onRun = func(call int) error {
		if call == 2 {
			return fault.New(fault.Teacher, "fake.onnx", "", "teacher process died: signal 11")
		}
		return nil
	}
	c := detect(t, f.teach(t, Options{}), greys(60, 1))
	says(t, c, "warning", "signal 11", "after a restart")
}

func TestBeforeDetect(t *testing.T) {
	x := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, 36).teach(t, Options{})
	ctx := context.Background()
	faulttest.Want(t, x.Logits(ctx, batchOf(nil, 0), nil), fault.Usage, "detect it first")
	_, err := x.Fill(ctx, greys(3, 1), t.TempDir(), FillOptions{})
	faulttest.Want(t, err, fault.Usage, "detect it first")
	_, err = x.Key(ctx, greys(3, 1))
	faulttest.Want(t, err, fault.Usage, "detect it first")
	x.Close()
	_, err = x.Detect(ctx, greys(3, 1))
	faulttest.Want(t, err, fault.Usage, "closed")
	for _, o := range []Options{{Kind: "probs"}, {Input: "0-1"}, {Batch: -1}, {Threads: -1}} {
		faulttest.Want(t, o.check(), fault.Usage)
	}
}
