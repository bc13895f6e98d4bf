package teacher

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// tables plans for rows of a table.
func (p *planner) tables(at []int) ([]inputPlan, error) {
	all := tableColumns(p.spec)
	chosen := make([][]column, len(at)) // nil: not yet
	left := slices.Clone(all)
	var open []int // places in at that nothing is said of
	for k, i := range at {
		switch what := p.given[i]; what {
		case "":
			open = append(open, k)
		case "*":
			chosen[k] = features(p.spec)
		default:
			columns, err := p.named(p.infos[i], all, what)
			if err != nil {
				return nil, err
			}
			chosen[k] = columns
			left = slices.DeleteFunc(left, func(c column) bool { return slices.Contains(columns, c) })
		}
	}
	if len(open) == 1 {
		in := p.infos[at[open[0]]]
		return p.complete(at, chosen, open[0], p.single(in, left, len(at) == 1), left)
	}
	why := "as given"
	if len(open) > 0 {
		infos := make([]ort.Info, len(open))
		for k, o := range open {
			infos[k] = p.infos[at[o]]
		}
		matched, how := p.match(infos, left)
		if matched == nil {
			return nil, fault.New(fault.Input, p.path, "inputs", "cannot tell which column goes into which: the model has %s; the rows have %s; %s",
				describe(infos), columnNames(left), hint(infos[0]))
		}
		for k, o := range open {
			chosen[o] = matched[k]
		}
		if why = how; len(open) < len(at) {
			why += ", the others as given"
		}
	}
	plan, err := p.plan(at, chosen, -1, nil, false)
	if err != nil {
		bare, again := p.plan(at, chosen, -1, nil, true)
		if again != nil {
			return nil, err
		}
		plan = bare
		plan.why = append(plan.why, "batch: the inputs have no axis for it")
	}
	plan.why = append(plan.why, "inputs: columns matched "+why)
	if idle := unused(all, plan.feeds); len(idle) > 0 {
		plan.why = append(plan.why, "columns that go into none: "+columnNames(idle))
	}
	return []inputPlan{*plan}, nil
}

// named finds the columns that what lists by their names: first what it says
// as a whole, then parted by commas; as written, or whatever the case; else the
// features made of a text.
func (p *planner) named(in ort.Info, all []column, what string) ([]column, error) {
	pool := append(slices.Clone(all), features(p.spec)...)
	find := func(name string) int {
		at := slices.IndexFunc(pool, func(c column) bool { return c.name == name })
		if at < 0 {
			at = slices.IndexFunc(pool, func(c column) bool { return strings.EqualFold(c.name, name) })
		}
		return at
	}
	names := []string{what}
	if find(what) < 0 {
		names = strings.Split(what, ",")
	}
	var out []column
	for _, name := range names {
		i := find(strings.TrimSpace(name))
		if i < 0 {
			return nil, fault.New(fault.Usage, p.path, "input "+in.Name, "no column %q: the rows have %s", name, columnNames(all))
		}
		if in.DType != onnx.String && pool[i].x < 0 {
			return nil, fault.New(fault.Usage, p.path, "input "+in.Name, "takes %s, and column %q is text", in.DType, pool[i].name)
		}
		out = append(out, pool[i])
	}
	return out, nil
}

// single lists what may go into the only input that nothing is said of, the
// likeliest first.
func (p *planner) single(in ort.Info, left []column, alone bool) [][]column {
	var numbers, texts []column
	for _, c := range left {
		if c.number() {
			numbers = append(numbers, c)
		} else {
			texts = append(texts, c)
		}
	}
	var ways [][]column
	if i := find(left, in); i >= 0 && (len(in.Shape) == 1 || len(in.Shape) > 1 && in.Shape[len(in.Shape)-1] == 1) {
		ways = append(ways, left[i:i+1])
	}
	if in.DType == onnx.String {
		return append(ways, left, texts, numbers)
	}
	if alone {
		ways = append(ways, features(p.spec))
	}
	return append(ways, numbers)
}

// complete makes a plan of each way that the open input's shape takes; where
// there is none, of each run of neighbouring columns that it does take.
func (p *planner) complete(at []int, chosen [][]column, open int, ways [][]column, left []column) ([]inputPlan, error) {
	in := p.infos[at[open]]
	var out []inputPlan
	add := func(columns []column, guess bool) error {
		for _, bare := range []bool{false, true} {
			for _, dims := range p.shapes(in, len(columns), bare) {
				chosen[open] = columns
				plan, err := p.plan(at, chosen, open, dims, bare)
				if err != nil {
					return err
				}
				plan.guess = guess
				rows := append(map[bool][]int64{false: {-1}}[bare], dims...)
				plan.text = shapeText(rows)
				switch f := &plan.feeds[open]; {
				case guess:
					plan.text = columnNames(columns)
					plan.why = append(plan.why, fmt.Sprintf("input %q: %d neighbouring columns of %d, those that meet the labels best", in.Name, len(columns), len(left)))
				case !f.whole():
					plan.text = columnNames(columns) + " " + plan.text
					plan.why = append(plan.why, fmt.Sprintf("input %q: columns %s", in.Name, columnNames(columns)))
				default:
					plan.why = append(plan.why, fmt.Sprintf("layout: %s, rows go in as %s", plan.layout, shapeText(dims)))
				}
				if bare {
					plan.why = append(plan.why, "batch: the input has no axis for it")
				}
				out = append(out, *plan)
			}
		}
		return nil
	}
	for i, columns := range ways {
		if len(columns) == 0 || slices.ContainsFunc(ways[:i], func(w []column) bool { return slices.Equal(w, columns) }) {
			continue
		}
		if err := add(columns, false); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b inputPlan) int {
		switch {
		case a.bare == b.bare:
			return 0
		case b.bare:
			return -1
		}
		return 1
	})
	if len(out) > 0 {
		return out, nil
	}
	// Fewer columns than there are: neighbours, as they are usually chosen.
	var able []column
	for _, c := range left {
		if c.fits(in.DType) {
			able = append(able, c)
		}
	}
	if w := width(in); w > 0 && w < len(able) && len(able)-w < 16 {
		for first := range len(able) - w + 1 {
			if err := add(able[first:first+w], true); err != nil {
				return nil, err
			}
		}
	}
	if len(out) == 0 {
		return nil, p.misfit(in)
	}
	return out, nil
}

// plan puts the chosen columns into the inputs at; input open is given dims,
// the shapes of others follow from what they take.
func (p *planner) plan(at []int, chosen [][]column, open int, dims []int64, bare bool) (*inputPlan, error) {
	plan := &inputPlan{layout: dataset.Flat, bare: bare}
	for k, i := range at {
		f := feed{info: p.infos[i], columns: chosen[k]}
		if k == open {
			f.dims = dims
		} else if shapes := p.shapes(f.info, len(f.columns), bare); len(shapes) > 0 {
			f.dims = shapes[0]
		} else {
			return nil, fault.New(fault.Input, p.path, "input "+f.info.Name, "takes %s %s, not %d values a row: %s; %s",
				f.info.DType, p.axes(f.info), len(f.columns), columnNames(f.columns), hint(f.info))
		}
		if f.info.DType != onnx.String && wholeRow(f.columns, p.spec) {
			f.columns = nil
		}
		plan.feeds = append(plan.feeds, f)
	}
	return plan, plan.settleRows(p.path)
}

// shapes lists the shapes that n values of a row may take in an input, with or
// without an axis for the batch. An axis that may be any takes all that is left.
func (p *planner) shapes(in ort.Info, n int, bare bool) [][]int64 {
	shape := in.Shape
	if len(shape) == 0 {
		switch scalar := slices.Contains(p.scalars, in.Name); {
		case scalar && bare && n == 1:
			return [][]int64{{}}
		case scalar:
			return nil
		}
		shape = []int64{-1} // nothing declared: the plainest that a model may take
	} else if !bare {
		shape = shape[1:]
	} else if len(shape) > 1 && slices.ContainsFunc(shape, func(d int64) bool { return d < 0 }) {
		return nil // a free first axis is the batch's
	}
	dims, ok := fit(shape, n)
	if !ok {
		return nil
	}
	out := [][]int64{dims}
	if len(shape) > 1 { // (N, T, 1) and (N, 1, T)
		for i, d := range shape {
			other := slices.Clone(dims)
			first := slices.IndexFunc(shape, func(d int64) bool { return d < 0 })
			if d < 0 && i != first && other[first] != 1 {
				other[i], other[first] = other[first], 1
				out = append(out, other)
			}
		}
	}
	return out
}

// fit completes the declared axes of a row so that they hold size values: one
// unknown axis takes what is left, further ones are 1.
func fit(rest []int64, size int) (dims []int64, ok bool) {
	dims = slices.Clone(rest)
	known, free := int64(1), -1
	for i, d := range dims {
		switch {
		case d > int64(size):
			return nil, false
		case d >= 0:
			known *= d
			if known > int64(size) {
				return nil, false
			}
		case free < 0:
			free = i
		default:
			dims[i] = 1
		}
	}
	if known == 0 || int64(size)%known != 0 {
		return nil, false
	}
	if free >= 0 {
		dims[free] = int64(size) / known
		return dims, true
	}
	return dims, known == int64(size)
}

// misfit is the fault of an input that takes no row.
func (p *planner) misfit(in ort.Info) error {
	return fault.New(fault.Input, p.path, "input "+in.Name, "takes %s %s, the rows are %s: %s; %s",
		in.DType, p.axes(in), rowText(p.spec), columnNames(tableColumns(p.spec)), hint(in))
}
