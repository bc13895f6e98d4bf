package student

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph/exporters"
	"github.com/kdonnx/kdonnx/student/optim"
)

// tokenStudent is an embedding of 9 tokens in rows of 4.
func tokenStudent(t *testing.T) *Student {
	t.Helper()
	for _, c := range exporters.All() {
		if c.Name == "pytorch embeddings" {
			s, err := FromModel(c.Model, "tokens.onnx")
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	t.Fatal("no model of tokens")
	return nil
}

// TestTokenOutOfRange expects a step and a prediction with a token that the
// embedding does not have to name it and to change nothing.
func TestTokenOutOfRange(t *testing.T) {
	s := tokenStudent(t)
	if s.InputType() != onnx.Int64 {
		t.Errorf("the input is of %v, want int64", s.InputType())
	}
	opt, err := optim.New("adamw", optim.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTrainer(s, opt, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := []float32{0, 1, 8, 3, 4, 5, 6, 7}, []float32{0, 1, 8, 3, 4, 9, 6, 7}
	step := func(x []float32) error {
		_, err := tr.Step(x, 2, crossEntropy([]int{0, 1}, 2), 0.1)
		return err
	}
	if err := step(good); err != nil {
		t.Fatal(err)
	}
	var before, after bytes.Buffer
	if err := tr.Save(&before); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{step(bad), s.Predict(context.Background(), bad, 2, make([]float32, 4))} {
		for _, part := range []string{"tokens.onnx", "Gather", " is 9,", "-9 to 8"} {
			if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), part) {
				t.Errorf("%v does not say %q", err, part)
			}
		}
	}
	if err := tr.Save(&after); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before.Bytes(), after.Bytes()) {
		t.Error("a failed step changed the state")
	}
	if err := step(good); err != nil {
		t.Errorf("a good step after a bad one: %v", err)
	}
}

// TestFreeze trains with frozen embeddings: they stay, the head moves, and a
// student read back from the model has the same ones frozen.
func TestFreeze(t *testing.T) {
	s := tokenStudent(t)
	if err := s.Freeze("word.*", "position.*", "type.*"); err != nil {
		t.Fatal(err)
	}
	opt, err := optim.New("sgd", optim.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTrainer(s, opt, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	before := map[string][]float32{}
	for _, p := range s.Params() {
		before[p.Name] = slices.Clone(p.Data)
	}
	if _, err := tr.Step([]float32{1, 2, 3, 4}, 1, crossEntropy([]int{0}, 2), 0.1); err != nil {
		t.Fatal(err)
	}
	again, err := FromModel(s.Model(), "again.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range []*Student{s, again} {
		for _, p := range st.Params() {
			old, known := before[p.Name]
			if !known { // folded from frozen ones
				continue
			}
			if head := p.Name == "head.weight"; p.Trainable != head || slices.Equal(p.Data, old) == head {
				t.Errorf("%s: trainable %v, moved %v", p.Name, p.Trainable, !slices.Equal(p.Data, old))
			}
		}
	}
}
