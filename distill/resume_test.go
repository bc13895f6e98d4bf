package distill

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// stopAt cancels a run once stage has done n.
func stopAt(env Env, stage string, n int64) (context.Context, Env) {
	ctx, cancel := context.WithCancel(context.Background())
	env.Progress = func(s string, done, _ int64, _ *EpochRecord) {
		if s == stage && done >= n {
			cancel()
		}
	}
	return ctx, env
}

// interrupted runs r until stage has done n, and requires that it says so.
func interrupted(t *testing.T, r Recipe, env Env, stage string, n int64) {
	t.Helper()
	ctx, env := stopAt(env, stage, n)
	_, err := Run(ctx, r, env)
	faulttest.Want(t, err, fault.Interrupted, "the same command goes on")
	if exists(r.Output.Model) || exists(unverified(r)) {
		t.Fatalf("interrupted in %s, and there is a student", stage)
	}
}

// lively is a net with all that a checkpoint has to hold.
func lively(r Recipe) Recipe {
	r.Student.Arch, r.Train.Optimizer, r.Train.Warmup = "mlp:12,12?dropout=0.2", "adamw", 5
	r.Train.LR, r.Train.Augment = 0.01, "noise=0.1 mixup=0.4"
	return r
}

// TestInterrupted stops a run at several steps and goes on, student and baseline
// one after the other or beside one another: the student is the one of a run that
// was left alone.
func TestInterrupted(t *testing.T) {
	r := lively(stored(t))
	mustRun(t, r, newRecord().Env)
	want := mustRead(t, unverified(r))
	steps := int64(r.Train.Epochs * ceilDiv(trainRows*9/10, r.Train.Batch))
	for _, c := range []struct {
		name string
		at   []int64
		role string
	}{
		{"first step", []int64{1}, RoleStudent},
		{"twice in the student", []int64{7, 20}, RoleStudent},
		{"end of an epoch", []int64{12}, RoleStudent},
		{"last step", []int64{steps}, RoleStudent},
		{"baseline", []int64{1, 17}, RoleBaseline},
	} {
		for cores := range 2 {
			t.Run(fmt.Sprintf("%s, %d cores", c.name, cores+1), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores + 1))
				again := r
				again.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
				for _, n := range c.at {
					interrupted(t, again, newRecord().Env, c.role, n)
				}
				done := map[string]int64{}
				env := newRecord().Env
				env.Progress = func(s string, at, _ int64, _ *EpochRecord) {
					if _, seen := done[s]; !seen {
						done[s] = at
					}
				}
				result := mustRun(t, again, env)
				if string(mustRead(t, unverified(again))) != string(want) {
					t.Error("the resumed student has other bytes")
				}
				last := c.at[len(c.at)-1]
				if last < steps && done[c.role] != last+1 {
					t.Errorf("the %s went on at step %d, expected %d", c.role, done[c.role], last+1)
				}
				if cores == 0 && c.role == RoleBaseline && done[RoleStudent] != 0 {
					t.Errorf("the finished student was trained again from step %d", done[RoleStudent])
				}
				if n := len(result.History.Student); n != r.Train.Epochs {
					t.Errorf("history of %d epochs, expected %d", n, r.Train.Epochs)
				}
			})
		}
	}
}

// TestInterruptedTeacher stops while the teacher answers.
func TestInterruptedTeacher(t *testing.T) {
	r, env := small(t), newRecord()
	mustRun(t, r, env.Env)
	want := mustRead(t, r.Output.Model)
	r.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	env.Cache = t.TempDir() // nothing is known yet
	interrupted(t, r, env.Env, RoleTeacher, 128)
	mustRun(t, r, env.Env)
	if string(mustRead(t, r.Output.Model)) != string(want) {
		t.Error("the resumed student has other bytes")
	}
}

// halfway leaves a run that was interrupted twice and so has two checkpoints,
// and gives what the whole run comes to.
func halfway(t *testing.T) (r Recipe, newest checkpointFile, want []byte) {
	r = lively(stored(t))
	mustRun(t, r, newRecord().Env)
	want = mustRead(t, unverified(r))
	r.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	interrupted(t, r, newRecord().Env, RoleStudent, 8)
	interrupted(t, r, newRecord().Env, RoleStudent, 19)
	newest = checkpointFile{strings.TrimSuffix(unverified(r), ".onnx") + ".work", RoleStudent}
	if !exists(newest.path()) || !exists(newest.previous()) {
		t.Fatal("two interruptions did not leave two checkpoints")
	}
	return r, newest, want
}

func flipBit(data []byte) []byte {
	data[len(data)/2] ^= 4
	return data
}

func truncated(data []byte) []byte { return data[:len(data)*2/3] }

func zeroPage(data []byte) []byte {
	clear(data[len(data)/2:])
	return data
}

func emptied([]byte) []byte { return nil }

// TestDamagedCheckpoint falls back to the one before, says so, and ends with
// the same student; the damaged one never becomes the one to fall back to.
func TestDamagedCheckpoint(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{"bit flip": flipBit, "truncated": truncated, "zero page": zeroPage, "empty": emptied} {
		t.Run(name, func(t *testing.T) {
			r, files, want := halfway(t)
			if err := os.WriteFile(files.path(), damage(mustRead(t, files.path())), 0o644); err != nil {
				t.Fatal(err)
			}
			env := newRecord()
			interrupted(t, r, env.Env, RoleStudent, 10)
			if !env.has("falling back to the checkpoint before it") || !env.has(files.path()) {
				t.Errorf("nobody was told: %q", env.lines)
			}
			if _, err := parseCheckpoint("", mustRead(t, files.previous())); err != nil {
				t.Errorf("the checkpoint to fall back to: %v", err)
			}
			mustRun(t, r, newRecord().Env)
			if string(mustRead(t, unverified(r))) != string(want) {
				t.Error("the student has other bytes after the fall back")
			}
		})
	}
}

func TestBothCheckpointsDamaged(t *testing.T) {
	r, files, want := halfway(t)
	for _, path := range []string{files.path(), files.previous()} {
		if err := os.WriteFile(path, flipBit(mustRead(t, path)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Integrity, files.path(), "digest mismatch", "--restart")
	r.Output.Restart = true
	mustRun(t, r, newRecord().Env)
	if string(mustRead(t, unverified(r))) != string(want) {
		t.Error("the restarted student has other bytes")
	}
}

// TestEveryBitCounts damages a checkpoint at many places.
func TestEveryBitCounts(t *testing.T) {
	_, files, _ := halfway(t)
	data := mustRead(t, files.path())
	if _, err := parseCheckpoint("c", data); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(data); i += 1 + len(data)/1000 {
		data[i] ^= 1 << (i % 8)
		_, err := parseCheckpoint("c", data)
		faulttest.Want(t, err, fault.Integrity, "c")
		data[i] ^= 1 << (i % 8)
		_, err = parseCheckpoint("c", data[:i])
		faulttest.Want(t, err, fault.Integrity, "c")
	}
}

// TestOtherRun names what differs between a checkpoint and the run that finds
// it, and --restart begins anew.
func TestOtherRun(t *testing.T) {
	other := rewrite(t, func(i int, y int32) int32 {
		if i == 7 {
			return dataset.Unlabelled
		}
		return y
	})
	r, files, _ := halfway(t)
	for field, change := range map[string]func(*Recipe, *Env){
		"lr":                   func(r *Recipe, _ *Env) { r.Train.LR = 0.5 },
		"seed":                 func(r *Recipe, _ *Env) { r.Train.Seed = 9 },
		"temperature":          func(r *Recipe, _ *Env) { r.Loss.Temperature = 5 },
		"temperature schedule": func(r *Recipe, _ *Env) { r.Loss.TemperatureSchedule = "linear:1" },
		"alpha schedule":       func(r *Recipe, _ *Env) { r.Loss.AlphaSchedule, r.Loss.BetaSchedule = "warmup:2", "constant" },
		"beta schedule":        func(r *Recipe, _ *Env) { r.Loss.BetaSchedule = "cosine:1" },
		"alpha":                func(r *Recipe, _ *Env) { r.Loss.Alpha = 0.5 },
		"epochs":               func(r *Recipe, _ *Env) { r.Train.Epochs = 4 },
		"batch":                func(r *Recipe, _ *Env) { r.Train.Batch = 16 },
		"architecture":         func(r *Recipe, _ *Env) { r.Student.Arch = "linear" },
		"labelled rows":        func(r *Recipe, _ *Env) { r.Data.Train = other },
		"version":              func(_ *Recipe, e *Env) { e.Version = "other" },
		"ema":                  func(r *Recipe, _ *Env) { r.Train.EMA = 0.5 },
		"max norm":             func(r *Recipe, _ *Env) { r.Train.MaxNorm = 2 },
		"accumulate":           func(r *Recipe, _ *Env) { r.Train.Accumulate = 2 },
		"decay":                func(r *Recipe, _ *Env) { r.Train.Decay = []string{"!*"} },
		"freeze":               func(r *Recipe, _ *Env) { r.Student.Freeze = []string{"*1.bias"} },
		"augment":              func(r *Recipe, _ *Env) { r.Train.Augment = "noise=0.1 mixup=0.5" },
		"schedule":             func(r *Recipe, _ *Env) { r.Train.Schedule = "constant" },
		"validation row":       func(r *Recipe, _ *Env) { r.Data.Val = file("test.csv") },
	} {
		t.Run(field, func(t *testing.T) {
			changed, env := r, newRecord().Env
			change(&changed, &env)
			before := mustRead(t, files.path())
			_, err := Run(context.Background(), changed, env)
			faulttest.Want(t, err, fault.Integrity, files.dir, ".ckpt", "another run", "--restart") // student's or baseline's
			if field != "seed" && field != "labelled rows" && field != "validation row" {           // those change the rows too
				faulttest.Want(t, err, fault.Integrity, field+": ")
			}
			if string(mustRead(t, files.path())) != string(before) {
				t.Error("the checkpoint changed")
			}
		})
	}
	r.Train.LR, r.Output.Restart = 0.02, true
	mustRun(t, r, newRecord().Env)
}

// TestCheckpointFails tells of a checkpoint that cannot be written, and not of
// one that can be gone on from.
func TestCheckpointFails(t *testing.T) {
	r := stored(t)
	work := strings.TrimSuffix(unverified(r), ".onnx") + ".work"
	blocker := checkpointFile{work, RoleStudent}.path()
	if err := os.MkdirAll(filepath.Join(blocker, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(checkpointFile{work, RoleStudent}.previous(), "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, env := stopAt(newRecord().Env, RoleStudent, 3)
	_, err := Run(ctx, r, env)
	faulttest.Want(t, err, fault.IO, "student.ckpt")
}
