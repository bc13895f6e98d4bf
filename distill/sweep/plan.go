package sweep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Methods by which cells are chosen.
var Methods = []string{"grid", "random", "halving"}

// FromRecipe makes the plan that r.Sweep describes. What has one value alone
// is the same for all cells.
func FromRecipe(r distill.Recipe) (Plan, error) {
	s := r.Sweep
	p := Plan{Base: r, Seeds: s.Seeds, HoldOut: distill.HeldOut{Share: s.HoldOut}, Parallel: s.Parallel, Dir: s.Output, Restart: r.Output.Restart}
	p.Base.Sweep = distill.DefaultSweep()
	method := s.Method
	switch {
	case method != "" && !slices.Contains(Methods, method):
		return p, fault.New(fault.Usage, "", "--method", "got %q, expected one of %s", method, strings.Join(Methods, ", "))
	case s.Seeds == 0: // which a Plan takes for 1
		return p, fault.New(fault.Usage, "", "--seeds", "got 0, expected a number from 1 to 1000")
	case s.Cells < 0 || s.Cells > maxCells:
		return p, fault.New(fault.Usage, "", "--cells", "got %d, expected a number from 0 (all combinations) to %d", s.Cells, maxCells)
	case method == "grid" && s.Cells > 0:
		return p, fault.New(fault.Usage, "", "--cells", "got %d beside --method grid, which tries all combinations", s.Cells)
	case method == "random" && s.Cells == 0:
		return p, fault.New(fault.Usage, "", "--cells", "missing: say how many cells to draw")
	}
	all, err := axes(&r.Sweep)
	if err != nil {
		return p, err
	}
	for _, a := range all {
		if len(a.Values) != 1 {
			p.Axes = append(p.Axes, a)
		} else if err := set(&p.Base, a.field, a.flag, a.Values[0]); err != nil {
			return p, err
		}
	}
	if len(p.Axes) == 0 {
		return p, fault.New(fault.Usage, "", "sweep", "nothing varies: give several values, such as --temperature 1,2,4,8")
	}
	n := product(p.Axes)
	switch {
	case n == 0 && s.Cells == 0:
		return p, fault.New(fault.Usage, "", "--cells", "missing: say how many cells to draw of a range")
	case s.Cells > 0 && (n == 0 || n > s.Cells):
		p.Cells = random(p.Axes, s.Cells, r.Train.Seed)
	case n > maxCells:
		return p, fault.New(fault.Usage, "", "sweep", "got more than %d combinations: draw some by --cells", maxCells)
	default:
		p.Cells = grid(p.Axes)
	}
	if method == "halving" {
		p.Halving = &Halving{Eta: s.Eta, First: s.FirstEpochs}
	}
	return p, nil
}

// set gives a key of r its value. A text is quoted, so that it cannot be read as
// anything else.
func set(r *distill.Recipe, f distill.Field, flag, value string) error {
	text := value
	if f.Kind.String() == "string" {
		text = strconv.Quote(value)
	}
	err := r.Set(f.Key + "=" + text)
	if err == nil {
		return nil
	}
	_, msg, _ := strings.Cut(err.Error(), ": ")
	return fault.New(fault.Usage, "", flag, "%s", msg)
}

// field finds a key that cells may have.
func field(key string) (distill.Field, error) {
	a, err := newAxis("sweep", key, []string{"1"})
	return a.field, err
}

// settings are the keys of all cells, in order.
func settings(cells []Cell) []string {
	var keys []string
	for _, c := range cells {
		for _, s := range c {
			if !slices.Contains(keys, s.Key) {
				keys = append(keys, s.Key)
			}
		}
	}
	return keys
}
