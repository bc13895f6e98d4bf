package sweep

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// timeless is a file of a sweep without what differs from run to run.
func timeless(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".csv") {
		lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		at := slices.Index(lines[0], "seconds")
		for _, l := range lines {
			l[at] = ""
		}
		return fmt.Sprint(lines)
	}
	s := regexp.MustCompile(`"(seconds|wall_s)": ?[0-9.e-]+`).ReplaceAllString(string(text), "")
	return strings.ReplaceAll(s, filepath.Dir(path), "")
}

// files are all durable files of a sweep, without times.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"sweep.csv", "sweep.id", "cells/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			all[filepath.Base(p)] = timeless(t, p)
		}
	}
	return all
}

// everything are the paths in a sweep's folder.
func everything(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameFiles(t *testing.T, what, a, b string) {
	t.Helper()
	x, y := files(t, a), files(t, b)
	if len(x) < 3 || !reflect.DeepEqual(x, y) {
		for name := range x {
			if x[name] != y[name] {
				t.Errorf("%s: %s differs:\n%.300s\n%.300s", what, name, x[name], y[name])
				return
			}
		}
		t.Errorf("%s: %d files and %d", what, len(x), len(y))
	}
	if x, y := everything(t, a), everything(t, b); !slices.Equal(x, y) {
		t.Errorf("%s: the folder has\n%v\nexpected\n%v", what, y, x)
	}
}

// TestSweep runs a grid and holds what it says against trainings made one by
// one, in a session of their own.
func TestSweep(t *testing.T) {
	r := base(problem)
	p := plan(t, r)
	p.Parallel = 1
	got := mustRun(t, p)
	if len(got.Cells) != 8 || len(got.Baselines) != 4 || got.Teacher == nil || len(got.Sizes) != 2 {
		t.Fatalf("%d cells, %d baselines, teacher %v, %d sizes", len(got.Cells), len(got.Baselines), got.Teacher, len(got.Sizes))
	}
	s, err := distill.OpenHeldOut(t.Context(), p.Base, distill.HeldOut{}, (&logged{}).env(problem))
	if err != nil {
		t.Fatal(err)
	}
	if want := 90; got.Rows != want { // 15 % of 600
		t.Errorf("%d rows judge, expected %d", got.Rows, want)
	}
	var rows [][]float64
	for i, c := range got.Cells {
		one := p.Base
		one.Student.Arch = c.Of("student.arch")
		fmt.Sscan(c.Of("loss.temperature"), &one.Loss.Temperature)
		fmt.Sscan(c.Of("train.lr"), &one.Train.LR)
		out, err := s.Train(t.Context(), distill.Trial{Recipe: one, Role: distill.RoleStudent, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		block, err := out.Test(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if float64(c.Value) != block.Accuracy || float64(c.Loss) != block.NLL || c.Params != out.Params || c.Epochs != 4 {
			t.Errorf("%s: %+v, alone it has accuracy %v and loss %v", c.Name, c, block.Accuracy, block.NLL)
		}
		n := float64(block.Labelled)
		if want := math.Sqrt(block.Accuracy * (1 - block.Accuracy) / (n - 1)); math.Abs(float64(c.SE)-want) > 1e-6 {
			t.Errorf("%s: standard error %v, expected %v", c.Name, c.SE, want)
		}
		score, err := out.Judge(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, score.Rows)
		// the variance of a difference of paired proportions, of McNemar's b and c
		b, k := 0.0, 0.0
		for j := range score.Rows {
			if d := rows[0][j] - rows[i][j]; d > 0 {
				b++
			} else if d < 0 {
				k++
			}
		}
		if want := math.Sqrt((b + k - (b-k)*(b-k)/n) / n / (n - 1)); math.Abs(float64(c.BehindSE)-want) > 1e-6 || math.Abs(float64(c.Behind)-(b-k)/n) > 1e-9 {
			t.Errorf("%s: behind by %v ± %v, expected %v ± %v", c.Name, c.Behind, c.BehindSE, (b-k)/n, want)
		}
		if i > 0 && (c.Value > got.Cells[i-1].Value || c.Value == got.Cells[i-1].Value && c.Loss < got.Cells[i-1].Loss) {
			t.Errorf("rank %d is better than the one before it", i+1)
		}
	}
	if got.Cells[0].Value < 0.7 || got.Cells[7].Value > got.Cells[0].Value-0.05 {
		t.Errorf("best %v, worst %v: the sweep sees too little", got.Cells[0].Value, got.Cells[7].Value)
	}
	checkFiles(t, p, got)
}

// checkFiles reads back what a sweep left.
func checkFiles(t *testing.T, p Plan, got *Result) {
	t.Helper()
	best := distill.Default()
	if err := best.Merge(got.Files.Best); err != nil {
		t.Fatal(err)
	}
	best.Sweep = got.Recipe.Sweep
	if !reflect.DeepEqual(best, *got.Recipe) {
		t.Errorf("best.yaml reads as\n%+v, expected\n%+v", best, *got.Recipe)
	}
	if best.Student.Arch != got.Cells[0].Of("student.arch") || best.Teacher.Store == "" || !reflect.DeepEqual(best.Data, p.Base.Data) {
		t.Errorf("best.yaml: %+v", best)
	}
	text, err := os.ReadFile(got.Files.JSON)
	if err != nil {
		t.Fatal(err)
	}
	var read Result
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if len(read.Cells) != len(got.Cells) || read.Cells[3].Value != got.Cells[3].Value || read.Files != got.Files {
		t.Error("sweep.json is not the result")
	}
	table := timeless(t, got.Files.CSV)
	for _, want := range []string{"[role rank student.arch loss.temperature train.lr accuracy se ", "[student 8 ", "[baseline 4 "} {
		if !strings.Contains(table, want) {
			t.Errorf("sweep.csv lacks %q: %.400s", want, table)
		}
	}
	page, err := os.ReadFile(got.Files.Report)
	if err != nil || !bytes.Contains(page, []byte("Accuracy over temperature T")) || !bytes.Contains(page, []byte("mlp:8")) {
		t.Errorf("sweep.html: %v, %d bytes", err, len(page))
	}
	var shown bytes.Buffer
	if err := got.Table(&shown); err != nil || strings.Count(shown.String(), "\n") != 1+8+2+1 || !strings.Contains(shown.String(), "best") {
		t.Errorf("%v:\n%s", err, &shown)
	}
}

// TestJudges requires that rows which judge are neither learned from nor
// validated on, and are never rows that the run of the best is tested on.
func TestJudges(t *testing.T) {
	ids := func(src dataset.Source) map[dataset.RowID]bool {
		list, err := dataset.IDs(context.Background(), src)
		if err != nil {
			t.Fatal(err)
		}
		set := map[dataset.RowID]bool{}
		for _, id := range list {
			set[id] = true
		}
		return set
	}
	for _, c := range []struct {
		name  string
		share float64
		val   bool
		rows  int // that judge
	}{
		{"default", 0, false, 72}, // of the 480 that are not held out for the test
		{"share", 0.25, false, 120},
		{"validation rows", 0, true, 300},
		{"validation rows and a share", 0.25, true, 120},
	} {
		r := base(problem)
		r.Sweep = distill.DefaultSweep()
		r.Data.Test = "" // a fifth of the training rows then
		if c.val {
			r.Data.Val = r.Data.Train // any rows
		}
		data := func(share *float64) *distill.Data {
			open := func() (*distill.Session, error) { return distill.Open(t.Context(), r, (&logged{}).env(problem)) }
			if share != nil {
				open = func() (*distill.Session, error) {
					return distill.OpenHeldOut(t.Context(), r, distill.HeldOut{Share: *share}, (&logged{}).env(problem))
				}
			}
			s, err := open()
			if err != nil {
				t.Fatal(err)
			}
			return s.Data()
		}
		held, final := data(&c.share), data(nil)
		judge := ids(held.Test)
		if held.Test.Len() != c.rows {
			t.Errorf("%s: %d rows judge, expected %d", c.name, held.Test.Len(), c.rows)
		}
		if c.val && c.share == 0 {
			if held.Transfer.Len() != final.Transfer.Len() || held.Val.Len() != 300 {
				t.Errorf("%s: %d rows are learned from, %d validate", c.name, held.Transfer.Len(), held.Val.Len())
			}
			for id := range ids(held.Val) {
				if judge[id] {
					t.Errorf("%s: a row validates and judges", c.name)
				}
			}
			continue
		}
		others := map[string]dataset.Source{"learned from": held.Transfer, "tested on by the run of the best": final.Test}
		if !c.val {
			others["validated on"] = held.Val
		}
		for what, src := range others {
			for id := range ids(src) {
				if judge[id] {
					t.Errorf("%s: a row that judges is %s", c.name, what)
					break
				}
			}
		}
		for id := range ids(final.Test) { // of which no training knows either
			if ids(held.Transfer)[id] {
				t.Errorf("%s: a test row is learned from", c.name)
				break
			}
		}
	}
}

// TestParallel requires the same files of one training at a time and of many,
// of one process and of a job array.
func TestParallel(t *testing.T) {
	r := base(problem)
	r.Sweep.Seeds = 2
	serial := plan(t, r)
	serial.Parallel = 1
	want := mustRun(t, serial)
	if len(want.Cells[0].Trainings) != 2 || want.Cells[0].Trainings[1].Seed != r.Train.Seed+1 || want.Cells[0].SD == 0 && want.Cells[1].SD == 0 {
		t.Errorf("of two seeds: %+v", want.Cells[0])
	}
	many := plan(t, r)
	many.Parallel = 5
	mustRun(t, many)
	sameFiles(t, "five at once", serial.Dir, many.Dir)

	array := plan(t, r)
	for i := range 3 {
		array.Shard, array.Shards = i, 3
		if got, err := Run(t.Context(), array, (&logged{}).env(problem)); got != nil || err != nil {
			t.Fatalf("shard %d: %v, %v", i, got, err)
		}
	}
	if all, _ := filepath.Glob(filepath.Join(array.Dir, cellsDir, "*")); len(all) != 24 {
		t.Errorf("the shards made %d of 24 trainings", len(all))
	}
	array.Shard, array.Shards = 0, 0
	log := &logged{}
	if _, err := Run(t.Context(), array, log.env(problem)); err != nil {
		t.Fatal(err)
	}
	for _, line := range log.lines {
		if strings.Contains(line, "after 4 epochs") {
			t.Errorf("trained again: %s", line)
		}
	}
	sameFiles(t, "three shards", serial.Dir, array.Dir)
}

// TestSeeds holds mean, deviation and standard error over seeds against their
// definitions.
func TestSeeds(t *testing.T) {
	e := &entry{trainings: []*training{
		{at: map[int]*record{1: {Value: 0.5, Loss: 1, rows: []float32{1, 0, 1, 0}}}},
		{at: map[int]*record{1: {Value: 0.75, Loss: 3, rows: []float32{1, 1, 1, 0}}}},
	}}
	e.stand(1)
	s := e.standing
	ofRows := math.Sqrt((0.375*0.375*2 + 0.125*0.125 + 0.625*0.625) / 3 / 4) // of 1, ½, 1, 0 around 0.625
	ofSeeds := 0.125                                                         // |0.75 − 0.5|/2
	if s.value != 0.625 || s.loss != 2 || math.Abs(s.spread-0.25/math.Sqrt2) > 1e-12 || math.Abs(s.se-math.Hypot(ofRows, ofSeeds)) > 1e-12 {
		t.Errorf("%+v, expected a standard error of %v", s, math.Hypot(ofRows, ofSeeds))
	}
	more, se := apart(s, s)
	if more != 0 || math.Abs(se-math.Sqrt(2*ofSeeds*ofSeeds)) > 1e-12 {
		t.Errorf("from itself %v ± %v", more, se)
	}
}

// TestGrown adds values to a sweep that is done: only what is new is trained.
// Another recipe is refused by what differs, and --restart takes it.
func TestGrown(t *testing.T) {
	r := base(problem)
	r.Sweep.Student, r.Train.NoBaseline = nil, true
	r.Sweep.Output = filepath.Join(t.TempDir(), "sweep")
	mustRun(t, plan(t, r))
	r.Sweep.Temperature = append(r.Sweep.Temperature, "20")
	log := &logged{}
	got, err := Run(t.Context(), plan(t, r), log.env(problem))
	if err != nil || len(got.Cells) != 6 {
		t.Fatal(got, err)
	}
	trained := 0
	for _, l := range log.lines {
		if strings.Contains(l, "after 4 epochs") {
			trained++
		}
	}
	if trained != 2 {
		t.Errorf("%d cells were trained, 2 are new", trained)
	}
	for _, c := range []struct {
		change func(r *distill.Recipe)
		field  string
	}{
		{func(r *distill.Recipe) { r.Train.Epochs = 5 }, "train.epochs"},
		{func(r *distill.Recipe) { r.Loss.Alpha = 0.5 }, "loss.alpha"},
		{func(r *distill.Recipe) { r.Sweep.Alpha = distill.Values{"0.5", "0.9"} }, "loss.alpha"},
		{func(r *distill.Recipe) { r.Student.Arch = "mlp:7" }, "student.arch"},
		{func(r *distill.Recipe) { r.Sweep.HoldOut = 0.2 }, "held-out rows"},
		{func(r *distill.Recipe) { r.Data.Limit = 500 }, "held-out rows"},
	} {
		other := r
		c.change(&other)
		_, err := Run(t.Context(), plan(t, other), (&logged{}).env(problem))
		faulttest.Want(t, err, fault.Integrity, "sweep.id", c.field, "--restart")
	}
	r.Train.Epochs, r.Output.Restart = 2, true
	if got := mustRun(t, plan(t, r)); got.Cells[0].Epochs != 2 {
		t.Errorf("%d epochs", got.Cells[0].Epochs)
	}
}

// TestDiverged gives cells a learning rate that no net survives: they rank
// last, and the sweep goes on. A sweep of nothing else is a fault.
func TestDiverged(t *testing.T) {
	r := base(problem)
	r.Train.Clip, r.Train.Schedule = 0, "constant"
	r.Loss.Name = "logit-mse"
	r.Sweep.Student, r.Sweep.Temperature = nil, nil
	r.Sweep.LR = distill.Values{"1000", "0.05", "999"}
	got := mustRun(t, plan(t, r))
	if got.Cells[0].Of("train.lr") != "0.05" || got.Cells[0].Diverged != "" || got.Cells[1].Diverged == "" || got.Cells[2].Diverged == "" || got.Cells[1].Of("train.lr") != "1000" {
		t.Fatalf("%+v", got.Cells)
	}
	if strings.Contains(got.Cells[1].Diverged, problem) || got.Cells[1].Within || !math.IsNaN(float64(got.Cells[1].Value)) {
		t.Errorf("diverged: %+v", got.Cells[1])
	}
	r.Sweep.LR = distill.Values{"1000", "999"}
	p := plan(t, r)
	_, err := Run(t.Context(), p, (&logged{}).env(problem))
	faulttest.Want(t, err, fault.Diverged, "every one of 2", "lower")
	if _, err := os.Stat(filepath.Join(p.Dir, bestFile)); err == nil {
		t.Error("there is a best recipe of nothing")
	}
}

// TestDamagedRecord puts rubbish in the place of a result: that training is
// done again, and the sweep ends as before.
func TestDamagedRecord(t *testing.T) {
	r := base(problem)
	r.Sweep.Student, r.Sweep.LR, r.Train.Epochs = nil, nil, 2
	r.Sweep.Output = filepath.Join(t.TempDir(), "sweep")
	mustRun(t, plan(t, r))
	want := files(t, r.Sweep.Output)
	for name := range want {
		if name == "sweep.csv" || name == "sweep.id" {
			continue
		}
		record, err := os.ReadFile(filepath.Join(r.Sweep.Output, cellsDir, name))
		if err != nil {
			t.Fatal(err)
		}
		others := []string{ // whole, but of another seed, epoch or role
			strings.Replace(string(record), fmt.Sprintf(`"seed":%d,`, r.Train.Seed), `"seed":77,`, 1),
			strings.Replace(string(record), `"until":2,`, `"until":1,`, 1),
			strings.NewReplacer(`"role":"student"`, `"role":"baseline"`, `"role":"baseline"`, `"role":"student"`).Replace(string(record)),
		}
		if slices.Contains(others, string(record)) {
			t.Fatalf("nothing was put in its place: %q", others)
		}
		for _, text := range append(others, "", "{}", "null", `{"rows": "%"}`, want[name][:len(want[name])/2]) {
			if err := os.WriteFile(filepath.Join(r.Sweep.Output, cellsDir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			mustRun(t, plan(t, r))
			if got := files(t, r.Sweep.Output); !reflect.DeepEqual(got, want) {
				t.Fatalf("after %q: other files", text)
			}
		}
		break
	}
}

// TestStandingOrder holds the order of cells against its definition.
func TestStandingOrder(t *testing.T) {
	make := func(rung int, value, loss float64, params int64, why string, place int) *entry {
		return &entry{rung: rung, place: place, standing: standing{value: value, loss: loss, params: params, why: why}}
	}
	want := []*entry{
		make(2, 0.5, 9, 9, "", 9), // further beats better
		make(1, 0.9, 0.3, 9, "", 8),
		make(1, 0.9, 0.4, 5, "", 7), // loss, then parameters, then place
		make(1, 0.9, 0.4, 6, "", 1),
		make(1, 0.9, 0.4, 6, "", 2),
		make(1, 0.8, 0.1, 1, "", 0),
		make(2, 1.0, 0.0, 1, "NaN", 0), // who went on and diverged is behind who was left
		make(1, 1.0, 0.0, 1, "NaN", 0),
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortStableFunc(got, order)
	if !slices.Equal(got, want) {
		t.Error("another order")
	}
}

// TestWithin says of a difference whose standard error nobody knows, as on rows
// without labels, that it may be chance.
func TestWithin(t *testing.T) {
	s := &sweeper{rungs: []int{3}}
	at := func(value float64, rows ...float64) *entry {
		return &entry{standing: standing{value: value, rows: rows, seeds: 1, se: math.NaN()}}
	}
	for _, c := range []struct {
		best, other *entry
		within      bool
	}{
		{at(0.9), at(0.1), true}, // no rows
		{at(0.75, 1, 1, 1, 0), at(0.5, 1, 1, 0, 0), true},
		{at(1, 1, 1, 1, 1), at(0, 0, 0, 0, 0), false},
	} {
		if got := s.cellOf(c.other, c.best); got.Within != c.within {
			t.Errorf("%+v beside %+v: within %v", c.other.standing, c.best.standing, got.Within)
		}
		if got := s.cellOf(c.best, c.best); !got.Within {
			t.Error("the best is not within itself")
		}
	}
}
