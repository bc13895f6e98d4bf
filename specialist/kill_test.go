package specialist

import (
	"context"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/killed"
)

// trainFleet trains with a checkpoint after nearly every step.
func trainFleet(dir string) error {
	p := TrainPlan{Recipe: recipe(problem), Dir: dir, Sets: &Sets{Classes: fiveClasses, Sets: [][]int{{0, 1}, {2, 3}, {1, 2, 4}}}}
	p.Recipe.Train.Epochs = 8
	env := (&logged{}).env()
	env.Checkpoint = time.Millisecond
	_, err := Train(context.Background(), p, env)
	return err
}

// TestKilled kills a fleet again and again: each start goes on, and in the end
// there are the files of one that was left alone.
func TestKilled(t *testing.T) {
	killed.Again(t, 4, 2, problem, func(whole, dir string) { sameBundle(t, "killed", whole, dir) })
}
