package sweep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/killed"
)

type cellOfReport = report.SweepCell

// Variables that make the test binary run one sweep and end.
const (
	childDir  = "KDONNX_SWEEP_TEST_DIR"
	childRows = "KDONNX_SWEEP_TEST_ROWS" // folder of the problem
)

// killedRecipe takes long enough to be killed in between.
func killedRecipe(rows, dir string) distill.Recipe {
	r := base(rows)
	r.Student.Arch = "mlp:64,64?dropout=0.1"
	r.Train.Epochs = 9
	r.Sweep.Student = nil
	r.Sweep.Temperature = distill.Values{"1", "4", "9"}
	r.Sweep.Method = "halving"
	r.Sweep.Output = dir
	return r
}

// runChild sweeps with a checkpoint after nearly every step.
func runChild(rows, dir string) int {
	p, err := FromRecipe(killedRecipe(rows, dir))
	if err == nil {
		env := (&logged{}).env(rows)
		env.Checkpoint = time.Millisecond
		_, err = Run(context.Background(), p, env)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child runs a sweep in a process of its own and kills it after the given time;
// 0 lets it end. It tells whether it ended by itself.
func child(t *testing.T, dir string, after time.Duration) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childRows+"="+problem)
	if after == 0 {
		return !killed.Run(t, cmd, nil)
	}
	return !killed.Run(t, cmd, func() { time.Sleep(after) })
}

// TestKilled kills a sweep by halving again and again: each start goes on, and
// in the end there are the files of a sweep that was left alone.
func TestKilled(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	child(t, whole, 0) // fills the cache
	began := time.Now()
	child(t, filepath.Join(t.TempDir(), "again"), 0)
	took := time.Since(began)
	dir := filepath.Join(t.TempDir(), "killed")
	rng := rand.New(rand.NewPCG(3, 4))
	kills := 0
	for range 8 {
		if child(t, dir, took/10+time.Duration(rng.Float64()*float64(took)/2)) {
			sameFiles(t, "killed", whole, dir)
			os.RemoveAll(dir)
			continue
		}
		kills++
	}
	child(t, dir, 0)
	sameFiles(t, "killed", whole, dir)
	t.Logf("%d kills; one sweep takes %v", kills, took)
	if kills < 3 {
		t.Errorf("%d kills: the test saw too little", kills)
	}
}

// TestInterrupted cancels a sweep after its first trainings; it says so, and
// goes on where it was.
func TestInterrupted(t *testing.T) {
	whole := plan(t, killedRecipe(problem, filepath.Join(t.TempDir(), "whole")))
	mustRun(t, whole)
	p := plan(t, killedRecipe(problem, filepath.Join(t.TempDir(), "cut")))
	for n := range 6 {
		ctx, stop := context.WithCancel(t.Context())
		env := (&logged{}).env(problem)
		steps := 0
		env.Progress = func(stage string, _, _ int64, _ *distill.EpochRecord) {
			if stage == "sweep" {
				if steps++; steps > 40*(n+1) {
					stop()
				}
			}
		}
		_, err := Run(ctx, p, env)
		stop()
		if err == nil {
			break
		}
		wantFault(t, err, fault.Interrupted, "goes on")
	}
	mustRun(t, p)
	sameFiles(t, "interrupted", whole.Dir, p.Dir)
}
