package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

// simulate measures a model of which a given share of the answers is right,
// on n rows of c classes; nearby classes are mistaken for one another. All
// models of one seed see the same rows; skill is what tells them apart.
func simulate(t testing.TB, seed uint64, n, c int, skill float64) (metrics.Result, []bool) {
	t.Helper()
	rows := rand.New(rand.NewPCG(seed, 1))
	r := rand.New(rand.NewPCG(seed, math.Float64bits(skill)))
	logits, teacher, labels := make([]float32, n*c), make([]float32, n*c), make([]int32, n)
	for i := range n {
		y := rows.IntN(c)
		labels[i] = int32(y)
		hard := rows.Float64() // how hard the row is, the same for all models
		for k := range c {
			logits[i*c+k] = float32(r.NormFloat64())
			teacher[i*c+k] = logits[i*c+k]
		}
		wrong := (y + 1 + rows.IntN(max(1, min(3, c-1)))) % c
		if hard+0.02*r.NormFloat64() < skill {
			logits[i*c+y] += float32(5 + 4*r.Float64())
		} else {
			logits[i*c+wrong] += float32(3 + 3*r.Float64())
		}
		teacher[i*c+y] += 7
	}
	res := evaluate(t, logits, labels, teacher, c)
	correct, err := metrics.Correct(nil, logits, labels, c)
	if err != nil {
		t.Fatal(err)
	}
	return res, correct
}

// example is a whole report of a run with c classes and the given epochs.
func example(t testing.TB, n, c, epochs int) *Report {
	t.Helper()
	teacher, _ := simulate(t, 5, n, c, 0.99)
	baseline, wasRight := simulate(t, 5, n, c, 0.93)
	student, isRight := simulate(t, 5, n, c, 0.975)
	r := &Report{
		Title:   fmt.Sprintf("mlp:800,800 from a convolutional teacher, %d classes", c),
		Verdict: Judge(baseline, student, metrics.McNemar(wasRight, isRight)),
		Provenance: Provenance{
			Teacher:      Source{"teacher.onnx", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
			Data:         Source{"digits, 60,000 rows", "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"},
			Architecture: "mlp:800,800",
			Loss:         "L = 0.9·T²·KL(softmax(v/T) ‖ softmax(z/T)) + 0.1·CE(y, softmax(z)), T = 4; summed over classes, mean over the batch",
			Temperature:  4, Alpha: 0.9, Beta: 0.1, Seed: 42, Epochs: epochs, Version: "v0.1.0",
		},
		Teacher:  &Block{Result: teacher, Name: "teacher.onnx", Params: 11_173_962, Bytes: 44_712_004, FLOPs: 1_113_000_000, LatencyMS: 8.42},
		Baseline: &Block{Result: baseline, Name: "mlp:800,800 on hard labels", Params: 1_276_810, Bytes: 5_109_240, FLOPs: 2_552_000, LatencyMS: 0.21},
		Student:  &Block{Result: student, Name: "mlp:800,800", Params: 1_276_810, Bytes: 5_109_240, FLOPs: 2_552_000, LatencyMS: 0.21},
		Parity:   &Parity{Runtime: "ONNX Runtime 1.29.0", Passed: true, Rows: n, MaxAbs: 3.1e-6, MaxRel: 2.2e-5, TolAbs: 1e-5, TolRel: 1e-4},
		WallS:    312.4, StepsPerS: 96.2, SamplesPerS: 12313,
		Timings:  []Timing{{"teacher targets", 41.2}, {"training, student", 131}, {"training, baseline", 128.4}, {"export and parity", 0.84}},
		Notes:    []string{"The hard-label baseline had the same budget and seed as the student."},
		Warnings: []string{"Parameter \"fc3.weight\" of the teacher holds denormal values."},
	}
	noise := rand.New(rand.NewPCG(3, 3))
	for e := 1; e <= epochs; e++ {
		x := float64(e)
		wave := 1 + 0.04*noise.NormFloat64()
		soft, hard := 0.9*math.Exp(-x/5)*wave+0.02, 1.4*math.Exp(-x/4)*wave+0.05
		lr := Number(0.05 * (1 + math.Cos(math.Pi*x/float64(epochs))))
		s := Epoch{Epoch: e, Train: Terms{Total: Number(0.9*16*soft + 0.1*hard), Soft: Number(soft), Hard: Number(hard), SoftGradient: Number(2 * soft), HardGradient: Number(0.1 * hard)}, LR: lr,
			Val: &Validation{Accuracy: Number(0.975 - 0.08*math.Exp(-x/4)*wave), Loss: Number(0.09 + 0.3*math.Exp(-x/4)*wave)}}
		b := Epoch{Epoch: e, Train: Terms{Total: Number(1.2 * math.Exp(-x/3) * wave), Hard: Number(1.2 * math.Exp(-x/3) * wave), HardGradient: Number(0.8 * math.Exp(-x/3) * wave)}, LR: lr,
			Val: &Validation{Accuracy: Number(0.935 - 0.07*math.Exp(-x/3)*wave), Loss: Number(0.2 + 0.2*math.Exp(-x/3) + 0.004*x)}}
		r.History.Student, r.History.Baseline = append(r.History.Student, s), append(r.History.Baseline, b)
	}
	for k := range c {
		switch {
		case c == 62 && k < 10:
			r.Classes = append(r.Classes, string(rune('0'+k)))
		case c == 62 && k < 36:
			r.Classes = append(r.Classes, string(rune('A'+k-10)))
		case c == 62:
			r.Classes = append(r.Classes, string(rune('a'+k-36)))
		default:
			r.Classes = append(r.Classes, fmt.Sprint(k))
		}
	}
	return r
}

// evaluate scores all rows at once.
func evaluate(t testing.TB, logits []float32, labels []int32, teacher []float32, classes int) metrics.Result {
	t.Helper()
	a, err := metrics.NewAccumulator(classes)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Add(logits, labels, teacher); err != nil {
		t.Fatal(err)
	}
	return a.Result()
}
