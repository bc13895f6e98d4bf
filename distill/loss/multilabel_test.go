package loss

import (
	"math"
	"math/big"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// The golden row is the definition in 40-digit arithmetic: sums over the
// labels of KL(σ(v/4) ‖ σ(z/4)) and BCE(V, σ(z)), divided by N = 4.
func init() {
	goldens["multi-label"] = golden{Settings{Temperature: 4, Alpha: 0.75},
		Terms{Total: 4.6472100890540432, Soft: 0.35496012638903285, Hard: 1.5507542895425959},
		[]float64{
			-0.0337461436737, -0.030983343762, 0.224927282972,
			0.0234070300303, -0.0699444551027, -0.053230566859,
			-0.409950863385, 0.318106364984, 0.179471303358,
			0.0308699070226, -0.0622814075667, -0.108943113895,
		}}
}

func multiLabel(t *testing.T, temperature, alpha float64) *MultiLabel {
	t.Helper()
	l, err := NewMultiLabel(Settings{Temperature: temperature, Alpha: alpha})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// One label is the classic loss of two classes whose second has a logit of 0.
func TestOneLabelIsTwoClasses(t *testing.T) {
	got := make([]float32, 1)
	for _, z := range []float32{-3, 0, 0.5, 30} {
		one := multiLabel(t, 3, 0.6).Eval(Batch{N: 1, C: 1, Student: []float32{z}, Teacher: []float32{1.25}, Values: []float32{1}}, got)
		grad := make([]float32, 2)
		two := classic(t, 3, 0.6).Eval(Batch{N: 1, C: 2, Student: []float32{z, 0}, Teacher: []float32{1.25, 0}, Labels: []int32{0}}, grad)
		one.SoftGradient, one.HardGradient = math.Sqrt2*one.SoftGradient, math.Sqrt2*one.HardGradient // (g) and (g, −g)
		near(t, "soft gradient", one.SoftGradient, two.SoftGradient, 1e-15)
		near(t, "hard gradient", one.HardGradient, two.HardGradient, 1e-15)
		one.SoftGradient, one.HardGradient = two.SoftGradient, two.HardGradient
		if one != two || got[0] != grad[0] {
			t.Errorf("z = %v: got %v and %v, two classes give %v and %v", z, one, got[0], two, grad[0])
		}
	}
}

// TestMultiLabelBigLogits holds the loss against its definition in 400 bits,
// where sigmoids underflow and where student and teacher are close.
func TestMultiLabelBigLogits(t *testing.T) {
	for _, temp := range []float64{0.01, 1, 1000} {
		for _, pair := range [][2]float32{{1e4, -1e4}, {-1e4, 1e4}, {1e4, 1e4}, {300, 301}, {1e-3, 2e-3}, {-40, -41}, {0, 700}} {
			b := Batch{N: 1, C: 1, Student: []float32{pair[0]}, Teacher: []float32{pair[1]}, Values: []float32{1}}
			grad := make([]float32, 1)
			got := multiLabel(t, temp, 0.5).Eval(b, grad)
			p, logp := refSoftmax([]float32{pair[1], 0}, temp)
			q, logq := refSoftmax([]float32{pair[0], 0}, temp)
			s, logs := refSoftmax([]float32{pair[0], 0}, 1)
			soft := new(big.Float).SetPrec(prec)
			for c := range p {
				soft = bigAdd(soft, bigMul(p[c], bigSub(logp[c], logq[c])))
			}
			want := float(bigAdd(bigMul(bigOf(0.5*temp), bigSub(q[0], p[0])), bigMul(bigOf(0.5), bigSub(s[0], bigOf(1)))))
			near(t, "soft", got.Soft, float(soft), 1e-12)
			near(t, "hard", got.Hard, -float(logs[0]), 1e-12)
			near(t, "gradient", float64(grad[0]), want, 1e-6)
		}
	}
}

// TestMultiLabelMistakesAreSeen: what the field gets wrong moves the loss by
// more than 1 %.
func TestMultiLabelMistakesAreSeen(t *testing.T) {
	const temp, alpha = 4, 0.7
	b := randomBatch(21, 8, 10)
	sigmoid := func(z float32, t float64) float64 { return 1 / (1 + math.Exp(-float64(z)/t)) }
	plain := func(t2, overLabels, studentT, hardT float64, squares bool) float64 {
		total := 0.0
		for i, z := range b.Student {
			p, q := sigmoid(b.Teacher[i], temp), sigmoid(z, studentT)
			if squares {
				total += alpha * t2 * (p - q) * (p - q) / overLabels
			} else {
				total += alpha * t2 * (p*math.Log(p/q) + (1-p)*math.Log((1-p)/(1-q))) / overLabels
			}
			if v := float64(b.Values[i]); v == v {
				s := sigmoid(z, hardT)
				total -= (1 - alpha) * (v*math.Log(s) + (1-v)*math.Log(1-s)) / overLabels
			}
		}
		return total / float64(b.N)
	}
	ours := multiLabel(t, temp, alpha).Eval(b, nil).Total
	near(t, "the formula without a mistake", plain(16, 1, 4, 1, false), ours, 1e-12)
	for name, wrong := range map[string]float64{
		"no T²":                plain(1, 1, 4, 1, false),
		"mean over labels":     plain(16, 10, 4, 1, false),
		"student not softened": plain(16, 1, 1, 1, false),
		"hard term at T":       plain(16, 1, 4, 4, false),
		"squares of sigmoids":  plain(16, 1, 4, 1, true),
		"softmax over labels":  classic(t, temp, alpha).Eval(b, nil).Total,
	} {
		if math.Abs(wrong-ours) < 0.01*ours {
			t.Errorf("%s: gives %v, ours is %v: the mistake would not be seen", name, wrong, ours)
		}
	}
}

// TestLossesOfTasks: every task has its losses and a default among them.
func TestLossesOfTasks(t *testing.T) {
	all := 0
	for _, task := range []dataset.Task{dataset.MultiClass, dataset.MultiLabel, dataset.Regression} {
		all += len(Of(task))
		if err := Suits(Default(task), task, 1); err != nil {
			t.Error(err)
		}
	}
	if all != len(Entries()) {
		t.Errorf("%d losses are of a task, expected all %d", all, len(Entries()))
	}
	for _, c := range []struct {
		name    string
		task    dataset.Task
		outputs int
		want    string
	}{
		{"classic", dataset.Regression, 0, `--loss: got "classic", which is not for regression, expected one of regression, regression-huber`},
		{"regression", dataset.MultiClass, 3, `--loss: got "regression", which is not for multi-class, expected one of classic, classic-ce, dist, dkd, hard-label, logit-mse, ttm, wttm`},
		{"nonsense", dataset.MultiLabel, 0, `--loss: got "nonsense", which is not for multi-label, expected one of multi-label`},
		{"std+dkd:nontarget=2", dataset.MultiClass, 2, `--loss: got "std+dkd:nontarget=2" for 2 classes, expected at least 3: standardising two logits leaves which is larger, and no gradient; dkd alone keeps the rest`},
	} {
		if err := Suits(c.name, c.task, c.outputs); err == nil || err.Error() != c.want || fault.KindOf(err) != fault.Usage {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
