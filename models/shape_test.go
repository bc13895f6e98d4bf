package models

import (
	"math/bits"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// TestMeasure holds what is counted without drawing a weight against the
// graph that is built: its parameters, its multiply-adds, and the values in
// its file.
func TestMeasure(t *testing.T) {
	specs := []string{"mlp:9,5?norm=1&dropout=0.2", "cnn:3,4?norm=1", "cnn:3?hidden=0", "mobilenetv2:0.1?zero=1", "transformer:8,1,2?patch=5"}
	for _, a := range List() {
		specs = append(specs, a.Examples...)
		shapes, err := Shapes(a.Family)
		if a.shapes == nil && a.family == nil { // a family of one may want sizes
			shapes, err = Shapes(a.Examples[0])
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shapes {
			specs = append(specs, s.Spec(s.Min), s.Spec(min(s.Max, s.Min+2)))
		}
	}
	for _, in := range []Input{{Shape: []int{1, 12, 12}}, {Shape: []int{12, 15, 3}, NHWC: true, Scale: []float32{1, 2, 3}}, {Shape: []int{20}}, {Shape: []int{5, 6}}} {
		built := 0
		for _, spec := range specs {
			got, err := Measure(spec, in, 7)
			if err != nil {
				if _, other := Build(spec, in, 7, 1); other == nil || other.Error() != err.Error() {
					t.Errorf("%s: %v, but Build says %v", spec, err, other)
				}
				continue
			}
			if got.Params > 2_000_000 {
				continue
			}
			m, err := Build(spec, in, 7, 1)
			if err != nil {
				t.Fatal(err)
			}
			built++
			var want Cost
			if want.Params, err = Count(m); err != nil {
				t.Fatal(err)
			}
			if want.FLOPs, err = FLOPs(m); err != nil {
				t.Fatal(err)
			}
			want.Values = valuesIn(m)
			if got != want {
				t.Errorf("%s on %v: %+v, the graph has %+v", spec, in.Shape, got, want)
			}
		}
		if built < 15 {
			t.Errorf("input %v: only %d nets were built", in.Shape, built)
		}
	}
	if _, err := Measure("mlp:4", image, 0); fault.KindOf(err) != fault.Usage {
		t.Errorf("no classes: %v", err)
	}
}

// valuesIn counts the float32 values of initializers that are not scalars and
// not the input's normalisation.
func valuesIn(m *onnx.Model) (n int64) {
	for _, t := range m.Graph.Initializers {
		if t.DType == onnx.Float32 && len(t.Dims) > 0 && t.Name != "input_scale" {
			n += int64(len(t.Data) / 4)
		}
	}
	return n
}

// TestShapesGrow requires of every shape that its cost grows with its width,
// and of every family that options of its specs reach its shapes.
func TestShapesGrow(t *testing.T) {
	in := Input{Shape: []int{3, 32, 32}}
	free := 0
	for _, a := range List() {
		if a.shapes == nil {
			continue
		}
		shapes, err := Shapes(a.Family + "?init=glorot")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shapes {
			if got, err := parse(s.Spec(s.Min)); err != nil || got.arch.Name != a.Name || got.opts.Get("init") != "glorot" {
				t.Errorf("%s gives %s (%v)", a.Family, s.Spec(s.Min), err)
			}
			last := Cost{}
			for w := s.Min; w <= s.Max; w += 1 + w/3 {
				c, err := Measure(s.Spec(w), in, 10)
				if err != nil && w > s.Min {
					break // too large to build
				} else if err != nil {
					t.Fatal(err)
				}
				if c.Params < last.Params || c.FLOPs < last.FLOPs || c.Values < last.Values {
					t.Errorf("%s costs %+v, a narrower one %+v", s.Spec(w), c, last)
				}
				last = c
				free++
			}
			if _, err := parse(s.Spec(s.Max)); err != nil {
				t.Errorf("the widest: %v", err)
			}
		}
	}
	if free < 300 {
		t.Errorf("looked at %d nets", free)
	}
	for _, text := range []string{"mlp?norm=1&colour=red", "nothing", "mlp:", "cnn?%zz"} {
		if _, err := Shapes(text); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", text, err)
		}
	}
	if s, err := Shapes("mlp:3,4"); err != nil || len(s) != 1 || s[0].Spec(s[0].Max) != "mlp:3,4" {
		t.Errorf("a net of given sizes: %v, %v", s, err)
	}
}

// TestLargest asks for every threshold of small ranges, and counts the
// questions of a large one.
func TestLargest(t *testing.T) {
	asked := 0
	upTo := func(limit int) func(int) (bool, error) {
		return func(w int) (bool, error) { asked++; return w <= limit, nil }
	}
	for lo := 1; lo < 5; lo++ {
		for hi := lo; hi < 40; hi++ {
			for limit := lo - 1; limit <= hi+1; limit++ {
				w, ok, err := Shape{Min: lo, Max: hi}.Largest(upTo(limit))
				if want := min(limit, hi); err != nil || ok != (limit >= lo) || ok && w != want {
					t.Fatalf("%d to %d, limit %d: %d, %v, %v", lo, hi, limit, w, ok, err)
				}
			}
		}
	}
	for _, limit := range []int{1, 7, 500, 65535} {
		asked = 0
		if _, _, err := (Shape{Min: 1, Max: 1 << 16}).Largest(upTo(limit)); err != nil || asked > 2*bits.Len(uint(limit))+2 {
			t.Errorf("limit %d: %d questions, %v", limit, asked, err)
		}
	}
	_, _, err := Shape{Min: 1, Max: 9}.Largest(func(w int) (bool, error) {
		if w > 2 {
			return false, usage("", "broken")
		}
		return true, nil
	})
	if err == nil {
		t.Error("an error was lost")
	}
}
