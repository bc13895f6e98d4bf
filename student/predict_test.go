package student

import (
	"context"
	"slices"
	"testing"
)

// TestPredictAfterSteps trains between predictions and expects what a student
// that is loaded anew with the same weights says; a Predictor made before may
// not be asked any more, one made after may.
func TestPredictAfterSteps(t *testing.T) {
	ctx := context.Background()
	tr := newTrainer(t, "sgd", 16, 3)
	const n = 45
	x, _ := rows(n, 8)
	predict := func(f func(context.Context, []float32, int, []float32) error) []float32 {
		z := make([]float32, 3*n)
		if err := f(ctx, x, n, z); err != nil {
			t.Fatal(err)
		}
		return z
	}
	before := predict(tr.Student().Predict)
	train(t, tr, 0, 5)
	anew, err := FromModel(tr.Student().Model(), "anew")
	if err != nil {
		t.Fatal(err)
	}
	want := predict(anew.Predict)
	if slices.Equal(before, want) {
		t.Fatal("five steps change no output: nothing is tested")
	}
	if got := predict(tr.Student().Predict); !slices.Equal(got, want) {
		t.Error("Predict does not see the steps")
	}
	if got := predict(tr.Student().Predictor().Predict); !slices.Equal(got, want) {
		t.Error("a new Predictor does not see the steps")
	}
}
