package distill

import (
	"bytes"
	"context"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/distill/schedule"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// scheduled is a lively recipe in which T, α and β all run.
func scheduled(t *testing.T) Recipe {
	r := lively(stored(t))
	r.Loss.Temperature, r.Loss.TemperatureSchedule = 8, "cosine:1"
	r.Loss.Alpha, r.Loss.AlphaSchedule = 0.8, "warmup:1.5,0.1"
	return r
}

// elsewhere is r with another output.
func elsewhere(t *testing.T, r Recipe, change func(*LossRecipe)) Recipe {
	r.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	change(&r.Loss)
	return r
}

// TestUnusedTemperature holds a run to a note of a temperature that its loss has
// no use for, and to none where it has one or none is asked for.
func TestUnusedTemperature(t *testing.T) {
	for name, c := range map[string]struct {
		loss        string
		temperature float64
		noted       bool
	}{
		"of logits":    {"logit-mse", 8, true},
		"standardised": {"std+logit-mse", 8, true},
		"by default":   {"logit-mse", Default().Loss.Temperature, false},
		"used":         {"classic", 8, false},
		"dist":         {"dist", 8, false},
	} {
		r := stored(t)
		r.Loss.Name, r.Loss.Temperature, r.Train.Epochs, r.Train.NoBaseline = c.loss, c.temperature, 1, true
		log := newRecord()
		result := mustRun(t, r, log.Env)
		want := "loss: " + c.loss + " has no temperature: 8 is not used"
		if log.has(want) != c.noted || slices.Contains(result.Notes, want) != c.noted {
			t.Errorf("%s: noted %v, expected %v: %q", name, log.has(want), c.noted, result.Notes)
		}
	}
}

// TestScheduleToItself: a schedule that leads to where it begins trains the same
// weights, to the bit, as none, of mixed rows too; one that leads elsewhere
// does not.
func TestScheduleToItself(t *testing.T) {
	r := lively(stored(t))
	mustRun(t, r, newRecord().Env)
	want := weightsOf(t, unverified(r))
	for name, c := range map[string]struct {
		change func(*LossRecipe)
		same   bool
	}{
		"all":      {func(l *LossRecipe) { l.TemperatureSchedule, l.AlphaSchedule = "linear:4", "cosine:0.9,1" }, true},
		"beta too": {func(l *LossRecipe) { l.TemperatureSchedule, l.BetaSchedule = "warmup:2,4", "linear:0.1" }, true},
		"constant": {func(l *LossRecipe) {
			l.TemperatureSchedule, l.AlphaSchedule, l.BetaSchedule = "", "constant", "1-alpha"
		}, true},
		"temperature": {func(l *LossRecipe) { l.TemperatureSchedule = "linear:2" }, false},
		"alpha":       {func(l *LossRecipe) { l.AlphaSchedule = "linear:0.8" }, false},
		"beta":        {func(l *LossRecipe) { l.BetaSchedule = "linear:0.5" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			again := elsewhere(t, r, c.change)
			mustRun(t, again, newRecord().Env)
			if same := reflect.DeepEqual(weightsOf(t, unverified(again)), want); same != c.same {
				t.Errorf("the same weights: %v, expected %v", same, c.same)
			}
		})
	}
}

// TestScheduledResume: a run whose T, α and β run ends with the same bytes and
// the same history however often it is interrupted, tells of T, α and β by
// epoch, and leaves the baseline alone.
func TestScheduledResume(t *testing.T) {
	r := scheduled(t)
	rec := newRecord()
	whole := mustRun(t, r, rec.Env)
	again := elsewhere(t, r, func(*LossRecipe) {})
	for _, n := range []int64{5, 13, 30} {
		interrupted(t, again, newRecord().Env, RoleStudent, n)
	}
	resumed := mustRun(t, again, newRecord().Env)
	if !bytes.Equal(mustRead(t, unverified(again)), mustRead(t, unverified(r))) {
		t.Error("the resumed student has other bytes")
	}
	if !reflect.DeepEqual(resumed.History, whole.History) {
		t.Errorf("history: got %+v, uninterrupted %+v", resumed.History, whole.History)
	}
	const formula = "L = α·T²·KL(softmax(v/T) ‖ softmax(z/T)) + β·CE(y, softmax(z)), T: 8 → 1 along half a cosine over 3 epochs, " +
		"α: 0.1 → 0.8 linear over the first 1.5 epochs, β: 1 − α at every step; summed over classes, mean over the batch"
	if !rec.has("loss "+formula) || whole.Provenance.Loss != formula {
		t.Errorf("the formula is not printed as %q: %q", formula, rec.lines)
	}
	perEpoch := ceilDiv(trainRows*9/10, r.Train.Batch)
	for i, e := range whole.History.Student {
		w := e.Weights
		last := float64((i+1)*perEpoch - 1)
		alpha := 0.1 + 0.7*math.Min((last+1)/(1.5*float64(perEpoch)), 1)
		temperature := 1 + 7*(1+math.Cos(math.Pi*last/float64(3*perEpoch-1)))/2
		if w == nil || math.Abs(float64(w.Temperature)-temperature) > 1e-12 || math.Abs(float64(w.Alpha)-alpha) > 1e-12 || math.Abs(float64(w.Beta)-(1-alpha)) > 1e-12 {
			t.Errorf("epoch %d: got %+v, expected T = %v, α = %v", e.Epoch, w, temperature, alpha)
		}
		if !(e.Train.SoftGradient > 0 && e.Train.HardGradient > 0) {
			t.Errorf("epoch %d: no gradients: %+v", e.Epoch, e.Train)
		}
	}
	plain := mustRun(t, elsewhere(t, r, func(l *LossRecipe) { l.TemperatureSchedule, l.AlphaSchedule = "", "" }), newRecord().Env)
	if !reflect.DeepEqual(plain.History.Baseline, whole.History.Baseline) {
		t.Errorf("the baseline follows the student's schedules: %+v", whole.History.Baseline)
	}
	for _, e := range append(plain.History.Student, plain.History.Baseline...) {
		if e.Weights != nil {
			t.Errorf("constant, and there is %+v", e.Weights)
		}
	}
	m, err := onnx.Read(unverified(r), onnx.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"kdonnx.temperature": "8", "kdonnx.temperature.schedule": "cosine:1", "kdonnx.alpha.schedule": "warmup:1.5,0.1", "kdonnx.beta.schedule": "1-alpha"} {
		if !slices.Contains(m.Metadata, onnx.Entry{Key: key, Value: want}) {
			t.Errorf("no %s = %s in %v", key, want, m.Metadata)
		}
	}
}

// TestTargetsFollowT: what a store made up of the logits that it lacks, and what
// mixing makes of two rows, is that of the step's T; the loss's schedule is
// asked for every step, from wherever a feed begins.
func TestTargetsFollowT(t *testing.T) {
	const n, batch, first, last = 60, 16, 3, 8
	at := func(step int) float64 { return 8 - float64(step) }
	for _, augment := range []string{"flip=1", "mixup=1"} {
		r, ctx := varied(t, n, augment), context.Background()
		r.targets = topK(t, r)
		r.temperature = at
		f := startFeed(ctx, r, 7, batch, first, last)
		for g := first; g < last; g++ {
			m, err := f.next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			perPass := ceilDiv(n, batch)
			lo, hi := cut(n, batch, g%perPass)
			want := varied(t, n, augment) // as of a run whose T is always this step's
			want.targets = r.targets.At(at(g))
			if want.vary.mixer != nil {
				if want.vary.mixer, err = loss.NewMixer(dataset.MultiClass, at(g)); err != nil {
					t.Fatal(err)
				}
			}
			var alone mini
			if err := want.learn(ctx, dataset.Order(n, 7, g/perPass)[lo:hi], 7, g/perPass, &alone); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(m.teacher, alone.teacher) {
				t.Errorf("%s, step %d: targets are not those of T = %v", augment, g, at(g))
			}
			f.done(m)
		}
	}
}

// topK are targets of r's rows of which the store keeps 4 of 10.
func topK(t *testing.T, r *rows) *store.Store {
	t.Helper()
	all, err := store.Gather("", func(add func([]dataset.RowID) error) error { return add(r.ids) })
	if err != nil {
		t.Fatal(err)
	}
	w, err := store.Create(t.TempDir(), store.Key{Classes: r.classes, DType: "topk:4:float32"}, all, 500)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range w.Missing() {
		var z []float32
		for _, p := range w.Positions(nil, m.Index) {
			for k := range r.classes {
				z = append(z, float32(math.Sin(float64(p*r.classes+k)))*6)
			}
		}
		if err := w.WriteShard(m.Index, z); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAccumulatedTerms: terms and gradient norms of an epoch are the same
// whether or not its batches are cut, but for rounding.
func TestAccumulatedTerms(t *testing.T) {
	r := stored(t)
	r.Loss.TemperatureSchedule = "linear:2"
	whole := mustRun(t, r, newRecord().Env)
	cut := elsewhere(t, r, func(*LossRecipe) {})
	cut.Train.Accumulate = 5
	parts := mustRun(t, cut, newRecord().Env)
	for i, e := range whole.History.Student {
		p := parts.History.Student[i].Train
		for k, pair := range [][2]float64{{float64(e.Train.Total), float64(p.Total)}, {float64(e.Train.Soft), float64(p.Soft)}, {float64(e.Train.Hard), float64(p.Hard)},
			{float64(e.Train.SoftGradient), float64(p.SoftGradient)}, {float64(e.Train.HardGradient), float64(p.HardGradient)}} {
			if !(math.Abs(pair[0]-pair[1]) <= 1e-4*pair[0]) || pair[0] == 0 {
				t.Errorf("epoch %d, number %d: %v in parts, %v whole", e.Epoch, k, pair[1], pair[0])
			}
		}
	}
}

// TestSchedulesOfARecipe: β goes with α unless it is given, and what Fill writes
// says the same as what it was made from.
func TestSchedulesOfARecipe(t *testing.T) {
	half := 0.5
	for name, c := range map[string]struct {
		l    LossRecipe
		want [3]loss.Weights // of the first step, the middle and the last of 101
		text [3]string
	}{
		"constant":   {LossRecipe{Temperature: 4, Alpha: 0.9}, [3]loss.Weights{{Temperature: 4, Alpha: 0.9, Beta: 0.1}, {Temperature: 4, Alpha: 0.9, Beta: 0.1}, {Temperature: 4, Alpha: 0.9, Beta: 0.1}}, [3]string{"constant", "constant", "constant"}},
		"follows":    {LossRecipe{Temperature: 4, Alpha: 0.9, AlphaSchedule: "linear:0.1"}, [3]loss.Weights{{Temperature: 4, Alpha: 0.9, Beta: 0.1}, {Temperature: 4, Alpha: 0.5, Beta: 0.5}, {Temperature: 4, Alpha: 0.1, Beta: 0.9}}, [3]string{"constant", "linear:0.1", "1-alpha"}},
		"beta given": {LossRecipe{Temperature: 4, Alpha: 0.9, AlphaSchedule: "linear:2.1", Beta: &half}, [3]loss.Weights{{Temperature: 4, Alpha: 0.9, Beta: 0.5}, {Temperature: 4, Alpha: 1.5, Beta: 0.5}, {Temperature: 4, Alpha: 2.1, Beta: 0.5}}, [3]string{"constant", "linear:2.1", "constant"}},
		"beta's own": {LossRecipe{Temperature: 1, TemperatureSchedule: "linear:9", Alpha: 0.9, AlphaSchedule: "linear:0.1", BetaSchedule: "linear:1.1"},
			[3]loss.Weights{{Temperature: 1, Alpha: 0.9, Beta: 0.1}, {Temperature: 5, Alpha: 0.5, Beta: 0.6}, {Temperature: 9, Alpha: 0.1, Beta: 1.1}}, [3]string{"linear:9", "linear:0.1", "linear:1.1"}},
	} {
		filled := c.l
		filled.fill()
		for _, l := range []LossRecipe{c.l, filled} {
			s, err := l.schedules()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			at := s.over(schedule.Run{Epochs: 101, PerEpoch: 1})
			if (at == nil) != (name == "constant") {
				t.Fatalf("%s: something runs: %v", name, at != nil)
			}
			for i, want := range c.want {
				got := s.start
				if at != nil {
					got = at(uint64(50 * i))
				}
				if math.Abs(got.Temperature-want.Temperature) > 1e-12 || math.Abs(got.Alpha-want.Alpha) > 1e-12 || math.Abs(got.Beta-want.Beta) > 1e-12 {
					t.Errorf("%s, step %d: got %+v, want %+v", name, 50*i, got, want)
				}
			}
			if a, b, c2 := s.text(); [3]string{a, b, c2} != c.text {
				t.Errorf("%s: got %q %q %q, want %q", name, a, b, c2, c.text)
			}
		}
	}
	for _, c := range []struct {
		l    LossRecipe
		want bool
	}{
		{LossRecipe{Name: "classic", Temperature: 4}, false},
		{LossRecipe{Name: "classic", Temperature: 4, AlphaSchedule: "linear:1"}, true},
		{LossRecipe{Name: "hard-label", Temperature: 4, Alpha: 1}, false},
		{LossRecipe{Name: "classic", Temperature: 4, Alpha: 1, AlphaSchedule: "linear:0"}, true},
	} {
		if got := c.l.teaches(); got != c.want {
			t.Errorf("%+v: teaches: %v, want %v", c.l, got, c.want)
		}
	}
}

// listener is a loss that tells what it was set to before each Eval.
type listener struct {
	loss.Loss
	now  loss.Weights
	told []loss.Weights
}

func (l *listener) Set(w loss.Weights) {
	l.now = w
	l.Loss.Set(w)
}

func (l *listener) Eval(b loss.Batch, grad []float32) loss.Terms {
	l.told = append(l.told, l.now)
	b.Labels = nil // of more classes than the targets have
	return l.Loss.Eval(b, grad)
}

// TestEveryStepHasItsWeights: every part of every step of a course is taken with
// the weights and the learning rate of that step of the run, after an
// interruption too.
func TestEveryStepHasItsWeights(t *testing.T) {
	const batch, epochs, parts = 16, 3, 2
	r := images(t, 60)
	perEpoch := ceilDiv(60, batch)
	m, err := models.Build("linear", models.Input{Shape: []int{784}, Scale: []float32{1.0 / 255}, Shift: []float32{0}}, r.classes, 1)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := loss.New("classic", loss.Settings{Temperature: 4, Alpha: 1})
	if err != nil {
		t.Fatal(err)
	}
	weights := func(step uint64) loss.Weights {
		return loss.Weights{Temperature: 4 + float64(step), Alpha: float64(step) / 16, Beta: 1}
	}
	recipe := Default()
	recipe.Train.Epochs, recipe.Train.Batch, recipe.Train.Accumulate = epochs, batch, parts
	dir, l := t.TempDir(), &listener{Loss: inner}
	var rates []uint64 // steps whose learning rate is asked for: each, and the last of an epoch once more for the record
	follow := func(stop int64) {
		net, err := student.FromModel(m, RoleStudent)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c := &course{role: RoleStudent, recipe: &recipe, net: net, train: r, loss: l, weights: weights, perEpoch: perEpoch,
			files: checkpointFile{dir, RoleStudent}, every: time.Hour, schedule: func(step uint64) float64 { rates = append(rates, step); return 1 }, note: func(string) {}, tell: func([]EpochRecord) error { return nil },
			progress: func(_ string, done, _ int64, _ *EpochRecord) {
				if done == stop {
					cancel()
				}
			}}
		if _, err := c.follow(ctx); (err != nil) != (stop > 0) {
			t.Fatalf("stopped at %d: %v", stop, err)
		}
	}
	follow(7)
	follow(0)
	rates = slices.Compact(rates)
	for i, step := range rates {
		if len(rates) != epochs*perEpoch || step != uint64(i) {
			t.Fatalf("learning rates of steps %v, expected 0 to %d", rates, epochs*perEpoch-1)
		}
	}
	if len(l.told) != epochs*perEpoch*parts {
		t.Fatalf("%d parts of steps, expected %d", len(l.told), epochs*perEpoch*parts)
	}
	for i, got := range l.told {
		if want := weights(uint64(i / parts)); got != want {
			t.Fatalf("part %d of step %d was taken with %+v, expected %+v", i%parts, i/parts, got, want)
		}
	}
}

// TestNothingIsTaught: a student whose loss has no soft term is told of, one
// whose α rises from 0 is not.
func TestNothingIsTaught(t *testing.T) {
	const told = "learns nothing from the teacher"
	for name, c := range map[string]struct {
		change func(*LossRecipe)
		want   bool
	}{
		"labels alone": {func(l *LossRecipe) { l.Name = "hard-label" }, true},
		"no weight":    {func(l *LossRecipe) { l.Alpha = 0 }, true},
		"rises":        {func(l *LossRecipe) { l.Alpha, l.AlphaSchedule = 0, "linear:0.5" }, false},
		"taught":       {func(*LossRecipe) {}, false},
	} {
		env := newRecord()
		result := mustRun(t, elsewhere(t, stored(t), c.change), env.Env)
		noted := slices.ContainsFunc(result.Notes, func(n string) bool { return strings.Contains(n, told) })
		if env.has(told) != c.want || noted != c.want {
			t.Errorf("%s: said %v, noted %v, expected %v", name, env.has(told), noted, c.want)
		}
	}
}

// TestStandardisedLossOfTwoClasses: a loss that would teach nothing is refused
// as soon as the classes are known.
func TestStandardisedLossOfTwoClasses(t *testing.T) {
	for classes, refused := range map[int]bool{2: true, 3: false} {
		d := &run{task: dataset.MultiClass, recipe: Recipe{Loss: LossRecipe{Name: "std+dist", Temperature: 4}}}
		if err := d.settleLoss(classes); refused {
			faulttest.Want(t, err, fault.Usage, "--loss", `"std+dist" for 2 classes, expected at least 3`)
		} else if err != nil {
			t.Error(err)
		}
	}
}
