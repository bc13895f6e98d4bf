package distill

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// open opens a session for r.
func open(t *testing.T, r Recipe) *Session {
	t.Helper()
	s, err := Open(t.Context(), r, newRecord().Env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func follow(t *testing.T, s *Session, trial Trial) *Trained {
	t.Helper()
	out, err := s.Train(t.Context(), trial)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSessionAsRun requires that a trial gives the weights and figures that a
// run of the same recipe exports.
func TestSessionAsRun(t *testing.T) {
	r := lively(stored(t))
	result := mustRun(t, r, newRecord().Env)
	s := open(t, r)
	for _, c := range []struct {
		role   string
		errors int
	}{{RoleStudent, result.Student.Errors}, {RoleBaseline, result.Baseline.Errors}} {
		out := follow(t, s, Trial{Recipe: s.Recipe(), Role: c.role, Dir: t.TempDir()})
		block, err := out.Test(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if block.Errors != c.errors || !out.Done {
			t.Errorf("%s: %d errors, the run has %d; done %v", c.role, block.Errors, c.errors, out.Done)
		}
		val, ok, err := out.Val(t.Context())
		if best := out.Best(); err != nil || !ok || val.Accuracy != best.ValAccuracy || best.Epoch != out.BestAt {
			t.Errorf("%s: validation accuracy %v (%v, %v), the best epoch's is %v", c.role, val.Accuracy, ok, err, best.ValAccuracy)
		}
	}
}

// TestSessionPauses trains in three calls and requires the weights of one.
func TestSessionPauses(t *testing.T) {
	s := open(t, lively(stored(t)))
	trial := Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir()}
	whole := weights(follow(t, s, trial).Net)
	trial.Dir = t.TempDir()
	for i, until := range []int{1, 2, 2, 0} {
		trial.Until = until
		out := follow(t, s, trial)
		if want := []int{1, 2, 2, trial.Recipe.Train.Epochs}[i]; len(out.History) != want || out.Done != (until == 0) {
			t.Errorf("until %d: %d epochs, done %v", until, len(out.History), out.Done)
		}
		if until == 0 && !bytes.Equal(weights(out.Net), whole) {
			t.Error("the trial that paused has other weights")
		}
	}
}

// TestSessionTogether trains different trials at once and requires of each
// what it gives alone.
func TestSessionTogether(t *testing.T) {
	base := lively(stored(t))
	s := open(t, base)
	var trials []Trial
	for i, temperature := range []float64{1, 4, 20} {
		r := s.Recipe()
		r.Loss.Temperature, r.Train.Seed = temperature, uint64(i)
		trials = append(trials, Trial{Recipe: r, Role: RoleStudent, Dir: filepath.Join(t.TempDir(), "trial")})
	}
	got := make([][]byte, len(trials))
	var all sync.WaitGroup
	for i, trial := range trials {
		all.Go(func() {
			if out, err := s.Train(t.Context(), trial); err != nil {
				t.Error(err)
			} else {
				got[i] = weights(out.Net)
			}
		})
	}
	all.Wait()
	for i, trial := range trials {
		trial.Dir = t.TempDir()
		if !bytes.Equal(got[i], weights(follow(t, s, trial).Net)) {
			t.Errorf("trial %d has other weights alone", i)
		}
		if j := slices.IndexFunc(got[:i], func(b []byte) bool { return bytes.Equal(b, got[i]) }); j >= 0 {
			t.Errorf("trials %d and %d have the same weights", i, j)
		}
	}
}

// TestLabelsAlone trains without a teacher: the weights are those of the
// baseline of a run that has one, and nothing of a teacher is told.
func TestLabelsAlone(t *testing.T) {
	taught := lively(stored(t))
	s := open(t, taught)
	baseline := follow(t, s, Trial{Recipe: s.Recipe(), Role: RoleBaseline, Dir: t.TempDir()})

	r := taught
	r.Teacher.Model, r.Teacher.Store = NoTeacher, ""
	r.Output.Model = filepath.Join(t.TempDir(), "model.onnx")
	result := mustRun(t, r, newRecord().Env)
	if result.Teacher != nil || result.Baseline != nil || result.Student == nil {
		t.Errorf("teacher %v, baseline %v", result.Teacher, result.Baseline)
	}
	block, err := baseline.Test(context.Background())
	if err != nil || block.Errors != result.Student.Errors || block.NLL != result.Student.NLL {
		t.Errorf("%d errors and NLL %v, the baseline has %d and %v (%v)", result.Student.Errors, result.Student.NLL, block.Errors, block.NLL, err)
	}

	few := r
	few.Data.Labelled, few.Train.Warmup, few.Output.Model = 50, 0, filepath.Join(t.TempDir(), "model.onnx")
	env := newRecord()
	mustRun(t, few, env.Env)
	if want := fmt.Sprintf("%d epochs of %d steps", few.Train.Epochs, ceilDiv(50, few.Train.Batch)); !env.has(want) {
		t.Errorf("with 50 labels the log does not say %q", want)
	}

	r.Teacher.Store = "targets"
	_, err = Run(t.Context(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "--teacher", "expected it alone")
	r.Teacher.Store, r.Data.LabelMap = "", "*="
	_, err = Run(t.Context(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Input, "labels")
}

// TestSessionAsks trains in a session whose teacher is asked about views: as a
// run does, for other seeds too, several at once.
func TestSessionAsks(t *testing.T) {
	for _, mode := range []string{"online", "views:2"} {
		r := asking(t, mode)
		r.Train.NoBaseline, r.Train.Epochs = true, 2
		s := open(t, r)
		defer s.Close()
		var together sync.WaitGroup
		got := make([][]byte, 2)
		for i := range got {
			trial := Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir()}
			trial.Recipe.Train.Seed += uint64(i)
			together.Go(func() {
				out, err := s.Train(t.Context(), trial)
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = weights(out.Net)
			})
		}
		together.Wait()
		one := open(t, r)
		defer one.Close()
		alone := follow(t, one, Trial{Recipe: one.Recipe(), Role: RoleStudent, Dir: t.TempDir()})
		if !bytes.Equal(got[0], weights(alone.Net)) || bytes.Equal(got[0], got[1]) {
			t.Errorf("%s: trials at once are not what each is alone", mode)
		}
		other := Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir()}
		other.Recipe.Teacher.Mode = "views:7"
		_, err := s.Train(t.Context(), other)
		faulttest.Want(t, err, fault.Usage, "--teacher-mode", "got views:7", "expected "+mode)
	}
}
