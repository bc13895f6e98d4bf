package distill

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/killed"
)

// killedRecipe trains long enough to be killed in between.
func killedRecipe(rows, model string) Recipe {
	r := Default()
	r.Teacher.Model, r.Teacher.Store = "", filepath.Join(rows, "store")
	r.Data = DataRecipe{Train: filepath.Join(rows, "train.csv"), Test: filepath.Join(rows, "test.csv"), ValSplit: 0.1}
	r.Student.Arch = "mlp:128,128?dropout=0.1"
	r.Train.Epochs, r.Train.Batch, r.Train.Seeds = 6, 32, 2
	r.Train.Augment = "noise=0.1 mixup=0.4"
	r.Output.Model, r.Output.Unverified = model, true
	return r
}

// trainOnce trains with a checkpoint after nearly every step, and where the file is
// searchedModel searches the net first.
func trainOnce(model string) error {
	r := killedRecipe(problem, model)
	if filepath.Base(model) == searchedModel {
		r = killedSearch(r)
	}
	_, err := Run(context.Background(), r, Env{Version: "test", Checkpoint: time.Millisecond})
	return err
}

// train runs a child and kills it after the given time; 0 lets it end. It
// tells whether the child ended by itself.
func train(t *testing.T, model string, after time.Duration) bool {
	t.Helper()
	cmd := killed.Program(problem, model)
	if after == 0 {
		return !killed.Run(t, cmd, nil)
	}
	return !killed.Run(t, cmd, func() { time.Sleep(after) })
}

// TestKilled kills training again and again while it writes checkpoints: each
// start goes on from a sound one, the work gets done, and the student is that
// of a run that was left alone.
func TestKilled(t *testing.T) {
	stored(t) // fills the store
	began := time.Now()
	whole := filepath.Join(t.TempDir(), "student.onnx")
	train(t, whole, 0)
	took := time.Since(began)
	want := mustRead(t, strings.TrimSuffix(whole, ".onnx")+".unverified.onnx")
	told, _ := timeless(t, filepath.Join(filepath.Dir(whole), "metrics.jsonl"))
	rng := rand.New(rand.NewPCG(8, 9))
	model := filepath.Join(t.TempDir(), "out", "student.onnx")
	final := strings.TrimSuffix(model, ".onnx") + ".unverified.onnx"
	work := strings.TrimSuffix(final, ".onnx") + ".work"
	hit, sound, finished := 0, 0, 0
	for range 25 {
		if train(t, model, 20*time.Millisecond+time.Duration(rng.Float64()*float64(took)/2)) {
			finished++
			if string(mustRead(t, final)) != string(want) {
				t.Fatal("the student differs from that of an uninterrupted run")
			}
			if err := os.RemoveAll(filepath.Dir(model)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		hit++
		if path := filepath.Join(filepath.Dir(model), "metrics.jsonl"); exists(path) { // whole lines, but for the last
			timeless(t, path)
		}
		if exists(final) && string(mustRead(t, final)) != string(want) {
			t.Fatal("a kill left a broken student")
		}
		for _, dir := range []string{work, filepath.Join(work, "seeds", "2")} {
			for _, role := range []string{RoleStudent, RoleBaseline} {
				for _, path := range []string{checkpointFile{dir, role}.path(), checkpointFile{dir, role}.previous()} {
					if !exists(path) {
						continue
					}
					if _, err := parseCheckpoint(path, mustRead(t, path)); err != nil {
						t.Fatalf("a kill left %v", err)
					}
					sound++
				}
			}
		}
	}
	train(t, model, 0)
	if string(mustRead(t, final)) != string(want) {
		t.Error("the student differs from that of an uninterrupted run")
	}
	if got, torn := timeless(t, filepath.Join(filepath.Dir(model), "metrics.jsonl")); torn != "" || !slices.Equal(got, told) {
		t.Errorf("the stream of a run that was killed has %d lines and %q, expected those of one that was not, %d", len(got), torn, len(told))
	}
	t.Logf("%d kills, %d checkpoints read, %d runs finished in between; one takes %v", hit, sound, finished, took)
	if hit < 10 || sound < 10 {
		t.Errorf("%d kills and %d checkpoints: the test saw too little", hit, sound)
	}
}
