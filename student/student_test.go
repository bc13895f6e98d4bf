package student

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
	"github.com/kdonnx/kdonnx/student/optim"
)

// netModel is a small network with everything that has state: convolution,
// batch normalisation of images and of features, dropout, a weight that two
// nodes share, and a value with two consumers.
func netModel() *onnx.Model {
	rng := rand.New(rand.NewPCG(5, 6))
	draw := func(name string, std float64, dims ...int64) *onnx.Tensor {
		n := int64(1)
		for _, d := range dims {
			n *= d
		}
		vals := make([]float32, n)
		for i := range vals {
			vals[i] = float32(rng.NormFloat64() * std)
		}
		return onnx.FloatTensor(name, dims, vals)
	}
	fill := func(name string, v float32, n int) *onnx.Tensor {
		return onnx.FloatTensor(name, []int64{int64(n)}, slices.Repeat([]float32{v}, n))
	}
	node := func(op string, in string, out string, attrs ...*onnx.Attr) *onnx.Node {
		return &onnx.Node{OpType: op, Inputs: strings.Fields(in), Outputs: []string{out}, Attrs: attrs}
	}
	return &onnx.Model{
		IRVersion: 8, Opsets: []onnx.Opset{{Version: 17}},
		Metadata: []onnx.Entry{{Key: graph.FrozenKey, Value: "scale"}},
		Graph: &onnx.Graph{
			Name: "net",
			Inputs: []*onnx.Value{{Name: "x", DType: onnx.Float32, HasShape: true,
				Shape: []onnx.Dim{{Param: "n"}, {Value: 2}, {Value: 6}, {Value: 6}}}},
			Outputs: []*onnx.Value{{Name: "logits", DType: onnx.Float32}},
			Initializers: []*onnx.Tensor{
				onnx.FloatTensor("scale", []int64{2, 1, 1}, []float32{0.5, 2}),
				draw("conv.w", 0.3, 4, 2, 3, 3), fill("conv.b", 0, 4),
				fill("bn1.w", 1, 4), fill("bn1.b", 0, 4), fill("bn1.m", 0, 4), fill("bn1.v", 1, 4),
				draw("fc.w", 0.2, 36, 36),
				fill("bn2.w", 1, 36), fill("bn2.b", 0, 36), fill("bn2.m", 0, 36), fill("bn2.v", 1, 36),
				onnx.FloatTensor("ratio", []int64{}, []float32{0.25}),
				draw("head.w", 0.3, 3, 36), fill("head.b", 0, 3),
			},
			Nodes: []*onnx.Node{
				node("Mul", "x scale", "xs"),
				node("Conv", "xs conv.w conv.b", "c", onnx.IntsAttr("pads", 1, 1, 1, 1)),
				node("BatchNormalization", "c bn1.w bn1.b bn1.m bn1.v", "cb"),
				node("Relu", "cb", "cr"),
				node("MaxPool", "cr", "p", onnx.IntsAttr("kernel_shape", 2, 2), onnx.IntsAttr("strides", 2, 2)),
				node("Flatten", "p", "f"),
				node("MatMul", "f fc.w", "h1"),
				node("BatchNormalization", "h1 bn2.w bn2.b bn2.m bn2.v", "h1b"),
				node("Relu", "h1b", "h1r"),
				node("Dropout", "h1r ratio", "h1d"),
				node("MatMul", "h1d fc.w", "h2"),
				node("Add", "h2 f", "h3"),
				node("Tanh", "h3", "h4"),
				node("Gemm", "h4 head.w head.b", "logits", onnx.IntAttr("transB", 1)),
			},
		},
	}
}

func newStudent(t testing.TB) *Student {
	t.Helper()
	s, err := FromModel(netModel(), "net.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newTrainer(t testing.TB, optimizer string, batch int, seed uint64) *Trainer {
	t.Helper()
	opt, err := optim.New(optimizer, optim.Settings{WeightDecay: 1e-3, ClipNorm: 5})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTrainer(newStudent(t), opt, batch, seed)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// rows makes n seeded rows with their classes: the sign of two sums.
func rows(n int, seed uint64) (x []float32, y []int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for range n {
		var a, b float32
		for i := range 72 {
			v := float32(rng.NormFloat64())
			x = append(x, v)
			if i < 36 {
				a += v
			} else {
				b += v
			}
		}
		class := 0
		if a > 0 {
			class = 1
		}
		if b > 4 {
			class = 2
		}
		y = append(y, class)
	}
	return x, y
}

// crossEntropy is the mean of −log softmax(z)[y] and its gradient.
func crossEntropy(y []int, classes int) func(z, dz []float32) float64 {
	return func(z, dz []float32) float64 {
		loss, n := 0.0, len(z)/classes
		for r := range n {
			row, sum, top := z[r*classes:(r+1)*classes], 0.0, math.Inf(-1)
			for _, v := range row {
				top = max(top, float64(v))
			}
			for _, v := range row {
				sum += math.Exp(float64(v) - top)
			}
			for c, v := range row {
				p := math.Exp(float64(v)-top) / sum
				if c == y[r] {
					loss -= math.Log(p)
					p--
				}
				dz[r*classes+c] = float32(p / float64(n))
			}
			_ = top
		}
		return loss / float64(n)
	}
}

// train does steps [from, to) of a fixed course of batches of 16 with a short
// one of 5 every fourth step.
func train(t testing.TB, tr *Trainer, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		n := 16
		if i%4 == 3 {
			n = 5
		}
		x, y := rows(n, uint64(i))
		if _, err := tr.Step(x, n, crossEntropy(y, 3), 0.05); err != nil {
			t.Fatal(err)
		}
	}
}

func modelBytes(t testing.TB, s *Student) []byte {
	t.Helper()
	data, err := onnx.Marshal(s.Model())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLearns(t *testing.T) {
	tr := newTrainer(t, "adamw", 64, 1)
	for i := range 300 {
		x, y := rows(64, uint64(i))
		if _, err := tr.Step(x, 64, crossEntropy(y, 3), 0.005); err != nil {
			t.Fatal(err)
		}
	}
	x, y := rows(1000, 99999)
	z := make([]float32, 3000)
	if err := tr.Student().Predict(context.Background(), x, 1000, z); err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, class := range y {
		row := z[3*i : 3*i+3]
		if slices.Index(row, slices.Max(row)) == class {
			right++
		}
	}
	if right < 850 {
		t.Errorf("%d of 1000 right, want 850", right)
	}
}

// TestResume trains 20 steps, and 10 + save + restore + 10: the same bytes.
func TestResume(t *testing.T) {
	for _, optimizer := range optim.List() {
		whole := newTrainer(t, optimizer, 16, 3)
		train(t, whole, 0, 20)

		first := newTrainer(t, optimizer, 16, 3)
		train(t, first, 0, 10)
		var file bytes.Buffer
		if err := first.Save(&file); err != nil {
			t.Fatal(err)
		}
		second := newTrainer(t, optimizer, 16, 3)
		if err := second.Restore(&file); err != nil {
			t.Fatal(err)
		}
		if second.Steps() != 10 {
			t.Errorf("%s: %d steps after the restore, want 10", optimizer, second.Steps())
		}
		train(t, second, 10, 20)
		if !bytes.Equal(modelBytes(t, whole.Student()), modelBytes(t, second.Student())) {
			t.Errorf("%s: a resumed run ends in other bytes", optimizer)
		}
		var a, b bytes.Buffer
		if whole.Save(&a) != nil || second.Save(&b) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: checkpoints differ", optimizer)
		}

		third := newTrainer(t, optimizer, 16, 3)
		train(t, third, 0, 20)
		third.seed++
		train(t, third, 20, 21)
		train(t, whole, 20, 21)
		if bytes.Equal(modelBytes(t, whole.Student()), modelBytes(t, third.Student())) {
			t.Errorf("%s: the dropout seed changes nothing", optimizer)
		}
	}
}

// TestDropoutMovesOn does the same step twice at rate 0: only the masks can
// make the losses differ.
func TestDropoutMovesOn(t *testing.T) {
	tr := newTrainer(t, "sgd", 16, 3)
	x, y := rows(16, 1)
	first, err1 := tr.Step(x, 16, crossEntropy(y, 3), 0)
	second, err2 := tr.Step(x, 16, crossEntropy(y, 3), 0)
	if err1 != nil || err2 != nil || first == second {
		t.Errorf("losses are %g and %g (%v, %v), want them to differ", first, second, err1, err2)
	}
}

// TestSameBytesOnAnyCores is promise 3: GOMAXPROCS changes no bit.
func TestSameBytesOnAnyCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want []byte
	for _, procs := range []int{1, 2, 3, 8} {
		runtime.GOMAXPROCS(procs)
		tr := newTrainer(t, "sgd", 16, 3)
		train(t, tr, 0, 8)
		got := modelBytes(t, tr.Student())
		if want == nil {
			want = got
		} else if !bytes.Equal(got, want) {
			t.Errorf("GOMAXPROCS %d gives other bytes", procs)
		}
	}
}

// TestPredictAnyCut expects the same bits whatever rows are asked for
// together.
func TestPredictAnyCut(t *testing.T) {
	s := newStudent(t)
	const n = 150
	x, _ := rows(n, 8)
	want := make([]float32, 3*n)
	ctx := context.Background()
	if err := s.Predict(ctx, x, n, want); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{1, 3, 8, 70, 149} {
		got := make([]float32, 3*n)
		for at := 0; at < n; at += cut {
			k := min(cut, n-at)
			if err := s.Predict(ctx, x[72*at:72*(at+k)], k, got[3*at:3*(at+k)]); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("cut into %d rows, outputs differ", cut)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Predict(cancelled, x, n, want); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := s.Predict(ctx, x, n-1, want); fault.KindOf(err) != fault.Input {
		t.Errorf("wrong length: %v", err)
	}
}

// TestDiverged plants NaN and Inf at several places: the error names the step
// and nothing has changed.
func TestDiverged(t *testing.T) {
	x, y := rows(16, 1)
	good := crossEntropy(y, 3)
	bad := slices.Clone(x)
	bad[100] = float32(math.NaN())
	for name, step := range map[string]func(tr *Trainer) error{
		"NaN loss": func(tr *Trainer) error {
			_, err := tr.Step(x, 16, func(z, dz []float32) float64 { good(z, dz); return math.NaN() }, 0.1)
			return err
		},
		"Inf loss": func(tr *Trainer) error {
			_, err := tr.Step(x, 16, func(z, dz []float32) float64 { good(z, dz); return math.Inf(1) }, 0.1)
			return err
		},
		"Inf gradient": func(tr *Trainer) error {
			_, err := tr.Step(x, 16, func(z, dz []float32) float64 { l := good(z, dz); dz[3] = float32(math.Inf(-1)); return l }, 0.1)
			return err
		},
		"NaN input": func(tr *Trainer) error {
			_, err := tr.Step(bad, 16, good, 0.1)
			return err
		},
		"learning rate": func(tr *Trainer) error {
			_, err := tr.Step(x, 16, good, 1e30)
			return err
		},
	} {
		tr := newTrainer(t, "adamw", 16, 3)
		train(t, tr, 0, 2)
		var before, after bytes.Buffer
		if err := tr.Save(&before); err != nil {
			t.Fatal(err)
		}
		err := step(tr)
		if fault.KindOf(err) != fault.Diverged || !strings.Contains(err.Error(), "step 3") {
			t.Errorf("%s: error is %v, want one of kind Diverged that names step 3", name, err)
		}
		if err := tr.Save(&after); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before.Bytes(), after.Bytes()) {
			t.Errorf("%s: a failed step changed the state", name)
		}
	}
}

// TestRestoreRefuses damages a checkpoint in every way and expects an
// Integrity error that names the field, and no change.
func TestRestoreRefuses(t *testing.T) {
	tr := newTrainer(t, "sgd", 16, 3)
	train(t, tr, 0, 3)
	var file bytes.Buffer
	if err := tr.Save(&file); err != nil {
		t.Fatal(err)
	}
	good := file.Bytes()
	version := slices.Clone(good)
	version[len(checkpointMagic)] = 9
	other := newTrainer(t, "sgd", 16, 3)
	for _, p := range other.s.g.Params {
		if p.Name == "scale" {
			p.Data[0] = 0.25
		}
	}
	other.s.g, _ = graph.Import(changed(netModel()), "")
	for _, c := range []struct {
		name string
		data []byte
		tr   *Trainer
		want string
	}{
		{"empty", nil, newTrainer(t, "sgd", 16, 3), "size"},
		{"other file", []byte(strings.Repeat("not a checkpoint ", 9)), newTrainer(t, "sgd", 16, 3), "magic"},
		{"version", version, newTrainer(t, "sgd", 16, 3), "version"},
		{"truncated", good[:len(good)-9], newTrainer(t, "sgd", 16, 3), "digest"},
		{"longer", append(slices.Clone(good), 0), newTrainer(t, "sgd", 16, 3), "digest"},
		{"optimiser", good, newTrainer(t, "adamw", 16, 3), "optimizer"},
		{"batch", good, newTrainer(t, "sgd", 17, 3), "batch"},
		{"seed", good, newTrainer(t, "sgd", 16, 4), "seed"},
		{"model", good, other, "model"},
	} {
		start := modelBytes(t, c.tr.Student())
		err := c.tr.Restore(bytes.NewReader(c.data))
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Integrity || f.Field != c.want {
			t.Errorf("%s: error is %v, want Integrity at %s", c.name, err, c.want)
		}
		if !bytes.Equal(start, modelBytes(t, c.tr.Student())) || c.tr.Steps() != 0 {
			t.Errorf("%s: a refused checkpoint changed the trainer", c.name)
		}
	}
	fresh := newTrainer(t, "sgd", 16, 3)
	for i := 0; i < len(good); i += 97 {
		flipped := slices.Clone(good)
		flipped[i] ^= 4
		if err := fresh.Restore(bytes.NewReader(flipped)); fault.KindOf(err) != fault.Integrity {
			t.Errorf("byte %d flipped: %v", i, err)
		}
	}
	if err := fresh.Restore(bytes.NewReader(good)); err != nil {
		t.Error(err)
	}
}

// changed is m with another frozen constant.
func changed(m *onnx.Model) *onnx.Model {
	m.Graph.Initializers[0] = onnx.FloatTensor("scale", []int64{2, 1, 1}, []float32{0.5, 2.5})
	return m
}

// TestFrozenAndRoles checks who is trained, and that training leaves frozen
// constants alone while it moves weights and running statistics.
func TestFrozenAndRoles(t *testing.T) {
	tr := newTrainer(t, "sgd", 16, 3)
	before := map[string][]float32{}
	for _, p := range tr.Student().Params() {
		before[p.Name] = slices.Clone(p.Data)
	}
	train(t, tr, 0, 4)
	for _, p := range tr.Student().Params() {
		frozen := p.Name == "scale" || p.Name == "ratio"
		state := strings.HasSuffix(p.Name, ".m") || strings.HasSuffix(p.Name, ".v")
		if p.Trainable == (frozen || state) {
			t.Errorf("%s: trainable is %v", p.Name, p.Trainable)
		}
		if slices.Equal(before[p.Name], p.Data) != frozen {
			t.Errorf("%s: changed is %v, frozen %v", p.Name, !slices.Equal(before[p.Name], p.Data), frozen)
		}
	}
}

// TestModelRoundTrip reads back what Model gives: the same predictions.
func TestModelRoundTrip(t *testing.T) {
	tr := newTrainer(t, "sgd", 16, 3)
	train(t, tr, 0, 4)
	s := tr.Student()
	path := filepath.Join(t.TempDir(), "s.onnx")
	if err := onnx.Write(path, s.Model()); err != nil {
		t.Fatal(err)
	}
	back, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(modelBytes(t, s), modelBytes(t, back)) {
		t.Error("the model changed on its way through a file")
	}
	x, _ := rows(9, 4)
	a, b := make([]float32, 27), make([]float32, 27)
	ctx := context.Background()
	if s.Predict(ctx, x, 9, a) != nil || back.Predict(ctx, x, 9, b) != nil || !slices.Equal(a, b) {
		t.Error("the model read back predicts otherwise")
	}
	if in := s.Model().Graph.Inputs[0]; in.Shape[0].Param != "batch" {
		t.Errorf("the batch axis is %+v, want batch", in.Shape[0])
	}
}

// TestRealModels imports published models, where the data folder is there.
func TestRealModels(t *testing.T) {
	dir := dataFolder(t)
	for name, c := range map[string]struct{ row, classes, trained int }{
		"tribuo-pytorch_cnn_mnist.onnx":    {784, 10, 8},
		"iris-winml-pytorch-Network.onnx":  {4, 3, 6},
		"burn-mnist.onnx":                  {784, 10, 14},
		"winml-mnist.onnx":                 {784, 10, 6},
		"ort-examples-mnist_original.onnx": {784, 10, 4},
	} {
		s, err := Load(filepath.Join(dir, "teachers", name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		trained := 0
		for _, p := range s.Params() {
			if p.Trainable {
				trained++
			}
		}
		if s.rowSize() != c.row || s.Classes() != c.classes || trained != c.trained {
			t.Errorf("%s: rows of %d, %d classes, %d trained, want %+v", name, s.rowSize(), s.Classes(), trained, c)
		}
		opt, _ := optim.New("sgd", optim.Settings{})
		tr, err := NewTrainer(s, opt, 4, 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x := make([]float32, 4*c.row)
		for i := range x {
			x[i] = float32(i%7) / 7
		}
		var losses []float64
		for range 10 {
			l, err := tr.Step(x, 4, crossEntropy([]int{0, 1, 2, 1}, c.classes), 1e-3)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			losses = append(losses, l)
		}
		if !(losses[9] < losses[0]) {
			t.Errorf("%s: the loss does not fall: %v", name, losses)
		}
		if _, err := FromModel(s.Model(), name); err != nil {
			t.Errorf("%s: its own export: %v", name, err)
		}
	}
}

// dataFolder finds the folder of real data beside the repository.
func dataFolder(t *testing.T) string {
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			data := filepath.Join(dir, "..", "shared", "data")
			if _, e := os.Stat(data); e == nil {
				return data
			}
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Skip("no folder of real data beside the repository")
	return ""
}
