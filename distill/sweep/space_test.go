package sweep

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

func names(cells []Cell) (list []string) {
	for _, c := range cells {
		list = append(list, c.Name())
	}
	return list
}

func TestGrid(t *testing.T) {
	r := base(problem)
	r.Sweep.Loss = distill.Values{"dkd:target=2,nontarget=4"} // one value alone is for all
	r.Sweep.Vary = distill.Vary{"train.ema": {"0", "0.9"}}
	p := plan(t, r)
	got := names(p.Cells)
	if len(got) != 16 || got[0] != "mlp:2 T=1 lr=0.002 ema=0" || got[1] != "mlp:2 T=1 lr=0.002 ema=0.9" || got[15] != "mlp:8 T=4 lr=0.1 ema=0.9" {
		t.Errorf("%d cells: %q", len(got), got)
	}
	if p.Base.Loss.Name != "dkd:target=2,nontarget=4" {
		t.Errorf("loss %q", p.Base.Loss.Name)
	}
}

func TestRandom(t *testing.T) {
	r := base(problem)
	r.Sweep.LR = distill.Values{"0.001..1 log"}
	r.Sweep.Temperature = distill.Values{"1..20"}
	r.Sweep.Vary = distill.Vary{"train.batch": {"16..64"}}
	r.Sweep.Cells = 400
	cells := plan(t, r).Cells
	if len(cells) != 400 || !slices.Equal(names(cells), names(plan(t, r).Cells)) {
		t.Fatalf("%d cells, or not the same again", len(cells))
	}
	below, mean, small := 0, 0.0, 0
	for _, c := range cells {
		number := func(key string) float64 {
			x, err := strconv.ParseFloat(c.Value(key), 64)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		lr, temp, batch := number("train.lr"), number("loss.temperature"), number("train.batch")
		if lr < 0.001 || lr > 1 || temp < 1 || temp > 20 || batch != math.Trunc(batch) || batch < 16 || batch > 64 {
			t.Errorf("out of range: %s", c.Name())
		}
		if lr < 0.0316 { // half of the logarithm's range
			below++
		}
		if c.Value("student.arch") == "mlp:2" {
			small++
		}
		mean += temp / 400
	}
	if math.Abs(float64(below)-200) > 40 || math.Abs(mean-10.5) > 1.1 || math.Abs(float64(small)-200) > 40 { // 4 deviations
		t.Errorf("%d of 400 learning rates in the lower half, mean temperature %.2f, %d small students", below, mean, small)
	}
	r.Train.Seed = 2
	if slices.Equal(names(cells), names(plan(t, r).Cells)) {
		t.Error("another seed draws the same cells")
	}
	r = base(problem)
	r.Sweep.Cells = 100 // more than there are
	if n := len(plan(t, r).Cells); n != 8 {
		t.Errorf("%d cells of 8 combinations", n)
	}
	r.Sweep.Cells = 5
	got := names(plan(t, r).Cells)
	slices.Sort(got)
	if len(slices.Compact(got)) != 5 {
		t.Errorf("cells twice: %q", got)
	}
}

// TestHostileSpaces refuses what no sweep can be made of, by the flag.
func TestHostileSpaces(t *testing.T) {
	for _, c := range []struct {
		change func(r *distill.Recipe)
		flag   string
		text   string
	}{
		{func(r *distill.Recipe) { r.Sweep = distill.DefaultSweep() }, "sweep", "nothing varies"},
		{func(r *distill.Recipe) { r.Sweep.Temperature = distill.Values{"1", "hot"} }, "--temperature", "expected a number"},
		{func(r *distill.Recipe) { r.Sweep.Temperature = distill.Values{"hot"} }, "--temperature", "expected a number"},
		{func(r *distill.Recipe) { r.Sweep.Temperature = distill.Values{"1", ""} }, "--temperature", `got ""`},
		{func(r *distill.Recipe) { r.Sweep.Temperature = distill.Values{"1", "1"} }, "--temperature", "twice"},
		{func(r *distill.Recipe) { r.Sweep.Temperature = distill.Values{"1", "1.0"} }, "sweep", "the same"},
		{func(r *distill.Recipe) { r.Sweep.Temperature = distill.Values{"1", "-4"} }, "--temperature", "-4"},
		{func(r *distill.Recipe) { r.Sweep.Temperature = distill.Values{"1", "NaN"} }, "--temperature", "expected a number"},
		{func(r *distill.Recipe) { r.Sweep.Temperature = distill.Values{"1", "2\n  alpha: 0"} }, "--temperature", "expected values"},
		{func(r *distill.Recipe) { r.Sweep.Temperature = distill.Values{"1", "2 # 3"} }, "--temperature", "expected a number"},
		{func(r *distill.Recipe) { r.Sweep.Temperature = distill.Values{"1..20 log"} }, "--cells", "missing"},
		{func(r *distill.Recipe) { r.Sweep.Temperature, r.Sweep.Cells = distill.Values{"0..20 log"}, 3 }, "--temperature", "above 0"},
		{func(r *distill.Recipe) { r.Sweep.Temperature, r.Sweep.Cells = distill.Values{"20..1"}, 3 }, "--temperature", "expected a range"},
		{func(r *distill.Recipe) { r.Sweep.Temperature, r.Sweep.Cells = distill.Values{"1..20 lin"}, 3 }, "--temperature", "expected a range"},
		{func(r *distill.Recipe) { r.Sweep.Temperature, r.Sweep.Cells = distill.Values{"1..NaN"}, 3 }, "--temperature", "expected a range"},
		{func(r *distill.Recipe) { r.Sweep.Temperature, r.Sweep.Cells = distill.Values{"1..Inf"}, 3 }, "--temperature", "expected a range"},
		{func(r *distill.Recipe) { r.Sweep.Student = distill.Values{"mlp:2", "mlq:4"} }, "cell mlq:4", "mlq"},
		{func(r *distill.Recipe) { r.Sweep.Student = distill.Values{"mlp:2", `mlp:4" x: "`} }, "cell", "mlp"},
		{func(r *distill.Recipe) { r.Sweep.Loss = distill.Values{"classic", "guess"} }, "--loss", "guess"},
		{func(r *distill.Recipe) { r.Sweep.Vary = distill.Vary{"train.speed": {"1", "2"}} }, "--vary train.speed", "no key"},
		{func(r *distill.Recipe) { r.Sweep.Vary = distill.Vary{"data.train": {"a", "b"}} }, "--vary data.train", "student, loss or train"},
		{func(r *distill.Recipe) { r.Sweep.Vary = distill.Vary{"train.seed": {"1", "2"}} }, "--vary train.seed", "--seeds"},
		{func(r *distill.Recipe) { r.Sweep.Vary = distill.Vary{"loss.hint": {"a=b", "c=d"}} }, "--vary loss.hint", "one place"},
		{func(r *distill.Recipe) { r.Sweep.Vary = distill.Vary{"train.lr": {"1", "2"}} }, "--vary train.lr", "twice"},
		{func(r *distill.Recipe) { r.Sweep.Vary = distill.Vary{"train.ema": nil} }, "--vary train.ema", "no values"},
		{func(r *distill.Recipe) { r.Sweep.Vary = distill.Vary{"train.epochs": {"1", "2.5"}} }, "--vary train.epochs", "whole number"},
		{func(r *distill.Recipe) { r.Sweep.Vary = distill.Vary{"": {"1"}} }, "--vary", "student, loss or train"},
		{func(r *distill.Recipe) {
			r.Sweep.Vary, r.Sweep.Method = distill.Vary{"train.epochs": {"1", "2"}}, "halving"
		}, "--vary train.epochs", "cannot vary"},
		{func(r *distill.Recipe) { r.Sweep.Method = "bayes" }, "--method", "grid, random, halving"},
		{func(r *distill.Recipe) { r.Sweep.Method = "random" }, "--cells", "missing"},
		{func(r *distill.Recipe) { r.Sweep.Method, r.Sweep.Cells = "grid", 3 }, "--cells", "beside"},
		{func(r *distill.Recipe) { r.Sweep.Cells = -1 }, "--cells", "-1"},
		{func(r *distill.Recipe) { r.Sweep.Cells = 1 << 40 }, "--cells", "10000"},
		{func(r *distill.Recipe) { r.Sweep.Method, r.Sweep.Eta = "halving", 1 }, "--eta", "got 1"},
		{func(r *distill.Recipe) { r.Sweep.Method, r.Sweep.FirstEpochs = "halving", 5 }, "--first-epochs", "got 5"},
		{func(r *distill.Recipe) { r.Sweep.Seeds = -2 }, "--seeds", "got -2"},
		{func(r *distill.Recipe) { r.Sweep.Seeds = 0 }, "--seeds", "got 0, expected a number from 1 to 1000"},
		{func(r *distill.Recipe) { r.Sweep.Parallel = 5000 }, "--parallel", "5000"},
		{func(r *distill.Recipe) { r.Sweep.HoldOut = 1 }, "--hold-out", "got 1"},
		{func(r *distill.Recipe) { r.Sweep.HoldOut = math.NaN() }, "--hold-out", "NaN"},
		{func(r *distill.Recipe) { r.Sweep.Output = "" }, "-o", "empty"},
		{func(r *distill.Recipe) { r.Teacher.Model = distill.NoTeacher }, "--teacher", "teaches"},
		{func(r *distill.Recipe) {
			r.Sweep.Vary = distill.Vary{"train.momentum": many(500), "train.ema": many(500)}
		}, "sweep", "combinations"},
	} {
		r := base(problem)
		r.Sweep.Output = t.TempDir()
		c.change(&r)
		p, err := FromRecipe(r)
		if err == nil {
			_, err = Run(t.Context(), p, (&logged{}).env(problem))
		}
		faulttest.Want(t, err, fault.Usage, c.flag, c.text)
	}
}

// many are n values from 0 to below 1.
func many(n int) (v distill.Values) {
	for i := range n {
		v = append(v, strconv.FormatFloat(float64(i)/float64(n), 'g', -1, 64))
	}
	return v
}

// TestRungs holds the rungs against those worked out by hand.
func TestRungs(t *testing.T) {
	for _, c := range []struct {
		cells, epochs, eta, first int
		want                      []int
	}{
		{27, 27, 3, 1, []int{1, 3, 9, 27}},
		{27, 27, 3, 2, []int{3, 9, 27}},
		{8, 27, 3, 1, []int{9, 27}},
		{8, 20, 2, 1, []int{2, 5, 10, 20}},
		{2, 5, 3, 1, []int{5}},
		{1000, 4, 4, 1, []int{1, 4}},
		{1000, 1, 2, 1, []int{1}},
	} {
		if got := (Halving{c.eta, c.first}).rungs(c.cells, c.epochs); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
