package loss

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

func TestSettingsAreChecked(t *testing.T) {
	beta := func(x float64) *float64 { return &x }
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		s    Settings
		want string // the whole message; empty when the settings are good
	}{
		{Settings{Temperature: 0.01, Alpha: 1}, ""},
		{Settings{Temperature: 1000, Alpha: 0}, ""},
		{Settings{Temperature: 4, Alpha: 0, Beta: beta(2)}, ""},
		{Settings{Temperature: 4, Alpha: 7, Beta: beta(0)}, ""},
		{Settings{Temperature: 0, Alpha: 1}, "--temperature: got 0, want a number in [0.01, 1000]"},
		{Settings{Temperature: -1, Alpha: 1}, "--temperature: got -1, want a number in [0.01, 1000]"},
		{Settings{Temperature: nan, Alpha: 1}, "--temperature: got NaN, want a number in [0.01, 1000]"},
		{Settings{Temperature: inf, Alpha: 1}, "--temperature: got +Inf, want a number in [0.01, 1000]"},
		{Settings{Temperature: 1e-30, Alpha: 1}, "--temperature: got 1e-30, want a number in [0.01, 1000]"},
		{Settings{Temperature: 1e30, Alpha: 1}, "--temperature: got 1e+30, want a number in [0.01, 1000]"},
		{Settings{Temperature: 4, Alpha: -0.1}, "--alpha: got -0.1, want a number in [0, 1] (beta is 1-alpha; give --beta to weigh both freely)"},
		{Settings{Temperature: 4, Alpha: 1.1}, "--alpha: got 1.1, want a number in [0, 1] (beta is 1-alpha; give --beta to weigh both freely)"},
		{Settings{Temperature: 4, Alpha: nan}, "--alpha: got NaN, want a number in [0, 1] (beta is 1-alpha; give --beta to weigh both freely)"},
		{Settings{Temperature: 4, Alpha: inf, Beta: beta(1)}, "--alpha: got +Inf, want a number in [0, 1e6]"},
		{Settings{Temperature: 4, Alpha: -1, Beta: beta(1)}, "--alpha: got -1, want a number in [0, 1e6]"},
		{Settings{Temperature: 4, Alpha: 1, Beta: beta(-1)}, "--beta: got -1, want a number in [0, 1e6]"},
		{Settings{Temperature: 4, Alpha: 1, Beta: beta(nan)}, "--beta: got NaN, want a number in [0, 1e6]"},
		{Settings{Temperature: 4, Alpha: 1, Beta: beta(inf)}, "--beta: got +Inf, want a number in [0, 1e6]"},
		{Settings{Temperature: 4, Alpha: 0, Beta: beta(0)}, "--alpha and --beta: got 0, want at least one above 0"},
	} {
		for _, name := range []string{"classic", "classic-ce"} {
			l, err := New(name, c.s)
			switch {
			case c.want == "" && (err != nil || l == nil):
				t.Errorf("%s %+v is refused: %v", name, c.s, err)
			case c.want != "" && (err == nil || err.Error() != c.want || fault.KindOf(err) != fault.Usage || l != nil):
				t.Errorf("%s %+v: got loss %v and error %v, want %q", name, c.s, l, err, c.want)
			}
		}
	}
}

func TestUnknownLoss(t *testing.T) {
	_, err := New("dkd?", Settings{})
	if err == nil || fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), `--loss: got "dkd?", want one of classic, classic-ce, dist, dkd, hard-label`) {
		t.Errorf("got %v", err)
	}
}

func TestRegisterTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a name registered twice does not panic")
		}
	}()
	Register(Entry{Name: "classic", New: func(Settings) (Loss, error) { return nil, nil }})
}

// Check names the row and class that made a loss not finite, and Eval does
// not hide it.
func TestCheckNamesTheRow(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name   string
		change func(*Batch)
		kind   fault.Kind
		want   string
	}{
		{"student NaN", func(b *Batch) { b.Student[4] = nan }, fault.Diverged, "row 1 of the batch: got student logit NaN for class 1, want a finite number"},
		{"student Inf", func(b *Batch) { b.Student[0] = inf }, fault.Diverged, "row 0 of the batch: got student logit +Inf for class 0, want a finite number"},
		{"teacher NaN", func(b *Batch) { b.Teacher[3] = nan }, fault.Input, "row 1 of the batch: got teacher logit NaN for class 0, want a finite number or -Inf"},
		{"teacher Inf", func(b *Batch) { b.Teacher[5] = inf }, fault.Input, "row 1 of the batch: got teacher logit +Inf for class 2, want a finite number or -Inf"},
		{"teacher all -Inf", func(b *Batch) { b.Teacher[6], b.Teacher[7], b.Teacher[8] = -inf, -inf, -inf }, fault.Input, "row 2 of the batch: got teacher logits that are all -Inf, want one finite at least"},
	} {
		b := goldenBatch()
		c.change(&b)
		err := b.Check()
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != c.kind || err.Error() != c.want {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if got := classic(t, 4, 0.5).Eval(b, make([]float32, 12)).Total; !math.IsNaN(got) && !math.IsInf(got, 0) {
			t.Errorf("%s: the loss is %v, want it not finite", c.name, got)
		}
	}
	b := goldenBatch()
	b.Labels[3] = 3
	if err := b.Check(); err == nil || err.Error() != "row 3 of the batch: got label 3, want -1 or a class below 3" {
		t.Errorf("label: got %v", err)
	}
}

func BenchmarkClassic(b *testing.B) {
	for _, size := range []struct {
		name string
		n, c int
	}{{"128x10", 128, 10}, {"128x1000", 128, 1000}} {
		b.Run(size.name, func(b *testing.B) {
			batch := randomBatch(1, size.n, size.c)
			l, err := NewClassic(Settings{Temperature: 4, Alpha: 0.9})
			if err != nil {
				b.Fatal(err)
			}
			grad := make([]float32, size.n*size.c)
			b.ReportAllocs()
			for b.Loop() {
				l.Eval(batch, grad)
			}
		})
	}
}
