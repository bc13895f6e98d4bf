package student

import (
	"bytes"
	"errors"
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

// everything are settings with all that can go with a step.
var everything = optim.Settings{WeightDecay: 1e-3, Decay: []string{"!fc*"}, ClipValue: 0.5, ClipNorm: 1, MaxNorm: 1.5, EMA: 0.8, Accumulate: 3}

// trainerOf makes a trainer of m with batches of 16.
func trainerOf(t testing.TB, m *onnx.Model, optimizer string, set optim.Settings) *Trainer {
	t.Helper()
	s, err := FromModel(m, "net.onnx")
	if err != nil {
		t.Fatal(err)
	}
	opt, err := optim.New(optimizer, set)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTrainer(s, opt, 16, 3)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// trainParts is train for steps that may be cut.
func trainParts(t testing.TB, tr *Trainer, from, to int) (losses []float64) {
	t.Helper()
	for i := from; i < to; i++ {
		n := 16
		if i%4 == 3 {
			n = 5
		}
		x, y := rows(n, uint64(i))
		loss, err := tr.StepParts(x, n, partLoss(y), 0.05)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, loss)
	}
	return losses
}

func partLoss(y []int) Loss {
	return func(lo, hi int, z, dz []float32) float64 { return crossEntropy(y[lo:hi], 3)(z, dz) }
}

func checkpointOf(t testing.TB, tr *Trainer) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tr.Save(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestResumeEverything stops after 7 of 15 steps with every setting in use.
func TestResumeEverything(t *testing.T) {
	for _, optimizer := range optim.List() {
		whole := trainerOf(t, netModel(), optimizer, everything)
		trainParts(t, whole, 0, 15)
		first := trainerOf(t, netModel(), optimizer, everything)
		trainParts(t, first, 0, 7)
		second := trainerOf(t, netModel(), optimizer, everything)
		if err := second.Restore(bytes.NewReader(checkpointOf(t, first))); err != nil {
			t.Fatal(err)
		}
		trainParts(t, second, 7, 15)
		if !bytes.Equal(checkpointOf(t, whole), checkpointOf(t, second)) {
			t.Errorf("%s: a resumed run ends in other bytes", optimizer)
		}
		whole.Finish()
		second.Finish()
		if !bytes.Equal(modelBytes(t, whole.Student()), modelBytes(t, second.Student())) {
			t.Errorf("%s: a resumed run ends in other averages", optimizer)
		}
	}
}

// TestEverythingOnAnyCores is promise 3 with every setting in use.
func TestEverythingOnAnyCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, optimizer := range optim.List() {
		var want []byte
		for _, procs := range []int{1, 2, 3, 8} {
			runtime.GOMAXPROCS(procs)
			tr := trainerOf(t, netModel(), optimizer, everything)
			trainParts(t, tr, 0, 5)
			if got := checkpointOf(t, tr); want == nil {
				want = got
			} else if !bytes.Equal(got, want) {
				t.Errorf("%s: GOMAXPROCS %d gives other bytes", optimizer, procs)
			}
		}
	}
}

// TestOtherSettingsRefused changes one setting at a time: the error names it.
func TestOtherSettingsRefused(t *testing.T) {
	tr := trainerOf(t, netModel(), "adamw", everything)
	trainParts(t, tr, 0, 2)
	saved := checkpointOf(t, tr)
	for field, change := range map[string]func(s *optim.Settings){
		"weight decay": func(s *optim.Settings) { s.WeightDecay = 0 }, "decay": func(s *optim.Settings) { s.Decay = nil },
		"clip value": func(s *optim.Settings) { s.ClipValue = 1 }, "clip norm": func(s *optim.Settings) { s.ClipNorm = 2 },
		"max norm": func(s *optim.Settings) { s.MaxNorm = 0 }, "ema": func(s *optim.Settings) { s.EMA = 0 },
		"accumulate": func(s *optim.Settings) { s.Accumulate = 2 }, "beta1": func(s *optim.Settings) { s.Beta1 = 0.5 },
	} {
		set := everything
		change(&set)
		other := trainerOf(t, netModel(), "adamw", set)
		before := checkpointOf(t, other)
		err := other.Restore(bytes.NewReader(saved))
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Integrity || f.Field != field {
			t.Errorf("%s: error is %v, want Integrity that names it", field, err)
		}
		if !bytes.Equal(before, checkpointOf(t, other)) {
			t.Errorf("%s: a refused checkpoint changed the trainer", field)
		}
	}
}

// plainModel is netModel without dropout and batch normalisation.
func plainModel() *onnx.Model {
	m := netModel()
	m.Graph.Nodes = slices.DeleteFunc(m.Graph.Nodes, func(n *onnx.Node) bool { return n.OpType == "BatchNormalization" || n.OpType == "Dropout" })
	for _, n := range m.Graph.Nodes {
		for i, in := range n.Inputs {
			n.Inputs[i] = map[string]string{"cb": "c", "h1b": "h1", "h1d": "h1r"}[in]
			if n.Inputs[i] == "" {
				n.Inputs[i] = in
			}
		}
	}
	return m
}

// TestAccumulate cuts steps into parts: losses and weights are those of the
// whole batch but for rounding. A batch that does not divide, a short last
// batch and more parts than rows are among the cases.
func TestAccumulate(t *testing.T) {
	set := optim.Settings{ClipNorm: 1}
	whole := trainerOf(t, plainModel(), "sgd", set)
	want := trainParts(t, whole, 0, 8)
	for _, parts := range []int{1, 2, 3, 4, 7, 100} {
		set.Accumulate = parts
		cut := trainerOf(t, plainModel(), "sgd", set)
		got := trainParts(t, cut, 0, 8)
		for i := range want {
			if !(math.Abs(got[i]-want[i]) <= 1e-5*want[i]) {
				t.Errorf("%d parts: loss of step %d is %g, want %g", parts, i, got[i], want[i])
			}
		}
		for i, p := range cut.Student().Params() {
			for j, v := range p.Data {
				if w := whole.Student().Params()[i].Data[j]; !(math.Abs(float64(v-w)) <= 1e-5) {
					t.Fatalf("%d parts: %s[%d] is %g, want %g", parts, p.Name, j, v, w)
				}
			}
		}
	}
	x, y := rows(16, 1)
	if _, err := trainerOf(t, plainModel(), "sgd", optim.Settings{Accumulate: 2}).Step(x, 16, crossEntropy(y, 3), 0.1); fault.KindOf(err) != fault.Usage {
		t.Errorf("Step of a trainer that cuts: %v", err)
	}
}

// TestPartsDiverge lets the last part of a step fail: running statistics that
// the parts before it changed are put back, and the averages stay.
func TestPartsDiverge(t *testing.T) {
	for name, bad := range map[string]float64{"loss": math.NaN(), "gradient": 0} {
		tr := trainerOf(t, netModel(), "adamw", everything)
		trainParts(t, tr, 0, 2)
		before := checkpointOf(t, tr)
		x, y := rows(16, 9)
		calls := 0
		_, err := tr.StepParts(x, 16, func(lo, hi int, z, dz []float32) float64 {
			l := partLoss(y)(lo, hi, z, dz)
			if calls++; calls == 3 {
				dz[0] = float32(math.Inf(1))
				l += bad
			}
			return l
		}, 0.1)
		if calls != 3 || fault.KindOf(err) != fault.Diverged || !strings.Contains(err.Error(), "step 3") {
			t.Errorf("%s: %d parts, error %v, want one of kind Diverged in the third", name, calls, err)
		}
		if !bytes.Equal(before, checkpointOf(t, tr)) {
			t.Errorf("%s: a failed step changed the state", name)
		}
	}
}

// TestAveragedWeights compares Averaged and Finish with means in float64 of
// the weights and running statistics after each step.
func TestAveragedWeights(t *testing.T) {
	tr := trainerOf(t, netModel(), "sgd", optim.Settings{EMA: 0.5})
	live := func() (out []float32) {
		for _, p := range learnt(tr.g) {
			out = append(out, p.Data...)
		}
		return out
	}
	mean := make([]float64, len(live()))
	for i, v := range live() {
		mean[i] = float64(v)
	}
	for step := 1; step <= 9; step++ {
		trainParts(t, tr, step, step+1)
		d := min(0.5, float64(1+step)/float64(10+step))
		for i, v := range live() {
			mean[i] = d*mean[i] + (1-d)*float64(v)
		}
	}
	check := func(when string) {
		for i, v := range live() {
			if !(math.Abs(float64(v)-mean[i]) <= 1e-5*(1+math.Abs(mean[i]))) {
				t.Fatalf("%s: value %d is %g, want %g", when, i, v, mean[i])
			}
		}
	}
	before := live()
	failed := errors.New("f failed")
	if err := tr.Averaged(func() error { check("averaged"); return failed }); err != failed {
		t.Errorf("Averaged gives %v, want the error of its function", err)
	}
	if !slices.Equal(before, live()) {
		t.Error("Averaged leaves other weights behind")
	}
	tr.Finish()
	check("finished")
}

// TestMaxNormHolds trains with large steps: after each, every unit's incoming
// weights are within the ball, and the constraint is felt.
func TestMaxNormHolds(t *testing.T) {
	const limit = 0.75
	felt := map[string]bool{}
	tr := trainerOf(t, netModel(), "sgd", optim.Settings{MaxNorm: limit})
	for step := range 6 {
		trainParts(t, tr, step, step+1)
		for i, u := range tr.s.g.Units() {
			p, longest := tr.s.g.Params[i], 0.0
			if u == (graph.Units{}) {
				continue
			}
			for outer := range u.Outer {
				for inner := range u.Inner {
					sum := 0.0
					for k := range u.Fan {
						v := float64(p.Data[(outer*u.Fan+k)*u.Inner+inner])
						sum += v * v
					}
					longest = max(longest, math.Sqrt(sum))
				}
			}
			if !(longest <= limit*(1+1e-6)) {
				t.Errorf("step %d: %s has a unit of norm %g, want at most %g", step, p.Name, longest, limit)
			}
			felt[p.Name] = felt[p.Name] || longest >= limit*(1-1e-6)
		}
	}
	if len(felt) != 3 || !felt["conv.w"] || !felt["fc.w"] || !felt["head.w"] {
		t.Errorf("weights that reached the ball: %v, want all three", felt)
	}
}

// TestSteadyStepsAllocateNothing holds that steps with every setting in use
// leave no garbage. (Those of many goroutines are the scheduler's.)
func TestSteadyStepsAllocateNothing(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	set := everything
	set.Accumulate = 2
	rng := rand.New(rand.NewPCG(1, 2))
	for _, optimizer := range optim.List() {
		tr := trainerOf(t, netModel(), optimizer, set)
		x, _ := rows(16, 1)
		loss := func(_, _ int, _, dz []float32) float64 {
			for i := range dz {
				dz[i] = float32(rng.Float64()) - 0.5
			}
			return 1
		}
		if got := testing.AllocsPerRun(10, func() {
			if _, err := tr.StepParts(x, 16, loss, 0.01); err != nil {
				t.Fatal(err)
			}
		}); got > 0 {
			t.Errorf("%s: a step allocates %g times", optimizer, got)
		}
	}
}

// TestPartsHaveTheirOwnMasks passes the same rows in both parts of a step:
// only the masks of dropout can make the losses differ.
func TestPartsHaveTheirOwnMasks(t *testing.T) {
	tr := trainerOf(t, netModel(), "sgd", optim.Settings{Accumulate: 2})
	x, y := rows(8, 1)
	var losses []float64
	_, err := tr.StepParts(slices.Repeat(x, 2), 16, func(lo, hi int, z, dz []float32) float64 {
		losses = append(losses, partLoss(slices.Repeat(y, 2))(lo, hi, z, dz))
		return losses[len(losses)-1]
	}, 0)
	if err != nil || len(losses) != 2 || losses[0] == losses[1] {
		t.Errorf("losses of the parts are %v (%v), want two that differ", losses, err)
	}
}
