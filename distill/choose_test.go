package distill

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models"
)

// bounded is stored within a budget.
func bounded(t *testing.T) Recipe {
	r := stored(t)
	r.Student = StudentRecipe{Arch: "mlp", BudgetParams: "120"}
	r.Train.Epochs, r.Train.NoBaseline = 8, true
	return r
}

// chosen is the one candidate that was.
func chosen(t *testing.T, list []Candidate) Candidate {
	t.Helper()
	var found []Candidate
	for _, c := range list {
		if c.Chosen {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d of %+v are chosen", len(found), list)
	}
	return found[0]
}

// TestBudgetedRun holds a run that searches against one that is told what the
// search found: the same bytes. The candidates are compared by what trials of
// them come to when they are trained by hand.
func TestBudgetedRun(t *testing.T) {
	r := bounded(t)
	env, first := newRecord().Env, int64(0)
	env.Progress = func(stage string, done, _ int64, _ *EpochRecord) {
		if stage == RoleStudent && first == 0 {
			first = done
		}
	}
	result := mustRun(t, r, env)
	if perEpoch := int64(ceilDiv(378, 32)); first != 4*perEpoch+1 {
		t.Errorf("the student goes on at step %d, expected %d: four epochs were trained by the search", first, 4*perEpoch+1)
	}
	table := result.Budget
	best := chosen(t, table.Candidates)
	if table.Family != "mlp" || table.Params != 120 || len(table.Candidates) < 6 || result.Student.Params != best.Params || best.Params > 120 {
		t.Errorf("%+v", table)
	}
	if result.Provenance.Architecture != best.Arch {
		t.Errorf("the report names %s, chosen was %s", result.Provenance.Architecture, best.Arch)
	}
	if st, err := os.Stat(unverified(r)); err != nil || st.Size() > best.Bytes || st.Size() < best.Bytes-200 {
		t.Errorf("the file has %d bytes, foretold were at most %d (%v)", st.Size(), best.Bytes, err)
	}

	told := r
	told.Student = StudentRecipe{Arch: best.Arch}
	told.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	mustRun(t, told, newRecord().Env)
	if !bytes.Equal(mustRead(t, unverified(r)), mustRead(t, unverified(told))) {
		t.Error("the student that was searched has other bytes than the one that was named")
	}

	s := open(t, told)
	for _, c := range table.Candidates {
		trial := Trial{Recipe: told, Role: RoleStudent, Dir: t.TempDir(), Until: c.Epochs}
		trial.Recipe.Student.Arch = c.Arch
		out := follow(t, s, trial)
		if out.Params != c.Params || out.FLOPs != c.FLOPs || out.Best().ValAccuracy != float64(c.Score) || out.Best().ValLoss != float64(c.Loss) {
			t.Errorf("%+v, by hand %d parameters, %d operations, %+v", c, out.Params, out.FLOPs, out.Best())
		}
		if c.Epochs == best.Epochs && float64(c.Score) > float64(best.Score) {
			t.Errorf("%s did better than the chosen %s", c.Arch, best.Arch)
		}
	}
	// 7 nets for 1 epoch, 4 for 2, 2 for 4.
	var epochs []int
	for _, c := range table.Candidates {
		epochs = append(epochs, c.Epochs)
	}
	slices.Sort(epochs)
	if !slices.Equal(epochs, []int{1, 1, 1, 2, 2, 4, 4}) {
		t.Errorf("epochs %v", epochs)
	}
}

// TestSearchInterrupted stops the search again and again and requires the
// student and the table of a run that was left alone.
func TestSearchInterrupted(t *testing.T) {
	r := bounded(t)
	r.Train.Epochs = 4
	whole := mustRun(t, r, newRecord().Env)
	again := r
	again.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	stops := 0
	var result *Result
	for result == nil && stops < 60 {
		ctx, cancel := context.WithCancel(context.Background())
		env, heard := newRecord().Env, 0
		env.Progress = func(stage string, _, _ int64, _ *EpochRecord) {
			if heard++; stage == "search" && heard > 8 {
				cancel()
			}
		}
		var err error
		if result, err = Run(ctx, again, env); err != nil {
			faulttest.Want(t, err, fault.Interrupted)
			stops++
		}
		cancel()
	}
	if stops < 5 || result == nil {
		t.Fatalf("%d stops", stops)
	}
	if !bytes.Equal(mustRead(t, unverified(r)), mustRead(t, unverified(again))) || !slices.Equal(result.Budget.Candidates, whole.Budget.Candidates) {
		t.Errorf("after %d stops:\n%+v\nleft alone:\n%+v", stops, result.Budget.Candidates, whole.Budget.Candidates)
	}
	if exists(strings.TrimSuffix(unverified(again), ".onnx") + ".work") {
		t.Error("the work folder is left")
	}
}

// stopped is a budgeted run that was stopped in a stage, and its work folder.
func stopped(t *testing.T, r Recipe, at string) string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	env := newRecord().Env
	env.Progress = func(stage string, _, _ int64, _ *EpochRecord) {
		if stage == at {
			cancel()
		}
	}
	_, err := Run(ctx, r, env)
	faulttest.Want(t, err, fault.Interrupted)
	return strings.TrimSuffix(unverified(r), ".onnx") + ".work"
}

// TestChoiceIsKept requires of a run that goes on the nets that the run before
// found, whatever it would find itself, and refuses them under another setting.
func TestChoiceIsKept(t *testing.T) {
	r := bounded(t)
	path := filepath.Join(stopped(t, r, "search"), choiceFile)
	var kept choice
	if err := json.Unmarshal(mustRead(t, path), &kept); err != nil || kept.Chosen != -1 {
		t.Fatalf("%v %+v", err, kept)
	}
	kept.Candidates = []Candidate{kept.Candidates[0], {Arch: "mlp:2", Params: 19}} // as if other times had been measured
	data, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Recipe)
		texts  []string
	}{
		"budget":   {func(r *Recipe) { r.Student.BudgetParams = "121" }, []string{"budget", "121 parameters"}},
		"family":   {func(r *Recipe) { r.Student.Arch = "mlp?norm=1" }, []string{"family", "mlp?norm=1"}},
		"training": {func(r *Recipe) { r.Train.LR = 0.01 }, []string{"lr", "0.01"}},
	} {
		t.Run(name, func(t *testing.T) {
			other := r
			c.change(&other)
			_, err := Run(context.Background(), other, newRecord().Env)
			faulttest.Want(t, err, fault.Integrity, append(c.texts, choiceFile, "--restart")...)
		})
	}
	for _, text := range []string{"{", `{"candidates": []}`, strings.Replace(string(data), `"chosen":-1`, `"chosen":2`, 1)} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Run(context.Background(), r, newRecord().Env)
		faulttest.Want(t, err, fault.Integrity, choiceFile, "--restart")
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	result := mustRun(t, r, newRecord().Env)
	if n := len(result.Budget.Candidates); n != 2 {
		t.Errorf("%d candidates, expected the two that were kept", n)
	}
}

// TestChosenAfterTheSearch stops the run when it trains what was chosen, and
// begins anew on demand.
func TestChosenAfterTheSearch(t *testing.T) {
	r := bounded(t)
	r.Train.NoBaseline = false
	work := stopped(t, r, RoleBaseline)
	if exists(filepath.Join(work, candidatesDir)) || !exists(filepath.Join(work, choiceFile)) {
		t.Error("the work folder does not hold the choice alone")
	}
	other := r
	other.Student.BudgetParams = "90"
	_, err := Run(context.Background(), other, newRecord().Env)
	faulttest.Want(t, err, fault.Integrity, "budget")
	other.Output.Restart = true
	if result := mustRun(t, other, newRecord().Env); chosen(t, result.Budget.Candidates).Params > 90 {
		t.Errorf("%+v", result.Budget)
	}
}

// TestSearchedOnce goes on with what was chosen, without another search.
func TestSearchedOnce(t *testing.T) {
	r := bounded(t)
	stopped(t, r, RoleStudent)
	env := newRecord().Env
	env.Progress = func(stage string, _, _ int64, _ *EpochRecord) {
		if stage == "search" {
			t.Error("what was chosen is searched again")
		}
	}
	mustRun(t, r, env)
}

func TestByScore(t *testing.T) {
	want := []Candidate{
		{Score: 0.9, Loss: 2, Params: 9},
		{Score: 0.8, Loss: 1, Params: 9},
		{Score: 0.8, Loss: 2, Params: 5},
		{Score: 0.8, Loss: 2, Params: 6},
		{Score: 0.7, Loss: 0, Params: 1},
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	if slices.SortStableFunc(got, byScore); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

// TestNetBesideABudget holds a net of given sizes against the budget, without
// a search.
func TestNetBesideABudget(t *testing.T) {
	r := bounded(t)
	r.Student = StudentRecipe{Arch: "mlp:6", BudgetParams: "51"} // 5·6 + 7·3
	result := mustRun(t, r, newRecord().Env)
	if c := result.Budget.Candidates; len(c) != 1 || c[0].Arch != "mlp:6" || c[0].Params != 51 || c[0].Epochs != 0 {
		t.Errorf("%+v", c)
	}
	r.Student.BudgetParams, r.Output.Model = "50", filepath.Join(t.TempDir(), "student.onnx")
	_, err := Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "--budget-params", "mlp:6, has 51 parameters, expected at most 50")
	if exists(strings.TrimSuffix(unverified(r), ".onnx") + ".work") {
		t.Error("a work folder without work is left")
	}
	r.Student = StudentRecipe{Arch: "mlp", BudgetParams: "120"}
	r.Data.ValSplit = 0
	_, err = Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "--val-split", "no validation rows")
}

// TestHopelessBudget holds what no student can keep to be refused before the
// teacher is asked about all rows, and what is just kept not to be.
func TestHopelessBudget(t *testing.T) {
	for flag, c := range map[string]struct {
		student StudentRecipe
		want    string
	}{
		"--budget-params": {StudentRecipe{Arch: "mlp", BudgetParams: "10"}, "the least, mlp:1, has 11 parameters, expected at most 10"},
		"--budget-bytes":  {StudentRecipe{Arch: "mlp", BudgetBytes: "100"}, "bytes, expected at most 100, and metadata on top"},
		"--budget-flops":  {StudentRecipe{Arch: "mlp", BudgetFLOPs: "3"}, "operations a row, expected at most 3"},
	} {
		r := small(t)
		r.Student = c.student
		log, asked := newRecord(), false
		log.Env.Progress = func(stage string, _, _ int64, _ *EpochRecord) { asked = asked || stage == RoleTeacher }
		_, err := Run(t.Context(), r, log.Env)
		faulttest.Want(t, err, fault.Usage, flag, c.want)
		if asked {
			t.Errorf("%s: the teacher was asked about all rows", flag)
		}
	}
	f := fitter{budget: Budget{Params: 11}, in: models.Input{Name: "x", Shape: []int{4}}, classes: 3}
	if err := f.checkLeast("mlp"); err != nil {
		t.Errorf("what just fits: %v", err)
	}
}

// TestBudgetOfTimeAndBytes exports within a budget of both, measured in ONNX
// Runtime and in the file that is written.
func TestBudgetOfTimeAndBytes(t *testing.T) {
	r := small(t)
	r.Student = StudentRecipe{Arch: "mlp?norm=1", BudgetBytes: "6kB", BudgetLatency: 20 * time.Millisecond}
	r.Train.Epochs, r.Train.NoBaseline = 2, true
	result := mustRun(t, r, newRecord().Env)
	best := chosen(t, result.Budget.Candidates)
	st, err := os.Stat(r.Output.Model)
	if err != nil || st.Size() > 6000 || result.Student.Bytes != st.Size() || best.Latency <= 0 || result.Student.LatencyMS <= 0 || len(result.Warnings) > 0 {
		t.Errorf("%d bytes, %+v, latency %v ms, warnings %q (%v)", st.Size(), best, result.Student.LatencyMS, result.Warnings, err)
	}
	var seen struct {
		Budget struct{ Candidates []Candidate }
	}
	if err := json.Unmarshal(mustRead(t, result.Files.Metrics), &seen); err != nil || !slices.Equal(seen.Budget.Candidates, result.Budget.Candidates) {
		t.Errorf("metrics.json holds %+v (%v)", seen, err)
	}
	r.Student = StudentRecipe{Arch: "mlp:3000,3000", BudgetLatency: time.Microsecond}
	r.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	_, err = Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "--budget-latency", "expected at most 1µs")
}
