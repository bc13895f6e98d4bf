package teacher

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// colours are random images of bytes, side×side.
func colours(channels int) *memory {
	rng := rand.New(rand.NewPCG(uint64(channels), 1))
	m := &memory{spec: dataset.Spec{Shape: []int{side, side, channels}, Image: true, DType: dataset.Uint8, Classes: []string{"red", "green", "blue"}}}
	for r := range 80 {
		for range side * side * channels {
			m.x = append(m.x, float32(rng.IntN(256)))
		}
		m.y = append(m.y, int32(r%3))
	}
	return m
}

// step is a node of a picture model.
type step struct {
	op     string
	ints   []int64 // perm of Transpose, shape of Reshape, axes of Unsqueeze
	inputs []string
}

// pictureModel takes an image by the steps and gives three classes. Of
// (N, 3, H, W), by "mean", the means of its channels; of (N, 1, H, W) those
// times 1, 2 and 3; of (N, D), by "first", the first three values.
func pictureModel(ports []in, steps ...step) *onnx.Model {
	g := &onnx.Graph{Name: "picture", Outputs: []*onnx.Value{{Name: "scores", DType: onnx.Float32}}}
	for _, p := range ports {
		v := &onnx.Value{Name: p.name, DType: p.dtype, HasShape: p.shape != nil}
		for i, d := range p.shape {
			dim := onnx.Dim{Value: d}
			if d < 0 {
				dim.Param = fmt.Sprintf("%s%d", p.name, i)
			}
			v.Shape = append(v.Shape, dim)
		}
		g.Inputs = append(g.Inputs, v)
	}
	x := ports[0].name
	add := func(op string, attrs []*onnx.Attr, from ...string) {
		out := fmt.Sprintf("v%d", len(g.Nodes))
		g.Nodes = append(g.Nodes, &onnx.Node{Name: out, OpType: op, Inputs: from, Outputs: []string{out}, Attrs: attrs})
		x = out
	}
	constant := func(t *onnx.Tensor) string {
		t.Name = fmt.Sprintf("c%d", len(g.Initializers))
		g.Initializers = append(g.Initializers, t)
		return t.Name
	}
	if ports[0].dtype != onnx.Float32 {
		add("Cast", []*onnx.Attr{{Name: "to", Type: onnx.AttrInt, I: int64(onnx.Float32)}}, x)
	}
	for _, s := range steps {
		switch s.op {
		case "Transpose":
			add("Transpose", []*onnx.Attr{{Name: "perm", Type: onnx.AttrInts, Ints: s.ints}}, x)
		case "Reshape":
			add("Reshape", nil, x, constant(onnx.Int64Tensor("", []int64{int64(len(s.ints))}, s.ints)))
		case "mean":
			weights, channels := []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, int64(3)
			if s.ints[0] == 1 {
				weights, channels = []float32{1, 2, 3}, 1
			}
			add("Conv", nil, x, constant(onnx.FloatTensor("", []int64{3, channels, 1, 1}, weights)))
			add("GlobalAveragePool", nil, x)
			add("Flatten", nil, x)
		case "first":
			weights := make([]float32, s.ints[0]*3)
			weights[0], weights[4], weights[8] = 1, 1, 1
			add("MatMul", nil, x, constant(onnx.FloatTensor("", []int64{s.ints[0], 3}, weights)))
		case "Add": // of something else that is fed, as numbers
			for _, other := range s.inputs {
				before := x
				add("Cast", []*onnx.Attr{{Name: "to", Type: onnx.AttrInt, I: int64(onnx.Float32)}}, other)
				add("Add", nil, before, x)
			}
		case "AddMean": // of another image
			before := x
			add("GlobalAveragePool", nil, s.inputs[0])
			add("Flatten", nil, x)
			add("Add", nil, before, x)
		}
	}
	g.Nodes = append(g.Nodes, &onnx.Node{Name: "out", OpType: "Identity", Inputs: []string{x}, Outputs: []string{"scores"}})
	return &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}, ProducerName: "kdonnx", Graph: g}
}

// meansOf are the scores that "mean" gives an image of three channels or one.
func meansOf(m *memory, r int) [3]float32 {
	var z [3]float32
	c := m.spec.Shape[2]
	per := m.spec.Size() / c
	for i, v := range m.x[r*m.spec.Size() : (r+1)*m.spec.Size()] {
		z[i%c] += v / float32(per)
	}
	if c == 1 {
		z[1], z[2] = 2*z[0], 3*z[0]
	}
	return z
}

// TestPictures feeds images to models in ONNX Runtime whose declarations say
// little, nothing or something odd.
func TestPictures(t *testing.T) {
	needLibrary(t)
	f := onnx.Float32
	rgb, grey := colours(3), colours(1)
	free4 := []int64{-1, -1, -1, -1}
	image := func(shape ...int64) []in { return []in{{"x", f, shape}} }
	mean3, mean1 := step{op: "mean", ints: []int64{3}}, step{op: "mean", ints: []int64{1}}
	repeated := func(m *memory, r int) [3]float32 {
		z := meansOf(m, r)
		return [3]float32{z[0], z[0], z[0]}
	}
	luminance := func(m *memory, r int) [3]float32 {
		z := meansOf(m, r)
		l := dataset.Luminance(z[:])
		return [3]float32{l, 2 * l, 3 * l}
	}
	flatOf := func(m *memory, r int) [3]float32 { // channel, height, width: three values of the first channel
		x := m.x[r*m.spec.Size():]
		c := m.spec.Shape[2]
		return [3]float32{x[0], x[c], x[2*c]}
	}
	reversed := func(m *memory, r int) [3]float32 {
		z := meansOf(m, r)
		return [3]float32{z[2], z[1], z[0]}
	}
	plus := func(d [3]float32) func(*memory, int) [3]float32 {
		return func(m *memory, r int) [3]float32 {
			z := meansOf(m, r)
			return [3]float32{z[0] + d[0], z[1] + d[1], z[2] + d[2]}
		}
	}
	for _, c := range []struct {
		name   string
		src    *memory
		model  *onnx.Model
		inputs []string
		pre    string
		want   func(m *memory, r int) [3]float32
		words  []string
		batch  int
		fails  fault.Kind
	}{
		{name: "NCHW at first try", src: rgb, model: pictureModel(image(free4...), mean3), want: meansOf, words: []string{"layout: NCHW, the input is (N, ?, ?, ?)"}},
		{name: "NHWC by running", src: rgb, model: pictureModel(image(free4...), step{op: "Transpose", ints: []int64{0, 3, 1, 2}}, mean3), want: meansOf,
			words: []string{"inputs: NHWC (N, 6, 6, 3), found by running, for the model refuses them as NCHW (N, 3, 6, 6)"}},
		{name: "flat by running", src: rgb, model: pictureModel(image(), step{op: "first", ints: []int64{108}}), want: flatOf,
			words: []string{"inputs: flat (N, 108), found by running"}},
		{name: "three channels by running", src: grey, model: pictureModel(image(free4...), mean3), want: repeated,
			words: []string{"found by running", "NCHW (N, 3, 6, 6)"}},
		{name: "three channels declared", src: grey, model: pictureModel(image(-1, 3, side, side), mean3), want: repeated,
			words: []string{"channels: 3 of 1, the grey one is repeated"}},
		{name: "three channels last declared, bytes", src: grey, model: pictureModel([]in{{"x", onnx.Uint8, []int64{-1, side, side, 3}}}, step{op: "Transpose", ints: []int64{0, 3, 1, 2}}, mean3), want: repeated,
			words: []string{"channels: 3 of 1"}},
		{name: "one channel declared", src: rgb, model: pictureModel(image(-1, 1, side, side), mean1), want: luminance,
			words: []string{"channels: 1 of 3, their luminance (ITU-R BT.601)"}},
		{name: "resized and three channels", src: grey, model: pictureModel(image(-1, 3, 2*side, 2*side), mean3), want: nil,
			words: []string{"size: rows are resized from 6×6 to 12×12"}},
		{name: "flat square of another size", src: grey, model: pictureModel(image(-1, 144), step{op: "first", ints: []int64{144}}), want: nil,
			words: []string{"size: rows are resized from 6×6 to 12×12"}},
		{name: "BGR as given", src: rgb, model: pictureModel(image(-1, 3, -1, -1), mean3), pre: "bgr", want: reversed, words: []string{"input range: as given"}},
		{name: "layout as given", src: rgb, model: pictureModel(image(free4...), step{op: "Reshape", ints: []int64{-1, 108}}, step{op: "first", ints: []int64{108}}), pre: "NHWC",
			want: func(m *memory, r int) [3]float32 { return [3]float32(m.x[r*108 : r*108+3]) }, words: []string{"layout: NHWC"}},
		{name: "no axis for the batch", src: rgb, model: pictureModel(image(3, side, side), step{op: "Reshape", ints: []int64{1, 3, side, side}}, mean3), want: meansOf,
			words: []string{"batch: the input has no axis for it"}},
		{name: "no axis for batch and channel", src: grey, model: pictureModel(image(side, side), step{op: "Reshape", ints: []int64{1, 1, side, side}}, mean1, step{op: "Reshape", ints: []int64{3}}), want: meansOf,
			words: []string{"batch: the input has no axis for it"}},
		{name: "a batch of 4 alone", src: rgb, model: pictureModel(image(-1, 3, side, side), step{op: "Reshape", ints: []int64{4, 3, side, side}}, mean3), want: meansOf,
			words: []string{"batch: 4, though declared free: neither 80 rows nor one at a time run"}, batch: 4},
		{name: "even batches alone", src: rgb, model: pictureModel(image(-1, 3, side, side), step{op: "Reshape", ints: []int64{-1, 216}}, step{op: "Reshape", ints: []int64{-1, 3, side, side}}, mean3), want: meansOf, batch: 80,
			words: []string{"batch: 80, though declared free: one row alone fails"}},
		{name: "pairs alone", src: rgb, model: pictureModel(image(-1, 3, side, side), step{op: "Reshape", ints: []int64{2, -1, 3, side, side}}, step{op: "Reshape", ints: []int64{-1, 3, side, side}}, mean3), want: meansOf, batch: 80,
			words: []string{"batch: 80, though declared free: one row alone fails"}},
		{name: "a constant beside", src: rgb, model: pictureModel([]in{{"x", f, []int64{-1, 3, side, side}}, {"shift", onnx.Int64, []int64{-1, 3}}}, mean3, step{op: "Add", inputs: []string{"shift"}}),
			inputs: []string{"shift=@1,20,300"}, want: plus([3]float32{1, 20, 300}), words: []string{`input "shift": int64 (N, 3), always 1,20,300`}},
		{name: "one row alone, and a constant of one", src: rgb, model: pictureModel([]in{{"x", f, []int64{-1, 3, side, side}}, {"shift", onnx.Int64, []int64{1}}},
			step{op: "Reshape", ints: []int64{1, 3, side, side}}, mean3, step{op: "Add", inputs: []string{"shift"}}),
			inputs: []string{"shift=@5"}, want: plus([3]float32{5, 5, 5}), batch: 1, words: []string{"batch: 1, though declared free"}},
		{name: "training by its name", src: rgb, model: pictureModel([]in{{"x", f, []int64{-1, 3, side, side}}, {"training_mode", onnx.Bool, []int64{}}}, mean3, step{op: "Add", inputs: []string{"training_mode"}}),
			want: meansOf, words: []string{`input "training_mode": bool (), always false`}},
		{name: "training as given", src: rgb, model: pictureModel([]in{{"x", f, []int64{-1, 3, side, side}}, {"training_mode", onnx.Bool, []int64{}}}, mean3, step{op: "Add", inputs: []string{"training_mode"}}),
			inputs: []string{"training_mode=@true"}, want: plus([3]float32{1, 1, 1}), words: []string{"always true, as given"}},
		{name: "two images", src: rgb, model: pictureModel([]in{{"x", f, []int64{-1, 3, side, side}}, {"y", f, []int64{-1, 3, side, side}}}, mean3, step{op: "AddMean", inputs: []string{"y"}}),
			inputs: []string{"x=*", "y=*"}, want: func(m *memory, r int) [3]float32 {
				z := meansOf(m, r)
				return [3]float32{2 * z[0], 2 * z[1], 2 * z[2]}
			}, words: []string{`input "y": float32 (N, 3, 6, 6)`}},

		{name: "two images, not said which", src: rgb, model: pictureModel([]in{{"x", f, []int64{-1, 3, side, side}}, {"y", f, []int64{-1, 3, side, side}}}, mean3, step{op: "AddMean", inputs: []string{"y"}}),
			fails: fault.Input, words: []string{`"x" float32 (N, 3, 6, 6), "y" float32 (N, 3, 6, 6) may each take the image`, "say which does by --input x=*"}},
		{name: "a shape beside", src: rgb, model: pictureModel([]in{{"x", f, []int64{-1, 3, side, side}}, {"image_shape", f, []int64{-1, 2}}}, mean3), fails: fault.Input,
			words: []string{`"image_shape" float32 (N, 2): no part of the rows`, "--input image_shape=@VALUE"}},
		{name: "columns of images", src: rgb, model: pictureModel(image(-1, 3, side, side), mean3), inputs: []string{"x=red"}, fails: fault.Usage, words: []string{"got columns red, but the rows are images"}},
		{name: "text of images", src: rgb, model: pictureModel([]in{{"x", onnx.String, []int64{-1, 3}}}), fails: fault.Input, words: []string{"input x: takes string (N, 3), the rows are (6, 6, 3)"}},
		{name: "nothing runs", src: rgb, model: pictureModel(image(free4...), step{op: "Reshape", ints: []int64{-1, 7}}, step{op: "first", ints: []int64{7}}), fails: fault.Input,
			words: []string{"no way to feed the rows runs: the model refuses them as NCHW (N, 3, 6, 6)", "as NHWC (N, 6, 6, 3)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			o := Options{Inputs: c.inputs, Input: "raw", Kind: Logits, Threads: 1, InProcess: true}
			if c.pre != "" {
				pre := must(dataset.ParsePreprocess(c.pre))
				o.Preprocess = &pre
			}
			x, err := Open(ctx, writeModel(t, c.model), o)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			got, err := x.Detect(ctx, c.src)
			if c.fails != 0 {
				faulttest.Want(t, err, c.fails, c.words...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			says(t, got, c.words...)
			if c.batch > 0 && (got.FixedBatch != c.batch || got.Single) {
				t.Errorf("batch %d (single: %v), expected %d", got.FixedBatch, got.Single, c.batch)
			}
			const n = 9
			z := make([]float32, n*3)
			if err := x.Logits(ctx, someOf(must(c.src.all(ctx)), 0, n), z); err != nil {
				t.Fatal(err)
			}
			for r := range n {
				if c.want == nil {
					break
				}
				for k, want := range c.want(c.src, r) {
					if math.Abs(float64(z[3*r+k]-want)) > 0.01 {
						t.Fatalf("row %d: got %v, expected %v:\n%v", r, z[3*r:3*r+3], c.want(c.src, r), got)
					}
				}
			}
		})
	}
}
