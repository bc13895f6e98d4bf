package distill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models"
)

// TestBudgetUnits reads sizes as they are written, in recipes too.
func TestBudgetUnits(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "100000": 100_000, "100k": 100_000, "1.5M": 1_500_000, "2 G": 2_000_000_000, "0.25k": 250} {
		if b, err := (StudentRecipe{BudgetParams: text, BudgetFLOPs: text}).Budget(); err != nil || b.Params != want || b.FLOPs != want {
			t.Errorf("%q: %+v, %v", text, b, err)
		}
	}
	for text, want := range map[string]int64{"400kB": 400_000, "400 kB": 400_000, "64KiB": 65_536, "1.5MiB": 1_572_864, "2MB": 2_000_000, "12": 12, "12B": 12} {
		if b, err := (StudentRecipe{BudgetBytes: text}).Budget(); err != nil || b.Bytes != want {
			t.Errorf("%q: %+v, %v", text, b, err)
		}
	}
	for _, text := range []string{"0", "-1", "k", "1e5", "100,000", "1.2.3k", "100kB", "0.5", "1e", "2000T", "NaN", "1 0"} {
		_, err := (StudentRecipe{BudgetParams: text}).Budget()
		faulttest.Want(t, err, fault.Usage, "--budget-params", fmt.Sprintf("got %q", text), "100k")
	}
	for _, text := range []string{"400k", "4TB", "kB", "400 k B", "400KB"} {
		_, err := (StudentRecipe{BudgetBytes: text}).Budget()
		faulttest.Want(t, err, fault.Usage, "--budget-bytes", fmt.Sprintf("got %q", text), "400kB")
	}
	for _, l := range []time.Duration{-1, 50, 2 * time.Minute} {
		_, err := (StudentRecipe{BudgetLatency: l}).Budget()
		faulttest.Want(t, err, fault.Usage, "--budget-latency", "got "+l.String(), "50us")
	}

	r := Default()
	if err := r.Merge(recipeFile(t, "student: {arch: cnn, budget_params: 100000, budget_bytes: 64KiB, budget_flops: 20M, budget_latency: 50us}\n")); err != nil {
		t.Fatal(err)
	}
	if err := r.Set("student.budget_params=120k"); err != nil {
		t.Fatal(err)
	}
	want := Budget{Params: 120_000, Bytes: 65_536, FLOPs: 20_000_000, Latency: 50 * time.Microsecond}
	if b, err := r.Student.Budget(); err != nil || b != want || r.Student.arch() != "cnn" {
		t.Errorf("%+v, %v, of %s", b, err, r.Student.arch())
	}
}

// TestBudgetSettings refuses what does not go together, before any work.
func TestBudgetSettings(t *testing.T) {
	for _, c := range []struct {
		student StudentRecipe
		texts   []string
	}{
		{StudentRecipe{Arch: "mlp", BudgetParams: "many"}, []string{"--budget-params", `"many"`}},
		{StudentRecipe{Arch: "mlp?colour=red", BudgetParams: "100"}, []string{"colour"}},
		{StudentRecipe{Arch: "nonsense", BudgetParams: "100"}, []string{"nonsense"}},
		{StudentRecipe{Arch: "small.onnx", BudgetBytes: "1MB"}, []string{"--student", "beside a budget"}},
		{StudentRecipe{Arch: "resnet"}, []string{"resnet"}},
	} {
		r := small(t)
		r.Student = c.student
		_, err := Run(context.Background(), r, newRecord().Env)
		faulttest.Want(t, err, fault.Usage, c.texts...)
	}
	r := stored(t)
	r.Student = StudentRecipe{Arch: "mlp", BudgetParams: "100"}
	s := open(t, r)
	_, err := s.Train(context.Background(), Trial{Recipe: r, Role: RoleStudent, Dir: t.TempDir()})
	faulttest.Want(t, err, fault.Usage, "Session.Choose")
	if got := (StudentRecipe{Arch: "auto"}).arch(); got != "mlp:256,128" {
		t.Errorf("auto is %s", got)
	}
	if got := (StudentRecipe{Arch: "auto", BudgetParams: "1k"}).arch(); got != "mlp" {
		t.Errorf("auto within a budget is %s", got)
	}
}

// plainFitter is a fitter whose files are those of exported fresh nets.
func plainFitter(b Budget, in models.Input, classes int) *fitter {
	return &fitter{budget: b, in: in, classes: classes, file: func(arch string) ([]byte, error) {
		m, err := models.Build(arch, in, classes, 0)
		if err != nil {
			return nil, err
		}
		return fileOf(m, nil)
	}}
}

// costOf is what a net that is built costs, counted in its graph and file.
func costOf(t *testing.T, arch string, in models.Input, classes int) (c Candidate) {
	t.Helper()
	m, err := models.Build(arch, in, classes, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.Arch = arch
	if c.Params, err = models.Count(m); err != nil {
		t.Fatal(err)
	}
	if c.FLOPs, err = models.FLOPs(m); err != nil {
		t.Fatal(err)
	}
	data, err := fileOf(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Bytes = int64(len(data))
	return c
}

// TestWidest compares what is found with the last of all widths, one by one,
// of nets that are built and counted.
func TestWidest(t *testing.T) {
	for _, c := range []struct {
		family string
		in     models.Input
		budget Budget
	}{
		{"mlp", models.Input{Shape: []int{4}}, Budget{Params: 500}},
		{"mlp?norm=1", models.Input{Shape: []int{4}, Scale: []float32{2, 1, 1, 1}}, Budget{Bytes: 4000}},
		{"mlp", models.Input{Shape: []int{7}}, Budget{FLOPs: 1500, Bytes: 3500}},
		{"mlp", models.Input{Shape: []int{7}}, Budget{Params: 5}},
		{"cnn", models.Input{Shape: []int{1, 8, 8}}, Budget{Params: 3000, FLOPs: 60_000}},
		{"cnn?hidden=5&norm=1", models.Input{Shape: []int{1, 8, 8}}, Budget{Bytes: 9000}},
		{"resnet", models.Input{Shape: []int{3, 8, 8}}, Budget{Bytes: 700_000}},
		{"mobilenetv2", models.Input{Shape: []int{3, 8, 8}}, Budget{Params: 150_000}},
		{"transformer", models.Input{Shape: []int{3, 8, 8}}, Budget{Params: 30_000}},
		{"mlp:3,4", models.Input{Shape: []int{4}}, Budget{Params: 500}},
	} {
		shapes, err := models.Shapes(c.family)
		if err != nil {
			t.Fatal(err)
		}
		var want []Candidate
		for _, s := range shapes {
			var last Candidate
			for w := s.Min; w <= s.Max; w++ {
				if cost, err := models.Measure(s.Spec(w), c.in, 3); err != nil || cost.Params > 1_000_000 { // far over
					break
				}
				next := costOf(t, s.Spec(w), c.in, 3)
				if c.budget.Params > 0 && next.Params > c.budget.Params || c.budget.Bytes > 0 && next.Bytes > c.budget.Bytes ||
					c.budget.FLOPs > 0 && next.FLOPs > c.budget.FLOPs {
					break
				}
				last = next
			}
			if last.Arch != "" && !slices.Contains(want, last) {
				want = append(want, last)
			}
		}
		got, err := plainFitter(c.budget, c.in, 3).candidates(context.Background(), c.family)
		if len(want) == 0 {
			faulttest.Want(t, err, fault.Usage, "the least, mlp:1, has 14 parameters, expected at most 5", "--budget-params")
			continue
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s within %s: %v\n%v, expected\n%v", c.family, c.budget, err, got, want)
		}
	}
}

// TestNothingToFit names what is missing.
func TestNothingToFit(t *testing.T) {
	_, err := plainFitter(Budget{Bytes: 900}, models.Input{Shape: []int{4}}, 3).candidates(context.Background(), "cnn")
	faulttest.Want(t, err, fault.Usage, "cnn needs images")
	_, err = plainFitter(Budget{Params: 1000, Bytes: 100}, models.Input{Shape: []int{4}}, 3).candidates(context.Background(), "mlp")
	faulttest.Want(t, err, fault.Usage, "--budget-bytes", "the least, mlp:1, has a file of", "expected at most 100")
	f := plainFitter(Budget{Latency: 5 * time.Microsecond}, models.Input{Shape: []int{4}}, 3)
	f.time = func(context.Context, string, []byte) (time.Duration, error) { return 7 * time.Microsecond, nil }
	_, err = f.candidates(context.Background(), "linear")
	faulttest.Want(t, err, fault.Usage, "--budget-latency", "the least, linear, has a median latency of 7µs, expected at most 5µs")
}

// TestWidestTimed searches by clocks that are made up: with noise that only
// adds, and with blocks of 16 that are faster than what lies between.
func TestWidestTimed(t *testing.T) {
	width := func(arch string) (w int) {
		fmt.Sscanf(arch, "mlp:%d", &w)
		return w
	}
	const bound = 100 * time.Microsecond
	steady := func(w int) time.Duration { return time.Duration(2000 + 90*w) } // 1088 fits
	blocks := func(w int) time.Duration {
		if w > 64 && w%16 != 0 {
			return 3 * steady(w)
		}
		return steady(w)
	}
	for name, c := range map[string]struct {
		clock  func(int) time.Duration
		seed   uint64 // of noise; 0: none
		lo, hi int
	}{
		"steady":  {steady, 0, 1050, 1088},
		"hasty":   {steady, 0, 1050, 1088}, // half the time when a net is measured first
		"spiked":  {steady, 0, 1050, 1088}, // every third measurement
		"noisy":   {steady, 1, 950, 1088},
		"noisy 2": {steady, 2, 950, 1088},
		"noisy 3": {steady, 3, 950, 1088},
		"blocks":  {blocks, 0, 1040, 1088},
		"limit":   {func(int) time.Duration { return bound }, 0, 6249, 6249}, // (4+1)w + 3(w+1) ≤ 50000
	} {
		rng, seen := rand.New(rand.NewPCG(c.seed, 2)), map[string]bool{}
		f := plainFitter(Budget{Latency: bound, Params: 50_000}, models.Input{Shape: []int{4}}, 3)
		calls := 0
		f.time = func(_ context.Context, arch string, _ []byte) (time.Duration, error) {
			calls++
			took := c.clock(width(arch))
			if name == "hasty" && !seen[arch] {
				took /= 2
			}
			seen[arch] = true
			if name == "spiked" && calls%3 == 0 {
				took *= 3
			}
			if c.seed > 0 {
				took += time.Duration(float64(took) * 0.03 * rng.Float64())
				if rng.IntN(12) == 0 {
					took *= 3 // something else ran
				}
			}
			return took, nil
		}
		shapes, err := models.Shapes("mlp")
		if err != nil {
			t.Fatal(err)
		}
		got, ok, err := f.widest(context.Background(), shapes[0])
		if w := width(got.Arch); err != nil || !ok || w < c.lo || w > c.hi || got.Latency > bound || calls > 200 {
			t.Errorf("%s: %+v after %d measurements, expected a width of %d to %d (%v, %v)", name, got, calls, c.lo, c.hi, ok, err)
		}
	}
}

// TestRounds gives the epochs of successive halving by hand.
func TestRounds(t *testing.T) {
	for _, c := range []struct {
		candidates, epochs, plan int
		want                     []int
	}{
		{8, 20, 8*3 + 4*2 + 2*5, []int{3, 5, 10}}, {7, 20, 7*3 + 4*2 + 2*5, []int{3, 5, 10}}, {2, 20, 20, []int{10}},
		{5, 1, 5, []int{1, 1, 1}}, {3, 100, 3*25 + 2*25, []int{25, 50}}, {1, 9, 0, nil},
	} {
		if got := rounds(c.candidates, c.epochs); !slices.Equal(got, c.want) || plan(c.candidates, c.epochs) != c.plan {
			t.Errorf("%d students, %d epochs: %v and %d, expected %v and %d", c.candidates, c.epochs, got, plan(c.candidates, c.epochs), c.want, c.plan)
		}
	}
}
