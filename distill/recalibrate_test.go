package distill

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// lacking trains a student without class b and gives its file.
func lacking(t *testing.T) string {
	r := stored(t)
	r.Data.Without, r.Train.NoBaseline, r.Loss.Temperature, r.Train.Epochs = []string{"b"}, true, 2, 12
	mustRun(t, r, newRecord().Env)
	return unverified(r)
}

// rowsFor opens rows for a model.
func rowsFor(t *testing.T, name string) dataset.Source {
	t.Helper()
	src, err := dataset.Open(file(name), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// predicted is softmax(z + b) of every row of test.csv, by the native engine
// alone, and its mean.
func predicted(t *testing.T, model string, src dataset.Source) (logits []float32, mean []float64) {
	t.Helper()
	ctx := context.Background()
	m, err := OpenModel(ctx, EngineNative, TeacherRecipe{ModelRecipe: ModelRecipe{Model: model}}, src, "", "")
	if err != nil {
		t.Fatal(err)
	}
	mean = make([]float64, classes)
	err = EachOutput(ctx, m, src, func(z []float32) error {
		logits = append(logits, z...)
		var sum float64
		for _, v := range z {
			sum += math.Exp(float64(v))
		}
		for k, v := range z {
			mean[k] += math.Exp(float64(v)) / sum / float64(src.Len())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return logits, mean
}

// TestRecalibrate brings back a class that the transfer set lacked: its mean
// mass in the new file is the prior, the logits moved by what is said and by
// nothing else, and the other classes' not at all.
func TestRecalibrate(t *testing.T) {
	ctx, model, src := context.Background(), lacking(t), rowsFor(t, "train.csv")
	out := filepath.Join(t.TempDir(), "new.onnx")
	o := RecalibrateOptions{Model: TeacherRecipe{ModelRecipe: ModelRecipe{Model: model}}, Rows: src, RowsName: "train.csv", Output: out, Unverified: true}
	dir, err := targets()
	if err != nil {
		t.Fatal(err)
	}
	before, mass := predicted(t, model, src)
	shares := count(t, src)
	pairs := filepath.Join(t.TempDir(), "priors")
	if err := os.WriteFile(pairs, []byte("# as they will come\nb = 0.2\n\nc=0.3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, said := predicted(t, file("teacher.onnx"), src)
	for _, c := range []struct {
		prior   string
		classes []string
		want    map[int]float64
	}{
		{"uniform", nil, map[int]float64{1: 1.0 / 3}}, // the file says that b was lacking
		{"uniform", []string{"all"}, map[int]float64{0: 1.0 / 3, 1: 1.0 / 3, 2: 1.0 / 3}},
		{"labels:" + file("train.csv"), []string{"b"}, map[int]float64{1: float64(shares[1]) / trainRows}},
		{"b=0.2", nil, map[int]float64{1: 0.2}},
		{"b=0.2,a=0.5", []string{"b"}, map[int]float64{1: 0.2}},
		{"a=0.334,b=0.333,c=0.333", nil, map[int]float64{0: 0.334, 1: 0.333, 2: 0.333}},
		{pairs, nil, map[int]float64{1: 0.2, 2: 0.3}},
		{"targets:" + dir, []string{"b", "a"}, map[int]float64{0: said[0], 1: said[1]}},
	} {
		o := o
		o.Prior, o.Classes = c.prior, c.classes
		r, err := Recalibrate(ctx, o)
		if err != nil {
			t.Errorf("%s: %v", c.prior, err)
			continue
		}
		after, got := predicted(t, r.Output, src)
		for k := range classes {
			want, named := c.want[k]
			if x := r.Classes[k]; (x.Prior != nil) != named || math.Abs(x.After-got[k]) > 1e-6 || math.Abs(x.Before-mass[k]) > 1e-6 || x.Class != className(int32(k)) {
				t.Errorf("%s: class %d is told as %+v, it has mass %v, had %v", c.prior, k, x, got[k], mass[k])
			}
			if named && math.Abs(got[k]-want) > 1e-5 {
				t.Errorf("%s: class %d has mass %v, expected %v", c.prior, k, got[k], want)
			}
			if !named && r.Classes[k].Bias != 0 {
				t.Errorf("%s: class %d got %v", c.prior, k, r.Classes[k].Bias)
			}
		}
		for i := range after {
			if want := float64(before[i]) + r.Classes[i%classes].Bias; math.Abs(float64(after[i])-want) > 1e-4 {
				t.Fatalf("%s: logit %d is %v, expected %v", c.prior, i, after[i], want)
			}
		}
	}
	if mass[1] > 0.2 || shares[1] < trainRows/4 {
		t.Errorf("the student gives b %v of the rows, %d of them are: nothing to recover", mass[1], shares[1])
	}
}

// TestRecalibrated holds what the new file says of itself, and that labels of
// the rows make no difference.
func TestRecalibrated(t *testing.T) {
	ctx, model := context.Background(), lacking(t)
	o := RecalibrateOptions{Model: TeacherRecipe{ModelRecipe: ModelRecipe{Model: model}}, Rows: rowsFor(t, "test.csv"), Prior: "uniform", Unverified: true}
	o.Output = filepath.Join(t.TempDir(), "one.onnx")
	one, err := Recalibrate(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Rows, o.Output = dataset.Unlabel(rowsFor(t, "test.csv")), filepath.Join(t.TempDir(), "two.onnx")
	two, err := Recalibrate(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := mustRead(t, one.Output), mustRead(t, two.Output); string(a) != string(b) {
		t.Error("the labels of the rows changed the file")
	}
	o.Model.Model, o.Prior, o.Output = one.Output, "b=0.1", filepath.Join(t.TempDir(), "three.onnx")
	three, err := Recalibrate(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Read(three.Output, onnx.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := m.Meta("kdonnx.recalibration.bias")
	if want := fmt.Sprintf("0 %v 0", float32(one.Classes[1].Bias)+float32(three.Classes[1].Bias)); text != want {
		t.Errorf("the file says %q was added, expected %q", text, want)
	}
	if prior, _ := m.Meta("kdonnx.recalibration.prior"); prior != "b=0.1" {
		t.Errorf("the prior is told as %q", prior)
	}
	for _, e := range m.Metadata {
		if strings.HasPrefix(e.Key, "kdonnx.test.") {
			t.Errorf("%s = %s is of the model before", e.Key, e.Value)
		}
	}
}

// TestTransferShares holds what a student says of its transfer set against the
// labels, or where it has none against the teacher's answers.
func TestTransferShares(t *testing.T) {
	for _, columns := range []string{"", "label=drop"} {
		r := stored(t)
		r.Train.NoBaseline, r.Train.Epochs, r.Data.ValSplit, r.Data.Columns = true, 1, 0, columns
		if r.Loss.Temperature = 3; columns == "" {
			r.Data.Without = []string{"b"}
		}
		mustRun(t, r, newRecord().Env)
		m, err := onnx.Read(unverified(r), onnx.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text, _ := m.Meta("kdonnx.transfer.shares")
		got, err := splitNumbers(text, classes)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, classes)
		if src := rowsFor(t, "train.csv"); columns == "" {
			n := count(t, src)
			want[0], want[2] = float64(n[0])/float64(n[0]+n[2]), float64(n[2])/float64(n[0]+n[2])
		} else {
			z, _ := predicted(t, file("teacher.onnx"), src)
			for i := 0; i < len(z); i += classes {
				best := 0
				for k := range classes {
					if z[i+k] > z[i+best] {
						best = k
					}
				}
				want[best] += 1.0 / trainRows
			}
		}
		for k := range got {
			if math.Abs(got[k]-want[k]) > 1e-4 {
				t.Errorf("columns %q, class %d: the share is told as %v, expected %v", columns, k, got[k], want[k])
			}
		}
	}
}

func TestRecalibrateRefuses(t *testing.T) {
	ctx, model, dir := context.Background(), lacking(t), t.TempDir()
	src := rowsFor(t, "train.csv")
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		prior   string
		classes []string
		kind    fault.Kind
		want    string
	}{
		{"unifrom", nil, fault.Usage, "expected uniform, labels:ROWS"},
		{"b=1", nil, fault.Usage, `got "1" for class "b", expected a share above 0`},
		{"b=x", nil, fault.Usage, `got "x"`},
		{"d=0.1", nil, fault.Usage, `got class "d", expected one of a, b, c`},
		{"b=0.1,b=0.2", nil, fault.Usage, "named twice"},
		{"b=0.6,a=0.4", nil, fault.Input, "the others must have something left"},
		{"a=0.3,b=0.3,c=0.3", nil, fault.Input, "sum to 0.9"},
		{"b=0.1", []string{"a"}, fault.Usage, `says nothing of class "a"`},
		{"uniform", []string{"7"}, fault.Usage, `--classes: got class "7"`},
		{"uniform", []string{"a", "a"}, fault.Usage, "named twice"},
		{write("p", "b=0.1\nc 0.2\n"), nil, fault.Input, "line 2"},
		{write("empty", "# none\n"), nil, fault.Input, "names no class"},
		{"labels:" + write("ab.csv", "f0,f1,f2,f3,label\n1,2,3,4,a\n2,3,4,5,c\n"), nil, fault.Usage, `"b" the share 0`},
		{"targets:" + dir, nil, fault.Integrity, dir},
	} {
		out := filepath.Join(dir, "out.onnx")
		_, err := Recalibrate(ctx, RecalibrateOptions{Model: TeacherRecipe{ModelRecipe: ModelRecipe{Model: model}}, Rows: src, RowsName: "train.csv",
			Like: dataset.Options{Classes: []string{"a", "b", "c"}}, Prior: c.prior, Classes: c.classes, Output: out, Unverified: true})
		if err == nil {
			t.Errorf("%s %v: no error, expected %q", c.prior, c.classes, c.want)
			continue
		}
		if c.classes == nil && strings.HasPrefix(c.prior, "labels") {
			c.want = "b" // the class that the transfer set lacked has no rows here either
		}
		faulttest.Want(t, err, c.kind, c.want)
		if exists(filepath.Join(dir, "out.unverified.onnx")) {
			t.Fatalf("%s: a file was written", c.prior)
		}
	}
	plain := stored(t)
	plain.Train.NoBaseline = true
	mustRun(t, plain, newRecord().Env)
	_, err := Recalibrate(ctx, RecalibrateOptions{Model: TeacherRecipe{ModelRecipe: ModelRecipe{Model: unverified(plain)}}, Rows: src, Prior: "uniform", Output: filepath.Join(dir, "out.onnx"), Unverified: true})
	faulttest.Want(t, err, fault.Usage, "--classes", "no class had less than a tenth")
}
