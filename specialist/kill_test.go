package specialist

import (
	"context"
	"fmt"
	"os"
	"os/exec"
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

// child works on dir in a process of its own.
func child(dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childRows+"="+problem)
	return cmd
}

// TestKilled kills a fleet again and again: each start goes on, and in the end
// there are the files of one that was left alone.
func TestKilled(t *testing.T) {
	killed.Again(t, 4, 2, child, func(whole, dir string) { sameBundle(t, "killed", whole, dir) })
}
