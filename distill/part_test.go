package distill

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// TestPartJoins: the softmax of joined logits at T is the sum of the soft
// targets at T, far from 0 too.
func TestPartJoins(t *testing.T) {
	p := &Part{Groups: [][]int{{2}, {0, 3}, {1, 4}}}
	z := []float32{1, -2, 3, 0.5, 4, 300, -300, 0, 301, 299}
	for _, temperature := range []float64{1, 4, 0.5} {
		out := make([]float32, 6)
		p.join(z, out, temperature)
		for i := range 2 {
			q, got := softmaxAt(z[i*5:(i+1)*5], temperature), softmaxAt(out[i*3:(i+1)*3], temperature)
			for g, classes := range p.Groups {
				want := 0.0
				for _, k := range classes {
					want += q[k]
				}
				if !(math.Abs(got[g]-want) < 1e-5) {
					t.Errorf("T %g, row %d, group %d: %g, want %g", temperature, i, g, got[g], want)
				}
			}
		}
	}
}

// TestPartFollowsT: answers are joined at the T of the step where that changes,
// else at that of the loss.
func TestPartFollowsT(t *testing.T) {
	r := images(t, 20)
	r.part, r.partAt = &Part{Groups: [][]int{{0, 3, 9}, {1, 2, 4, 5, 6, 7, 8}}}, 4
	whole := make([]float32, len(r.ids)*r.classes)
	if err := r.targets.Lookup(r.ids, whole); err != nil {
		t.Fatal(err)
	}
	got, want := make([]float32, 2*len(r.ids)), make([]float32, 2*len(r.ids))
	for softens, at := range map[float64]float64{0: 4, 1.5: 1.5} {
		if err := r.said(&mini{ids: r.ids, softens: softens}, got); err != nil {
			t.Fatal(err)
		}
		if r.part.join(whole, want, at); !slices.Equal(got, want) {
			t.Errorf("a step of T %g: answers are not joined at %g", softens, at)
		}
	}
}

func softmaxAt(z []float32, t float64) []float64 {
	p, sum, top := make([]float64, len(z)), 0.0, float64(slices.Max(z))
	for i, v := range z {
		p[i] = math.Exp((float64(v) - top) / t)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// part is class 0 of the session s against the others, on all its rows.
func part(t *testing.T, s *Session) *Part {
	t.Helper()
	named := func(src dataset.Source) (dataset.Source, []int, []int) {
		labels, err := dataset.Labels(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		var one, others []int
		for i, y := range labels {
			if y == 0 {
				one = append(one, i)
			} else {
				labels[i], others = 1, append(others, i)
			}
		}
		own, err := dataset.Relabel(src, labels, []string{"a", "others"})
		if err != nil {
			t.Fatal(err)
		}
		return own, one, others
	}
	p := &Part{Groups: [][]int{{0}, {1, 2}}}
	var one, others []int
	p.Train, one, others = named(s.Data().Transfer)
	p.Epochs = dataset.Halves(one, others, 5)
	p.Val, _, _ = named(s.Data().Val)
	return p
}

// TestPart trains a net on a part of the classes, alone, beside others and in
// pieces, and requires the same weights; epochs have as many steps as the
// sampler says, and the net learns the part.
func TestPart(t *testing.T) {
	r := stored(t)
	r.Train.Epochs, r.Train.LR, r.Loss.Temperature, r.Train.Augment = 12, 0.1, 2, "noise=0.1"
	s := open(t, r)
	p := part(t, s)
	trial := func() Trial { return Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir(), Part: p} }
	whole := follow(t, s, trial())
	if steps := ceilDiv(p.Epochs.Len(), r.Train.Batch) * r.Train.Epochs; whole.Samples != p.Epochs.Len()*r.Train.Epochs || p.Epochs.Len() == s.Data().Transfer.Len() {
		t.Errorf("%d rows in %d steps, expected %d", whole.Samples, steps, p.Epochs.Len()*r.Train.Epochs)
	}
	if whole.Net.Classes() != 2 {
		t.Fatalf("%d classes", whole.Net.Classes())
	}
	val, ok, err := whole.Val(t.Context())
	if err != nil || !ok || val.Accuracy < 0.75 || val.Agreement < 0.85 {
		t.Errorf("accuracy %.3f, agreement with the teacher %.3f: %v", val.Accuracy, val.Agreement, err)
	}
	want := weights(whole.Net)
	pieces := trial()
	for _, pieces.Until = range []int{1, 5, 0} {
		if out := follow(t, s, pieces); pieces.Until == 0 && !bytes.Equal(weights(out.Net), want) {
			t.Error("trained in pieces it has other weights")
		}
	}
	var all sync.WaitGroup
	faults := make([]string, 3)
	for i := range faults {
		own := trial()
		all.Go(func() {
			if out, err := s.Train(t.Context(), own); err != nil || !bytes.Equal(weights(out.Net), want) {
				faults[i] = fmt.Sprint("other weights beside others: ", err)
			}
		})
	}
	all.Wait()
	if i := slices.IndexFunc(faults, func(f string) bool { return f != "" }); i >= 0 {
		t.Error(faults[i])
	}
	biased := *p
	biased.Bias = []float32{0, -5}
	own := trial()
	own.Part = &biased
	if out, err := follow(t, s, own).Test(t.Context()); err != nil || out.Agreement < 0.8 {
		t.Errorf("with a bias it agrees with the biased teacher on %.3f: %v", out.Agreement, err)
	}
	other := *p
	other.Groups = [][]int{{1}, {0, 2}}
	own = pieces
	own.Part = &other
	if _, err := s.Train(t.Context(), own); fault.KindOf(err) != fault.Integrity {
		t.Errorf("another part goes on from the checkpoint: %v", err)
	}
}

func TestPartRefuses(t *testing.T) {
	s := open(t, stored(t))
	for name, change := range map[string]func(tr *Trial){
		"a group of none":       func(tr *Trial) { tr.Part.Groups = [][]int{{0, 1, 2}, {}} },
		"a class there is not":  func(tr *Trial) { tr.Part.Groups = [][]int{{0}, {3}} },
		"a baseline":            func(tr *Trial) { tr.Role = RoleBaseline },
		"mixed rows":            func(tr *Trial) { tr.Recipe.Train.Augment = "mixup=0.4" },
		"an epoch without rows": func(tr *Trial) { tr.Part.Epochs = dataset.Halves(nil, []int{1}, 1) },
	} {
		tr := Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir(), Part: part(t, s)}
		change(&tr)
		if _, err := s.Train(t.Context(), tr); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBegin: the net that a training begins as is the one that it has after no
// epoch, and Answers are what the store says.
func TestBegin(t *testing.T) {
	s := open(t, stored(t))
	tr := Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir()}
	first, err := s.Begin(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := first.Outputs(t.Context(), s.Data().Val, func(z []float32) error {
		if n++; len(z) != classes {
			t.Fatalf("%d outputs", len(z))
		}
		return nil
	}); err != nil || n != s.Data().Val.Len() {
		t.Errorf("%d rows of %d: %v", n, s.Data().Val.Len(), err)
	}
	right, labels := 0, []int32(nil)
	if labels, err = dataset.Labels(t.Context(), s.Data().Transfer); err != nil {
		t.Fatal(err)
	}
	n = 0
	err = s.Answers(t.Context(), s.Data().Transfer, func(z []float32) error {
		if slices.Index(z, slices.Max(z)) == int(labels[n]) {
			right++
		}
		n++
		return nil
	})
	if share := float64(right) / float64(n); err != nil || n != len(labels) || share < 0.75 {
		t.Errorf("the teacher is right on %.3f of %d rows: %v", share, n, err)
	}
	if names := s.Classes(); !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("classes %q", names)
	}
}
