// Package loss holds the training losses of a student: the value, and the
// gradient with respect to the student's logits. Each loss is one file that
// registers itself by name.
//
// # Notation
//
// z are the student's logits and v the teacher's, both (N, C); T is the
// temperature; p = softmax(v/T), q = softmax(z/T); y is the hard label; α
// weighs the soft loss and β the hard loss. Where a row is no class but C labels
// of yes or no, v and z are a logit each, and V is 0 or 1; where it is C
// numbers, v, z and V are these. Each loss is of one such task.
//
// # Invariants
//
// Values and gradients are means over the N rows of the batch, whether or not
// a row has a label; what a row lacks adds 0. Everything is
// computed in float64 and in the log domain: for finite logits of any size
// and T in [0.01, 1000] no value is NaN or infinite. Teacher logits may be
// -Inf (probability 0). Rows are summed in order and the exponential is the
// package's own, so one build gives the same bits whatever GOMAXPROCS is and
// whether or not the processor has fused multiply-add.
package loss

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Unlabelled is the label of a row that has none.
const Unlabelled int32 = -1

// The ranges that Settings accepts.
const (
	MinTemperature = 0.01
	MaxTemperature = 1000
	MaxWeight      = 1e6 // keeps α·T·(q−p) far inside float32
)

// Batch is one mini-batch of outputs. A row may lack a label; all rows have a
// teacher's or none has.
type Batch struct {
	N, C    int
	Student []float32 // (N, C) logits or numbers z
	Teacher []float32 // (N, C) logits or numbers v; nil when no row has them
	Labels  []int32   // (N) class, or Unlabelled; nil when no row has one
	Values  []float32 // (N, C) labels in [0, 1] or numbers V, NaN where not known; nil for classes, or when no row has one

	// Where rows are mixed with others, the hard target of a row is
	// λ·onehot(Labels) + (1−λ)·onehot(Others), λ being its share; a label that
	// is missing takes its part with it. Teacher is mixed already: see Mixer.
	Others []int32   // (N) class of the row mixed in, or Unlabelled; nil when rows are not mixed
	Shares []float32 // (N) λ in [0, 1]; nil with Others
}

// Terms are means over the batch. Total is what is minimised: α·T²·Soft +
// β·Hard of Classic and MultiLabel, whose Soft is the KL alone, and α·Soft +
// β·Hard of all others.
//
// SoftGradient and HardGradient tell how hard each term pulls: the root mean
// square over the N rows of the L2 norm of the gradient that a row's part of
// the weighted term, such as α·T²·KL(p_i ‖ q_i), has with respect to the
// row's logits, before the division by N. So they do not depend on N, and
// those of parts of a batch join as their squares' means do. A row that lacks
// a term counts as 0.
type Terms struct {
	Total        float64 `json:"total"`
	Soft         float64 `json:"soft"`
	Hard         float64 `json:"hard"`
	SoftGradient float64 `json:"soft_gradient"`
	HardGradient float64 `json:"hard_gradient"`
}

// Loss is one training loss with its settings. A Loss keeps scratch memory:
// it is not safe for concurrent use, and allocates only when C grows.
type Loss interface {
	// Name is the name that the loss is registered under.
	Name() string
	// Formula is the loss as it is computed, with its settings filled in.
	Formula() string
	// Eval returns the terms and, unless grad is nil, overwrites grad (N, C)
	// with ∂Total/∂z. It panics when a slice of b or grad does not have the
	// length that N and C say, or a label is outside [-1, C). Terms are NaN
	// or infinite only if a logit is (see Batch.Check).
	Eval(b Batch, grad []float32) Terms
	// Set changes T, α and β from the next Eval on. A loss leaves alone what it
	// has no use for.
	Set(Weights)
}

// Settings configure every loss; a loss leaves alone what it has no use for.
type Settings struct {
	Temperature float64  // T in [MinTemperature, MaxTemperature]
	Alpha       float64  // α ≥ 0; at most 1 when Beta is nil
	Beta        *float64 // β ≥ 0; nil is the weighted average β = 1−α
	Schedules   Schedules

	Smoothing   float64            // ε of label smoothing in the hard term, from 0, below 1
	Standardise bool               // logits are standardised by row before the soft term, see Distilling
	Own         map[string]float64 // numbers of this loss alone, by name, see Entry.Own

	Delta float64   // δ of Huber's loss, in deviations of a target; 0 is DefaultDelta
	Scale []float32 // (C) deviation of each number, by which its errors are divided; nil is 1
}

func (s Settings) checkSmoothing() error {
	if !(s.Smoothing >= 0 && s.Smoothing < 1) {
		return usage("--label-smoothing", s.Smoothing, "a number from 0, below 1")
	}
	return nil
}

func usage(flag string, got float64, want string) error {
	return fault.New(fault.Usage, "", flag, "got %v, want %s", got, want)
}

// Entry is one registered loss.
type Entry struct {
	Name string
	Task dataset.Task
	Doc  string // one line for lists
	Own  []Own  // numbers of its own
	// Lacks are those of "temperature", "alpha" and "beta" that the loss has no use for.
	Lacks []string
	// Standardisable tells whether "std+" may stand before the name.
	Standardisable bool
	New            func(Settings) (Loss, error)
}

// checkSchedules refuses a schedule of what the loss has not.
func (e Entry) checkSchedules(s Schedules) error {
	for _, c := range []struct{ name, words string }{{"temperature", s.Temperature}, {"alpha", s.Alpha}, {"beta", s.Beta}} {
		if c.words != "" && slices.Contains(e.Lacks, c.name) {
			return fault.New(fault.Usage, "", "--"+c.name+"-schedule", "got %s: %s, but the loss %s has no %s", c.name, c.words, e.Name, c.name)
		}
	}
	return nil
}

// Own is a number that one loss alone has: it is given behind the name, as in
// "dkd:nontarget=8".
type Own struct {
	Name    string
	Default float64
	Doc     string
}

var registry = map[string]Entry{}

// Register makes a loss known by name. Call it from init; it panics on a name
// given twice.
func Register(e Entry) {
	if _, dup := registry[e.Name]; dup || e.Name == "" || e.New == nil {
		panic(fmt.Sprintf("loss: bad or duplicate registration %q", e.Name))
	}
	registry[e.Name] = e
}

// Entries lists the registered losses by name.
func Entries() []Entry {
	list := make([]Entry, 0, len(registry))
	for _, e := range registry {
		list = append(list, e)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Of lists the losses of a task by name.
func Of(task dataset.Task) []Entry {
	return slices.DeleteFunc(Entries(), func(e Entry) bool { return e.Task != task })
}

// Default is the name of the loss of a task that is used unless another is
// asked for.
func Default(task dataset.Task) string {
	switch task {
	case dataset.MultiLabel:
		return "multi-label"
	case dataset.Regression:
		return "regression"
	}
	return "classic"
}

// Suits tells whether the loss of that name is one of the task, with so many
// outputs, 0 where that is not known yet; if not it is a fault.Usage that lists
// those that are. Two logits in standard form are ±√½ whatever they were: of
// fewer than three classes nothing is left to learn.
func Suits(name string, task dataset.Task, outputs int) error {
	if e, known := registry[baseName(name)]; known && e.Task == task {
		if outputs > 0 && outputs < 3 && strings.HasPrefix(name, standardPrefix) {
			return fault.New(fault.Usage, "", "--loss", "got %q for %d classes, expected at least 3: standardising two logits leaves which is larger, and no gradient; %s alone keeps the rest", name, outputs, e.Name)
		}
		return nil
	}
	what := string(task)
	if task == dataset.MultiClass {
		what = "multi-class"
	}
	return fault.New(fault.Usage, "", "--loss", "got %q, which is not for %s, expected one of %s", name, what, names(Of(task)))
}

// names joins the names of entries.
func names(entries []Entry) string {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.Name
	}
	return strings.Join(list, ", ")
}

// New makes the loss that text names: a registered name, perhaps numbers of its
// own behind a colon ("dkd:target=1,nontarget=8"), and perhaps "std+" before it
// for logits standardised by row. An unknown name or a setting outside its range
// is a fault.Usage that names the flag, the value and the range.
func New(text string, s Settings) (Loss, error) {
	e, err := s.parse(text)
	if err != nil {
		return nil, err
	}
	if err := e.checkSchedules(s.Schedules); err != nil {
		return nil, err
	}
	l, err := e.New(s)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Check explains a batch whose loss is not finite: it returns the first row
// and class that cannot be trained on, as fault.Diverged when the student's
// logit is at fault and fault.Input when the teacher's or the label is.
func (b Batch) Check() error {
	b.mustFit(nil)
	for i := range b.N {
		if y := b.label(i); y < Unlabelled || int(y) >= b.C {
			return fault.New(fault.Input, "", fmt.Sprintf("row %d of the batch", i), "got label %d, want -1 or a class below %d", y, b.C)
		}
		if b.Others != nil && (b.Others[i] < Unlabelled || int(b.Others[i]) >= b.C) {
			return fault.New(fault.Input, "", fmt.Sprintf("row %d of the batch", i), "got label %d of the row mixed in, want -1 or a class below %d", b.Others[i], b.C)
		}
		for c, z := range b.Student[i*b.C : (i+1)*b.C] {
			if z64 := float64(z); math.IsNaN(z64) || math.IsInf(z64, 0) {
				return fault.New(fault.Diverged, "", fmt.Sprintf("row %d of the batch", i), "got student logit %v for class %d, want a finite number", z, c)
			}
		}
		v := b.teacher(i)
		if v == nil {
			continue
		}
		for c, x := range v {
			if x64 := float64(x); math.IsNaN(x64) || math.IsInf(x64, 1) {
				return fault.New(fault.Input, "", fmt.Sprintf("row %d of the batch", i), "got teacher logit %v for class %d, want a finite number or -Inf", x, c)
			}
		}
		if math.IsInf(float64(slices.Max(v)), -1) {
			return fault.New(fault.Input, "", fmt.Sprintf("row %d of the batch", i), "got teacher logits that are all -Inf, want one finite at least")
		}
	}
	return nil
}

// mustFit panics when a slice does not have the length that N and C say.
func (b Batch) mustFit(grad []float32) {
	ok := b.N >= 0 && b.C > 0 && len(b.Student) == b.N*b.C &&
		(b.Teacher == nil || len(b.Teacher) == b.N*b.C) &&
		(b.Labels == nil || len(b.Labels) == b.N) &&
		(b.Values == nil || len(b.Values) == b.N*b.C) &&
		(b.Others == nil && b.Shares == nil || len(b.Others) == b.N && len(b.Shares) == b.N) &&
		(grad == nil || len(grad) == b.N*b.C)
	if !ok {
		panic(fmt.Sprintf("loss: batch (%d, %d) has %d student and %d teacher logits, %d labels, %d values, %d others, %d shares and %d gradients",
			b.N, b.C, len(b.Student), len(b.Teacher), len(b.Labels), len(b.Values), len(b.Others), len(b.Shares), len(grad)))
	}
}

// teacher returns row i of the teacher's logits, or nil when there is none.
func (b Batch) teacher(i int) []float32 {
	if b.Teacher == nil {
		return nil
	}
	return b.Teacher[i*b.C : (i+1)*b.C]
}

func (b Batch) label(i int) int32 {
	if b.Labels == nil {
		return Unlabelled
	}
	return b.Labels[i]
}

// value is value i of Values, (N, C), or NaN where there are none.
func (b Batch) value(i int) float32 {
	if b.Values == nil {
		return float32(math.NaN())
	}
	return b.Values[i]
}

// hardTarget is the label of row i and the one mixed into it, each with its
// weight, which is 0 where there is none.
func (b Batch) hardTarget(i int) [2]weightedClass {
	t := [2]weightedClass{{b.label(i), 1}, {Unlabelled, 0}}
	if b.Others != nil {
		share := float64(b.Shares[i])
		t[0].w, t[1] = share, weightedClass{b.Others[i], 1 - share}
	}
	for k, c := range t {
		if c.y < Unlabelled || int(c.y) >= b.C {
			panic(fmt.Sprintf("loss: row %d has label %d, want -1 or a class below %d", i, c.y, b.C))
		}
		if c.y == Unlabelled {
			t[k].w = 0
		}
	}
	return t
}

// weightedClass is a class and its weight in a hard target.
type weightedClass struct {
	y int32
	w float64
}

// number prints a setting in the fewest digits that give it back.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
