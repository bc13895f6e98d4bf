package schedule

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// sample is one example of every way, by name, with its values by hand. A way
// without one fails TestValues.
var samples = map[string]struct {
	text  string
	run   Run
	want  map[uint64]float64 // of a setting of 8
	words string
}{
	"constant": {"constant", Run{20, 10}, map[uint64]float64{0: 8, 7: 8, 199: 8}, ""},
	// 201 steps: 8 − 7·step/200
	"linear": {"linear:1", Run{3, 67}, map[uint64]float64{0: 8, 50: 6.25, 100: 4.5, 150: 2.75, 200: 1}, "8 → 1 linear over 3 epochs"},
	// 4 steps, then the end: 1 + 7·(1 + cos(π·step/3))/2, cos(π/3) = ½
	"cosine": {"cosine:1,2", Run{20, 2}, map[uint64]float64{0: 8, 1: 6.25, 2: 2.75, 3: 1, 39: 1}, "8 → 1 along half a cosine over the first 2 epochs"},
	// 8·min((step+1)/20, 1)
	"warmup": {"warmup:5", Run{20, 4}, map[uint64]float64{0: 0.4, 3: 1.6, 9: 4, 19: 8, 20: 8, 79: 8}, "0 → 8 linear over the first 5 epochs"},
}

func TestValues(t *testing.T) {
	for _, e := range Entries() {
		c, ok := samples[e.Name]
		if !ok {
			t.Errorf("%s has no sample", e.Name)
			continue
		}
		s := parse(t, c.text)
		at := s.Over(8, c.run)
		for step, want := range c.want {
			if got := at(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s at step %d: got %v, want %v", c.text, step, got, want)
			}
		}
		if got := s.Words(8, c.run.Epochs); got != c.words {
			t.Errorf("%s: words are %q, want %q", c.text, got, c.words)
		}
		if e.Doc == "" || !strings.HasPrefix(e.Form, e.Name) {
			t.Errorf("%s has no line for lists, or another form: %+v", e.Name, e)
		}
	}
}

// TestWarmupOfDKD: at the end of every epoch α is α·min(epoch/20, 1), whatever
// the number of steps.
func TestWarmupOfDKD(t *testing.T) {
	for _, perEpoch := range []int{1, 7, 391} {
		at := parse(t, "warmup:20").Over(0.9, Run{240, perEpoch})
		for epoch := 1; epoch <= 240; epoch++ {
			want := 0.9 * math.Min(float64(epoch)/20, 1)
			if got := at(uint64(epoch*perEpoch - 1)); math.Abs(got-want) > 1e-12 {
				t.Fatalf("%d steps an epoch, end of epoch %d: got %v, want %v", perEpoch, epoch, got, want)
			}
		}
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"linear:1,30":               "8 → 1 linear over 30 epochs, of which the run has 20",
		"linear:0.5,1":              "8 → 0.5 linear over the first 1 epoch",
		"warmup:200steps,2":         "2 → 8 linear over the first 200 steps",
		"cosine:1":                  "8 → 1 along half a cosine over 20 epochs",
		"warmup:0.25":               "0 → 8 linear over the first 0.25 epochs",
		"linear:8":                  "8 → 8 linear over 20 epochs",
		"linear:1e3,1000000":        "8 → 1000 linear over 1e+06 epochs, of which the run has 20",
		"warmup:1000000000000steps": "0 → 8 linear over the first 1e+12 steps",
	} {
		if got := parse(t, text).Words(8, 20); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"tuesdays":                  `got "tuesdays", expected one of constant, cosine:END[,LENGTH], linear:END[,LENGTH], warmup:LENGTH[,START]`,
		"constant:1":                "nothing stands behind it",
		"linear":                    "expected linear:END[,LENGTH]: one number or two stand behind it",
		"linear:":                   `"" is not a number`,
		"linear:1,2,3":              "one number or two",
		"linear:x":                  `"x" is not a number`,
		"linear:NaN":                `"NaN" is not a number`,
		"cosine:Inf":                `"Inf" is not a number`,
		"linear:1,0":                `"0" is not a length`,
		"linear:1,-5":               `"-5" is not a length`,
		"linear:1,NaN":              `"NaN" is not a length`,
		"linear:1,":                 `"" is not a length`,
		"warmup:0steps":             `"0steps" is not a length from 1steps`,
		"warmup:1.5steps":           `"1.5steps" is not a length`,
		"warmup:2000000":            "at most 1000000",
		"warmup":                    "expected warmup:LENGTH[,START]",
		"warmup:5,x":                `"x" is not a number`,
		"warmup:1000000000001steps": "is not a length",
		"Linear:1":                  "expected one of",
	} {
		_, err := Parse("--temperature-schedule", text)
		if err == nil || fault.KindOf(err) != fault.Usage || !strings.HasPrefix(err.Error(), "--temperature-schedule: got ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// TestAnySchedule: every value lies between the ends, the first and the last of
// the length are the ends themselves, to the bit, the way is monotone, one that
// goes nowhere is constant to the bit, and the text is read back as it is
// written.
func TestAnySchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		setting := rapid.Float64Range(0, 1000).Draw(t, "setting")
		other := rapid.OneOf(rapid.Float64Range(0, 1000), rapid.Just(setting)).Draw(t, "other")
		run := Run{rapid.IntRange(1, 30).Draw(t, "epochs"), rapid.IntRange(1, 30).Draw(t, "steps")}
		long := rapid.SampledFrom([]string{"", ",3", ",0.3", ",17steps", ",1steps"}).Draw(t, "length")
		form := rapid.SampledFrom([]string{"linear", "cosine", "warmup"}).Draw(t, "form")
		in := form + ":" + text(other) + long
		if form == "warmup" {
			in = form + ":" + strings.TrimPrefix(long+",", ",") + text(other)
			if long == "" {
				in = form + ":" + text(float64(run.Epochs)) + "," + text(other)
			}
		}
		s, err := Parse("--alpha-schedule", in)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse("", s.String()); err != nil || again.String() != s.String() {
			t.Fatalf("%s is written as %s: %v", in, s, err)
		}
		from, to := s.Ends(setting)
		n := s.length.in(run)
		at := s.Over(setting, run)
		if got := at(n - 1); got != to && n > 1 {
			t.Fatalf("%s: the last step has %v, want %v", in, got, to)
		}
		if got := at(0); form != "warmup" && got != from {
			t.Fatalf("%s: the first step has %v, want %v", in, got, from)
		}
		before := from
		for step := range n + 5 {
			got := at(step)
			if got < min(from, to) || got > max(from, to) || (got-before)*(to-from) < 0 {
				t.Fatalf("%s: step %d has %v after %v, want between %v and %v", in, step, got, before, from, to)
			}
			before = got
		}
	})
}

func parse(t *testing.T, text string) Schedule {
	t.Helper()
	s, err := Parse("--alpha-schedule", text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
