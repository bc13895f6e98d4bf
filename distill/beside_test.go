package distill

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/student"
)

// TestBeside trains three seeds on one core, on four, and on four one at a time:
// they overlap on four alone, what is told comes one at a time and each note once, and bytes, figures
// and notes are the same.
func TestBeside(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want, notes string
	for _, c := range []struct{ cores, parallel int }{{1, 0}, {4, 0}, {4, 1}} {
		cores := c.cores
		runtime.GOMAXPROCS(cores)
		r, env := seeded(t), newRecord()
		r.Train.Parallel = c.parallel
		r.Train.Epochs, r.Data.Limit = 2, 100 // few steps, of which a note tells
		var inside atomic.Bool
		ended, overlap, whole := map[string]bool{}, false, int64(0)
		env.Progress = func(stage string, done, total int64, _ *EpochRecord) {
			if !inside.CompareAndSwap(false, true) {
				t.Error("told two things at once")
			}
			defer inside.Store(false)
			time.Sleep(2 * time.Millisecond) // others come up meanwhile
			if stage == AllSeeds {
				if done < whole || total != 6*2*3 {
					t.Errorf("all seeds: %d of %d after %d", done, total, whole)
				}
				whole = done
				return
			}
			ended[stage] = done == total
			for other, is := range ended {
				overlap = overlap || other != stage && !is
			}
		}
		result := mustRun(t, r, env.Env)
		if overlap != (cores > 1 && c.parallel == 0) || whole != 36 || len(ended) != 6 {
			t.Errorf("%d cores: overlap %v, %d of 36 steps in %d trainings", cores, overlap, whole, len(ended))
		}
		if !(result.StepsPerS > 0) || !(result.SamplesPerS > result.StepsPerS) {
			t.Errorf("%v steps/s, %v rows/s", result.StepsPerS, result.SamplesPerS)
		}
		few := func(l string) bool { return strings.HasPrefix(l, "only 6 steps") }
		told := 0
		for _, l := range env.lines {
			if few(l) {
				told++
			}
		}
		if told != 1 || !slices.ContainsFunc(result.Notes, few) {
			t.Errorf("%d cores: told %d times, notes %q", cores, told, result.Notes)
		}
		f := &finished{result, unverified(r)}
		got := string(mustRead(t, f.model)) + f.figures(t)
		if cores == 1 {
			want, notes = got, strings.Join(result.Notes, "\n")
		} else if got != want || strings.Join(result.Notes, "\n") != notes {
			t.Errorf("%d cores: other bytes, figures or notes", cores)
		}
	}
}

// TestBesideDiverges names the seed whose training diverged, whatever else is
// under way.
func TestBesideDiverges(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	r := stored(t)
	r.Train.Seed, r.Train.Seeds, r.Train.LR, r.Train.Clip, r.Train.Epochs = 5, 3, 1000, 0, 50
	r.Train.Schedule, r.Train.Momentum, r.Student.Arch = "constant", 0.99, "mlp:6,6,6"
	_, err := Run(t.Context(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Diverged, ", seed ", "--lr")
}

// TestTakeInAnyOrder hands the trainings of five seeds over in many orders: the
// same seed is chosen, the evidence comes in the order of the seeds, and no net
// stays but the best.
func TestTakeInAnyOrder(t *testing.T) {
	scores := []float64{0.5, 0.7, 0.7, 0.6, 0.7}
	losses := []float64{1, 2, 1, 1, 1}
	for draw := range uint64(40) {
		validated := draw%4 > 0
		d := &run{recipe: Default(), result: &Result{}, task: dataset.MultiClass, data: &Data{Transfer: noRows{}}}
		l := &lot{d: d, roles: []string{RoleStudent, RoleBaseline}, evidence: &evidence{task: d.task}}
		all := make([]*ofSeed, len(scores))
		for i := range all {
			own := &run{recipe: d.recipe, result: &Result{}, data: d.data}
			own.recipe.Train.Seed = uint64(10 + i)
			own.result.Notes = []string{"of all", fmt.Sprint("of ", i)}
			all[i] = &ofSeed{at: i, run: own}
		}
		l.seeds = slices.Clone(all)
		var nets []*learned
		for _, i := range rand.New(rand.NewPCG(draw, 1)).Perm(2 * len(all)) {
			s, role := all[i/2], l.roles[i%2]
			out := &learned{net: &student.Student{}, outcome: &outcome{BestAt: -1, Steps: 3, Notes: []string{role}}, block: &report.Block{}, answers: &answers{right: []bool{true}}}
			if validated {
				out.BestAt, out.Score, out.Loss = 1, scores[s.at], losses[s.at]
			}
			l.take(s, role, out)
			nets = append(nets, out)
			kept := 0
			for _, n := range nets {
				if n.net != nil {
					kept++
				}
			}
			if kept > 1 {
				t.Errorf("%d nets are kept", kept)
			}
		}
		if want := map[bool]int{true: 2, false: 0}[validated]; l.best.at != want || l.best.student.net == nil {
			t.Errorf("draw %d: seed %d is chosen, expected %d", draw, l.best.at, want)
		}
		if got := l.evidence.seedsOf; !slices.Equal(got, []uint64{10, 11, 12, 13, 14}) || l.steps != 30 {
			t.Errorf("evidence of %v, %d steps", got, l.steps)
		}
		if got := strings.Join(d.result.Notes, ", "); got != "of all, of 0, student, baseline, of 1, of 2, of 3, of 4" {
			t.Errorf("notes %s", got)
		}
	}
}

// noRows says how many they are.
type noRows struct{ dataset.Source }

func (noRows) Len() int { return 9 }

// TestBusy counts time in which two trainings make steps once.
func TestBusy(t *testing.T) {
	b := &busy{}
	began := time.Now()
	b.start()
	b.start()
	time.Sleep(20 * time.Millisecond)
	b.stop()
	time.Sleep(20 * time.Millisecond)
	b.stop()
	took := time.Since(began)
	time.Sleep(20 * time.Millisecond)
	if b.took < 40*time.Millisecond || b.took > took {
		t.Errorf("busy for %v of %v", b.took, took)
	}
}
