package teacher

import (
	"context"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// Detect finds the teacher's contract by running it on up to 512 rows of src.
// What Options give is taken as it is. The result depends on the rows, the
// model and the seed alone.
func (t *Teacher) Detect(ctx context.Context, src dataset.Source) (*Contract, error) {
	if t.runner == nil {
		return nil, fault.New(fault.Usage, t.path, "", "the teacher is closed")
	}
	l, err := t.lookAt(ctx, src, 1)
	if err != nil {
		return nil, err
	}
	t.contract, t.strange, t.seen, t.online = nil, "", nil, OnlineOptions{}
	if t.tried {
		if err := t.open(ctx, t.outputs, 0); err != nil {
			return nil, err
		}
	}
	t.tried = true
	plans, err := t.plans(l.spec)
	if err != nil {
		return nil, err
	}
	plan, err := t.try(ctx, plans, l)
	if err != nil {
		return nil, err
	}
	if !plan.guess {
		plans = []inputPlan{plan}
	} else if l.labelled() == 0 {
		return nil, fault.New(fault.Input, t.path, "input "+plan.feeds[0].info.Name, "takes fewer columns than there are, and no row has a label that tells which: %s", plan.choices(l.spec))
	}
	var tries []candidate
	for _, p := range plans {
		more, err := t.candidates(ctx, src, p, l.x)
		if err != nil {
			return nil, err
		}
		tries = append(tries, more...)
	}
	if found, ok := t.rangeOfOwn(ctx, src); ok {
		tries = []candidate{found}
	}
	encoders := make([]*encoder, len(tries))
	for i, c := range tries {
		if encoders[i], err = t.encoder(c.plan, c.pre, l.spec); err != nil {
			return nil, err
		}
	}
	c := t.newContract()
	values, err := t.settleBatch(ctx, c, encoders[0], l)
	if err != nil {
		return nil, err
	}
	for _, e := range encoders {
		e.batch = t.opened.Batch
	}
	lists, raw, err := t.settleOutput(ctx, c, values, l)
	if err != nil {
		return nil, err
	}
	columns := raw
	if c.Kind == Labels && raw == 1 && c.Task == dataset.MultiClass {
		if lists, err = t.settleLabels(ctx, c, encoders, l); err != nil {
			return nil, err
		}
		columns = len(c.LabelTexts)
	}
	if err := t.matchClasses(c, columns, lists, l); err != nil {
		return nil, err
	}
	if err := t.settleRange(ctx, c, src, tries, encoders, raw, l); err != nil {
		return nil, err
	}
	for _, err := range t.restarts {
		c.warn("the teacher process died while it was tried, and went on after a restart: %v", err)
	}
	t.restarts = nil
	t.contract = c
	return c, nil
}

// newContract starts a contract with what the runner says of itself.
func (t *Teacher) newContract() *Contract {
	c := &Contract{Library: t.library.Digest, LibraryVersion: t.library.Version, Warnings: slices.Clone(t.oddities)}
	if l, ok := t.runner.(interface{ Library() ort.Library }); ok && l.Library().Version != "" {
		c.LibraryVersion = l.Library().Version
	}
	name, notes := t.provider()
	c.Provider = name
	c.Why = append(c.Why, notes...)
	return c
}

// settleOutput chooses the output, concludes what it teaches and, where there
// are others, opens the model again for that one alone. lists are the names
// that its columns may have, raw is how many there are.
func (t *Teacher) settleOutput(ctx context.Context, c *Contract, values []ort.Value, l *look) (lists []nameList, raw int, err error) {
	infos, n := t.runner.Outputs(), min(l.n, c.Batch)
	if len(values) != len(infos) {
		return nil, 0, fault.New(fault.Teacher, t.path, "outputs", "got %d, expected %d", len(values), len(infos))
	}
	at, why, err := t.chooseOutput(infos, values, n, l.spec)
	if err != nil {
		return nil, 0, err
	}
	c.Output, c.Inside = infos[at].Name, t.graph.inside
	switch {
	case c.Inside:
		c.why("output: %q, a value inside the graph, as asked for", c.Output)
	case len(infos) > 1:
		c.why("output: %q, %s", c.Output, why)
	}
	raw, err = t.width(values[at], n, l.spec)
	if oneLabel(values[at], n) {
		raw, err = 1, nil
	}
	if err != nil {
		return nil, 0, fault.New(fault.Input, t.path, "output "+c.Output, "%v", err)
	}
	if keys := values[at].Keys; keys != nil {
		lists = []nameList{{slices.Clone(keys), "the keys of the output"}}
	}
	lists = append(lists, t.graph.names...)
	if err := t.settleTask(c, values[at], raw, l); err != nil {
		return nil, 0, err
	}
	if len(infos) == 1 {
		return lists, raw, nil
	}
	return lists, raw, t.open(ctx, []string{c.Output}, t.opened.Batch)
}

// settleRange runs every candidate on all rows, chooses one, and concludes
// what the output means.
func (t *Teacher) settleRange(ctx context.Context, c *Contract, src dataset.Source, tries []candidate, encoders []*encoder, raw int, l *look) error {
	outputs, verdicts, bad, err := t.tryAll(ctx, c, encoders, raw, l)
	if err != nil {
		return err
	}
	best, close := pick(verdicts)
	if best >= 0 && (close || rival(tries, verdicts, best) >= 0) {
		more, err := t.lookAt(ctx, src, lookAgain)
		if err != nil {
			return err
		}
		if more.n > l.n {
			o, v, r, err := t.tryAll(ctx, c, encoders, raw, more)
			if err != nil {
				return err
			}
			// A label that is new is for Fill to name: the best is none the worse.
			if c.LabelTexts == nil || v[best].usable {
				l, outputs, verdicts, bad = more, o, v, r
				best, _ = pick(verdicts)
			}
		}
	}
	labelled := l.labelled()
	if best < 0 {
		return t.noneFinite(c, outputs, raw, bad, l)
	}
	if plan := tries[best].plan; plan.guess && !verdicts[best].beatsChance(l.y, c.Classes) {
		return fault.New(fault.Input, t.path, "input "+plan.feeds[0].info.Name, "takes fewer columns than there are, and no choice of neighbouring ones is right more often than chance: %s", plan.choices(l.spec))
	} else if other := rival(tries, verdicts, best); other >= 0 {
		return fault.New(fault.Input, t.path, "input "+plan.feeds[0].info.Name, "takes fewer columns than there are, and the labels do not tell %s (%s) from %s (%s): %s",
			plan.text, c.score(verdicts[best]), tries[other].plan.text, c.score(verdicts[other]), plan.choices(l.spec))
	}
	c.takes(tries[best].plan)
	c.Range, c.Preprocess, c.Rows = tries[best].name, tries[best].pre, l.n
	t.explainRange(c, tries, verdicts, best, labelled)
	d := t.meaning(c, outputs[best], raw)
	c.Kind, c.Floor = d.kind, d.floor
	t.explainKind(c, outputs[best], raw)
	switch v := verdicts[best]; {
	case v.fitted && v.known:
		c.R2 = &v.accuracy
		c.judgeUse(v, labelled, l)
	case len(v.right) > 0:
		c.Accuracy = &v.accuracy
		c.judgeUse(v, labelled, l)
		t.checkOrder(c, outputs, v.accuracy, raw, l)
	}
	c.warnOfLoss(encoders[best], l)
	t.seen = newAnswered(d, outputs[best], c.Classes, l)
	t.encode = encoders[best]
	return nil
}

// tryAll runs every candidate on all rows of l. bad is a row that no usable
// candidate stands for: the first whose output is not finite, or -1.
func (t *Teacher) tryAll(ctx context.Context, c *Contract, encoders []*encoder, raw int, l *look) (outputs [][]float32, verdicts []verdict, bad int, err error) {
	outputs, verdicts, bad = make([][]float32, len(encoders)), make([]verdict, len(encoders)), -1
	z := make([]float32, l.n*c.Classes)
	for i, e := range encoders {
		if outputs[i], err = t.rawScores(ctx, c, e, l, raw); err != nil {
			return nil, nil, -1, err
		}
		if r := t.meaning(c, outputs[i], raw).logits(z, outputs[i], l.n); r < 0 {
			verdicts[i] = c.judgeRows(z, l)
		} else if bad < 0 {
			bad = r
		}
	}
	return outputs, verdicts, bad, nil
}

// rawScores runs all rows of l and returns the chosen output, (n, raw).
func (t *Teacher) rawScores(ctx context.Context, c *Contract, e *encoder, l *look, raw int) ([]float32, error) {
	out := make([]float32, 0, l.n*raw)
	err := t.eachBatch(ctx, c, e, l, func(v ort.Value, n int) (err error) {
		out, err = t.read(c, out, v, n, raw)
		return err
	})
	return out, err
}

// eachBatch runs all rows of l and hands on the chosen output of n at a time.
func (t *Teacher) eachBatch(ctx context.Context, c *Contract, e *encoder, l *look, f func(v ort.Value, n int) error) error {
	var b encoded
	for at := 0; at < l.n; at += c.Batch {
		n := min(c.Batch, l.n-at)
		rows := someOf(&l.b, at, at+n)
		if err := e.encode(&b, rows); err != nil {
			return t.badRow(err, rows, func(i int) int { return l.origin(l.rows[at+i]) })
		}
		v, err := t.callOne(ctx, c, &b, nil, n)
		if err == nil {
			err = f(v, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
