package student

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
	"github.com/kdonnx/kdonnx/student/optim"
)

// projected is a trainer of netModel with a projection.
func projected(t testing.TB, value string, target []int, optimizer string, set optim.Settings) *Trainer {
	t.Helper()
	p, err := newStudent(t).Project(value, target, 11)
	if err != nil {
		t.Fatal(err)
	}
	opt, err := optim.New(optimizer, set)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := p.NewTrainer(opt, 16, 3)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// hinted is the loss of the classes and ½·w times the mean square of what the
// projection is away from targets that the rows' numbers give.
func hinted(tr *Trainer, y []int, w float64) Loss {
	return func(lo, hi int, z, dz []float32) float64 {
		loss := crossEntropy(y[lo:hi], 3)(z, dz)
		h, dh := tr.Projected()
		for i, v := range h {
			d := float64(v) - math.Sin(float64(i+lo*len(h)/(hi-lo)))
			loss += w * d * d / 2 / float64(len(h))
			dh[i] = float32(w * d / float64(len(h)))
		}
		return loss
	}
}

// places are the values of netModel and targets of each kind of projection.
var places = []struct {
	value  string
	target []int
	how    string
	params int
}{
	{"cr", []int{5, 6, 6}, "1×1 convolution 4×6×6 → 5×6×6", 5*4 + 5},
	{"cr", []int{2, 4, 5}, "3×2 convolution 4×6×6 → 2×4×5", 2*4*6 + 2},
	{"p", []int{7, 1, 1}, "3×3 convolution 4×3×3 → 7×1×1", 7*36 + 7},
	{"p", []int{2, 4, 4}, "linear map 4×3×3 → 2×4×4", 36*32 + 32},
	{"h1r", []int{10}, "linear map 36 → 10", 370},
	{"f", []int{2, 3, 3}, "linear map 36 → 2×3×3", 36*18 + 18},
	{"cb", []int{9}, "linear map 4×6×6 → 9", 144*9 + 9},
	{"logits", []int{4}, "linear map 3 → 4", 16},
}

// TestProjectionGradients holds the gradients of all weights, those of the
// projection and those of the student before and after its place, against
// central differences of the loss.
func TestProjectionGradients(t *testing.T) {
	x, y := rows(6, 4)
	for k, c := range places {
		t.Run(c.how, func(t *testing.T) {
			tr := projected(t, c.value, c.target, "sgd", optim.Settings{Accumulate: 1 + k%2})
			loss := hinted(tr, y, 3)
			value := func() float64 {
				v, _, err := tr.gradient(x, 6, loss)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			value()
			var grads [][]float32
			for _, p := range tr.params {
				grads = append(grads, slices.Clone(p.Grad))
			}
			rng := rand.New(rand.NewPCG(1, 1))
			seen := 0
			for k, p := range tr.params {
				for range 6 {
					i, step := rng.IntN(len(p.Data)), float32(2e-3)
					at := p.Data[i]
					p.Data[i] = at + step
					up := value()
					p.Data[i] = at - step
					down := value()
					p.Data[i] = at
					want, got := (up-down)/float64(2*step), float64(grads[k][i])
					if math.Abs(got-want) > 4e-3*(0.1+math.Abs(want)) { // float32 sums, and corners of Relu and MaxPool
						t.Errorf("%s[%d]: gradient %g, differences give %g", p.Name, i, got, want)
					}
					if strings.HasPrefix(p.Name, "hint.") && got != 0 {
						seen++
					}
				}
			}
			if seen < 6 {
				t.Errorf("%d gradients of the projection are not 0, expected 6 at least", seen)
			}
		})
	}
}

// TestProjectionKinds expects the op and the weights that the shapes ask for.
func TestProjectionKinds(t *testing.T) {
	for _, c := range places {
		p, err := newStudent(t).Project(c.value, c.target, 1)
		if err != nil {
			t.Fatal(err)
		}
		size := 1
		for _, d := range c.target {
			size *= d
		}
		if p.String() != c.how || p.Params() != c.params || p.Size() != size {
			t.Errorf("%s: %s with %d weights gives %d values, expected %s, %d and %d", c.value, p, p.Params(), p.Size(), c.how, c.params, size)
		}
	}
}

// TestProjectionConvolves holds what a projection of a map gives against the
// sum that defines a convolution without padding.
func TestProjectionConvolves(t *testing.T) {
	tr := projected(t, "cr", []int{2, 4, 5}, "sgd", optim.Settings{})
	var w, b []float32
	for _, p := range tr.params {
		switch p.Name {
		case "hint.weight":
			w = p.Data
		case "hint.bias":
			b = p.Data
			b[1] = 0.5
		}
	}
	// The place itself is seen through a projection that copies it.
	same := projected(t, "cr", []int{4, 6, 6}, "sgd", optim.Settings{})
	for _, p := range same.params {
		if p.Name == "hint.weight" {
			clear(p.Data)
			for k := range 4 {
				p.Data[k*4+k] = 1
			}
		}
	}
	x, _ := rows(2, 9)
	look := func(tr *Trainer) (out []float32) {
		tr.gradient(x, 2, func(_, _ int, _, dz []float32) float64 {
			h, _ := tr.Projected()
			out = slices.Clone(h)
			clear(dz)
			return 0
		})
		return out
	}
	place, got := look(same), look(tr)
	for n := range 2 {
		for c := range 2 {
			for i := range 4 {
				for j := range 5 {
					want := float64(b[c])
					for k := range 4 {
						for di := range 3 {
							for dj := range 2 {
								want += float64(w[((c*4+k)*3+di)*2+dj]) * float64(place[((n*4+k)*6+i+di)*6+j+dj])
							}
						}
					}
					if v := float64(got[((n*2+c)*4+i)*5+j]); math.Abs(v-want) > 1e-5 {
						t.Fatalf("row %d, channel %d at (%d, %d): %g, expected %g", n, c, i, j, v, want)
					}
				}
			}
		}
	}
}

// TestProjectionStaysOut trains with a projection: the student's model has the
// same graph as before and predicts what was trained, and it is the projection
// that made the difference.
func TestProjectionStaysOut(t *testing.T) {
	plain := newStudent(t)
	tr := projected(t, "cr", []int{5, 6, 6}, "adamw", everything)
	alone := trainerOf(t, netModel(), "adamw", everything)
	for i := range 6 {
		x, y := rows(16, uint64(i))
		if _, err := tr.StepParts(x, 16, hinted(tr, y, 1), 0.05); err != nil {
			t.Fatal(err)
		}
		if _, err := alone.StepParts(x, 16, partLoss(y), 0.05); err != nil {
			t.Fatal(err)
		}
	}
	s := tr.Student()
	if a, b := fingerprint(s.g), fingerprint(plain.g); a != b {
		t.Errorf("the graph of the student is another: %s, expected %s", a, b)
	}
	if text := string(modelBytes(t, s)); strings.Contains(text, "hint") {
		t.Error("the projection is in the model")
	}
	if got, want := len(s.Params()), len(plain.Params()); got != want {
		t.Errorf("%d parameters, expected %d", got, want)
	}
	if bytes.Equal(modelBytes(t, s), modelBytes(t, alone.Student())) {
		t.Error("the hint changed nothing")
	}
	// What is predicted is what the model that leaves the program gives.
	again, err := FromModel(s.Model(), "again")
	if err != nil {
		t.Fatal(err)
	}
	x, _ := rows(20, 77)
	a, b := make([]float32, 60), make([]float32, 60)
	if err := s.Predict(context.Background(), x, 20, a); err != nil {
		t.Fatal(err)
	}
	if err := again.Predict(context.Background(), x, 20, b); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a, b) {
		t.Error("the student and its model predict differently")
	}
}

// TestProjectionWithoutWeight gives the projection no gradient: the student is
// trained as it would be alone.
func TestProjectionWithoutWeight(t *testing.T) {
	tr := projected(t, "h1r", []int{10}, "sgd", optim.Settings{})
	alone := trainerOf(t, netModel(), "sgd", optim.Settings{})
	for i := range 4 {
		x, y := rows(16, uint64(i))
		if _, err := tr.StepParts(x, 16, partLoss(y), 0.05); err != nil {
			t.Fatal(err)
		}
		if _, err := alone.StepParts(x, 16, partLoss(y), 0.05); err != nil {
			t.Fatal(err)
		}
	}
	a, b := tr.Student().Params(), alone.Student().Params()
	for i := range a {
		for k, v := range a[i].Data {
			if math.Abs(float64(v-b[i].Data[k])) > 1e-5 {
				t.Fatalf("%s[%d] is %g, expected %g", a[i].Name, k, v, b[i].Data[k])
			}
		}
	}
}

// TestProjectionResumes stops after 7 of 15 steps with every setting in use,
// on several numbers of cores.
func TestProjectionResumes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	course := func(tr *Trainer, from, to int) {
		for i := from; i < to; i++ {
			n := 16 - 11*(i%4/3)
			x, y := rows(n, uint64(i))
			if _, err := tr.StepParts(x, n, hinted(tr, y, 1), 0.05); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range places[:2] {
		runtime.GOMAXPROCS(4)
		whole := projected(t, c.value, c.target, "adamw", everything)
		course(whole, 0, 15)
		runtime.GOMAXPROCS(1)
		first := projected(t, c.value, c.target, "adamw", everything)
		course(first, 0, 7)
		saved := checkpointOf(t, first)
		second := projected(t, c.value, c.target, "adamw", everything)
		if err := second.Restore(bytes.NewReader(saved)); err != nil {
			t.Fatal(err)
		}
		course(second, 7, 15)
		if !bytes.Equal(checkpointOf(t, whole), checkpointOf(t, second)) {
			t.Errorf("%s: a resumed run ends in other bytes", c.how)
		}
		// A checkpoint of another projection, or of none, is another run's.
		for _, other := range []*Trainer{projected(t, "h1r", []int{4}, "adamw", everything), trainerOf(t, netModel(), "adamw", everything)} {
			if err := other.Restore(bytes.NewReader(saved)); fault.KindOf(err) != fault.Integrity {
				t.Errorf("%s: restored into another trainer: %v", c.how, err)
			}
		}
	}
}

// TestProjectionLearns minimises the projection's loss alone: student and
// projection together come near the targets. A place that nothing trained comes
// before is refused.
func TestProjectionLearns(t *testing.T) {
	s := newStudent(t)
	if err := s.Freeze("conv.*", "bn*"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Project("cr", []int{2, 6, 6}, 1); fault.KindOf(err) != fault.Usage {
		t.Errorf("a place that no trained weight comes before: %v, expected a refusal", err)
	}
	p, err := newStudent(t).Project("p", []int{2, 3, 3}, 1)
	if err != nil {
		t.Fatal(err)
	}
	opt, err := optim.New("adam", optim.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := p.NewTrainer(opt, 32, 3)
	if err != nil {
		t.Fatal(err)
	}
	x, y := rows(32, 5)
	var first, last float64
	for i := range 400 {
		_, err := tr.StepParts(x, 32, func(lo, hi int, z, dz []float32) float64 {
			crossEntropy(y[lo:hi], 3)(z, dz)
			clear(dz)
			h, dh := tr.Projected()
			last = 0
			for i, v := range h {
				d := float64(v) - float64(y[i/18])
				last += d * d / float64(len(h))
				dh[i] = float32(2 * d / float64(len(h)))
			}
			return last
		}, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = last
		}
	}
	if last > first/10 {
		t.Errorf("the projection's loss went from %g to %g, expected a tenth at most", first, last)
	}
}

// TestProjectionOfPlaces projects rows of 3 places by 5 values, all places by
// one map, and holds it against the sums.
func TestProjectionOfPlaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	draw := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	s, err := FromModel(&onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 17}}, Graph: &onnx.Graph{
		Inputs:       []*onnx.Value{{Name: "x", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Param: "n"}, {Value: 3}, {Value: 4}}}},
		Outputs:      []*onnx.Value{{Name: "z", DType: onnx.Float32}},
		Initializers: []*onnx.Tensor{onnx.FloatTensor("w", []int64{4, 5}, draw(20)), onnx.FloatTensor("head", []int64{15, 2}, draw(30))},
		Nodes: []*onnx.Node{
			{OpType: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"places"}},
			{OpType: "Flatten", Inputs: []string{"places"}, Outputs: []string{"flat"}},
			{OpType: "MatMul", Inputs: []string{"flat", "head"}, Outputs: []string{"z"}},
		},
	}}, "places.onnx")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Project("places", []int{3, 6}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if p.Params() != 36 || p.String() != "linear map of each place 3×5 → 3×6" {
		t.Errorf("%s with %d weights", p, p.Params())
	}
	opt, err := optim.New("sgd", optim.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := p.NewTrainer(opt, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	w, v, b := tr.g.Params[0].Data, []float32(nil), []float32(nil)
	for _, p := range tr.params {
		switch p.Name {
		case "hint.weight":
			v = p.Data
		case "hint.bias":
			copy(p.Data, draw(6))
			b = p.Data
		}
	}
	x := draw(24)
	if _, err := tr.StepParts(x, 2, func(_, _ int, _, dz []float32) float64 {
		clear(dz)
		h, _ := tr.Projected()
		for i, got := range h {
			place, e := i/6, i%6
			want := float64(b[e])
			for d := range 5 {
				for k := range 4 {
					want += float64(x[4*place+k]) * float64(w[5*k+d]) * float64(v[6*d+e])
				}
			}
			if math.Abs(float64(got)-want) > 1e-5 {
				t.Errorf("place %d, value %d: %g, expected %g", place, e, got, want)
			}
		}
		return 0
	}, 0.1); err != nil {
		t.Fatal(err)
	}
}

func TestProjectRefuses(t *testing.T) {
	s := newStudent(t)
	for name, c := range map[string]struct {
		value  string
		target []int
		text   string
	}{
		"unknown":    {"hidden", []int{4}, `"cr" [4 6 6]`},
		"an input":   {"x", []int{4}, "not there"},
		"untrained":  {"xs", []int{4}, "not there"},
		"no axes":    {"f", nil, "positive axes"},
		"empty axis": {"f", []int{3, 0}, "positive axes"},
		"large":      {"cr", []int{1 << 20}, "weights"},
		"larger":     {"cr", []int{1 << 30, 1 << 30}, "weights"},
	} {
		_, err := s.Project(c.value, c.target, 1)
		if err == nil || !strings.Contains(err.Error(), c.text) || fault.KindOf(err) != fault.Usage && fault.KindOf(err) != fault.Input {
			t.Errorf("%s: error %v, expected one with %q", name, err, c.text)
		}
	}
	names := []string{}
	for _, v := range s.Values() {
		names = append(names, fmt.Sprintf("%s %v", v.Name, v.Shape))
	}
	if want := []string{"c [4 6 6]", "cb [4 6 6]", "cr [4 6 6]", "p [4 3 3]", "f [36]", "h1 [36]", "h1b [36]", "h1r [36]", "h1d [36]", "h2 [36]", "h3 [36]", "h4 [36]", "logits [3]"}; !slices.Equal(names, want) {
		t.Errorf("values %q, expected %q", names, want)
	}
	if s.g.Outputs[0].Shape.String() != (graph.Shape{graph.Batch, 3}).String() {
		t.Error("looking changed the student")
	}
}
