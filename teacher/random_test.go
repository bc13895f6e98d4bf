package teacher

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// contractDrawn is a small linear model drawn by chance, and what it says of a
// row, worked out here.
type contractDrawn struct {
	src    *memory
	model  *onnx.Model
	inputs []string
	end    string
	w, b   []float32 // (features, classes), (classes)
	about  string
}

// drawContract draws how the columns are dealt to inputs, types, the batch's
// rule, the end of the graph and the order of classes.
func drawContract(rng *rand.Rand) *contractDrawn {
	features, classes, n := 1+rng.IntN(6), 2+rng.IntN(4), 60+rng.IntN(200)
	d := &contractDrawn{src: &memory{spec: dataset.Spec{Shape: []int{features}, DType: dataset.Float32}}}
	for c := range features {
		d.src.spec.Columns = append(d.src.spec.Columns, fmt.Sprintf("col%d", c))
	}
	for c := range classes {
		d.src.spec.Classes = append(d.src.spec.Classes, string(rune('a'+c))+"lass")
	}
	for range features * classes {
		d.w = append(d.w, float32(rng.NormFloat64())/4)
	}
	for range classes {
		d.b = append(d.b, float32(rng.NormFloat64()))
	}
	for r := range n {
		if r > 0 && rng.IntN(5) == 0 { // a repetition
			from := rng.IntN(r)
			d.src.x = append(d.src.x, d.src.x[from*features:(from+1)*features]...)
		} else {
			for range features {
				d.src.x = append(d.src.x, float32(rng.IntN(15)-7))
			}
		}
		z := d.logits(d.src.x[r*features:])
		d.src.y = append(d.src.y, int32(slices.Index(z, slices.Max(z))))
	}
	order := rng.Perm(classes) // column i of the output is class order[i]
	batch := onnx.Dim{Value: -1, Param: "N"}
	if rng.IntN(3) == 0 {
		batch = onnx.Dim{Value: int64(1 + rng.IntN(9))}
	}
	g := &onnx.Graph{Name: "drawn"}
	node := func(op, out string, attrs []*onnx.Attr, in ...string) string {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: out, OpType: op, Inputs: in, Outputs: []string{out}, Attrs: attrs})
		return out
	}
	var parts []string
	var fed []int // features in the order in which they are joined
	left := rng.Perm(features)
	types := []onnx.DType{onnx.Float32, onnx.Float64, onnx.Float16, onnx.Int64, onnx.Int32, onnx.Int8}
	for k := 0; len(left) > 0; k++ {
		take := 1 + rng.IntN(len(left))
		name := fmt.Sprintf("in%d", k)
		t := types[rng.IntN(len(types))]
		g.Inputs = append(g.Inputs, &onnx.Value{Name: name, DType: t, HasShape: true, Shape: []onnx.Dim{batch, {Value: int64(take)}}})
		text := name + "="
		for i, c := range left[:take] {
			if i > 0 {
				text += ","
			}
			text += d.src.spec.Columns[c]
			fed = append(fed, c)
		}
		d.inputs = append(d.inputs, text)
		d.about += fmt.Sprintf("%s (%v) ", text, t)
		left = left[take:]
		parts = append(parts, node("Cast", name+"f", []*onnx.Attr{onnx.IntAttr("to", int64(onnx.Float32))}, name))
	}
	rng.Shuffle(len(d.inputs), func(i, j int) { d.inputs[i], d.inputs[j] = d.inputs[j], d.inputs[i] })
	x := node("Concat", "joined", []*onnx.Attr{onnx.IntAttr("axis", 1)}, parts...)
	w, b := make([]float32, len(d.w)), make([]float32, classes)
	var names []byte
	for column, class := range order {
		for i, c := range fed {
			w[i*classes+column] = d.w[c*classes+class]
		}
		b[column] = d.b[class]
		if column > 0 {
			names = append(names, ',')
		}
		names = append(names, d.src.spec.Classes[class]...)
	}
	g.Initializers = append(g.Initializers, onnx.FloatTensor("w", []int64{int64(features), int64(classes)}, w), onnx.FloatTensor("b", []int64{int64(classes)}, b))
	x = node("Add", "z", nil, node("MatMul", "xw", nil, x, "w"), "b")
	d.end = []string{"Identity", "Softmax", "LogSoftmax"}[rng.IntN(3)]
	var attrs []*onnx.Attr
	if d.end != "Identity" {
		attrs = append(attrs, onnx.IntAttr("axis", -1))
	}
	node(d.end, "scores", attrs, x)
	g.Outputs = []*onnx.Value{{Name: "scores", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{batch, {Value: int64(classes)}}}}
	if rng.IntN(2) == 0 { // and a label that nobody needs
		node("ArgMax", "label", []*onnx.Attr{onnx.IntAttr("axis", 1), onnx.IntAttr("keepdims", 0)}, x)
		g.Outputs = slices.Insert(g.Outputs, 0, &onnx.Value{Name: "label", DType: onnx.Int64, HasShape: true, Shape: []onnx.Dim{batch}})
	}
	d.model = &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}, Graph: g, Metadata: []onnx.Entry{{Key: "classes", Value: string(names)}}}
	d.about += fmt.Sprintf("batch %v, %s, order %v, %d rows", batch, d.end, order, n)
	return d
}

// logits are those of the row that x begins with.
func (d *contractDrawn) logits(x []float32) []float32 {
	classes := len(d.b)
	z := make([]float32, classes)
	for j := range z {
		sum := float64(d.b[j])
		for i := range d.src.spec.Size() {
			sum += float64(x[i]) * float64(d.w[i*classes+j])
		}
		z[j] = float32(sum)
	}
	return z
}

// TestDrawnContracts fills stores from models drawn by chance, through one or
// more lanes and shards of any size, and compares the softmax of every row,
// found by its id, with what the weights say.
func TestDrawnContracts(t *testing.T) {
	needLibrary(t)
	ctx := context.Background()
	for seed := range uint64(24) {
		rng := rand.New(rand.NewPCG(seed, 77))
		d := drawContract(rng)
		path := filepath.Join(t.TempDir(), "drawn.onnx")
		if err := onnx.Write(path, d.model); err != nil {
			t.Fatal(err)
		}
		x, err := Open(ctx, path, Options{Inputs: d.inputs, Input: "raw", Threads: 1 + rng.IntN(4), InProcess: seed%6 > 0, Batch: rng.IntN(2) * (1 + rng.IntN(20))})
		if err != nil {
			t.Fatalf("%d, %s: %v", seed, d.about, err)
		}
		if _, err := x.Detect(ctx, d.src); err != nil {
			t.Fatalf("%d, %s: %v", seed, d.about, err)
		}
		s, err := x.Fill(ctx, d.src, filepath.Join(t.TempDir(), "s"), FillOptions{ShardRows: 1 + rng.IntN(90)})
		if err != nil {
			t.Fatalf("%d, %s: %v", seed, d.about, err)
		}
		size, got := d.src.spec.Size(), make([]float32, len(d.b))
		for r := range d.src.y {
			row := d.src.x[r*size : (r+1)*size]
			if err := s.Lookup([]dataset.RowID{dataset.IDOf(row)}, got); err != nil {
				t.Fatalf("%d, %s: row %d: %v", seed, d.about, r, err)
			}
			want := d.logits(row)
			for j := range want {
				if a, b := shareOf(got, j), shareOf(want, j); math.Abs(a-b) > 1e-4 {
					t.Fatalf("%d, %s: row %d %v: got %v, expected %v\n%v", seed, d.about, r, row, got, want, x.Contract())
				}
			}
		}
		s.Close()
		x.Close()
	}
}

// shareOf is the softmax of z at j.
func shareOf(z []float32, j int) float64 {
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(float64(v) - float64(z[j]))
	}
	return 1 / sum
}

// dying is a fake that takes chunks and dies of some runs by chance.
type dying struct {
	*fake
	rng  *rand.Rand
	rate float64
}

func (dying) Recut(int) {}

func (d dying) Run(ctx context.Context, in []ort.Value) ([]ort.Value, error) {
	if d.rng.Float64() < d.rate {
		return nil, errDied
	}
	return d.fake.Run(ctx, in)
}

// TestDrawnDeaths has a process that dies by chance, more and less often, in
// runs that are begun again as long as they fail: the store is the one of a
// process that lives.
func TestDrawnDeaths(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 9))
		batch := 4 + rng.IntN(24)
		o := FillOptions{ShardRows: batch*rng.IntN(5) + 1 + rng.IntN(batch)}
		_, x, src := filler(t, Options{Batch: batch})
		straight := filepath.Join(t.TempDir(), "straight")
		if _, err := x.Fill(ctx, src, straight, o); err != nil {
			t.Fatal(err)
		}
		f, x, src := filler(t, Options{Batch: batch, Threads: 1 + rng.IntN(4)})
		d := dying{fake: f, rng: rng, rate: []float64{0.05, 0.2, 0.5}[seed%3]}
		x.runner = d
		x.start = func(_ context.Context, so ort.Options) (ort.Runner, error) { f.options = so; return d, nil }
		dir := filepath.Join(t.TempDir(), "store")
		for try := 0; ; try++ {
			s, err := x.Fill(ctx, src, dir, o)
			if err == nil {
				s.Close()
				break
			}
			if fault.KindOf(err) != fault.Teacher || try > 2000 {
				t.Fatalf("%d: after %d tries: %v", seed, try, err)
			}
		}
		if d := cmp.Diff(files(t, straight), files(t, dir)); d != "" {
			t.Fatalf("%d: %s", seed, d)
		}
	}
}
