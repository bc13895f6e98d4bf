package distill

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/killed"
)

// searchedModel is the file of the program of tests that searches within a budget.
const searchedModel = "searched.onnx"

// killedSearch is r with a search that takes long enough to be killed in between.
func killedSearch(r Recipe) Recipe {
	r.Student = StudentRecipe{Arch: "mlp", BudgetParams: "9k", BudgetBytes: "60kB"}
	r.Train.Epochs, r.Train.Seeds, r.Train.Augment = 8, 1, "noise=0.1"
	return r
}

// budgetOf are the candidates that a run in dir tells of.
func budgetOf(t *testing.T, dir string) []Candidate {
	t.Helper()
	var r Result
	if err := json.Unmarshal(mustRead(t, filepath.Join(dir, "metrics.json")), &r); err != nil {
		t.Fatal(err)
	}
	return r.Budget.Candidates
}

// TestSearchKilled kills the search within a budget and the training behind it again
// and again: at moments that are drawn, and where the choice is written and taken
// over. What a kill leaves is whole, each start goes on from there, and student and
// candidates are those of a run that was left alone.
func TestSearchKilled(t *testing.T) {
	stored(t) // fills the store
	began := time.Now()
	whole := filepath.Join(t.TempDir(), searchedModel)
	killed.Run(t, killed.Program(problem, whole), nil)
	took := time.Since(began)
	final := func(model string) string { return strings.TrimSuffix(model, ".onnx") + ".unverified.onnx" }
	want, candidates := mustRead(t, final(whole)), budgetOf(t, filepath.Dir(whole))
	if c := chosen(t, candidates); len(candidates) < 4 || c.Epochs != 4 {
		t.Fatalf("%+v", candidates)
	}

	model := filepath.Join(t.TempDir(), "out", searchedModel)
	work := strings.TrimSuffix(final(model), ".onnx") + ".work"
	when := func(is func() bool) func() {
		return func() {
			for end := time.Now().Add(4 * took); !is() && time.Now().Before(end); {
				time.Sleep(50 * time.Microsecond)
			}
		}
	}
	decided := func() bool { c, err := loadChoice(work); return err == nil && c != nil && c.Chosen >= 0 }
	rng := rand.New(rand.NewPCG(5, 9))
	random := func() { time.Sleep(took/20 + time.Duration(rng.Float64()*float64(took)/2)) }
	hit, sound, search := 0, 0, 0
	for _, wait := range []func(){
		when(func() bool { return exists(filepath.Join(work, choiceFile)) }),
		when(func() bool { return exists(filepath.Join(work, candidatesDir, "1", "student.ckpt")) }),
		random, random, random, random,
		when(decided),
		when(func() bool { return decided() && !exists(filepath.Join(work, candidatesDir)) }),
		when(func() bool { return exists(filepath.Join(work, "baseline.ckpt")) }),
		random, random, random,
	} {
		if !killed.Run(t, killed.Program(problem, model), wait) {
			continue
		}
		hit++
		if exists(final(model)) && string(mustRead(t, final(model))) != string(want) {
			t.Fatal("a kill left a broken student")
		}
		c, err := loadChoice(work)
		if err != nil {
			t.Fatalf("a kill left %v", err)
		}
		if c != nil && c.Chosen < 0 {
			search++
		}
		found, _ := filepath.Glob(filepath.Join(work, "*.ckpt"))
		more, _ := filepath.Glob(filepath.Join(work, candidatesDir, "*", "*.ckpt"))
		for _, path := range append(found, more...) {
			if _, err := parseCheckpoint(path, mustRead(t, path)); err != nil {
				t.Fatalf("a kill left %v", err)
			}
			sound++
		}
	}
	killed.Run(t, killed.Program(problem, model), nil)
	if string(mustRead(t, final(model))) != string(want) {
		t.Error("the student differs from that of an uninterrupted run")
	}
	if got := budgetOf(t, filepath.Dir(model)); !slices.Equal(got, candidates) {
		t.Errorf("candidates\n%+v\nof a run left alone\n%+v", got, candidates)
	}
	if exists(work) {
		t.Error("the work folder is left")
	}
	t.Logf("%d kills, %d of them in the search, %d checkpoints read; one run takes %v", hit, search, sound, took)
	if hit < 6 || search < 2 || sound < 6 {
		t.Errorf("%d kills, %d in the search, %d checkpoints: the test saw too little", hit, search, sound)
	}
}
