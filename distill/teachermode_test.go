package distill

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/teacher"
)

// designed is a run of r that is ready to train.
func designed(t *testing.T, r Recipe, env Env) *run {
	t.Helper()
	ctx := context.Background()
	d := &run{recipe: r, env: env, result: &Result{}}
	unlock, err := d.prepare()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)
	t.Cleanup(func() { d.teacher.done() })
	for _, step := range []func(context.Context) error{d.openData, d.openStudent, d.askTeacher, d.designStudent} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// asking is small with varied rows and a teacher that is asked in a mode.
func asking(t *testing.T, mode string) Recipe {
	r := small(t)
	r.Teacher.Mode, r.Train.Augment = mode, "noise=0.3 mixup=0.6"
	return r
}

// view is one row as a student saw it in a pass, and what the teacher said.
type view struct {
	x, z []float32
	y    int32
}

// watch collects the views of the first passes of d's training, by pass and
// position.
func watch(t *testing.T, d *run, passes int) map[[2]int]view {
	t.Helper()
	ctx, n, batch, seed := context.Background(), d.train.src.Len(), d.recipe.Train.Batch, d.recipe.Train.Seed
	per := ceilDiv(n, batch)
	views := map[[2]int]view{}
	f := startFeed(ctx, d.train, seed, batch, 0, passes*per)
	defer f.stop()
	for g := range passes * per {
		m, err := f.next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := cut(n, batch, g%per)
		for i, row := range dataset.Order(n, seed, g/per)[lo:hi] {
			views[[2]int{g / per, row}] = view{append([]float32(nil), m.raw.X[i*features:(i+1)*features]...),
				append([]float32(nil), m.teacher[i*classes:(i+1)*classes]...), m.labels[i]}
		}
		f.done(m)
	}
	return views
}

// native is the teacher in the engine that trains students: another opinion on
// what it says of a row.
func native(t *testing.T) func(x []float32) []float32 {
	t.Helper()
	net, err := student.Load(file("teacher.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return func(x []float32) []float32 {
		z := make([]float32, classes)
		if err := net.Predict(context.Background(), x, 1, z); err != nil {
			t.Fatal(err)
		}
		return z
	}
}

func apart(a, b []float32) float64 {
	off := 0.0
	for i := range a {
		off = max(off, math.Abs(float64(a[i]-b[i])))
	}
	return off
}

// TestTeacherSeesTheView holds what students learn of varied rows to what
// another engine says the teacher answers on exactly what they saw, noise and
// mixture in it, and not on the row before.
func TestTeacherSeesTheView(t *testing.T) {
	ask := native(t)
	for _, mode := range []string{"online", "views:2"} {
		d := designed(t, asking(t, mode), newRecord().Env)
		var plain dataset.Batch
		if err := d.train.src.Read(context.Background(), rowsFrom(0, d.train.src.Len()), &plain); err != nil {
			t.Fatal(err)
		}
		views, other, moved := watch(t, d, 3), 0, 0
		for at, v := range views {
			if off := apart(v.z, ask(v.x)); off > 1e-4 {
				t.Fatalf("%s: row %d of pass %d: the teacher's answer is off by %v", mode, at[1], at[0], off)
			}
			before := plain.X[at[1]*features : (at[1]+1)*features]
			if apart(v.x, before) > 1e-3 {
				moved++
			}
			if apart(v.z, ask(before)) > 1e-3 {
				other++
			}
			again := at
			again[0] = (at[0] + 2) % 3
			if same := apart(v.x, views[again].x) == 0; same != (mode == "views:2" && at[0]%2 == again[0]%2) {
				t.Fatalf("%s: row %d looks alike in passes %d and %d: %v", mode, at[1], at[0], again[0], same)
			}
		}
		if n := len(views); moved < n*9/10 || other < n*9/10 {
			t.Errorf("%s: of %d views %d differ from the row and %d have another answer", mode, n, moved, other)
		}
		baseline, seen := *d.train, [2]mini{} // needs no teacher, and sees new views in every pass
		baseline.targets = nil
		for i := range seen {
			if err := baseline.learn(context.Background(), rowsFrom(0, 9), d.recipe.Train.Seed, 2*i, &seen[i]); err != nil {
				t.Fatal(err)
			}
		}
		if apart(seen[0].x, seen[1].x) == 0 {
			t.Errorf("%s: the baseline sees the views of pass 0 in pass 2 again", mode)
		}
		for _, split := range []dataset.Source{d.val.src, d.test.src} { // judged as they are
			var b dataset.Batch
			if err := split.Read(context.Background(), rowsFrom(0, split.Len()), &b); err != nil {
				t.Fatal(err)
			}
			r, m := d.val, &mini{}
			if split == d.test.src {
				r = d.test
			}
			if err := r.read(context.Background(), rowsFrom(0, split.Len()), m); err != nil {
				t.Fatal(err)
			}
			if apart(m.x, b.X) != 0 || apart(m.teacher[:classes], ask(b.X[:features])) > 1e-4 {
				t.Errorf("%s: rows that judge are varied", mode)
			}
		}
	}
}

// TestTeacherModeIsReproducible holds that a run has the same bytes whatever
// GOMAXPROCS and however often it is interrupted, and other bytes in another
// mode.
func TestTeacherModeIsReproducible(t *testing.T) {
	seen := map[string]string{}
	for _, mode := range []string{"store", "online", "views:2", "views:3"} {
		r := asking(t, mode)
		r.Student.Arch, r.Train.NoBaseline = "mlp:12?dropout=0.2", true
		result := mustRun(t, r, newRecord().Env)
		want := string(mustRead(t, r.Output.Model))
		for other, bytes := range seen {
			if bytes == want {
				t.Errorf("%s and %s give one student", mode, other)
			}
		}
		seen[mode] = want
		if result.Provenance.TeacherMode != mode || !strings.Contains(want, "kdonnx.teacher.mode") {
			t.Errorf("provenance says %q", result.Provenance.TeacherMode)
		}
		if mode == "store" {
			continue
		}
		again := r
		again.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
		for _, n := range []int64{1, 9, 21} {
			interrupted(t, again, newRecord().Env, RoleStudent, n)
		}
		before := runtime.GOMAXPROCS(1)
		mustRun(t, again, newRecord().Env)
		runtime.GOMAXPROCS(before)
		if string(mustRead(t, again.Output.Model)) != want {
			t.Errorf("%s: the interrupted student has other bytes", mode)
		}
		again.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
		interrupted(t, again, newRecord().Env, RoleStudent, 5)
		again.Teacher.Mode = "store"
		_, err := Run(context.Background(), again, newRecord().Env)
		faulttest.Want(t, err, fault.Integrity, "another run", "--restart")
	}
}

// TestViewsAreStoredOnce asks the teacher about views once for any number of
// students, and asks anew for another seed, augmentation or number.
func TestViewsAreStoredOnce(t *testing.T) {
	r, env := asking(t, "views:3"), newRecord()
	r.Train.Augment, r.Train.Epochs, r.Train.NoBaseline = "noise=0.2", 1, true
	env.Cache = t.TempDir()
	asked := func(r Recipe) int {
		rec := newRecord()
		rec.Cache = env.Cache
		most := int64(0)
		rec.Progress = func(stage string, done, _ int64, _ *EpochRecord) {
			if stage == RoleTeacher {
				most = max(most, done)
			}
		}
		r.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
		mustRun(t, r, rec.Env)
		return int(most)
	}
	rows := trainRows * 9 / 10
	if n := asked(r); n != 3*rows+trainRows-rows {
		t.Errorf("asked about %d rows, expected 3 views of %d and %d as they are", n, rows, trainRows-rows)
	}
	other := r
	other.Loss.Temperature, other.Student.Arch = 2, "linear"
	if n := asked(other); n != 0 {
		t.Errorf("another student had the teacher asked about %d rows again", n)
	}
	for name, change := range map[string]func(*Recipe){
		"seed": func(r *Recipe) { r.Train.Seed = 5 }, "augmentation": func(r *Recipe) { r.Train.Augment = "noise=0.21" },
		"number": func(r *Recipe) { r.Teacher.Mode = "views:2" }} {
		other := r
		change(&other)
		if n := asked(other); n < 2*rows {
			t.Errorf("another %s had the teacher asked about %d rows", name, n)
		}
	}
}

// TestViewsWithoutTeacher trains from a store of views alone, and names a store
// that lacks them.
func TestViewsWithoutTeacher(t *testing.T) {
	r := asking(t, "views:2")
	r.Teacher.Store = filepath.Join(t.TempDir(), "store")
	mustRun(t, r, newRecord().Env)
	r.Teacher.Model, r.Output.Unverified = "", true
	mustRun(t, r, newRecord().Env)
	r.Train.Seeds = 2 // nothing is trained before the views of each seed are known to be there
	env := newRecord().Env
	env.Progress = func(stage string, _, _ int64, _ *EpochRecord) { t.Errorf("%s trains", stage) }
	_, err := Run(context.Background(), r, env)
	faulttest.Want(t, err, fault.Integrity, "does not hold the 2 views of each row", "with seed 2")
	r.Train.Seeds, r.Train.Augment = 1, "noise=0.1"
	_, err = Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Integrity, "does not hold the 2 views of each row", "--augment")
}

func TestTeacherModeRefuses(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.csv")
	if err := os.WriteFile(text, []byte(strings.Repeat("1,red,a\n2,blue,b\n3,green,c\n", 20)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(r *Recipe)
		texts  []string
	}{
		{func(r *Recipe) { r.Teacher.Mode = "offline" }, []string{"--teacher-mode", `"offline"`, "views:N with N from 1 to 1000"}},
		{func(r *Recipe) { r.Teacher.Mode = "views:0" }, []string{"--teacher-mode", `"views:0"`}},
		{func(r *Recipe) { r.Teacher.Mode = "views:1001" }, []string{"--teacher-mode", "1 to 1000"}},
		{func(r *Recipe) { r.Teacher.Mode = "views:two" }, []string{"--teacher-mode", "1 to 1000"}},
		{func(r *Recipe) { r.Train.Augment = "" }, []string{"--teacher-mode", "online without --augment", "nothing varies the rows"}},
		{func(r *Recipe) { r.Train.Augment, r.Teacher.Mode = "", "views:4" }, []string{"--teacher-mode", "views:4 without --augment"}},
		{func(r *Recipe) { r.Teacher.Model, r.Teacher.Store = "", "store" }, []string{"--teacher-mode", "online without a teacher", "--teacher"}},
		{func(r *Recipe) { r.Teacher.Model, r.Teacher.Mode = NoTeacher, "views:2" }, []string{"--teacher-mode", "views:2 without a teacher", "expected store"}},
		{func(r *Recipe) { r.Data.Train, r.Data.Test = text, "" }, []string{"--teacher-mode", `column "column 2" is a text`, "--synthetic"}},
	} {
		r := asking(t, "online")
		c.change(&r)
		_, err := Run(context.Background(), r, newRecord().Env)
		faulttest.Want(t, err, fault.Usage, c.texts...)
	}
}

// dying is a teacher whose process is gone after some answers.
type dying struct {
	teacher.Model
	left int
}

func (d *dying) Answer(ctx context.Context, b *dataset.Batch, z []float32) error {
	if d.left--; d.left < 0 {
		return fault.New(fault.Teacher, "teacher.onnx", "mini-batch", "signal: killed")
	}
	return d.Model.Answer(ctx, b, z)
}

// TestOnlineTeacherDies ends training with the teacher's fault, and leaves no
// goroutine that asks on.
func TestOnlineTeacherDies(t *testing.T) {
	d := designed(t, asking(t, "online"), newRecord().Env)
	d.variation.online.model = &dying{d.variation.online.model, 5}
	before := runtime.NumGoroutine()
	_, err := d.learn(context.Background(), RoleStudent)
	faulttest.Want(t, err, fault.Teacher, "signal: killed")
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
	f := startFeed(context.Background(), d.train, 1, 32, 0, 1000) // a feed that nobody reads can be stopped
	f.stop()
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines after a feed was stopped, %d before", after, before)
	}
}
