package teacher

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// TestClassMapFaults covers maps that do not fit the teacher or the rows.
func TestClassMapFaults(t *testing.T) {
	src := greys(60, 1)
	for arg, word := range map[string]string{
		"0=top,1=middle":               `no class of the teacher is the rows' "bottom"`,
		"0=top,1=middle,7=bottom":      `"7" is no class of the teacher, which has 3 without names, 0 to 2`,
		"0=top,1=middle,2=basement":    `"basement" is no class of the rows, which have "top", "middle", "bottom"`,
		"cat=top,1=middle,2=bottom":    `"cat" is no class of the teacher`,
		"0=top,1=middle,2=":            `no class of the teacher is the rows' "bottom"`,
		"0=top,1=top,2=top,-1=middle":  `"-1" is no class`,
		"0=top,1=middle,2=3":           `"3" is no class of the rows`,
		"00=bottom,0=top,1=middle,2=0": `no class of the teacher is the rows' "bottom"`,
	} {
		x := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side).teach(t, Options{ClassMap: mustMap(arg)})
		_, err := x.Detect(context.Background(), src)
		faulttest.Want(t, err, fault.Usage, "--class-map", word)
	}
	x := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side).teach(t, Options{Task: "regression", ClassMap: mustMap("0=top")})
	_, err := x.Detect(context.Background(), src)
	faulttest.Want(t, err, fault.Usage, "--class-map", "which has no classes")
}

// TestClassMapNames gives classes names where the rows have none, by folded
// names and numbers.
func TestClassMapNames(t *testing.T) {
	src := unlabelled(greys(60, 1))
	f := greyFake(onnx.Float32, unitOf["unit"], Probabilities, -1, side*side)
	x := f.teach(t, Options{Input: "unit", ClassMap: mustMap("2=edge,0=edge,1=centre")})
	c := detect(t, x, src)
	if !slices.Equal(c.ClassNames, []string{"edge", "centre"}) || c.Classes != 2 || len(c.Merged) != 2 || c.Columns != nil {
		t.Fatalf("got\n%v", c)
	}
	z := make([]float32, 2)
	row := slices.Clone(src.x[:side*side])
	if err := x.Logits(context.Background(), batchOf(row, 1), z); err != nil {
		t.Fatal(err)
	}
	for i := range row {
		row[i] /= 255
	}
	p := greyLogits(row)
	outputOf(Probabilities, p)
	near(t, z, []float32{float32(math.Log(float64(p[0] + p[2]))), float32(math.Log(float64(p[1])))})

	mapped, plain := keyOf(t, x, src), keyOf(t, detected(t, f.teach(t, Options{Input: "unit"}), src), src)
	if mapped == plain {
		t.Error("the class map is not in the key")
	}
}

func detected(t *testing.T, x *Teacher, src dataset.Source) *Teacher {
	detect(t, x, src)
	return x
}

func keyOf(t *testing.T, x *Teacher, src dataset.Source) string {
	t.Helper()
	k, err := x.Key(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	return k.Hash()
}

// TestKeyHoldsTheMeaning requires another key for each conclusion that changes
// the targets.
func TestKeyHoldsTheMeaning(t *testing.T) {
	src := greys(60, 1)
	seen := map[string]string{}
	add := func(name string, f *fake, o Options) {
		o.Input = "unit"
		k := keyOf(t, detected(t, f.teach(t, o), src), src)
		if other, dup := seen[k]; dup {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[k] = name
	}
	scored := func() *fake { return greyFake(onnx.Float32, unitOf["unit"], Probabilities, -1, side*side) }
	add("plain", scored(), Options{})
	add("sigmoids", scored(), Options{Kind: Sigmoids})
	add("multi-label", scored(), Options{Task: "multi-label"})
	add("regression", scored(), Options{Task: "regression"})
	add("mapped", scored(), Options{ClassMap: mustMap("0=middle,1=top,2=bottom")})
	labels := func(o Options, name string) {
		f := scored()
		plain := f.f
		f.outputs = []ort.Info{tensor("y", onnx.Int64, -1)}
		f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
			out, err := plain(in, n)
			p, best := scores(nil, out[0]), make([]float32, n)
			for r := range best {
				best[r] = float32(slices.Index(p[r*kind:], slices.Max(p[r*kind:(r+1)*kind])))
			}
			return []ort.Value{value(onnx.Int64, best, int64(n))}, err
		}
		add(name, f, o)
	}
	labels(Options{}, "labels")
	labels(Options{Smoothing: 0.2}, "labels, smoother")
}

// TestMismatchNamesTheRow follows the offending row through views to the file.
func TestMismatchNamesTheRow(t *testing.T) {
	src := greys(60, 1)
	view := dataset.Subset(src, []int{11, 12, 13, 14, 17}) // labels 2 0 1 2 2
	x := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side)
	two := x.f
	x.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		out, err := two(in, n)
		z := scores(nil, out[0])
		var cut []float32
		for r := range n {
			cut = append(cut, z[r*kind:r*kind+2]...)
		}
		return []ort.Value{value(onnx.Float32, cut, int64(n), 2)}, err
	}
	m := x.teach(t, Options{})
	m.NameRows("rows.csv")
	_, err := m.Detect(context.Background(), view)
	faulttest.Want(t, err, fault.Input, "the teacher has 2 classes, the rows have 3", "row 11 of rows.csv has label 2 (bottom)", `the rows' are "top", "middle", "bottom"`, "--class-map")
}

// TestLabelsWithoutNames has labels that are no classes of the teacher, where the
// rows have no list of classes.
func TestLabelsWithoutNames(t *testing.T) {
	for _, o := range []Options{{}, {ClassMap: []ClassPair{{"0", "x"}, {"1", "y"}, {"2", "y"}}}} {
		src := greys(60, 1)
		src.spec.Classes = nil
		for i := range src.y {
			src.y[i] += 2
		}
		_, err := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side).teach(t, o).Detect(context.Background(), src)
		faulttest.Want(t, err, fault.Input, "the teacher has", "label", "--class-map")
	}
}

// TestStrangeLabel is about a label that turns up after the contract was made.
func TestStrangeLabel(t *testing.T) {
	src := unlabelled(greys(900, 1))
	late := slices.Clone(src.x[len(src.x)-side*side:])
	f := &fake{inputs: []ort.Info{tensor("x", onnx.Float32, -1, side*side)}, outputs: []ort.Info{tensor("y", onnx.String, -1)}}
	f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		x := floatsOf(in[0])
		texts := make([]string, n)
		for r := range texts {
			row := x[r*side*side : (r+1)*side*side]
			texts[r] = []string{"dark", "light"}[int(row[0])/100%2]
			if slices.Equal(row, late) {
				texts[r] = "odd"
			}
		}
		return []ort.Value{{DType: onnx.String, Shape: []int64{int64(n)}, Strings: texts}}, nil
	}
	x := f.teach(t, Options{Input: "raw"})
	c := detect(t, x, dataset.Subset(src, numbers0(800)))
	if !slices.Equal(c.LabelTexts, []string{"dark", "light"}) {
		t.Fatalf("got %v", c)
	}
	_, err := x.Fill(context.Background(), src, filepath.Join(t.TempDir(), "s"), FillOptions{})
	faulttest.Want(t, err, fault.Input, "row 899 ("+dataset.IDOf(late).String(), `gives the label "odd"`)
}

// TestStrangeLabelOnMoreRows has a second look at more rows bring up a label: the
// range that it turns up with does not lose by that to a worse one.
func TestStrangeLabelOnMoreRows(t *testing.T) {
	src := greys(900, 1)
	f := &fake{inputs: []ort.Info{tensor("x", onnx.Float32, -1, side*side)}, outputs: []ort.Info{tensor("y", onnx.String, -1)}}
	x := f.teach(t, Options{ClassMap: mustMap("T=top,M=middle,B=bottom")})
	first, err := x.lookAt(context.Background(), src, 1)
	if err != nil {
		t.Fatal(err)
	}
	late := 0
	for slices.Contains(first.rows, late) {
		late++
	}
	row := func(r int) []float32 { return src.x[r*side*side : (r+1)*side*side] }
	wrong := [][]float32{row(first.rows[0]), row(first.rows[1])}
	f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		x := floatsOf(in[0])
		raw := slices.Max(x) > 10
		texts := make([]string, n)
		for r := range texts {
			at := x[r*side*side : (r+1)*side*side]
			unit := slices.Clone(at)
			for i := range unit {
				if raw {
					unit[i] /= 255
				}
			}
			z := greyLogits(unit)
			best := slices.Index(z, slices.Max(z))
			if raw && slices.ContainsFunc(wrong, func(w []float32) bool { return slices.Equal(w, at) }) {
				best = (best + 1) % kind
			}
			texts[r] = []string{"T", "M", "B"}[best]
			if raw && slices.Equal(at, row(late)) {
				texts[r] = "odd"
			}
		}
		return []ort.Value{{DType: onnx.String, Shape: []int64{int64(n)}, Strings: texts}}, nil
	}
	if c := detect(t, x, src); c.Range != "raw" {
		t.Errorf("got %q:\n%v", c.Range, c)
	}
	_, err = x.Fill(context.Background(), src, filepath.Join(t.TempDir(), "s"), FillOptions{})
	faulttest.Want(t, err, fault.Input, fmt.Sprintf("row %d (", late), `gives the label "odd"`)
}

func numbers0(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestDecoder compares what the awkward models do not reach with figures
// worked out by hand.
func TestDecoder(t *testing.T) {
	ln := func(v float64) float32 { return float32(math.Log(v)) }
	for _, c := range []struct {
		name string
		d    decoder
		raw  []float32
		want []float32
	}{
		// p = 1 − (1−½)(1−½) = ¾, its logit ln 3; and ½ alone.
		{"labels joined", decoder{kind: Logits, task: dataset.MultiLabel, raw: 3, classes: 2, merged: [][]int{{0, 2}, {1}}}, []float32{0, 0, 0}, []float32{ln(3), 0}},
		{"log-sigmoids", decoder{kind: LogProbabilities, task: dataset.MultiLabel, raw: 2, classes: 2}, []float32{ln(0.25), ln(0.5)}, []float32{ln(1.0 / 3), 0}},
		{"saturated sigmoid", decoder{kind: Sigmoids, raw: 2, classes: 2, floor: 1e-7}, []float32{1, 0}, []float32{ln(1 << 24), ln(1e-7)}},
		{"dropped label", decoder{kind: Labels, raw: 1, classes: 2, classOf: []int{0, -1, 1}, smoothing: 0.1}, []float32{1}, []float32{0, 0}},
		{"joined label", decoder{kind: Labels, raw: 1, classes: 2, classOf: []int{0, 1, 1}, smoothing: 0.1}, []float32{1}, []float32{ln(0.1), ln(0.9)}},
		{"one sigmoid", decoder{kind: Sigmoids, raw: 1, classes: 2, oneColumn: true, floor: 1e-7}, []float32{0.2}, []float32{ln(0.8), ln(0.2)}},
		{"one log-probability", decoder{kind: LogProbabilities, raw: 1, classes: 2, oneColumn: true}, []float32{ln(0.2)}, []float32{ln(0.8), ln(0.2)}},
		{"one log-probability of none", decoder{kind: LogProbabilities, raw: 1, classes: 2, oneColumn: true, columns: []int{1, 0}}, []float32{float32(math.Inf(-1))}, []float32{logZero, 0}},
		{"values", decoder{kind: Values, task: dataset.Regression, raw: 2, classes: 2}, []float32{-7, 1e30}, []float32{-7, 1e30}},
	} {
		c.d.work = make([]float32, c.d.raw)
		got := make([]float32, len(c.want))
		if bad := c.d.logits(got, c.raw, 1); bad >= 0 {
			t.Errorf("%s: refused", c.name)
		}
		if err := equalTargets(got, c.want, true, 1e-4); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestOptionsOfOutputs(t *testing.T) {
	for _, c := range []struct {
		o    Options
		word string
	}{
		{Options{Task: "clustering"}, `"clustering"`}, {Options{Kind: "odds"}, `"odds"`},
		{Options{Task: "regression", Kind: Logits}, "values go with regression"}, {Options{Task: "multi-class", Kind: Values}, "values go with regression"},
		{Options{Smoothing: 0.5}, "less than 0.5"}, {Options{Smoothing: -1}, "less than 0.5"}, {Options{Smoothing: math.NaN()}, "less than 0.5"},
	} {
		faulttest.Want(t, c.o.check(), fault.Usage, c.word)
	}
}

// TestInsideTakesTheRangeOfTheOutput requires that a value inside the graph,
// of which labels say nothing, is computed from inputs that the model's own
// output makes sense with.
func TestInsideTakesTheRangeOfTheOutput(t *testing.T) {
	needLibrary(t)
	ctx, src := context.Background(), greys(150, 1)
	x, err := Open(ctx, writeModel(t, greyModel(free, 1, "Softmax")), Options{Output: "mean", Task: "regression"})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	c := detect(t, x, src)
	if c.Range != "unit" || !c.Inside || c.Kind != Values || c.Classes != kind || len(c.Warnings) > 0 {
		t.Fatalf("got\n%v", c)
	}
	says(t, c, "input range: /255 (100.0 %", `by the model's own output "scores"`)
	got := make([]float32, 2*kind)
	if err := x.Logits(ctx, batchOf(src.x[:2*side*side], 2), got); err != nil {
		t.Fatal(err)
	}
	var want []float32
	for r := range 2 {
		band := make([]float32, kind)
		for p, v := range src.x[r*side*side : (r+1)*side*side] {
			band[p/side/(side/kind)] += v / 255 * kind / (side * side)
		}
		want = append(want, band...)
	}
	if err := equalTargets(got, want, true, 1e-4); err != nil {
		t.Error(err)
	}
	k, err := x.Key(ctx, src)
	if err != nil || k.Output != "mean" || k.Task != "regression" || k.Kind != "values" {
		t.Errorf("key %+v, %v", k, err)
	}
	inside, err := Inners(x.Path())
	if err != nil || len(inside) != 6 || inside[1].String() != `"mean" by MatMul` || inside[5].String() != `"scores" by Softmax, float32 (N, 3), an output` {
		t.Errorf("got %v, %v", inside, err)
	}
}
