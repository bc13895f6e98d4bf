package distill

import (
	"context"
	"sync"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// rows is a Source as the student takes it, with what the teacher said of
// each row.
type rows struct {
	src     dataset.Source
	pipe    *dataset.Pipeline // nil: raw rows
	ids     []dataset.RowID   // found by content in targets
	targets *store.Store      // nil for the baseline
	hint    *hintRows         // of training alone; nil without a hint
	task    dataset.Task
	classes int             // values of a row of the outputs: classes, labels or numbers
	vary    *variation      // how training sees the rows; nil: as they are
	epochs  dataset.Sampler // which rows a pass of training reads; nil: each once

	part   *Part   // joins what targets say; nil: as it is
	partAt float64 // T at which it does where that stays

	temperature func(step int) float64 // T of the loss at a step of training where it changes; nil: that of targets
}

// openRows prepares src for a student whose input pipe makes.
func openRows(ctx context.Context, src dataset.Source, pipe *dataset.Pipeline, targets *store.Store, task dataset.Task, classes int) (*rows, error) {
	r := &rows{src: src, pipe: pipe, targets: targets, task: task, classes: classes}
	if targets == nil {
		return r, nil
	}
	if got := targets.Classes(); got != classes {
		return nil, fault.New(fault.Input, targets.Dir(), "classes", "the targets have %d, the model has %d", got, classes)
	}
	var err error
	if r.ids, err = dataset.IDs(ctx, src); err != nil {
		return nil, err
	}
	if i, err := targets.FirstMissing(r.ids); err != nil {
		return nil, err
	} else if i >= 0 {
		return nil, fault.New(fault.Integrity, targets.Dir(), "row "+r.ids[i].String(), "is not in the target store: it is row %d of the %d asked for, counted from 0", i, len(r.ids))
	}
	return r, nil
}

// mini is one mini-batch of n rows.
type mini struct {
	n             int
	x             []float32 // (n, D) as the student takes them
	labels        []int32   // (n)
	values        []float32 // (n, C) labels or numbers, NaN where not known; nil where rows have none
	teacher       []float32 // (n, C) logits or numbers; nil for the baseline
	hint          []float32 // (n, D) values of a place inside the teacher; nil without a hint
	raw           dataset.Batch
	in            []float32 // memory of x
	ids           []dataset.RowID
	others        dataset.Mixed // the rows that those are mixed with
	othersTeacher []float32     // (n, C)
	whole         []float32     // (n, classes of the session) before a Part joins them
	softens       float64       // T of the step; 0: that of the targets
	err           error
}

// read fills m with the rows at positions order.
func (r *rows) read(ctx context.Context, order []int, m *mini) error {
	m.n = len(order)
	if err := r.src.Read(ctx, order, &m.raw); err != nil {
		return err
	}
	r.prepare(m)
	if r.targets == nil {
		return nil
	}
	m.teacher = grow(m.teacher, m.n*r.classes)
	return r.answers(order, m, m.teacher)
}

// prepare makes the student's input of the raw rows of m.
func (r *rows) prepare(m *mini) {
	m.labels, m.values, m.x = m.raw.Y, nil, m.raw.X
	if len(m.raw.V) > 0 {
		m.values = m.raw.V
	}
	if r.pipe != nil {
		m.in = grow(m.in, m.n*r.pipe.OutSize())
		r.pipe.Apply(m.in, m.raw.X, m.n)
		m.x = m.in
	}
}

// answers puts what the teacher said of the rows at positions order into z,
// (len(order), C), found by their ids: those of the rows as they are.
func (r *rows) answers(order []int, m *mini, z []float32) error {
	m.ids = m.ids[:0]
	for _, i := range order {
		m.ids = append(m.ids, r.ids[i])
	}
	return r.said(m, z)
}

// said puts what the targets have of the rows m.ids into z, (len(ids), C), as
// is right for the T of the step.
func (r *rows) said(m *mini, z []float32) error {
	targets, t := r.targets, r.partAt
	if m.softens > 0 {
		targets, t = r.targets.At(m.softens), m.softens
	}
	if r.part == nil {
		return targets.Lookup(m.ids, z)
	}
	m.whole = grow(m.whole, len(m.ids)*targets.Classes())
	if err := targets.Lookup(m.ids, m.whole); err != nil {
		return err
	}
	r.part.join(m.whole, z, t)
	return nil
}

// passLen is the number of rows of a pass of training.
func (r *rows) passLen() int {
	if r.epochs != nil {
		return r.epochs.Len()
	}
	return r.src.Len()
}

// order is the rows of a pass in the order in which training reads them.
func (r *rows) order(seed uint64, pass int) []int {
	if r.epochs != nil {
		return r.epochs.Epoch(pass)
	}
	return dataset.Order(r.src.Len(), seed, pass)
}

// feed reads mini-batches ahead of the trainer: step g of the run is batch
// g mod p of pass g div p over the rows, where a pass is one seeded order of
// all rows cut into p batches, each row varied for the pass. It depends on
// nothing but seed and g, so a resumed run sees what an uninterrupted one
// would. A Sampler takes the place of the order of all rows, see Part.
//
// A teacher that is asked online answers between the two, while the next
// mini-batch is read and the last one is trained on.
type feed struct {
	ready  chan *mini
	free   chan *mini
	cancel context.CancelFunc
	stages sync.WaitGroup
}

// startFeed reads the mini-batches of steps first to last-1, until ctx ends or
// the feed is stopped.
func startFeed(ctx context.Context, r *rows, seed uint64, batch, first, last int) *feed {
	ahead := 3
	if r.asks() {
		ahead += 2 // one that is read, one that is asked about
	}
	f := &feed{ready: make(chan *mini, ahead), free: make(chan *mini, ahead)}
	for range ahead {
		f.free <- &mini{}
	}
	reading, cancel := context.WithCancel(ctx)
	f.cancel = cancel
	to := f.ready
	if r.asks() {
		read := make(chan *mini, 1)
		to = read
		f.stages.Go(func() { f.ask(ctx, reading, r, read) })
	}
	f.stages.Go(func() { f.run(reading, r, seed, batch, first, last, to) })
	return f
}

// stop ends the feed. A teacher that is being asked answers first: it may be
// asked by others.
func (f *feed) stop() {
	f.cancel()
	f.stages.Wait()
}

func (f *feed) run(ctx context.Context, r *rows, seed uint64, batch, first, last int, to chan<- *mini) {
	defer close(to)
	n := r.passLen()
	perPass := ceilDiv(n, batch)
	pass, order := -1, []int(nil)
	for g := first; g < last; g++ {
		if p := g / perPass; p != pass {
			pass, order = p, r.order(seed, p)
		}
		var m *mini
		select {
		case m = <-f.free:
		case <-ctx.Done():
			return
		}
		if r.temperature != nil {
			m.softens = r.temperature(g)
		}
		lo, hi := cut(n, batch, g%perPass)
		if m.err = r.learn(ctx, order[lo:hi], seed, pass, m); m.err == nil {
			m.err = r.hints(order[lo:hi], m)
		}
		failed := m.err != nil // of m nothing is known once it is handed on
		to <- m
		if failed {
			return
		}
	}
}

// ask hands on what is read once the teacher has answered, until reading ends.
func (f *feed) ask(ctx, reading context.Context, r *rows, read <-chan *mini) {
	defer close(f.ready)
	for m := range read {
		if reading.Err() != nil {
			continue
		}
		if m.err == nil {
			m.err = r.vary.online.answer(ctx, &m.raw, m.teacher)
		}
		failed := m.err != nil
		f.ready <- m
		if failed {
			f.cancel()
		}
	}
}

// next waits for the next mini-batch.
func (f *feed) next(ctx context.Context) (*mini, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case m, ok := <-f.ready:
		if !ok {
			return nil, ctx.Err()
		}
		return m, m.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// done gives m back to be filled again.
func (f *feed) done(m *mini) { f.free <- m }

func grow(v []float32, n int) []float32 {
	if cap(v) < n {
		return make([]float32, n)
	}
	return v[:n]
}

// cut is batch i of n rows: whole batches and what is left, but never a single
// row, whose batch statistics mean nothing, where the one before can spare one.
func cut(n, batch, i int) (lo, hi int) {
	lo, hi = i*batch, min((i+1)*batch, n)
	if batch > 2 && n > batch && n%batch == 1 {
		switch i {
		case n / batch:
			lo--
		case n/batch - 1:
			hi--
		}
	}
	return lo, hi
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
