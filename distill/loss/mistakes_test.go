package loss

import (
	"math"
	"strings"
	"testing"
)

// naive is the classic loss written down plainly in float64, with a knob for
// each mistake that published code makes. With no knob turned it is the right
// loss: TestMistakesAreSeen checks that too, so that every row of its table
// differs from the right one by its own mistake alone.
type naive struct {
	noT2            bool    // soft term without T²
	meanOverClasses bool    // soft term divided by C
	mseOfProbs      bool    // Σ(p−q)² for the KL
	argmaxTarget    bool    // one-hot of the teacher's argmax for p
	swapped         bool    // KL(q ‖ p)
	teacherTwice    bool    // the teacher's logits on both sides
	studentAtOne    bool    // q at T = 1
	hardAtT         bool    // hard term at T
	hardT2          bool    // T² on the hard term too
	labelledOnly    bool    // hard term divided by the labelled rows, not by N
	byPosition      bool    // the teacher's row of the next example
	logOfSum        float64 // log(q + ε) for log q; the probabilities themselves are added up
}

func (m naive) total(b Batch, t, alpha, beta float64) float64 {
	softmax := func(x []float32, t float64) []float64 {
		p, sum := make([]float64, len(x)), 0.0
		hi := math.Inf(-1)
		for _, v := range x {
			hi = math.Max(hi, float64(v))
		}
		for i, v := range x {
			p[i] = math.Exp((float64(v) - hi) / t)
			sum += p[i]
		}
		for i := range p {
			p[i] /= sum
		}
		return p
	}
	soft, hard, labelled := 0.0, 0.0, 0.0
	for i := range b.N {
		z := b.Student[i*b.C : (i+1)*b.C]
		vi := i
		if m.byPosition {
			vi = (i + 1) % b.N
		}
		if v := b.teacher(vi); v != nil {
			tq := t
			if m.studentAtOne {
				tq = 1
			}
			p, q := softmax(v, t), softmax(z, tq)
			if m.teacherTwice {
				q = p
			}
			if m.swapped {
				p, q = q, p
			}
			if m.argmaxTarget {
				best := 0
				for c := range p {
					if p[c] > p[best] {
						best = c
					}
				}
				clear(p)
				p[best] = 1
			}
			for c := range p {
				switch {
				case m.mseOfProbs:
					soft += (p[c] - q[c]) * (p[c] - q[c])
				case p[c] > 0:
					soft += p[c] * (math.Log(p[c]) - math.Log(q[c]+m.logOfSum))
				}
			}
		}
		if y := b.label(i); y != Unlabelled {
			th := 1.0
			if m.hardAtT {
				th = t
			}
			hard -= math.Log(softmax(z, th)[y])
			labelled++
		}
	}
	if m.meanOverClasses {
		soft /= float64(b.C)
	}
	if !m.noT2 {
		soft *= t * t
	}
	if m.hardT2 {
		hard *= t * t
	}
	n := float64(b.N)
	if m.labelledOnly {
		return alpha*soft/n + beta*hard/labelled
	}
	return alpha*soft/n + beta*hard/n
}

// TestMistakesAreSeen: each mistake of the field moves the loss by more than
// 1 %, and so none of them could hide in ours.
func TestMistakesAreSeen(t *testing.T) {
	const temp, alpha, beta = 4, 0.7, 0.3
	b := randomBatch(21, 8, 10)
	ours := classic(t, temp, alpha).Eval(b, nil).Total
	near(t, "the formula without a mistake", naive{}.total(b, temp, alpha, beta), ours, 1e-12)
	for _, m := range []struct {
		mistake, where string
		wrong          naive
	}{
		{"no T²", "TextBrewer, PaddleSlim soft_label, IntelLabs/distiller#122", naive{noT2: true}},
		{"mean over classes too", "Model-Optimizer, deit#116, haitongli#48, HikariTJU/LD#74", naive{meanOverClasses: true}},
		{"MSE on probabilities", "KD_Lib", naive{mseOfProbs: true}},
		{"only the argmax", "SetFit's head", naive{argmaxTarget: true}},
		{"teacher rows by position under a shuffled loader", "haitongli#9, microsoft/Cream#109", naive{byPosition: true}},
		{"teacher and student swapped", "keras-io#257", naive{swapped: true}},
		{"the teacher used twice", "annotated_deep_learning#66", naive{teacherTwice: true}},
		{"student not softened", "", naive{studentAtOne: true}},
		{"hard term at T", "", naive{hardAtT: true}},
		{"T² on the hard term", "", naive{hardT2: true}},
		{"mean over labelled rows only", "", naive{labelledOnly: true}},
	} {
		wrong := m.wrong.total(b, temp, alpha, beta)
		if math.Abs(wrong-ours) < 0.01*ours {
			t.Errorf("%s (%s): gives %v, ours is %v: the mistake would not be seen", m.mistake, m.where, wrong, ours)
		}
	}
}

// What the two commonest mistakes cost: without T² the soft term is T² times
// too weak, with a mean over classes C times.
func TestSoftTermHasItsSize(t *testing.T) {
	b := randomBatch(22, 8, 10)
	b.Labels = nil
	ours := classic(t, 4, 1).Eval(b, nil).Total
	near(t, "no T²", naive{noT2: true}.total(b, 4, 1, 0)*16, ours, 1e-12)
	near(t, "mean over classes", naive{meanOverClasses: true}.total(b, 4, 1, 0)*10, ours, 1e-12)
}

// T² keeps the soft gradient's size over the paper's range of T; without it
// the gradient shrinks by more than two hundred times from T = 1 to 20.
func TestGradientKeepsItsSizeOverT(t *testing.T) {
	b := randomBatch(23, 16, 10)
	b.Labels = nil
	norm := func(temp float64) float64 {
		grad := make([]float32, b.N*b.C)
		classic(t, temp, 1).Eval(b, grad)
		sum := 0.0
		for _, g := range grad {
			sum += float64(g) * float64(g)
		}
		return math.Sqrt(sum)
	}
	ratio := norm(1) / norm(20)
	if ratio > 5 || ratio < 0.2 {
		t.Errorf("gradient at T = 1 is %.3g times that at T = 20, want within 5", ratio)
	}
	if ratio*400 < 200 {
		t.Errorf("without T² the ratio is only %.3g: the mistake would not be seen", ratio*400)
	}
}

// The log of a probability that has underflowed is -Inf, and with an ε inside
// it is wrong by orders of magnitude; in the log domain it is exact.
func TestLogOfSumIsSeen(t *testing.T) {
	b := Batch{N: 1, C: 2, Student: []float32{-1000, 0}, Teacher: []float32{0, 0}}
	want := 0.5*1000 - math.Ln2 // Σ ½·(log ½ − log q) = −ln 2 + 1000/2
	near(t, "ours", classic(t, 1, 1).Eval(b, nil).Total, want, 1e-12)
	if got := (naive{}).total(b, 1, 1, 0); !math.IsInf(got, 1) {
		t.Errorf("log of softmax gives %v, want it to overflow", got)
	}
	if got := (naive{logOfSum: 1e-8}).total(b, 1, 1, 0); math.Abs(got-want) < 100 {
		t.Errorf("log(q + 1e-8) gives %v, want it far from %v", got, want)
	}
}

// The same of DKD, whose second probability is a sum: that of the others of a
// student sure of class 0 underflows, and its log with it. Of a teacher without
// an opinion, b = (1/3, 2/3) and log b of the student is (0, ln 2 − 1000), so
// that KL = −ln 3 + 2/3·1000, and ∂/∂z_0 = 1 − 1/3; among the others both agree.
func TestLogOfSumOfDKDIsSeen(t *testing.T) {
	z := []float32{1000, 0, 0}
	p := math.Exp(-1000) + math.Exp(-1000) // softmax of the others, added up
	if naive := 1./3*math.Log(1./3) + 2./3*(math.Log(2./3)-math.Log(p)); !math.IsInf(naive, 1) {
		t.Errorf("the log of the sum gives %v, want it to overflow", naive)
	}
	want := -math.Log(3) + 2./3*1000
	if naive := 1./3*math.Log(1./3) + 2./3*(math.Log(2./3)-math.Log(p+1e-7)); math.Abs(naive-want) < 100 {
		t.Errorf("log(sum + 1e-7) gives %v, want it far from %v", naive, want)
	}
	l, err := New("dkd", Settings{Temperature: 1, Alpha: 1})
	if err != nil {
		t.Fatal(err)
	}
	grad := make([]float32, 3)
	got := l.Eval(Batch{N: 1, C: 3, Student: z, Teacher: []float32{0, 0, 0}, Labels: []int32{0}}, grad)
	near(t, "ours", got.Total, want, 1e-12)
	for c, want := range []float64{2. / 3, -1. / 3, -1. / 3} {
		near(t, "gradient", float64(grad[c]), want, 1e-7)
	}
}

// And of labels of yes or no: the log of a sigmoid that has underflowed.
func TestLogOfSigmoidIsSeen(t *testing.T) {
	sigmoid := 1 / (1 + math.Exp(1000))
	if naive := math.Log(sigmoid); !math.IsInf(naive, -1) {
		t.Errorf("the log of the sigmoid is %v, want it to overflow", naive)
	}
	grad := make([]float32, 1)
	got := multiLabel(t, 1, 0.5).Eval(Batch{N: 1, C: 1, Student: []float32{-1000}, Teacher: []float32{0}, Values: []float32{1}}, grad)
	near(t, "soft", got.Soft, 0.5*1000-math.Ln2, 1e-12) // ½·(ln ½ + 1000) + ½·ln ½
	near(t, "hard", got.Hard, 1000, 1e-12)
	near(t, "gradient", float64(grad[0]), 0.5*(0-0.5)+0.5*(0-1), 1e-7)
}

// What the commonest mistakes would do to each loss that has T²: without it the
// term is T² times too weak, with a mean over classes C times, and with teacher
// and student swapped, the teacher on both sides, or the teacher's rows of the
// example beside, it is another.
func TestMistakesInModernLosses(t *testing.T) {
	const temperature = 4
	for _, text := range modern() {
		l, err := New(text, Settings{Temperature: 1, Alpha: 1})
		if err != nil {
			t.Fatal(err)
		}
		b := randomBatch(62, 8, 10)
		for i, v := range b.Teacher { // half learned, with sharper peaks than the student
			b.Teacher[i] *= float32(math.Abs(float64(v)))
			b.Student[i] = v/2 + b.Student[i]/4
		}
		ours := l.Eval(b, nil).Total
		near(t, text+", the formula without a mistake", reader{b: b, formula: l.Formula()}.total(t), ours, 1e-10)
		twice, swapped, shifted, argmax := b, b, b, b
		twice.Student = b.Teacher
		swapped.Student, swapped.Teacher = b.Teacher, b.Student
		shifted.Teacher = append(append([]float32{}, b.Teacher[10:]...), b.Teacher[:10]...)
		argmax.Teacher = make([]float32, 80)
		for i := range 8 {
			top := 0
			for c, v := range b.Teacher[10*i : 10*i+10] {
				if v > b.Teacher[10*i+top] {
					top = c
				}
			}
			argmax.Teacher[10*i+top] = 100
		}
		for name, wrong := range map[string]Batch{"the teacher twice": twice, "swapped": swapped, "rows by position": shifted, "only the argmax": argmax} {
			if strings.HasSuffix(text, "logit-mse") && name == "swapped" { // squares know no sides
				continue
			}
			if name == "swapped" && (strings.HasSuffix(text, "dist") || strings.HasPrefix(text, standardPrefix)) { // nor does a correlation, and standardised sides are much alike
				continue
			}
			if got := l.Eval(wrong, nil).Total; math.Abs(got-ours) < 0.01*ours {
				t.Errorf("%s, %s: gives %v, ours is %v: the mistake would not be seen", text, name, got, ours)
			}
		}
		l.Set(Weights{Temperature: temperature, Alpha: 1})
		ours = l.Eval(b, nil).Total
		if formula := l.Formula(); strings.Contains(formula, "T²") {
			weaker := reader{b: b, formula: strings.Replace(formula, "T²·", "1·", 1)}.total(t)
			near(t, text+" without T²", weaker*temperature*temperature, ours, 1e-10)
		} else if !strings.HasSuffix(text, "ttm") && !strings.HasSuffix(text, "logit-mse") {
			t.Errorf("%s has no T²: %s", text, formula)
		}
	}
}
