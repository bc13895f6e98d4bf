package distill

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// keptTraining is one of the trainings of a run that was stopped in the last of them.
type keptTraining struct {
	stage string
	dir   string // of its checkpoints, below the work folder
	files map[string][]byte
	done  bool
}

// keptTrainings stops r, of the seeds 5 to 7, on one core, so that the trainings come
// one after the other, in the middle of the last, and gives what each has left.
func keptTrainings(t *testing.T, r Recipe) (list []keptTraining) {
	interrupted(t, r, newRecord().Env, "baseline, seed 7", 20)
	work := strings.TrimSuffix(unverified(r), ".onnx") + ".work"
	for _, seed := range []int{5, 6, 7} {
		dir := "."
		if seed > 5 {
			dir = filepath.Join("seeds", fmt.Sprint(seed))
		}
		for _, role := range []string{RoleStudent, RoleBaseline} {
			k := keptTraining{stage: fmt.Sprintf("%s, seed %d", role, seed), dir: dir, files: map[string][]byte{}, done: seed < 7 || role == RoleStudent}
			path := checkpointFile{filepath.Join(work, dir), role}.path()
			k.files[filepath.Base(path)] = mustRead(t, path)
			if ck, err := parseCheckpoint(path, mustRead(t, path)); err != nil || ck.Header.Done != k.done {
				t.Fatalf("%s: %v", k.stage, err)
			}
			list = append(list, k)
		}
	}
	return list
}

// put lays what k has left into the work folder of r, a new one.
func (k *keptTraining) put(t *testing.T, r *Recipe) (work string) {
	r.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	work = strings.TrimSuffix(unverified(*r), ".onnx") + ".work"
	if err := os.MkdirAll(filepath.Join(work, k.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range k.files {
		if err := os.WriteFile(filepath.Join(work, k.dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return work
}

// heard gives the first step of each stage that env is told.
func heard(env *record) map[string]int64 {
	first := map[string]int64{}
	env.Progress = func(stage string, done, _ int64, _ *EpochRecord) {
		if _, known := first[stage]; !known && stage != AllSeeds {
			first[stage] = done
		}
	}
	return first
}

// TestRefusedBeforeTraining lays the checkpoint of one training of another setting
// into the work folder, of every seed and role in turn. It is refused before any
// training begins, whose checkpoints would be of this setting, and nothing else is
// left there.
func TestRefusedBeforeTraining(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := seeded(t)
	for _, k := range keptTrainings(t, r) {
		other := r
		other.Train.LR = 0.02
		work := k.put(t, &other)
		env := newRecord()
		steps := heard(env)
		_, err := Run(context.Background(), other, env.Env)
		faulttest.Want(t, err, fault.Integrity, filepath.Join(work, k.dir), "lr: ", "--restart")
		if len(steps) > 0 {
			t.Errorf("%s is refused after steps of %v", k.stage, steps)
		}
		left := map[string]bool{}
		err = filepath.WalkDir(work, func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() && e.Name() != "lock" {
				left[e.Name()] = true
				if string(k.files[e.Name()]) != string(mustRead(t, path)) {
					t.Errorf("%s is refused, and %s was written", k.stage, path)
				}
			}
			return err
		})
		if err != nil || len(left) != len(k.files) {
			t.Errorf("%s: the work folder has %v: %v", k.stage, left, err)
		}
	}
}

// TestFinishedStays lays the checkpoint of one training into the work folder, of
// every seed and role in turn. The run takes that training from there, without a
// step of it where it was done, makes all others from their first step, and comes to
// the same bytes.
func TestFinishedStays(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := seeded(t)
	kept := keptTrainings(t, r)
	mustRun(t, r, newRecord().Env)
	want := mustRead(t, unverified(r))
	for _, k := range kept {
		again := r
		k.put(t, &again)
		env := newRecord()
		steps := heard(env)
		mustRun(t, again, env.Env)
		if string(mustRead(t, unverified(again))) != string(want) {
			t.Errorf("from the checkpoint of %s alone the student has other bytes", k.stage)
		}
		for _, other := range kept {
			first, trained := steps[other.stage]
			switch {
			case other.stage == k.stage && k.done && trained:
				t.Errorf("%s was done, and is trained again from step %d", k.stage, first)
			case other.stage == k.stage && !k.done && first <= 20:
				t.Errorf("%s goes on at step %d, expected after 20", k.stage, first)
			case other.stage != k.stage && first != 1:
				t.Errorf("beside %s, %s begins at step %d", k.stage, other.stage, first)
			}
		}
	}
}
