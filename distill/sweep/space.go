package sweep

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// maxCells bounds a sweep.
const maxCells = 10000

// Axis is one key that varies: over values, or over a range.
type Axis struct {
	Key    string   `json:"key"`
	Values []string `json:"values,omitempty"`
	Lo     float64  `json:"lo,omitempty"` // of a range
	Hi     float64  `json:"hi,omitempty"`
	Log    bool     `json:"log,omitempty"` // drawn evenly by its logarithm

	field distill.Field
	flag  string // what errors name it by
}

// Ranged tells whether the axis is a range.
func (a Axis) Ranged() bool { return a.Lo != a.Hi }

// short are the keys with a flag and a recipe key of their own, in the order in
// which cells are made.
var short = []struct {
	key, flag string
	values    func(*distill.SweepRecipe) distill.Values
}{
	{"student.arch", "student", func(s *distill.SweepRecipe) distill.Values { return s.Student }},
	{"loss.name", "loss", func(s *distill.SweepRecipe) distill.Values { return s.Loss }},
	{"loss.temperature", "temperature", func(s *distill.SweepRecipe) distill.Values { return s.Temperature }},
	{"loss.alpha", "alpha", func(s *distill.SweepRecipe) distill.Values { return s.Alpha }},
	{"loss.beta", "beta", func(s *distill.SweepRecipe) distill.Values { return s.Beta }},
	{"train.lr", "lr", func(s *distill.SweepRecipe) distill.Values { return s.LR }},
	{"train.weight_decay", "weight-decay", func(s *distill.SweepRecipe) distill.Values { return s.WeightDecay }},
}

// axes reads what varies of s.
func axes(s *distill.SweepRecipe) ([]Axis, error) {
	var list []Axis
	add := func(flag, key string, values distill.Values) error {
		if len(values) == 0 {
			return nil
		}
		if slices.ContainsFunc(list, func(a Axis) bool { return a.Key == key }) {
			return fault.New(fault.Usage, "", flag, "%s varies twice", key)
		}
		a, err := newAxis(flag, key, values)
		list = append(list, a)
		return err
	}
	for _, k := range short {
		if err := add("--"+k.flag, k.key, k.values(s)); err != nil {
			return nil, err
		}
	}
	var others []string
	for key := range s.Vary {
		others = append(others, key)
	}
	slices.Sort(others)
	for _, key := range others {
		if len(s.Vary[key]) == 0 {
			return nil, fault.New(fault.Usage, "", "--vary "+key, "no values, expected a list or a range")
		}
		if err := add("--vary "+key, key, s.Vary[key]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// newAxis reads values of key, or the range that one of them is.
func newAxis(flag, key string, values []string) (Axis, error) {
	a := Axis{Key: key, flag: flag}
	bad := func(format string, args ...any) (Axis, error) {
		return a, fault.New(fault.Usage, "", flag, format, args...)
	}
	section, _, _ := strings.Cut(key, ".")
	fields := distill.Fields(section)
	at := slices.IndexFunc(fields, func(f distill.Field) bool { return f.Key == key })
	switch {
	case section != "student" && section != "loss" && section != "train":
		return bad("got %q, expected a key of the sections student, loss or train, such as train.ema", key)
	case at < 0:
		return bad("got %q, which is no key of a recipe", key)
	case key == "loss.hint" || key == "loss.hint_targets":
		return bad("%s cannot vary between cells: the teacher is asked about one place inside it", key)
	case key == "train.seed" || key == "train.no_baseline":
		return bad("%s cannot vary between cells: --seeds trains each cell several times", key)
	}
	a.field = fields[at]
	if len(values) == 1 && a.field.Numeric() && strings.Contains(values[0], "..") {
		return a.ranged(values[0])
	}
	for _, v := range values {
		v = strings.TrimSpace(v)
		if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return bad("got %q, expected values, or for random cells a range such as 0.01..0.3 log", v)
		}
		if x, err := strconv.ParseFloat(v, 64); a.field.Numeric() && (err != nil || math.IsNaN(x) || math.IsInf(x, 0)) {
			return bad("got %q, expected a number", v)
		}
		if slices.Contains(a.Values, v) {
			return bad("got %q twice", v)
		}
		a.Values = append(a.Values, v)
	}
	return a, nil
}

// ranged reads "LO..HI" or "LO..HI log".
func (a Axis) ranged(text string) (Axis, error) {
	from, rest, _ := strings.Cut(text, "..")
	to, scale, _ := strings.Cut(strings.TrimSpace(rest), " ")
	lo, errLo := strconv.ParseFloat(strings.TrimSpace(from), 64)
	hi, errHi := strconv.ParseFloat(to, 64)
	scale = strings.TrimSpace(scale)
	a.Lo, a.Hi, a.Log = lo, hi, scale == "log"
	if errLo != nil || errHi != nil || scale != "" && !a.Log || !(lo < hi) || math.IsInf(lo, 0) || math.IsInf(hi, 0) || a.Log && lo <= 0 {
		return a, fault.New(fault.Usage, "", a.flag, "got %q, expected a range such as 0.01..0.3, or above 0 with log behind it", text)
	}
	return a, nil
}

// draw picks one value.
func (a Axis) draw(rng *rand.Rand) string {
	if !a.Ranged() {
		return a.Values[rng.IntN(len(a.Values))]
	}
	u := rng.Float64()
	x := a.Lo + float64(u*(a.Hi-a.Lo))
	if a.Log {
		x = math.Exp(math.Log(a.Lo) + float64(u*(math.Log(a.Hi)-math.Log(a.Lo))))
	}
	if a.field.Whole() {
		return strconv.FormatFloat(math.Round(min(max(x, math.Ceil(a.Lo)), math.Floor(a.Hi))), 'f', 0, 64)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	return strconv.FormatFloat(min(max(rounded, a.Lo), a.Hi), 'g', -1, 64)
}

// product is the number of combinations, at most a little above maxCells; 0
// where an axis is a range.
func product(axes []Axis) int {
	n := 1
	for _, a := range axes {
		if a.Ranged() {
			return 0
		}
		n = min(n*len(a.Values), maxCells+1)
	}
	return n
}

// grid is all combinations, the last axis fastest.
func grid(axes []Axis) []Cell {
	cells := []Cell{nil}
	for _, a := range axes {
		var longer []Cell
		for _, c := range cells {
			for _, v := range a.Values {
				longer = append(longer, append(slices.Clone(c), Setting{a.Key, v}))
			}
		}
		cells = longer
	}
	return cells
}

// random draws up to n different cells.
func random(axes []Axis, n int, seed uint64) []Cell {
	rng := rand.New(rand.NewPCG(seed, 0x5eeb))
	var cells []Cell
	seen := map[string]bool{}
	for range 100 * n {
		if len(cells) == n {
			break
		}
		var c Cell
		for _, a := range axes {
			c = append(c, Setting{a.Key, a.draw(rng)})
		}
		if name := c.text(); !seen[name] {
			seen[name] = true
			cells = append(cells, c)
		}
	}
	return cells
}

// text is the cell with whole keys.
func (c Cell) text() string {
	var parts []string
	for _, s := range c {
		parts = append(parts, s.Key+"="+s.Value)
	}
	return strings.Join(parts, " ")
}

// Name is the cell for people: "mlp:30 T=4 lr=0.05".
func (c Cell) Name() string {
	var parts []string
	for _, s := range c {
		if key := Label(s.Key); key != "" {
			parts = append(parts, key+"="+s.Value)
		} else {
			parts = append(parts, s.Value)
		}
	}
	if parts == nil {
		return "as the recipe says"
	}
	return strings.Join(parts, " ")
}

// Label is the short name of a key; empty where a value says enough.
func Label(key string) string {
	switch key {
	case "student.arch", "loss.name":
		return ""
	case "loss.temperature":
		return "T"
	}
	_, name, _ := strings.Cut(key, ".")
	return name
}
