package specialist

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/killed"
)

// Variables that make the test binary train one fleet and end.
const (
	childDir  = "KDONNX_SPECIALIST_TEST_DIR"
	childRows = "KDONNX_SPECIALIST_TEST_ROWS" // folder of the problem
)

// runChild trains with a checkpoint after nearly every step.
func runChild(rows, dir string) int {
	problem = rows
	p := TrainPlan{Recipe: recipe(rows), Dir: dir, Sets: &Sets{Classes: fiveClasses, Sets: [][]int{{0, 1}, {2, 3}, {1, 2, 4}}}}
	p.Recipe.Train.Epochs = 8
	env := (&logged{}).env()
	env.Checkpoint = time.Millisecond
	if _, err := Train(context.Background(), p, env); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child trains in a process of its own and kills it after the given time; 0 lets
// it end. It tells whether it ended by itself.
func child(t *testing.T, dir string, after time.Duration) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childRows+"="+problem)
	if after == 0 {
		return !killed.Run(t, cmd, nil)
	}
	return !killed.Run(t, cmd, func() { time.Sleep(after) })
}

// TestKilled kills a fleet again and again: each start goes on, and in the end
// there are the files of one that was left alone.
func TestKilled(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	child(t, whole, 0) // fills the cache
	began := time.Now()
	child(t, filepath.Join(t.TempDir(), "again"), 0)
	took := time.Since(began)
	dir := filepath.Join(t.TempDir(), "killed")
	rng := rand.New(rand.NewPCG(3, 4))
	kills := 0
	for range 4 {
		if child(t, dir, took/10+time.Duration(rng.Float64()*float64(took)/2)) {
			sameBundle(t, "killed", whole, dir)
			os.RemoveAll(dir)
			continue
		}
		kills++
	}
	child(t, dir, 0)
	sameBundle(t, "killed", whole, dir)
	t.Logf("%d kills; one fleet takes %v", kills, took)
	if kills < 2 {
		t.Errorf("%d kills: the test saw too little", kills)
	}
}
