// Package schedule leads a setting of a loss (T, α or β) over training: from
// step to step, as one text says, such as "linear:1" or "warmup:5". Each way is
// one file that registers itself by name; its shape is a learning rate's, of
// student/optim.
package schedule

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student/optim"
)

// Entry is one way in which a setting runs.
type Entry struct {
	Name string
	Form string // how it is written, such as "linear:END[,LENGTH]"
	Doc  string // one line for lists

	// shape falls from 1 at step 0 to 0 at step n−1 and stays there; nil: the
	// setting never changes.
	shape func(n uint64) optim.Schedule
	rises bool   // ends at the setting, instead of beginning there
	line  string // of words: "linear" in "8 → 1 linear over 20 epochs"
}

var registry = map[string]Entry{}

func register(e Entry) { registry[e.Name] = e }

// Entries lists the ways by name.
func Entries() []Entry {
	list := make([]Entry, 0, len(registry))
	for _, e := range registry {
		list = append(list, e)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Schedule is how one setting runs. The zero value is constant. It goes between
// the setting and one more number, at which it ends or, where it rises,
// begins; what it ends at stays.
type Schedule struct {
	entry  Entry
	other  float64
	length length
}

// length is how long a setting changes: the whole run unless epochs or steps
// are given.
type length struct {
	epochs float64
	steps  uint64
}

// Bounds of what a length says.
const (
	maxEpochs = 1e6
	maxSteps  = 1e12
)

// Parse reads "constant", "linear:END", "cosine:END", each perhaps with ",LENGTH"
// behind it for a part of the run, or "warmup:LENGTH" or "warmup:LENGTH,START".
// A length is epochs, such as 5 or 0.5, or steps, such as 200steps. An empty
// text is constant. Whatever else is a fault.Usage that names the flag.
func Parse(flag, text string) (Schedule, error) {
	if text == "" {
		text = "constant"
	}
	name, rest, given := strings.Cut(text, ":")
	e, known := registry[name]
	if !known {
		var forms []string
		for _, e := range Entries() {
			forms = append(forms, e.Form)
		}
		return Schedule{}, fault.New(fault.Usage, "", flag, "got %q, expected one of %s", text, strings.Join(forms, ", "))
	}
	s := Schedule{entry: e}
	if err := s.read(rest, given); err != nil {
		return Schedule{}, fault.New(fault.Usage, "", flag, "got %q, expected %s: %w", text, e.Form, err)
	}
	return s, nil
}

// read reads what stands behind the colon.
func (s *Schedule) read(rest string, given bool) (err error) {
	if s.Constant() {
		if given {
			return fmt.Errorf("nothing stands behind it")
		}
		return nil
	}
	args := strings.Split(rest, ",")
	if !given || len(args) > 2 {
		return fmt.Errorf("one number or two stand behind it")
	}
	number, long := args[0], args[1:]
	if s.entry.rises {
		number, long = "0", args[:1]
		if len(args) == 2 {
			number = args[1]
		}
	}
	if s.other, err = strconv.ParseFloat(number, 64); err != nil || math.IsNaN(s.other) || math.IsInf(s.other, 0) {
		return fmt.Errorf("%q is not a number", number)
	}
	if len(long) == 1 {
		return s.length.read(long[0])
	}
	return nil
}

func (l *length) read(text string) error {
	if steps, ok := strings.CutSuffix(text, "steps"); ok {
		n, err := strconv.ParseUint(steps, 10, 64)
		if err != nil || n < 1 || n > maxSteps {
			return fmt.Errorf("%q is not a length from 1steps to %.0fsteps", text, maxSteps)
		}
		l.steps = n
		return nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x > 0 && x <= maxEpochs) {
		return fmt.Errorf("%q is not a length in epochs, above 0 and at most %.0f, or in steps, such as 200steps", text, maxEpochs)
	}
	l.epochs = x
	return nil
}

// in is the length in steps of a run, 1 at least.
func (l length) in(r Run) uint64 {
	switch {
	case l.steps > 0:
		return l.steps
	case l.epochs > 0:
		return uint64(max(1, math.Round(l.epochs*float64(r.PerEpoch))))
	}
	return uint64(max(1, r.Epochs*r.PerEpoch))
}

// Run is the length of a training.
type Run struct{ Epochs, PerEpoch int } // steps an epoch

// Constant tells whether the setting never changes.
func (s Schedule) Constant() bool { return s.entry.shape == nil }

// Ends are the values between which all those of a run lie: where it begins,
// and where it ends or would end if the run were long enough.
func (s Schedule) Ends(setting float64) (from, to float64) {
	switch {
	case s.Constant():
		return setting, setting
	case s.entry.rises:
		return s.other, setting
	}
	return setting, s.other
}

// Over is the setting at each step of a run, counted from 0. It is a pure
// function: a resumed run needs no state of it.
func (s Schedule) Over(setting float64, r Run) func(step uint64) float64 {
	if s.Constant() {
		return func(uint64) float64 { return setting }
	}
	from, to := s.Ends(setting)
	left := s.entry.shape(s.length.in(r))
	return func(step uint64) float64 {
		share := left(step)
		if share == 1 {
			return from
		}
		return min(max(to+float64((from-to)*share), min(from, to)), max(from, to))
	}
}

// String is the schedule as Parse reads it.
func (s Schedule) String() string {
	if s.Constant() {
		return "constant"
	}
	number, long := text(s.other), s.length.String()
	switch {
	case s.entry.rises && s.other == 0:
		return s.entry.Name + ":" + long
	case s.entry.rises:
		return s.entry.Name + ":" + long + "," + number
	case long == "":
		return s.entry.Name + ":" + number
	}
	return s.entry.Name + ":" + number + "," + long
}

func (l length) String() string {
	switch {
	case l.steps > 0:
		return strconv.FormatUint(l.steps, 10) + "steps"
	case l.epochs > 0:
		return text(l.epochs)
	}
	return ""
}

// Words say how a setting runs, such as "8 → 1 linear over 20 epochs"; nothing
// of one that is constant.
func (s Schedule) Words(setting float64, epochs int) string {
	if s.Constant() {
		return ""
	}
	from, to := s.Ends(setting)
	over := "over " + plural(float64(epochs), "epoch")
	switch l := s.length; {
	case l.steps > 0:
		over = "over the first " + plural(float64(l.steps), "step")
	case l.epochs > float64(epochs):
		over = fmt.Sprintf("over %s, of which the run has %d", plural(l.epochs, "epoch"), epochs)
	case l.epochs > 0:
		over = "over the first " + plural(l.epochs, "epoch")
	}
	return text(from) + " → " + text(to) + " " + s.entry.line + " " + over
}

func plural(n float64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return text(n) + " " + unit + "s"
}

// text prints a number in the fewest digits that give it back.
func text(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
