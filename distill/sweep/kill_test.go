package sweep

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/internal/killed"
)

type cellOfReport = report.SweepCell

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

// sweepOnce sweeps with a checkpoint after nearly every step.
func sweepOnce(dir string) error {
	p, err := FromRecipe(killedRecipe(problem, dir))
	if err == nil {
		env := (&logged{}).env(problem)
		env.Checkpoint = time.Millisecond
		_, err = Run(context.Background(), p, env)
	}
	return err
}

// TestKilled kills a sweep by halving again and again: each start goes on, and
// in the end there are the files of a sweep that was left alone.
func TestKilled(t *testing.T) {
	killed.Again(t, 8, 3, problem, func(whole, dir string) { sameFiles(t, "killed", whole, dir) })
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
		faulttest.Want(t, err, fault.Interrupted, "goes on")
	}
	mustRun(t, p)
	sameFiles(t, "interrupted", whole.Dir, p.Dir)
}

// TestLeftovers wants nothing that a killed call has left to outlive the sweep.
func TestLeftovers(t *testing.T) {
	p := plan(t, killedRecipe(problem, filepath.Join(t.TempDir(), "sweep")))
	mustRun(t, p)
	want := everything(t, p.Dir)
	for _, path := range []string{"sweep.csv.kdonnx-tmp-1", cellsDir + "/x.json.kdonnx-tmp-2", workDir + "/x/student.ckpt"} {
		path = filepath.Join(p.Dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, p)
	if got := everything(t, p.Dir); !slices.Equal(got, want) {
		t.Errorf("the folder has\n%v\nexpected\n%v", got, want)
	}
}
