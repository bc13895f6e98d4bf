package distill

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// How many recipes TestCombinations draws, and the first of their seeds.
const (
	combinationsEnv = "KDONNX_COMBINATIONS"
	combinationEnv  = "KDONNX_COMBINATION"
)

// TestCombinations draws recipes over all that a run can be asked for at once.
// Each is either refused in one line, the same each time, or gives a student
// that ONNX Runtime reproduces: one whose bytes, and whose figures, are the same
// however often the run was interrupted, on whatever number of cores.
func TestCombinations(t *testing.T) {
	number := func(env string, none int) int {
		if n, err := strconv.Atoi(os.Getenv(env)); err == nil {
			return n
		}
		return none
	}
	n, first := number(combinationsEnv, 6), number(combinationEnv, 1)
	problems := map[dataset.Task]taskProblem{}
	for _, task := range []dataset.Task{dataset.MultiLabel, dataset.Regression} {
		problems[task] = makeTaskProblem(t, task)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	ran := 0
	for seed := first; seed < first+n; seed++ {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			c := draw(t, problems, uint64(seed))
			t.Log(strings.Join(c.words, ", "))
			if c.holds(t) {
				ran++
			}
		})
	}
	if ran < n/2 {
		t.Errorf("%d of %d combinations were refused, expected half at most", n-ran, n)
	}
}

// combination is a recipe that was drawn.
type combination struct {
	Recipe
	rng   *rand.Rand
	words []string // what is in it
	test  string   // file of the test rows
}

// draw draws a recipe on one of three small problems.
func draw(t *testing.T, problems map[dataset.Task]taskProblem, seed uint64) *combination {
	c := &combination{rng: rand.New(rand.NewPCG(seed, 1))}
	task := pick(c, dataset.MultiClass, dataset.MultiClass, dataset.MultiLabel, dataset.Regression)
	c.words = []string{task.String()}
	unlabelled := file("test.csv")
	if task == dataset.MultiClass {
		c.Recipe = small(t)
		c.Data.Limit = 160
	} else {
		c.Recipe = problems[task].recipe(t)
		c.Data.Train, unlabelled = problems[task].few, problems[task].few
		c.Student.Arch = "mlp:8"
	}
	c.test = c.Data.Test
	c.Teacher.Doctor = false
	c.Train.Epochs, c.Train.Batch, c.Train.Seed = 1+c.rng.IntN(4), pick(c, 16, 32, 33), c.rng.Uint64N(100)
	c.Output.Unverified = c.rng.IntN(3) > 0
	c.drawTeacher(t, task)
	c.drawRows(task, unlabelled)
	c.drawStudent(t)
	c.drawLoss(task)
	c.drawTraining()
	return c
}

// pick draws one of list.
func pick[T any](c *combination, list ...T) T { return list[c.rng.IntN(len(list))] }

// maybe does what is named, one time in oneIn.
func (c *combination) maybe(oneIn int, name string, do func()) bool {
	if c.rng.IntN(oneIn) > 0 {
		return false
	}
	do()
	c.words = append(c.words, name)
	return true
}

func (c *combination) drawTeacher(t *testing.T, task dataset.Task) {
	switch c.rng.IntN(6) {
	case 0:
		c.Teacher.Model = NoTeacher
		c.words = append(c.words, "no teacher")
	case 1:
		if task == dataset.MultiClass {
			c.Teacher.Model, c.Teacher.Store = "", stored(t).Teacher.Store
			c.words = append(c.words, "store alone")
		}
	case 2:
		if task == dataset.MultiClass {
			c.Teacher.StoreDType = "topk:2"
			c.words = append(c.words, "top-k")
		}
	}
	c.maybe(2, "augment", func() { c.Train.Augment = pick(c, "noise=0.2", "mixup=0.4", "noise=0.1 mixup=0.6") })
	if c.Train.Augment == "" && c.rng.IntN(12) > 0 { // seldom what is refused
		return
	}
	c.maybe(3, "online", func() { c.Teacher.Mode = "online" })
	c.maybe(3, "views", func() { c.Teacher.Mode = "views:2" })
}

func (c *combination) drawRows(task dataset.Task, unlabelled string) {
	c.Data.ValSplit = pick(c, 0, 0.1, 0.2)
	c.words = append(c.words, fmt.Sprintf("val-split %v", c.Data.ValSplit))
	c.maybe(5, "labelled", func() { c.Data.Labelled = 60 })
	c.maybe(4, "unlabelled", func() { c.Data.Unlabelled = unlabelled })
	if c.Teacher.Model != NoTeacher && c.Teacher.Model != "" || c.rng.IntN(8) == 0 {
		c.maybe(3, "synthetic", func() {
			c.Data.Synthetic = 50
			c.Data.Synthesis = pick(c, "", "mixup=1", "bootstrap=3,nearest noise=0.1")
		})
	}
	if task == dataset.MultiClass || c.rng.IntN(8) == 0 {
		c.maybe(4, "without", func() { c.Data.Without = []string{"b"} })
	}
}

func (c *combination) drawStudent(t *testing.T) {
	switch c.rng.IntN(5) {
	case 0:
		c.Student.Arch, c.Student.BudgetParams = "mlp", pick(c, "150", "400")
		c.words = append(c.words, "budget")
	case 1:
		c.Student.Arch += "?dropout=0.2"
		c.words = append(c.words, "dropout")
	case 2:
		c.Student.Arch = c.startingFile(t)
		c.words = append(c.words, "student file")
	}
	c.maybe(6, "freeze", func() { c.Student.Freeze = []string{"*bias"} })
}

// startingFile is a net of the same task that was trained before.
func (c *combination) startingFile(t *testing.T) string {
	r := c.Recipe
	r.Teacher.Model, r.Teacher.Store, r.Teacher.Mode, r.Teacher.StoreDType = NoTeacher, "", "store", ""
	r.Data.Unlabelled, r.Data.Synthetic, r.Data.Synthesis, r.Data.Without = "", 0, "", nil
	r.Train = Default().Train
	r.Train.Epochs, r.Output.Unverified = 1, true
	r.Output.Model = filepath.Join(t.TempDir(), "before.onnx")
	mustRun(t, r, newRecord().Env)
	return unverified(r)
}

func (c *combination) drawLoss(task dataset.Task) {
	l := &c.Loss
	if task == dataset.MultiClass {
		c.maybe(3, "another loss", func() { l.Name = pick(c, "classic-ce", "dkd", "dist", "ttm", "logit-mse") })
		c.maybe(4, "smoothing", func() { l.Smoothing = 0.1 })
	}
	if task == dataset.Regression {
		c.maybe(2, "huber", func() { l.Name = "regression-huber" })
	} else if l.Name != "logit-mse" {
		c.maybe(3, "T scheduled", func() { l.TemperatureSchedule = pick(c, "linear:1", "cosine:2,1", "warmup:10steps,8") })
	}
	if l.Name == "auto" || l.Name == "classic-ce" {
		c.maybe(4, "α scheduled", func() { l.AlphaSchedule = pick(c, "linear:0.2", "warmup:1", "cosine:0.5,7steps") })
		c.maybe(4, "β scheduled", func() { beta := 0.5; l.Beta = &beta; l.BetaSchedule = pick(c, "cosine:0", "linear:1,20steps") })
	}
	if c.Teacher.Model != NoTeacher && c.Teacher.Model != "" && c.Student.BudgetParams == "" || c.rng.IntN(10) == 0 {
		c.maybe(3, "hint", func() {
			l.Hint, l.HintEpochs, l.HintWeight = "relu_1=relu_1", c.rng.IntN(3), pick(c, 0.5, 1)
		})
	}
}

func (c *combination) drawTraining() {
	r := &c.Train
	r.Optimizer = pick(c, "sgd", "nesterov", "adamw", "lion")
	if r.LR = 0.05; r.Optimizer == "adamw" || r.Optimizer == "lion" {
		r.LR = 0.005
	}
	c.maybe(3, "seeds", func() { r.Seeds = 2 + c.rng.IntN(2) })
	c.maybe(3, "accumulate", func() { r.Accumulate = 2 + c.rng.IntN(2) })
	c.maybe(3, "ema", func() { r.EMA = 0.9 })
	c.maybe(4, "patience", func() { r.Patience = 1 })
	c.maybe(4, "max-norm", func() { r.MaxNorm = 1 })
	c.maybe(4, "warmup", func() { r.Warmup = 3 })
	c.maybe(4, "no baseline", func() { r.NoBaseline = true })
}

// event is a place in a run at which it can be interrupted.
type event struct {
	stage string
	done  int64
}

// holds runs the recipe alone, and again with interruptions.
func (c *combination) holds(t *testing.T) (ran bool) {
	var events []event
	env := c.env(t)
	env.Progress = func(stage string, done, _ int64, _ *EpochRecord) { events = append(events, event{stage, done}) }
	want, err := c.run(t.Context(), t.TempDir(), 1, env)
	if err != nil {
		c.refuses(t, err)
		return false
	}
	again := t.TempDir()
	got := c.interrupted(t, again, events)
	if !slices.Equal(mustRead(t, got.model), mustRead(t, want.model)) {
		t.Error("the interrupted student has other bytes")
	}
	if a, b := got.figures(t), want.figures(t); a != b {
		t.Errorf("the interrupted run says\n%s\nexpected\n%s", a, b)
	}
	o, err := RowsOf(want.model)
	if err != nil {
		t.Fatal(err)
	}
	src, err := OpenRows(t.Context(), c.test, "test", false, o, RowLimit{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := Verify(t.Context(), want.model, src, ""); err != nil {
		t.Errorf("the student cannot be verified: %v", err)
	}
	return true
}

// finished is a run that came to its end.
type finished struct {
	*Result
	model string
}

// env has a cache of its own one time in three.
func (c *combination) env(t *testing.T) Env {
	env := newRecord().Env
	if c.rng.IntN(3) == 0 {
		env.Cache = t.TempDir()
	}
	return env
}

// run follows the recipe into dir on so many cores.
func (c *combination) run(ctx context.Context, dir string, cores int, env Env) (*finished, error) {
	runtime.GOMAXPROCS(cores)
	r := c.Recipe
	r.Output.Model = filepath.Join(dir, "student.onnx")
	result, err := Run(ctx, r, env)
	if err != nil {
		return nil, err
	}
	if r.Output.Unverified {
		return &finished{result, unverified(r)}, nil
	}
	return &finished{result, r.Output.Model}, nil
}

// refuses requires that err says what is wrong with the recipe, each time.
func (c *combination) refuses(t *testing.T, err error) {
	t.Helper()
	t.Log("refused: ", err)
	if kind := fault.KindOf(err); kind != fault.Usage && kind != fault.Input && kind != fault.Integrity || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v: expected one line that says what to change", err)
	}
	_, again := c.run(t.Context(), t.TempDir(), 3, newRecord().Env)
	if again == nil || again.Error() != err.Error() {
		t.Errorf("got %q, at first it was %q", again, err)
	}
}

// interrupted stops the run up to four times and lets it come to its end.
func (c *combination) interrupted(t *testing.T, dir string, events []event) *finished {
	t.Helper()
	env := c.env(t)
	stops := make([]int, 1+c.rng.IntN(4))
	for i := range stops {
		stops[i] = c.rng.IntN(len(events))
	}
	slices.Sort(stops)
	for _, i := range stops {
		ctx, stopping := stopAt(env, events[i].stage, events[i].done)
		got, err := c.run(ctx, dir, 1+c.rng.IntN(3), stopping)
		if err == nil {
			return got // it was beyond that
		}
		if fault.KindOf(err) != fault.Interrupted {
			t.Fatalf("interrupted at %+v: %v", events[i], err)
		}
	}
	got, err := c.run(t.Context(), dir, 3, env)
	if err != nil {
		t.Fatalf("interrupted at %v of %v, then: %v", stops, len(events), err)
	}
	return got
}

// figures are what a run says that takes no time into account.
func (f *finished) figures(t *testing.T) string {
	t.Helper()
	all := []any{f.Verdict, f.Seeds, f.Balance, f.Provenance, f.History}
	if f.Student != nil {
		all = append(all, f.Student.Result, f.Student.Params, f.Student.FLOPs)
	}
	if f.Baseline != nil {
		all = append(all, f.Baseline.Result)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
