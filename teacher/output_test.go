package teacher

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// TestOutputs chooses among several outputs.
func TestOutputs(t *testing.T) {
	src := greys(60, 1)
	type extra struct {
		info ort.Info
		make func(z []float32, n int) ort.Value
	}
	label := extra{tensor("label", onnx.Int64, -1), func(z []float32, n int) ort.Value {
		best := make([]float32, n)
		for r := range best {
			row := z[r*kind : (r+1)*kind]
			best[r] = float32(slices.Index(row, slices.Max(row)))
		}
		return value(onnx.Int64, best, int64(n))
	}}
	maps := func(keys ...string) extra {
		return extra{ort.Info{Name: "probs", Kind: onnx.KindSequence}, func(z []float32, n int) ort.Value {
			v := slices.Clone(z)
			for r := range n {
				outputOf(Probabilities, v[r*kind:(r+1)*kind])
			}
			out := value(onnx.Float32, v, int64(n), kind)
			out.Keys = keys
			return out
		}}
	}
	logits := func(name string, shape ...int64) extra {
		return extra{tensor(name, onnx.Float32, -1, kind), func(z []float32, n int) ort.Value {
			return value(onnx.Float32, z, append([]int64{int64(n)}, shape...)...)
		}}
	}
	softmax := extra{tensor("soft", onnx.Float32, -1, kind), maps().make}
	embedding := extra{tensor("embedding", onnx.Float32, -1, 5), func(_ []float32, n int) ort.Value {
		return value(onnx.Float32, make([]float32, 5*n), int64(n), 5)
	}}
	feature := extra{tensor("map", onnx.Float32, -1, 2, 2), func(_ []float32, n int) ort.Value {
		return value(onnx.Float32, make([]float32, 4*n), int64(n), 2, 2)
	}}
	for _, c := range []struct {
		name   string
		out    []extra
		o      Options
		output string // that is chosen; empty: a fault
		kind   Kind
		words  []string
	}{
		{"label and map", []extra{label, maps("top", "middle", "bottom")}, Options{}, "probs", Probabilities, []string{"the only one that gives scores"}},
		{"logits and softmax", []extra{softmax, logits("z", kind)}, Options{}, "z", Logits, []string{"not normalised"}},
		{"embedding too", []extra{embedding, logits("z", kind)}, Options{}, "z", Logits, []string{"the only one with 3 classes"}},
		{"feature map too", []extra{feature, logits("z", kind)}, Options{}, "z", Logits, []string{"the only one that gives scores"}},
		{"trailing ones", []extra{logits("z", kind, 1, 1)}, Options{}, "z", Logits, nil},
		{"named", []extra{softmax, logits("z", kind)}, Options{Output: "soft"}, "soft", Probabilities, nil},
		{"labels alone", []extra{label}, Options{}, "label", Labels, []string{"labels: the numbers 0 to 2, in the order of the rows' classes"}},
		{"labels named", []extra{label, softmax}, Options{Output: "label"}, "label", Labels, []string{"no scores"}},
		{"two alike", []extra{logits("a", kind), logits("b", kind)}, Options{}, "", "", []string{"2 of them give scores", `"a" float32 (N, 3), "b" float32 (N, 3)`}},
		{"feature map alone", []extra{feature}, Options{}, "", "", []string{"none gives scores", `"map" float32 (N, 2, 2)`}},
		{"lying about the kind", []extra{logits("output_probs", kind)}, Options{}, "output_probs", Logits, []string{`whatever the name "output_probs" says`}},
		{"said to be probabilities", []extra{softmax}, Options{Kind: Logits}, "soft", Logits, []string{"warning", "was said to be logits, but looks like probabilities"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side)
			plain := f.f
			f.outputs = nil
			for _, e := range c.out {
				f.outputs = append(f.outputs, e.info)
			}
			f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
				base, err := plain(in, n)
				if err != nil {
					return nil, err
				}
				var all []ort.Value
				for _, e := range c.out {
					all = append(all, e.make(scores(nil, base[0]), n))
				}
				return all, nil
			}
			got, err := f.teach(t, c.o).Detect(context.Background(), src)
			if c.output == "" {
				faulttest.Want(t, err, fault.Input, c.words...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Output != c.output || got.Kind != c.kind || *got.Accuracy < 0.99 {
				t.Errorf("got\n%v", got)
			}
			says(t, got, append(c.words, "")...)
			if len(c.out) > 1 && !slices.Equal(f.options.Outputs, []string{c.output}) {
				t.Errorf("fetches %q", f.options.Outputs)
			}
		})
	}
}

func TestClasses(t *testing.T) {
	src := greys(90, 1)
	fakeWith := func(columns int, keys []string, order []int) *fake {
		f := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side)
		plain := f.f
		f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
			base, err := plain(in, n)
			if err != nil {
				return nil, err
			}
			z := scores(nil, base[0])
			out := make([]float32, n*columns)
			for r := range n {
				for j := range min(columns, kind) {
					at := j
					if order != nil {
						at = order[j]
					}
					out[r*columns+j] = z[r*kind+at]
				}
			}
			v := value(onnx.Float32, out, int64(n), int64(columns))
			v.Keys = keys
			return []ort.Value{v}, nil
		}
		return f
	}
	_, err := fakeWith(7, nil, nil).teach(t, Options{}).Detect(context.Background(), src)
	faulttest.Want(t, err, fault.Input, "the teacher has 7 classes, the rows have 3", "row 0 has label 0")
	_, err = fakeWith(2, nil, nil).teach(t, Options{}).Detect(context.Background(), src)
	faulttest.Want(t, err, fault.Input, "the teacher has 2 classes, the rows have 3", "row 2 has label 2")

	c := detect(t, fakeWith(3, []string{"bottom", "middle", "top"}, []int{2, 1, 0}).teach(t, Options{}), src)
	if !slices.Equal(c.Columns, []int{2, 1, 0}) || *c.Accuracy < 0.99 || !slices.Equal(c.ClassNames, src.spec.Classes) {
		t.Errorf("got\n%v", c)
	}
	says(t, c, "put in the order of the rows' by their names")
	c = detect(t, fakeWith(3, []string{"0", "1", "2"}, nil).teach(t, Options{}), src)
	if c.Columns != nil || *c.Accuracy < 0.99 {
		t.Errorf("got\n%v", c)
	}
	c = detect(t, fakeWith(3, nil, []int{1, 2, 0}).teach(t, Options{}), src)
	says(t, c, "warning: this teacher looks useless")
}

// TestOneColumn covers a model of two classes with one score.
func TestOneColumn(t *testing.T) {
	src := greys(120, 1)
	src.spec.Classes = []string{"no", "yes"}
	for i, y := range src.y {
		src.y[i] = min(y, 1)
	}
	for _, sigmoid := range []bool{false, true} {
		f := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side)
		plain := f.f
		f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
			base, _ := plain(in, n)
			z := scores(nil, base[0])
			out := make([]float32, n)
			for r := range out {
				out[r] = max(z[r*kind+1], z[r*kind+2]) - z[r*kind]
				if sigmoid {
					out[r] = float32(1 / (1 + math.Exp(-float64(out[r]))))
				}
			}
			return []ort.Value{value(onnx.Float32, out, int64(n), 1)}, nil
		}
		x := f.teach(t, Options{})
		c := detect(t, x, src)
		want := map[bool]Kind{false: Logits, true: Probabilities}[sigmoid]
		if c.Classes != 2 || !c.OneColumn || c.Kind != want || *c.Accuracy < 0.99 {
			t.Errorf("got\n%v", c)
		}
		z := make([]float32, 2)
		if err := x.Logits(context.Background(), batchOf(src.x[:side*side], 1), z); err != nil {
			t.Fatal(err)
		}
		if z[0] <= z[1] {
			t.Errorf("row 0 is class 0, got logits %v", z)
		}
	}
}

func TestSaturatedProbabilities(t *testing.T) {
	src := greys(60, 1)
	f := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side)
	plain := f.f
	f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		out, err := plain(in, n)
		z := scores(nil, out[0])
		for r := range n {
			row := z[r*kind : (r+1)*kind]
			top := slices.Index(row, slices.Max(row))
			clear(row)
			row[top] = 1
		}
		return []ort.Value{value(onnx.Float32, z, int64(n), kind)}, err
	}
	x := f.teach(t, Options{})
	c := detect(t, x, src)
	says(t, c, "warning", "gives only 0 and 1")
	z := make([]float32, kind)
	if err := x.Logits(context.Background(), batchOf(src.x[:side*side], 1), z); err != nil {
		t.Fatal(err)
	}
	near(t, z, []float32{0, float32(math.Log(1e-7)), float32(math.Log(1e-7))})
}

func TestKindOf(t *testing.T) {
	inf := float32(math.Inf(-1))
	for _, c := range []struct {
		x    []float32
		want Kind
	}{
		{[]float32{.2, .8, 1, 0}, Probabilities},
		{[]float32{.2, .8, .5, .6}, Sigmoids},
		{[]float32{-.22314355, -1.6094379, 0, inf}, LogProbabilities},
		{[]float32{-1, -1}, Logits},
		{[]float32{-.5, 1.5}, Logits},
		{[]float32{3, 4}, Logits},
		{[]float32{float32(math.NaN()), 0}, Logits},
	} {
		if got, _ := kindOf(c.x, 2, sumTolerance); got != c.want {
			t.Errorf("%v: got %s, expected %s", c.x, got, c.want)
		}
	}
	d := decoder{kind: LogProbabilities, raw: 2, classes: 2}
	z := make([]float32, 2)
	if bad := d.logits(z, []float32{0, inf}, 1); bad >= 0 || z[1] != logZero {
		t.Errorf("got %v, row %d", z, bad)
	}
	if bad := d.logits(z, []float32{0, -inf}, 1); bad != 0 {
		t.Error("+Inf passed")
	}
}
