package teacher

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
)

// Level says how bad a Finding is.
type Level string

// The levels, the mildest first. With a problem there is no point in distilling
// before it is mended.
const (
	Fine    Level = "ok"
	Note    Level = "note"
	Warning Level = "warning"
	Problem Level = "problem"
)

var levels = []Level{Fine, Note, Warning, Problem}

// Finding is one thing that a look at a teacher showed.
type Finding struct {
	Level  Level  `json:"level"`
	Name   string `json:"name"`             // what was looked at, in a word
	Says   string `json:"says"`             // what was found
	Advice string `json:"advice,omitempty"` // what to do about it
}

// Diagnosis is what a look at a teacher showed. Shares are from 0 to 1.
type Diagnosis struct {
	Teacher     string       `json:"teacher"`                // its file
	Rows        int          `json:"rows"`                   // that it was asked about
	Labelled    int          `json:"labelled"`               // of them
	Accuracy    *float64     `json:"accuracy,omitempty"`     // share of the known labels that it gives
	Low         *float64     `json:"accuracy_low,omitempty"` // 95 % interval of Accuracy (Wilson 1927)
	High        *float64     `json:"accuracy_high,omitempty"`
	R2          *float64     `json:"r2,omitempty"`           // of a regression
	Guessing    *float64     `json:"guessing,omitempty"`     // accuracy of always saying the commonest
	NearestMean *float64     `json:"nearest_mean,omitempty"` // of a classifier that knows only each class's mean row, on half of the rows
	Sure        *float64     `json:"mean_confidence,omitempty"`
	Saturated   *float64     `json:"saturated,omitempty"`   // share of the rows with a probability above 0.999
	ECE         *float64     `json:"ece,omitempty"`         // expected calibration error, 15 bins
	Temperature float64      `json:"temperature,omitempty"` // at which targets say something beside the class; 0: not known
	Confused    []Confused   `json:"confused,omitempty"`
	Tries       []Try        `json:"tries,omitempty"`      // preprocessings that were tried, the present one first
	Preprocess  string       `json:"preprocess,omitempty"` // of Tries what is clearly better, as --teacher-preprocess takes it
	Findings    []Finding    `json:"findings"`             // the worst first
	Contract    *Contract    `json:"contract,omitempty"`   // nil where none could be found
	Members     []*Diagnosis `json:"members,omitempty"`    // of an ensemble
}

// Confused is how often rows of one class are taken for another.
type Confused struct {
	Label string `json:"label"`
	Given string `json:"given"`
	Rows  int    `json:"rows"`
}

// DoctorOptions say how a teacher is looked at. The zero value is usable.
type DoctorOptions struct {
	Try         bool    // try the usual preprocessings though the present one looks right
	Temperature float64 // of the distillation that is meant; 0: UsualTemperature
}

// UsualTemperature is that of kdonnx distill.
const UsualTemperature = 4

const (
	againRows  = 128 // asked about again, to see whether it says the same
	glanceRows = 8   // the same for Glance
)

// Diagnose detects the contract and looks at what the teacher says of up to
// 2048 rows of src, fewer when they are large, labelled ones where there are
// any: whether it is right, more often than whoever guesses or knows only mean
// rows; what its targets teach; whether they are finite and always the same.
// Where it looks wrong, or the preprocessing was given, the usual ones are tried. What is bad of the
// teacher is a Finding and no error; errors are those of Detect.
func (t *Teacher) Diagnose(ctx context.Context, src dataset.Source, o DoctorOptions) (*Diagnosis, error) {
	d := &Diagnosis{Teacher: t.path}
	bad, err := t.detectAround(ctx, src)
	var given *noneFinite
	if err != nil && !errors.As(err, &given) {
		return nil, err
	}
	if t.contract == nil { // most rows are so
		d.Rows = bad.looked
		d.add(Problem, "finite", "the model is broken, or wants other values: --teacher-input and --teacher-preprocess give them", "%s", t.sayBad(ctx, src, bad.rows, len(bad.rows), bad.looked))
		return d, nil
	}
	t.seen = nil
	l, err := t.lookAt(ctx, src, lookAgain)
	if err != nil {
		return nil, err
	}
	s, err := t.measure(ctx, t.encode, l)
	if err != nil {
		return nil, err
	}
	d.ofFinite(ctx, t, src, l, s, bad)
	return d, t.examine(ctx, d, src, s, o, againRows, true)
}

// Glance is the short form of Diagnose: a look at the rows that Detect ran on,
// for hardly more than it takes to ask about a few of them again. It is for
// once after Detect.
func (t *Teacher) Glance(ctx context.Context, o DoctorOptions) (*Diagnosis, error) {
	d, s := &Diagnosis{Teacher: t.path}, t.seen
	if t.seen = nil; s == nil {
		if d.Contract = t.contract; d.Contract != nil {
			d.ofContract(d.Contract)
		}
		return d, nil
	}
	return d, t.examine(ctx, d, nil, s, o, glanceRows, false)
}

// examine adds all that finite targets show.
func (t *Teacher) examine(ctx context.Context, d *Diagnosis, src dataset.Source, s *answered, o DoctorOptions, again int, try bool) error {
	if o.Temperature == 0 {
		o.Temperature = UsualTemperature
	}
	c := t.contract
	d.Contract, d.Rows, d.Labelled = c, s.l.n+len(s.bad), s.l.labelled()
	if s.l.n == 0 {
		return nil
	}
	d.ofContract(c)
	var doubt bool
	switch c.Task {
	case dataset.Regression:
		doubt = d.ofValues(c, s)
	case dataset.MultiLabel:
		doubt = d.ofLabels(c, s)
	default:
		doubt = d.ofClasses(c, s, o.Temperature)
	}
	if d.Labelled == 0 && !c.Inside {
		d.add(Note, "labels", "give labelled rows, if only a hundred, and kdonnx can tell whether it is right", "no row has a label: nothing is known of how often it is right")
	}
	r, err := t.repeat(ctx, s.l.spread(again))
	if err != nil {
		return err
	}
	d.ofRepeats(r)
	for _, err := range t.restarts {
		d.add(Warning, "process", "", "the teacher process died while it was looked at, and went on after a restart: %v", err)
	}
	t.restarts = nil
	given := t.o.Preprocess != nil || t.o.Input != "" && t.o.Input != "auto" // so that Detect tried no other
	if try && d.Labelled > 0 && (o.Try || given || doubt && !d.has("class order")) {
		if err := t.tryUsual(ctx, d, src, s); err != nil {
			return err
		}
	} else if !try && d.has("accuracy") && !d.has("class order") {
		d.advise("accuracy", "kdonnx doctor with the same --teacher and --data tries the usual preprocessings")
	}
	d.sort()
	return nil
}

// sort puts the worst findings first.
func (d *Diagnosis) sort() {
	slices.SortStableFunc(d.Findings, func(a, b Finding) int {
		return slices.Index(levels, b.Level) - slices.Index(levels, a.Level)
	})
}

// detectAround is Detect without the rows that the teacher has no finite output
// for, which it returns. The contract stays nil where those are most.
func (t *Teacher) detectAround(ctx context.Context, src dataset.Source) (bad *noneFinite, err error) {
	const attempts = 4
	view, left := src, []int(nil) // positions of view's rows; nil: all
	for range attempts {
		_, err = t.Detect(ctx, view)
		var e *noneFinite
		if !errors.As(err, &e) {
			return bad, err
		}
		few := 2*len(e.rows) < e.looked
		if left == nil {
			left = make([]int, src.Len())
			for i := range left {
				left[i] = i
			}
		}
		drop := map[int]bool{}
		for i, r := range e.rows {
			e.rows[i], drop[r] = left[r], true
		}
		if bad == nil {
			bad = e
		} else {
			bad.rows = append(bad.rows, e.rows...)
		}
		if !few {
			break
		}
		kept := left[:0:0]
		for i, r := range left {
			if !drop[i] {
				kept = append(kept, r)
			}
		}
		left = kept
		view = dataset.Subset(src, left)
	}
	return bad, err
}

// add adds a finding.
func (d *Diagnosis) add(level Level, name, advice, format string, args ...any) {
	d.Findings = append(d.Findings, Finding{level, name, fmt.Sprintf(format, args...), advice})
}

// advise adds advice to a finding.
func (d *Diagnosis) advise(name, advice string) {
	for i := range d.Findings {
		if f := &d.Findings[i]; f.Name == name {
			if f.Advice != "" {
				f.Advice += "; "
			}
			f.Advice += advice
			return
		}
	}
}

// has tells whether there is a finding of the name that is not fine.
func (d *Diagnosis) has(name string) bool {
	return slices.ContainsFunc(d.Findings, func(f Finding) bool { return f.Name == name && f.Level != Fine })
}

// count is how many findings have the level.
func (d *Diagnosis) count(l Level) int {
	n := 0
	for _, f := range d.Findings {
		if f.Level == l {
			n++
		}
	}
	return n
}

// Worst is the level of the worst finding.
func (d *Diagnosis) Worst() Level {
	worst := Fine
	for _, f := range d.Findings {
		if slices.Index(levels, f.Level) > slices.Index(levels, worst) {
			worst = f.Level
		}
	}
	return worst
}

// interval is the 95 % interval of a share p of n (Wilson 1927).
func interval(p float64, n int) (low, high float64) {
	const z = 1.959964
	k := float64(n)
	centre := (p + z*z/(2*k)) / (1 + z*z/k)
	half := z / (1 + z*z/k) * math.Sqrt(p*(1-p)/k+z*z/(4*k*k))
	return max(0, centre-half), min(1, centre+half)
}
