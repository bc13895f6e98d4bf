package distill

import (
	"maps"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// identityOf is the identity of a role that is trained as r says; in a session
// that is given, r is of one trial.
func identityOf(t *testing.T, s *Session, r Recipe, role string) map[string]string {
	t.Helper()
	if s == nil {
		s = open(t, r)
		defer s.Close()
		r = s.Recipe()
	}
	d, err := s.run(t.Context(), Trial{Recipe: r, Role: role, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	id, err := d.identity(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// acts says how a key of a recipe gets into the identity of a checkpoint.
type acts struct {
	change  func(r *Recipe) // makes it another; nil: it is not tried here
	trial   bool            // which a trial of one session may do
	nothing bool            // and it changes no weight
	number  bool            // of a student of numbers
}

// identityKeys has every key of a recipe. What is not tried acts by what it
// makes: rows, targets or the net, whose digests are in the identity.
func identityKeys(t *testing.T) map[string]acts {
	half := 0.5
	trial := func(f func(r *Recipe)) acts { return acts{change: f, trial: true} }
	none := func(f func(r *Recipe)) acts { return acts{change: f, nothing: true} }
	more := rowsFile(t, 60, 8, nothing)
	return map[string]acts{
		// The targets, by their content; of an online teacher by its key.
		"teacher.model": {}, "teacher.before": {}, "teacher.output": {}, "teacher.kind": {}, "teacher.task": {}, "teacher.class_map": {}, "teacher.smoothing": {},
		"teacher.input": {}, "teacher.preprocess": {}, "teacher.inputs": {}, "teacher.ensemble": {}, "teacher.mean": {}, "teacher.weights": {}, "teacher.temperatures": {},
		"teacher.store": {}, "teacher.provider": {}, "teacher.provider_options": {}, "teacher.library": {}, "teacher.batch": {},
		"teacher.store_dtype": {change: func(r *Recipe) { r.Teacher.StoreDType = "topk:2" }},
		"teacher.mode":        {change: func(r *Recipe) { r.Teacher.Mode = "online" }},
		"teacher.repair":      none(func(r *Recipe) { r.Teacher.Repair = true }),
		"teacher.threads":     none(func(r *Recipe) { r.Teacher.Threads = 1 }),
		"teacher.timeout":     none(func(r *Recipe) { r.Teacher.Timeout *= 2 }),
		"teacher.memory":      none(func(r *Recipe) { r.Teacher.Memory = -1 }),
		"teacher.doctor":      none(func(r *Recipe) { r.Teacher.Doctor = false }),
		"teacher.strict":      none(func(r *Recipe) { r.Teacher.Strict = true }),

		// The rows, by their digests.
		"data.label": {}, "data.task": {}, "data.label_map": {}, "data.columns": {}, "data.skip_bad": {},
		"data.train":      {change: func(r *Recipe) { r.Data.Train = rowsFile(t, 300, 9, same) }},
		"data.unlabelled": {change: func(r *Recipe) { r.Data.Unlabelled = more }},
		"data.val":        {change: func(r *Recipe) { r.Data.Val = rowsFile(t, 60, 9, same) }},
		"data.test":       none(func(r *Recipe) { r.Data.Test = rowsFile(t, 60, 9, same) }),
		"data.val_split":  {change: func(r *Recipe) { r.Data.ValSplit = 0.2 }},
		"data.labelled":   {change: func(r *Recipe) { r.Data.Labelled = 50 }},
		"data.limit":      {change: func(r *Recipe) { r.Data.Limit = 200 }},
		"data.synthetic":  {change: func(r *Recipe) { r.Data.Synthetic = 10 }},
		"data.synthesis":  {change: func(r *Recipe) { r.Data.Synthetic, r.Data.Synthesis = 10, "noise=0.1" }},
		"data.without":    {change: func(r *Recipe) { r.Data.Without = []string{"b"} }},
		"data.split_seed": {change: func(r *Recipe) { r.Data.SplitSeed = new(uint64) }},
		"data.only":       {change: func(r *Recipe) { r.Data.Only = []string{"a", "b"} }},

		// The net, by its name, its weights and its file.
		"student.arch":       trial(func(r *Recipe) { r.Student.Arch = "mlp:12,12?dropout=0.1" }),
		"student.preprocess": trial(func(r *Recipe) { r.Student.Prep = "mean=1 std=2" }),
		"student.freeze":     trial(func(r *Recipe) { r.Student.Freeze = []string{"*bias"} }),
		// What a budget leads to is a student by name; the search has an identity of its own.
		"student.budget_params": {}, "student.budget_bytes": {}, "student.budget_flops": {}, "student.budget_latency": {},

		"loss.name":                 trial(func(r *Recipe) { r.Loss.Name = "dkd" }),
		"loss.temperature":          trial(func(r *Recipe) { r.Loss.Temperature = 2 }),
		"loss.alpha":                trial(func(r *Recipe) { r.Loss.Alpha = 0.5 }),
		"loss.beta":                 trial(func(r *Recipe) { r.Loss.Beta = &half }),
		"loss.label_smoothing":      trial(func(r *Recipe) { r.Loss.Smoothing = 0.1 }),
		"loss.huber_delta":          {change: func(r *Recipe) { r.Loss.Delta = 2 }, number: true},
		"loss.hint":                 trial(func(r *Recipe) { r.Loss.Hint = "relu_1=relu_2" }),
		"loss.hint_weight":          trial(func(r *Recipe) { r.Loss.HintWeight = 2 }),
		"loss.hint_epochs":          trial(func(r *Recipe) { r.Loss.HintEpochs = 2 }),
		"loss.hint_targets":         {}, // by their content
		"loss.temperature_schedule": trial(func(r *Recipe) { r.Loss.TemperatureSchedule = "linear:1" }),
		"loss.alpha_schedule":       trial(func(r *Recipe) { r.Loss.AlphaSchedule = "linear:0.5" }),
		"loss.beta_schedule":        trial(func(r *Recipe) { r.Loss.BetaSchedule = "linear:0.5" }),

		"train.epochs":       trial(func(r *Recipe) { r.Train.Epochs++ }),
		"train.batch":        trial(func(r *Recipe) { r.Train.Batch++ }),
		"train.optimizer":    trial(func(r *Recipe) { r.Train.Optimizer = "adam" }),
		"train.lr":           trial(func(r *Recipe) { r.Train.LR *= 2 }),
		"train.momentum":     trial(func(r *Recipe) { r.Train.Momentum = 0.5 }),
		"train.beta1":        trial(func(r *Recipe) { r.Train.Beta1 = 0.5 }),
		"train.beta2":        trial(func(r *Recipe) { r.Train.Beta2 = 0.5 }),
		"train.weight_decay": trial(func(r *Recipe) { r.Train.WeightDecay = 0.5 }),
		"train.decay":        trial(func(r *Recipe) { r.Train.Decay = []string{"!*"} }),
		"train.schedule":     trial(func(r *Recipe) { r.Train.Schedule = "constant" }),
		"train.warmup":       trial(func(r *Recipe) { r.Train.Warmup++ }),
		"train.clip":         trial(func(r *Recipe) { r.Train.Clip = 1 }),
		"train.clip_value":   trial(func(r *Recipe) { r.Train.ClipValue = 1 }),
		"train.max_norm":     trial(func(r *Recipe) { r.Train.MaxNorm = 1 }),
		"train.ema":          trial(func(r *Recipe) { r.Train.EMA = 0.5 }),
		"train.accumulate":   trial(func(r *Recipe) { r.Train.Accumulate = 2 }),
		"train.patience":     trial(func(r *Recipe) { r.Train.Patience = 1 }),
		"train.augment":      trial(func(r *Recipe) { r.Train.Augment = "noise=0.2" }),
		"train.seed":         trial(func(r *Recipe) { r.Train.Seed++ }),
		"train.seeds":        none(func(r *Recipe) { r.Train.Seeds++ }),
		"train.parallel":     none(func(r *Recipe) { r.Train.Parallel = 1 }),
		"train.no_baseline":  none(func(r *Recipe) { r.Train.NoBaseline = !r.Train.NoBaseline }),

		"output.model": {}, "output.report": {}, "output.metrics": {}, "output.csv": {}, "output.stream": {}, "output.tensorboard": {}, "output.unverified": {}, "output.restart": {},
		"output.input_name": {change: func(r *Recipe) { r.Output.InputName = "pixels" }},
	}
}

func same(_ int, y int32) int32 { return y }

// TestIdentity requires of every key of a recipe that a checkpoint of another
// value is refused, where it can change a bit of the weights, and is not where
// it cannot. A new key fails until it stands above.
func TestIdentity(t *testing.T) {
	keys := identityKeys(t)
	for section := range sections() {
		for _, f := range Fields(section) {
			if _, known := keys[f.Key]; !known && section != "sweep" && section != "specialist" { // which Run refuses
				t.Errorf("nobody says how %s gets into the identity of a checkpoint", f.Key)
			}
		}
	}
	base := lively(hintedClouds(t))
	s := open(t, base)
	defer s.Close()
	base = s.Recipe()
	want := identityOf(t, s, base, RoleStudent)
	p := makeTaskProblem(t, dataset.Regression)
	numbers := p.recipe(t)
	numbers.Loss.Name = "regression-huber"
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		k := keys[key]
		if k.change == nil {
			continue
		}
		r, in, want := base, s, want
		if !k.trial {
			in = nil
		}
		if k.number {
			r, want = numbers, identityOf(t, nil, numbers, RoleStudent)
		}
		k.change(&r)
		if got := identityOf(t, in, r, RoleStudent); maps.Equal(got, want) != k.nothing {
			t.Errorf("%s: another value gives the same identity: %v, expected %v", key, !k.nothing, k.nothing)
		}
	}
}
