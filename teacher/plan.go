package teacher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// inputPlan is how rows of one Spec go into a model's inputs.
type inputPlan struct {
	feeds    []feed // in the model's order
	layout   dataset.Layout
	resize   []int
	channels int  // as dataset.Preprocess has it
	fixed    int  // declared batch; 0: any
	bare     bool // no input has an axis for the batch: one row a call
	guess    bool // which columns go in is for the labels to say
	text     string
	why      []string
}

// feed is how one input is filled: by the whole row, by some columns of a
// table, or by a constant.
type feed struct {
	info    ort.Info
	dims    []int64 // of one row as the model takes it, without the batch axis
	columns []column
	value   *fixedValue
}

// whole tells whether the input takes all features of the row.
func (f *feed) whole() bool { return f.columns == nil && f.value == nil }

// floating tells whether inputs of the type take fractions.
func floating(d onnx.DType) bool { return d.Float() }

// feedable are the types that rows can be converted to.
var feedable = []onnx.DType{onnx.Float32, onnx.Float64, onnx.Float16, onnx.BFloat16, onnx.Bool, onnx.String,
	onnx.Int8, onnx.Int16, onnx.Int32, onnx.Int64, onnx.Uint8, onnx.Uint16, onnx.Uint32, onnx.Uint64}

// describe lists values for an error, as "x float32 (N, 784)".
func describe(infos []ort.Info) string {
	parts := make([]string, len(infos))
	for i, v := range infos {
		what := kindNames[v.Kind]
		if v.Kind == onnx.KindTensor {
			what = v.DType.String() + " " + shapeText(v.Shape)
		}
		parts[i] = fmt.Sprintf("%q %s", v.Name, what)
	}
	return strings.Join(parts, ", ")
}

// takeable requires inputs that rows can be made into, and lists those that
// are declared to have no axes: ONNX Runtime does not tell them from inputs
// that declare nothing.
func takeable(path string, m *onnx.Model) (scalars []string, err error) {
	real := m.Graph.RealInputs()
	if len(real) == 0 {
		return nil, fault.New(fault.Input, path, "graph", "has no input, expected one that takes the rows")
	}
	for _, v := range real {
		p := portOf(v)
		if v.Kind != onnx.KindUnknown && (v.Kind != onnx.KindTensor || !slices.Contains(feedable, v.DType)) {
			return nil, fault.New(fault.Input, path, "input "+v.Name, "is %s, expected a tensor of floats, integers, bool or string: rows can be made into nothing else",
				strings.TrimSpace(p.Type+" "+p.Shape))
		}
		if v.Kind == onnx.KindTensor && v.HasShape && len(v.Shape) == 0 {
			scalars = append(scalars, v.Name)
		}
	}
	return scalars, nil
}

// rowText is a row's shape for people.
func rowText(spec dataset.Spec) string {
	kind := "features"
	if spec.Image {
		kind = "(height, width, channels)"
	}
	parts := make([]string, len(spec.Shape))
	for i, d := range spec.Shape {
		parts[i] = fmt.Sprint(d)
	}
	text := "(" + strings.Join(parts, ", ") + ") " + kind
	if len(spec.Texts) > 0 {
		text += fmt.Sprintf(" and %d texts", len(spec.Texts))
	}
	return text
}

// planner matches a model's inputs with the rows.
type planner struct {
	path    string
	infos   []ort.Info
	scalars []string            // inputs that have no axes
	given   []string            // by input, see assignment; empty: to be found
	pre     *dataset.Preprocess // as given, or nil
	spec    dataset.Spec
}

// plans lists the ways in which rows may go into the inputs, the likeliest
// first. Where there are several, running tells which the model takes; where
// they are guesses, the labels.
func (t *Teacher) plans(spec dataset.Spec) ([]inputPlan, error) {
	head := t.path
	if len(t.o.Before) > 0 {
		head = t.o.Before[0]
	}
	p := &planner{path: head, infos: t.runner.Inputs(), scalars: t.scalars, pre: t.o.Preprocess, spec: spec}
	for _, in := range p.infos {
		if in.Kind != onnx.KindTensor || !slices.Contains(feedable, in.DType) {
			return nil, fault.New(fault.Input, head, "input "+in.Name, "is %s, expected a tensor of floats, integers, bool or string: rows can be made into nothing else", describe([]ort.Info{in}))
		}
	}
	if len(p.infos) == 0 {
		return nil, fault.New(fault.Input, head, "graph", "has no input, expected one that takes the rows")
	}
	var err error
	if p.given, err = assigned(head, p.infos, t.o.Inputs); err != nil {
		return nil, err
	}
	whys := make([]string, len(p.infos)) // of constants that nobody asked for
	var rows []int                       // inputs that take something of a row
	var alone []ort.Info                 // those of them without axes, of which nothing is said
	for i, in := range p.infos {
		if p.given[i] == "" && len(p.infos) > 1 && (spec.Image || named(in, tableColumns(spec)) == nil) {
			if v, why, ok := usualValue(in); ok {
				p.given[i], whys[i] = "@"+v, why
			}
		}
		if strings.HasPrefix(p.given[i], "@") {
			continue
		}
		rows = append(rows, i)
		if p.given[i] == "" && slices.Contains(p.scalars, in.Name) {
			alone = append(alone, in)
		}
	}
	if len(alone) > 0 && (len(alone) < len(rows) || spec.Image) {
		return nil, fault.New(fault.Input, head, "input "+alone[0].Name, "is %s without axes: no part of the rows, which are %s; give its value by --input %s=@VALUE",
			alone[0].DType, rowText(spec), alone[0].Name)
	}
	if len(rows) == 0 {
		return nil, fault.New(fault.Usage, t.path, "inputs", "every one is a constant, expected one that takes the rows: the model has %s", describe(p.infos))
	}
	var out []inputPlan
	if spec.Image {
		out, err = p.images(rows)
	} else {
		out, err = p.tables(rows)
	}
	if err != nil {
		return nil, err
	}
	for i := range out {
		if err := p.constants(&out[i], whys); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// constants puts the inputs that are no part of a row into their places.
func (p *planner) constants(plan *inputPlan, whys []string) error {
	of := plan.feeds
	plan.feeds = make([]feed, len(p.infos))
	next := 0
	for i := range p.infos {
		if !strings.HasPrefix(p.given[i], "@") {
			plan.feeds[i] = of[next]
			next++
		}
	}
	like := &of[0]
	if plan.bare {
		like = nil
	}
	for i, in := range p.infos {
		if !strings.HasPrefix(p.given[i], "@") {
			continue
		}
		f, err := constantFeed(p.path, in, slices.Contains(p.scalars, in.Name), p.given[i][1:], like)
		if err != nil {
			return err
		}
		plan.feeds[i] = f
		plan.why = append(plan.why, fmt.Sprintf("input %q: always %s, %s", in.Name, f.value.text, cmp.Or(whys[i], "as given")))
	}
	return nil
}

// axes gives the shape of an input, as people read it.
func (p *planner) axes(in ort.Info) string {
	switch {
	case len(in.Shape) > 0:
		return shapeText(in.Shape)
	case slices.Contains(p.scalars, in.Name):
		return "without axes"
	}
	return "of any shape"
}

// hint says how to say what goes into an input.
func hint(in ort.Info) string {
	return fmt.Sprintf("say what goes in by --input %s=COLUMN, or --input %s=@VALUE", in.Name, in.Name)
}

// settleRows sets what all feeds agree on: the declared batch, and whether
// there is an axis for it.
func (plan *inputPlan) settleRows(path string) error {
	for _, f := range plan.feeds {
		if plan.bare || len(f.info.Shape) == 0 || f.info.Shape[0] < 0 {
			continue
		}
		if d := int(f.info.Shape[0]); plan.fixed > 0 && plan.fixed != d {
			return fault.New(fault.Input, path, "input "+f.info.Name, "takes %d rows a call, another input %d: expected one number", d, plan.fixed)
		} else {
			plan.fixed = d
		}
	}
	if plan.fixed == 0 && !plan.bare && slices.ContainsFunc(plan.feeds, func(f feed) bool { return len(f.info.Shape) > 0 && f.info.Shape[0] == 0 }) {
		return fault.New(fault.Input, path, "inputs", "one is declared for 0 rows, expected at least 1")
	}
	return nil
}

// try is the first of plans that the model runs on the first row of l. That
// it does not take a plan is no fault as long as it takes another.
func (t *Teacher) try(ctx context.Context, plans []inputPlan, l *look) (inputPlan, error) {
	if len(plans) == 1 || plans[0].guess {
		return plans[0], nil
	}
	var failed []string
	for _, plan := range plans {
		err := t.tryPlan(ctx, plan, l)
		if err == nil {
			if len(failed) > 0 {
				plan.why = append(plan.why, fmt.Sprintf("inputs: %s, found by running, for %s", plan.text, strings.Join(failed, "; ")))
			}
			return plan, nil
		}
		if ctx.Err() != nil || fault.KindOf(err) != fault.Input {
			return plan, err
		}
		failed = append(failed, fmt.Sprintf("the model refuses them as %s (%s)", plan.text, reasonOf(err)))
	}
	return plans[0], fault.New(fault.Input, t.path, "inputs", "no way to feed the rows runs: %s; the rows are %s", strings.Join(failed, "; "), rowText(l.spec))
}

// tryPlan runs one row, or as many as the model insists on.
func (t *Teacher) tryPlan(ctx context.Context, plan inputPlan, l *look) error {
	if plan.fixed != t.opened.Batch {
		if err := t.open(ctx, t.outputs, plan.fixed); err != nil {
			return err
		}
	}
	e, err := t.encoder(plan, plan.preprocess(t.o.Preprocess), l.spec)
	if err != nil {
		return err
	}
	e.batch = plan.fixed
	var b encoded
	if err := e.encode(&b, someOf(&l.b, 0, 1)); err != nil {
		return err
	}
	if plan.bare {
		_, err = t.single(ctx, &b, 1, func(one []ort.Value) ([]ort.Value, error) { return t.run(ctx, one) })
		return err
	}
	_, err = t.run(ctx, b.values)
	return err
}

// preprocess is what is given, or nothing, in the plan's form.
func (p *inputPlan) preprocess(given *dataset.Preprocess) dataset.Preprocess {
	var pre dataset.Preprocess
	if given != nil {
		pre = *given
	}
	if pre.Layout == "" {
		pre.Layout = p.layout
	}
	if len(pre.Resize) == 0 {
		pre.Resize = p.resize
	}
	if pre.Channels == 0 {
		pre.Channels = p.channels
	}
	return pre
}

// reasonOf is what a fault says, without the file's name.
func reasonOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Msg
	}
	return err.Error()
}

// choices lists the columns of which an input takes some.
func (p *inputPlan) choices(spec dataset.Spec) string {
	return fmt.Sprintf("%s takes %s; the rows have %s; %s", describe([]ort.Info{p.feeds[0].info}), p.text, columnNames(tableColumns(spec)), hint(p.feeds[0].info))
}
