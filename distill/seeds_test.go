package distill

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// seeded is lively with three seeds, the first of them 5.
func seeded(t *testing.T) Recipe {
	r := lively(stored(t))
	r.Train.Seed, r.Train.Seeds = 5, 3
	return r
}

// TestSeeds requires that a run of several seeds comes to what trials of each
// come to, on the rows of the first, and that the one that is best on the
// validation rows is exported.
func TestSeeds(t *testing.T) {
	r := seeded(t)
	env := newRecord()
	result := mustRun(t, r, env.Env)
	one := r
	one.Train.Seeds = 1
	s := open(t, one)
	best, bestLoss, bestSeed := -1.0, 0.0, uint64(0)
	var weightsOf []byte
	sum, all := result.Seeds, map[string][]float64{}
	for i := range 3 {
		trial := Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir()}
		trial.Recipe.Train.Seed = 5 + uint64(i)
		student := follow(t, s, trial)
		trial.Role, trial.Dir = RoleBaseline, t.TempDir()
		baseline := follow(t, s, trial)
		for role, net := range map[string]*Trained{RoleStudent: student, RoleBaseline: baseline} {
			block, err := net.Test(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all[role] = append(all[role], float64(block.Errors))
		}
		if e := student.Best(); e.ValAccuracy > best || e.ValAccuracy == best && e.ValLoss < bestLoss {
			best, bestLoss, bestSeed, weightsOf = e.ValAccuracy, e.ValLoss, 5+uint64(i), weights(student.Net)
		}
	}
	if got, want := sum.Student["errors"], all[RoleStudent]; !sameValues(got.Values, want) || !sameValues(sum.Baseline["errors"].Values, all[RoleBaseline]) {
		t.Errorf("errors of the seeds are %v and %v, their trials have %v", got, sum.Baseline["errors"], all)
	}
	got, want := sum.Student["errors"], all[RoleStudent]
	mean := (want[0] + want[1] + want[2]) / 3
	sd := math.Sqrt((math.Pow(want[0]-mean, 2) + math.Pow(want[1]-mean, 2) + math.Pow(want[2]-mean, 2)) / 2)
	if math.Abs(got.Mean-mean) > 1e-9 || math.Abs(got.SD-sd) > 1e-9 {
		t.Errorf("%v ± %v, expected %v ± %v", got.Mean, got.SD, mean, sd)
	}
	if sum.Exported != bestSeed || sum.ChosenBy != "validation accuracy" || result.Provenance.Seed != bestSeed {
		t.Errorf("seed %d is exported (%s), seed %d is best on the validation rows", sum.Exported, sum.ChosenBy, bestSeed)
	}
	m, err := onnx.Read(unverified(r), onnx.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	meta := map[string]string{}
	for _, e := range m.Metadata {
		meta[e.Key] = e.Value
	}
	if meta["kdonnx.seed"] != "5" && meta["kdonnx.seed"] != "6" && meta["kdonnx.seed"] != "7" || meta["kdonnx.seeds"] != "3 from 5" {
		t.Errorf("metadata %v", meta)
	}
	if float64(result.Student.Errors) != want[bestSeed-5] || len(weightsOf) == 0 {
		t.Errorf("the student shown has %d errors, that of seed %d has %v", result.Student.Errors, bestSeed, want)
	}
	g := result.Verdict.Gain
	if g == nil || g.OverSeeds.N != 3 || g.Rows != testRows || result.Verdict.McNemar != nil {
		t.Fatalf("verdict %+v", result.Verdict)
	}
	base := all[RoleBaseline]
	if gain := (base[0]+base[1]+base[2])/3 - mean; math.Abs(g.Mean-gain) > 1e-9 || math.Abs(g.Together.Mean-gain) > 1e-9 {
		t.Errorf("gain %v, over both %v, expected %v", g.Mean, g.Together.Mean, gain)
	}
	if p := max(g.OverSeeds.P, g.OverRows.P, g.Together.P); g.P != p {
		t.Errorf("P %v is not the largest, %v", g.P, p)
	}
	if !env.has("student, seed 6: ") || !env.has("baseline, seed 7: ") {
		t.Errorf("the log does not tell the seeds: %q", env.lines)
	}
	var back Result
	if err := json.Unmarshal(mustRead(t, r.Output.metrics()), &back); err != nil || back.Seeds == nil || back.Seeds.Student["errors"].SD != got.SD {
		t.Errorf("metrics.json: %+v, %v", back.Seeds, err)
	}
	var table strings.Builder
	if err := result.Table(&table); err != nil || !strings.Contains(table.String(), " ± ") {
		t.Errorf("%v:\n%s", err, &table)
	}
}

// metrics is where a run of o leaves its figures.
func (o OutputRecipe) metrics() string { return filepath.Join(filepath.Dir(o.Model), "metrics.json") }

func sameValues(a, b []float64) bool {
	for i := range a {
		if len(a) != len(b) || a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// TestOneSeed requires of the first of several seeds the net that it gives
// alone, and without validation rows that it is the one exported.
func TestOneSeed(t *testing.T) {
	r := seeded(t)
	r.Data.ValSplit = 0
	several := mustRun(t, r, newRecord().Env)
	if several.Seeds.Exported != 5 || several.Seeds.ChosenBy != "first" {
		t.Errorf("seed %d is exported, for it is %s", several.Seeds.Exported, several.Seeds.ChosenBy)
	}
	r.Train.Seeds, r.Output.Model = 1, filepath.Join(t.TempDir(), "student.onnx")
	alone := mustRun(t, r, newRecord().Env)
	if alone.Seeds != nil || alone.Verdict.Gain != nil || alone.Student.NLL != several.Student.NLL || alone.Baseline.NLL != several.Baseline.NLL {
		t.Errorf("alone %+v, among several %+v", alone.Student.Result, several.Student.Result)
	}
}

// TestSeedsInterrupted stops in every seed and role, one after the other, and
// several beside one another, goes on on other numbers of cores, and requires
// the bytes of a run that was left alone.
func TestSeedsInterrupted(t *testing.T) {
	r := seeded(t)
	mustRun(t, r, newRecord().Env)
	want := mustRead(t, unverified(r))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	again := r
	again.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	trained := map[string]bool{}
	for _, at := range []struct {
		cores int
		stage string
		n     int64
	}{{1, "student, seed 5", 9}, {3, AllSeeds, 20}, {2, AllSeeds, 60}, {1, AllSeeds, 75}, {5, AllSeeds, 110}, {1, AllSeeds, 200}} {
		runtime.GOMAXPROCS(at.cores)
		interrupted(t, again, newRecord().Env, at.stage, at.n)
	}
	env := newRecord()
	env.Progress = func(stage string, _, _ int64, _ *EpochRecord) { trained[stage] = true }
	mustRun(t, again, env.Env)
	if string(mustRead(t, unverified(again))) != string(want) {
		t.Error("the resumed student has other bytes")
	}
	delete(trained, "baseline, seed 7") // which may be done too, where it ran ahead of those beside it
	if len(trained) != 1 || !trained[AllSeeds] {
		t.Errorf("finished seeds were trained again: %v", trained)
	}
	if work := strings.TrimSuffix(unverified(again), ".onnx") + ".work"; exists(work) {
		t.Error("checkpoints are left")
	}
}

// TestSeedsOfAnother refuses the checkpoint of another setting in any seed, and
// --restart begins all of them anew.
func TestSeedsOfAnother(t *testing.T) {
	r := seeded(t)
	interrupted(t, r, newRecord().Env, "student, seed 6", 4)
	first := checkpointFile{strings.TrimSuffix(unverified(r), ".onnx") + ".work", RoleStudent}
	if err := os.Remove(first.path()); err != nil {
		t.Fatal(err)
	}
	os.Remove(first.previous())
	r.Train.LR = 0.02
	_, err := Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Integrity, "lr: ") // of the baseline of seed 5, or of seed 6
	r.Output.Restart = true
	mustRun(t, r, newRecord().Env)
	r.Train.Seeds = 0
	_, err = Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "--seeds", "from 1 to 1000")
}

// TestSeedsWithout trains several seeds without a baseline and without a
// teacher, where there is nothing to judge.
func TestSeedsWithout(t *testing.T) {
	r := seeded(t)
	r.Train.NoBaseline, r.Train.Seeds = true, 2
	result := mustRun(t, r, newRecord().Env)
	if len(result.Seeds.Baseline) > 0 || len(result.Seeds.Student["errors"].Values) != 2 || !strings.HasPrefix(result.Verdict.Sentence, "No verdict") {
		t.Errorf("%+v, %s", result.Seeds, result.Verdict.Sentence)
	}
	r.Teacher.Model, r.Teacher.Store, r.Output.Model = NoTeacher, "", filepath.Join(t.TempDir(), "net.onnx")
	result = mustRun(t, r, newRecord().Env)
	if len(result.Seeds.Student["accuracy"].Values) != 2 || len(result.Seeds.Student["agreement"].Values) != 0 || !strings.Contains(result.Verdict.Sentence, "labels alone") {
		t.Errorf("%+v, %s", result.Seeds, result.Verdict.Sentence)
	}
}

// TestLatencyIsTold requires a latency of all three, and none of it in the
// student's bytes.
func TestLatencyIsTold(t *testing.T) {
	r := small(t)
	result := mustRun(t, r, newRecord().Env)
	first := mustRead(t, r.Output.Model)
	if result.Teacher.FLOPs != 2*(4*24+24*3) || result.Student.FLOPs != 2*(4*6+6*3) {
		t.Errorf("%d and %d operations a row", result.Teacher.FLOPs, result.Student.FLOPs)
	}
	for _, b := range []struct {
		name string
		ms   [2]float64
	}{{"teacher", [2]float64{float64(result.Teacher.LatencyMS), float64(result.Teacher.LatencyOneMS)}},
		{"baseline", [2]float64{float64(result.Baseline.LatencyMS), float64(result.Baseline.LatencyOneMS)}},
		{"student", [2]float64{float64(result.Student.LatencyMS), float64(result.Student.LatencyOneMS)}}} {
		for _, ms := range b.ms {
			if !(ms > 0 && ms < 1000) {
				t.Errorf("%s: %v ms", b.name, b.ms)
			}
		}
	}
	r.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	mustRun(t, r, newRecord().Env)
	if string(mustRead(t, r.Output.Model)) != string(first) {
		t.Error("the same run has other bytes")
	}
}
