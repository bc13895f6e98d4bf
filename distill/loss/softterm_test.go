package loss

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// recording is what testdata/torch_losses.py wrote: the losses by their papers
// in PyTorch's float64, with gradients by its autograd.
type recording struct {
	Batches map[string]struct {
		Student, Teacher []float32
		Labels           []int32
	}
	Rows []struct {
		Loss, Batch                   string
		Temperature, Alpha, Smoothing float64
		Soft, Hard, Total             float64
		SoftGradient                  float64 `json:"soft_gradient"`
		HardGradient                  float64 `json:"hard_gradient"`
		Grad                          []float64
	}
}

var torch = func() (r recording) {
	data, err := os.ReadFile("testdata/torch_losses.json")
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		panic(err)
	}
	return r
}()

func init() {
	for _, r := range torch.Rows {
		if r.Batch == "golden" && r.Smoothing == 0 && r.Loss != "classic" && !strings.ContainsAny(r.Loss, "+:") {
			goldens[r.Loss] = golden{Settings{Temperature: r.Temperature, Alpha: r.Alpha}, Terms{Total: r.Total, Soft: r.Soft, Hard: r.Hard}, r.Grad}
		}
	}
}

func TestLossesOfPyTorch(t *testing.T) {
	for _, r := range torch.Rows {
		t.Run(r.Loss+"/"+r.Batch, func(t *testing.T) {
			l, err := New(r.Loss, Settings{Temperature: r.Temperature, Alpha: r.Alpha, Smoothing: r.Smoothing})
			if err != nil {
				t.Fatal(err)
			}
			in := torch.Batches[r.Batch]
			b := Batch{N: len(in.Labels), C: len(in.Student) / len(in.Labels), Student: in.Student, Teacher: in.Teacher, Labels: in.Labels}
			grad := make([]float32, len(in.Student))
			got := l.Eval(b, grad)
			if r.Loss == "classic" { // its Soft is without T²
				got.Soft *= r.Temperature * r.Temperature
			}
			near(t, "total", got.Total, r.Total, 1e-11)
			near(t, "soft", got.Soft, r.Soft, 1e-11)
			near(t, "hard", got.Hard, r.Hard, 1e-11)
			near(t, "gradient of the soft term", got.SoftGradient, r.SoftGradient, 1e-11)
			near(t, "gradient of the hard term", got.HardGradient, r.HardGradient, 1e-11)
			for i, g := range grad {
				near(t, "gradient", float64(g), r.Grad[i], 1e-6)
			}
		})
	}
}

// modern are the losses of this form, in all their variants.
func modern() []string {
	var all []string
	for _, e := range Entries() {
		if e.Standardisable {
			all = append(all, e.Name, standardPrefix+e.Name)
		}
	}
	return all
}

func TestSlopesOfStandardised(t *testing.T) {
	for _, name := range modern() {
		l, err := New(name, Settings{Temperature: 3, Alpha: 0.7, Smoothing: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		if worst := worstSlope(l.Eval, randomBatch(8, 6, 5)); worst > 2e-6 {
			t.Errorf("%s: gradient and slope differ by %g", name, worst)
		}
	}
}

// TestStudentIsTeacher: where the student says what the teacher says there is
// nothing to learn from the soft term.
func TestStudentIsTeacher(t *testing.T) {
	for _, name := range modern() {
		temperature := 3.0
		if strings.HasSuffix(name, "ttm") { // the student has no temperature there
			temperature = 1
		}
		l, err := New(name, Settings{Temperature: temperature, Alpha: 1})
		if err != nil {
			t.Fatal(err)
		}
		b := randomBatch(9, 6, 5)
		b.Teacher = b.Student
		grad := make([]float32, 30)
		terms := l.Eval(b, grad)
		value, slope := 1e-12, 1e-12
		if strings.HasSuffix(name, "dist") { // whose 1e-8 keeps ρ a little below 1
			value, slope = 2e-5, 1e-6
		}
		if math.Abs(terms.Total) > value {
			t.Errorf("%s: %v", name, terms)
		}
		for _, g := range grad {
			if math.Abs(float64(g)) > slope {
				t.Errorf("%s: gradient %v", name, grad)
				break
			}
		}
	}
}

// TestStandardisedPairs: of two classes a standardised loss has no gradient to
// learn by, which is why Suits refuses it, of three it has, and without the
// prefix two are enough.
func TestStandardisedPairs(t *testing.T) {
	pull := func(name string, c int) float64 {
		l, err := New(name, Settings{Temperature: 3, Alpha: 1})
		if err != nil {
			t.Fatal(err)
		}
		return l.Eval(randomBatch(15, 6, c), nil).SoftGradient
	}
	for _, e := range Entries() {
		if !e.Standardisable {
			continue
		}
		std := standardPrefix + e.Name
		if pull(std, 2) > 1e-5 || pull(std, 3) < 1e-2 || pull(e.Name, 2) < 1e-2 {
			t.Errorf("%s: the gradient is %g of 2 classes and %g of 3, %g of 2 as they are", std, pull(std, 2), pull(std, 3), pull(e.Name, 2))
		}
		for c, refused := range map[int]bool{0: false, 2: true, 3: false} {
			if err := Suits(std, e.Task, c); (err != nil) != refused || Suits(e.Name, e.Task, c) != nil {
				t.Errorf("%s of %d classes: got %v, refused is to be %v", std, c, err, refused)
			}
		}
	}
}

// TestRelationsOfOneRow: DIST of a batch of one row is its term within the row
// alone; that between rows, of which there are none, adds nothing.
func TestRelationsOfOneRow(t *testing.T) {
	b := randomBatch(16, 1, 5)
	var terms [2]Terms
	var grads [2][]float32
	for k, name := range []string{"dist", "dist:intra=0"} {
		l, err := New(name, Settings{Temperature: 3, Alpha: 1})
		if err != nil {
			t.Fatal(err)
		}
		grads[k] = make([]float32, 5)
		terms[k] = l.Eval(b, grads[k])
		if worst := worstSlope(l.Eval, b); worst > 2e-6 {
			t.Errorf("%s: gradient and slope differ by %g", name, worst)
		}
	}
	if terms[0] != terms[1] || !slices.Equal(grads[0], grads[1]) || terms[0].Soft < 0.1 {
		t.Errorf("got %v and %v, gradients %v", terms[0], terms[1], grads)
	}
}

// TestHotLimit: for a high T the classic loss of logits of mean 0 is half of
// logit matching.
func TestHotLimit(t *testing.T) {
	b := randomBatch(10, 6, 5)
	for _, x := range [][]float32{b.Student, b.Teacher} {
		for i := 0; i < len(x); i += b.C {
			mean := float32(0)
			for _, v := range x[i : i+b.C] {
				mean += v / float32(b.C)
			}
			for j := range b.C {
				x[i+j] -= mean
			}
		}
	}
	b.Labels = nil
	match, err := New("logit-mse", Settings{Temperature: 1, Alpha: 1})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "limit", classic(t, 1000, 1).Eval(b, nil).Total, match.Eval(b, nil).Total/2, 2e-3)
}

// TestClassicIsDecoupled: with b = 1 − p_y of the teacher DKD is the classic
// loss (Zhao et al. 2022, equation 6).
func TestClassicIsDecoupled(t *testing.T) {
	b := randomBatch(11, 1, 5)
	p := distribution{}
	p.set(b.Teacher, 4)
	name := "dkd:nontarget=" + number(1-p.p[b.Labels[0]])
	l, err := New(name, Settings{Temperature: 4, Alpha: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, want := make([]float32, 5), make([]float32, 5)
	near(t, "value", l.Eval(b, got).Total, classic(t, 4, 1).Eval(b, want).Total, 1e-12)
	for i := range got {
		near(t, "gradient", float64(got[i]), float64(want[i]), 1e-6)
	}
}

// TestHugeLogits stays finite where probabilities underflow, and where logits
// are all equal.
func TestHugeLogits(t *testing.T) {
	for _, name := range modern() {
		for _, temperature := range []float64{0.01, 1, 1000} {
			l, err := New(name, Settings{Temperature: temperature, Alpha: 0.9, Smoothing: 0.1})
			if err != nil {
				t.Fatal(err)
			}
			b := Batch{N: 5, C: 3, Labels: []int32{0, 1, 2, Unlabelled, 0},
				Student: []float32{1e4, -1e4, 0, -1e4, 1e4, 1e4, 2, 2, 2, 0, 1e-30, 0, 1, 2, 3},
				Teacher: []float32{-1e4, 1e4, 0, 1e4, 1e4, -1e4, 1, 2, 3, 5, 5, 5, -1e4, -1e4, 1e4}}
			grad := make([]float32, 15)
			terms := l.Eval(b, grad)
			sum := 0.0
			for _, g := range grad {
				sum += float64(g)
			}
			if math.IsNaN(terms.Total+sum) || math.IsInf(terms.Total+sum, 0) {
				t.Errorf("%s at T = %v: %v, gradient %v", name, temperature, terms, grad)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"std+hard-label":  "has no softened logits to standardise",
		"dkd:other=1":     "as in dkd:target=1,nontarget=8",
		"dkd:nontarget":   "as in dkd:target=1,nontarget=8",
		"dkd:nontarget=x": "as in dkd:target=1,nontarget=8",
		"dist:intra=-1":   "numbers from 0 to 1e6",
		"classic:a=1":     "classic has no numbers of its own",
		"std+":            "want one of",
	} {
		_, err := New(text, Settings{Temperature: 4, Alpha: 0.9})
		if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, err := New("classic", Settings{Temperature: 4, Alpha: 0.9, Smoothing: 1}); err == nil || !strings.Contains(err.Error(), "--label-smoothing: got 1") {
		t.Errorf("got %v", err)
	}
	l, err := New("std+dkd:nontarget=2", Settings{Temperature: 4, Alpha: 0.9, Smoothing: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if f := l.Formula(); l.Name() != "dkd" || !strings.Contains(f, "2·KL(p̂(v'/T) ‖ p̂(z'/T))) + 0.1·CE((1−ε)·y + ε/C, softmax(z)), T = 4, b = (p_y, 1−p_y), p̂ over the other classes") || !strings.Contains(f, "ε = 0.1") {
		t.Errorf("got %q", f)
	}
}
