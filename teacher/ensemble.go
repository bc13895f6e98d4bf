package teacher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// Ensemble is several teachers as one: its targets are the weighted mean of
// theirs (see Mean). Each member has a contract of its own and keeps a target
// store of its own, from which the ensemble's is computed, so that other
// weights ask no model again.
type Ensemble struct {
	members      []*Teacher
	mean         Mean
	weights      []float64 // nil: all alike
	temperatures []float64 // nil: all 1
	mix          *mixer
	contract     *Contract
	keeper
	stats Stats
	parts [][]float32 // of each member, what it says of a batch
}

// EnsembleOptions say how members become one. Nil weights are all alike, nil
// temperatures all 1.
type EnsembleOptions struct {
	Mean         Mean
	Weights      []float64
	Temperatures []float64
	DType        string // how the ensemble's store keeps targets, as store.ParseDType reads it
	Scratch      string // folder for temporary files; empty: the system's
}

// NewEnsemble joins members, which it closes with itself. Settings that do not
// fit are a fault.Usage.
func NewEnsemble(members []*Teacher, o EnsembleOptions) (*Ensemble, error) {
	e := &Ensemble{members: members, weights: o.Weights, temperatures: o.Temperatures, parts: make([][]float32, len(members))}
	if len(members) < 2 {
		return nil, fault.New(fault.Usage, "", "teachers", "got %d, expected at least 2 for an ensemble", len(members))
	}
	for _, l := range []struct {
		flag string
		got  []float64
	}{{"--weights", o.Weights}, {"--temperatures", o.Temperatures}} {
		if l.got != nil && len(l.got) != len(members) {
			return nil, fault.New(fault.Usage, "", l.flag, "got %d numbers, expected one for each of %d teachers", len(l.got), len(members))
		}
	}
	var err error
	if e.mean, err = ParseMean(string(o.Mean)); err != nil {
		return nil, err
	}
	if _, err := newMixer(e.mean, dataset.MultiClass, len(members), o.Weights, o.Temperatures); err != nil {
		return nil, err
	}
	e.scratch = o.Scratch
	e.dtype, err = store.ParseDType(o.DType)
	return e, err
}

// Name tells how many members there are.
func (e *Ensemble) Name() string { return fmt.Sprintf("%d teachers", len(e.members)) }

// NameRows says what faults call the rows.
func (e *Ensemble) NameRows(name string) {
	for _, m := range e.members {
		m.NameRows(name)
	}
}

// Contract is what Detect found, or nil before.
func (e *Ensemble) Contract() *Contract { return e.contract }

// Detect finds the contract of every member. They must teach the same task and
// the same number of classes. What the ensemble's input is said to be is that of
// its first member.
func (e *Ensemble) Detect(ctx context.Context, src dataset.Source) (*Contract, error) {
	e.contract = nil
	var first *Contract
	var lines, warnings []string
	var all []*Contract
	for k, m := range e.members {
		c, err := m.Detect(ctx, src)
		if err != nil {
			return nil, err
		}
		if k == 0 {
			first = c
		}
		if c.Classes != first.Classes || c.Task != first.Task {
			return nil, fault.New(fault.Input, m.path, "output "+c.Output, "%s of %d classes, but %s has %s of %d: expected the same of all members (see --class-map)",
				taskName(c.Task, c.Classes), c.Classes, e.members[0].path, taskName(first.Task, first.Classes), first.Classes)
		}
		if len(wantedNames(c.Task, src.Spec())) == 0 {
			if at := otherName(first.ClassNames, c.ClassNames); at >= 0 {
				return nil, fault.New(fault.Input, m.path, "output "+c.Output, "class %d is %q, but %q in %s, and no row says which order counts: expected the same (see --class-map)",
					at, clip(c.ClassNames[at]), clip(first.ClassNames[at]), e.members[0].path)
			}
		}
		all = append(all, c)
		name := filepath.Base(m.path)
		for _, line := range c.plain() {
			lines = append(lines, name+": "+line)
		}
		for _, w := range c.Warnings {
			warnings = append(warnings, name+": "+w)
		}
	}
	var err error
	if e.mix, err = newMixer(e.mean, first.Task, len(e.members), e.weights, e.temperatures); err != nil {
		return nil, err
	}
	c := *first
	c.Kind, c.Members, c.Warnings, c.Accuracy, c.R2 = Logits, all, warnings, nil, nil
	if c.Task == dataset.Regression {
		c.Kind = Values
	}
	for _, m := range all {
		c.Batch = min(c.Batch, m.Batch)
		if c.ClassNames == nil {
			c.ClassNames = m.ClassNames
		}
	}
	c.Why = append([]string{fmt.Sprintf("%s: %s", e.Name(), e.mix)}, lines...)
	e.contract = &c
	if err := e.judge(ctx, src); err != nil {
		e.contract = nil
		return nil, err
	}
	return &c, nil
}

// otherName is the first place where two lists of class names differ, or -1.
// Numbers are no names.
func otherName(a, b []string) int {
	if len(a) != len(b) || numbersOnly(a) || numbersOnly(b) {
		return -1
	}
	for i := range a {
		if fold(a[i]) != fold(b[i]) {
			return i
		}
	}
	return -1
}

// judge looks how good the members are together.
func (e *Ensemble) judge(ctx context.Context, src dataset.Source) error {
	l, err := e.members[0].lookAt(ctx, src, 1)
	if err != nil || l.labelled() == 0 || e.contract.Task == dataset.Regression {
		return err
	}
	z := make([]float32, l.n*e.contract.Classes)
	if err := e.Logits(ctx, &l.b, z); err != nil {
		return err
	}
	v := e.contract.judgeRows(z, l)
	e.contract.Accuracy = &v.accuracy
	apart := make([]string, len(e.members))
	for k, m := range e.contract.Members {
		apart[k] = "?"
		if m.Accuracy != nil {
			apart[k] = share(*m.Accuracy)
		}
	}
	e.contract.why("together: %s of %d labelled rows right, alone %v", share(v.accuracy), l.labelled(), apart)
	return nil
}

func (e *Ensemble) detected() error {
	if e.contract == nil {
		return fault.New(fault.Usage, "", "", "not known yet what the teachers want: detect it first")
	}
	return nil
}

// Logits asks every member about the rows in b, and puts what they say together
// into out, (N, Classes).
func (e *Ensemble) Logits(ctx context.Context, b *dataset.Batch, out []float32) error {
	if err := e.detected(); err != nil {
		return err
	}
	for k, m := range e.members {
		e.parts[k] = slices.Grow(e.parts[k][:0], len(out))[:len(out)]
		if err := m.Logits(ctx, b, e.parts[k]); err != nil {
			return err
		}
	}
	e.mix.mix(out, e.parts, b.N, e.contract.Classes)
	return nil
}

// meant is the key but for rows and dtype: everything that the members' keys
// say is in the digest of the teacher.
func (e *Ensemble) meant() store.Key {
	c := e.contract
	k := store.Key{Kind: string(c.Kind), Task: string(c.Task), Classes: c.Classes, ClassNames: c.ClassNames,
		Library: c.Library, LibraryVersion: c.LibraryVersion, Provider: c.Provider, Options: []string{e.mix.String()}}
	var digests []string
	for _, m := range e.members {
		digests = append(digests, m.meant().Hash())
	}
	k.Teacher = digestOf(digests)
	return k
}

// Key says what the targets of src would be computed from.
func (e *Ensemble) Key(ctx context.Context, src dataset.Source) (store.Key, error) {
	if err := e.detected(); err != nil {
		return store.Key{}, err
	}
	rows, err := e.rowsOf(ctx, src)
	if err != nil {
		return store.Key{}, err
	}
	return e.key(ctx, src, rows, "")
}

func (e *Ensemble) key(ctx context.Context, src dataset.Source, rows *store.Rows, dir string) (store.Key, error) {
	d, err := e.kept(ctx, e, src, dir)
	k := e.meant()
	k.DType, k.Dataset = d, rows.Digest()
	return k, err
}

// Answers tells whether a store with the key k holds what the members together
// would say of k's rows.
func (e *Ensemble) Answers(k store.Key) bool {
	return e.detected() == nil && e.answers(e.meant(), k)
}

// Fill fills the members' stores, each in a folder of its own below o.Members,
// and from them the ensemble's in dir. By parts, the one after which no member
// lacks a shard computes the ensemble's.
func (e *Ensemble) Fill(ctx context.Context, src dataset.Source, dir string, o FillOptions) (_ *store.Store, err error) {
	if err := e.detected(); err != nil {
		return nil, err
	}
	rows, err := e.rowsOf(ctx, src)
	if err != nil {
		return nil, err
	}
	k, err := e.key(ctx, src, rows, dir)
	if err != nil {
		return nil, err
	}
	whole := o
	whole.ShardIndex, whole.Shards = 0, 0
	if o.ShardRows == 0 {
		whole.ShardRows = shardRows(e.contract.Classes)
	}
	var stores []*store.Store
	defer func() { closeAll(stores) }()
	parts := o.Shards > 1
	if parts { // side by side: the folder is for the one that ends last
		if stores, err = e.fillMembers(ctx, src, dir, o); err != nil || len(stores) < len(e.members) {
			return nil, err
		}
	}
	w, err := writer(dir, k, rows, whole)
	if parts && errors.Is(err, durable.ErrInUse) {
		return nil, nil // by the part that ended at the same time
	}
	if err != nil {
		return nil, err
	}
	if len(w.Missing()) == 0 {
		return w.Finish()
	}
	if !parts {
		stores, err = e.fillMembers(ctx, src, dir, o)
	}
	if err == nil {
		err = e.combine(ctx, w, rows, stores)
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w.Finish()
}

// fillMembers fills the store of every member; by parts those that are complete
// are returned.
func (e *Ensemble) fillMembers(ctx context.Context, src dataset.Source, dir string, o FillOptions) (stores []*store.Store, err error) {
	e.stats = Stats{}
	at := o.Members
	if at == "" {
		at = filepath.Clean(dir) + ".members"
	}
	if err := os.MkdirAll(at, 0o755); err != nil {
		return nil, fault.New(fault.IO, at, "", "cannot create: %w", err)
	}
	fill := func(k int, o FillOptions) error {
		key, err := e.members[k].Key(ctx, src)
		if err != nil {
			return err
		}
		s, err := e.members[k].Fill(ctx, src, filepath.Join(at, key.Hash()), o)
		if s != nil {
			stores = append(stores, s)
		}
		return err
	}
	for k, m := range e.members {
		one := o
		if o.Progress != nil {
			one.Progress = func(done, total int) { o.Progress(k*total+done, len(e.members)*total) }
		}
		err := fill(k, one)
		e.add(m.Stats())
		if err != nil {
			return stores, err
		}
	}
	// Of parts that run side by side none may have met all members complete:
	// whichever looks last at all of them does.
	if n := len(stores); n > 0 && n < len(e.members) {
		closeAll(stores)
		stores = nil
		for k := range e.members {
			if err := fill(k, o); err != nil {
				return stores, err
			}
		}
	}
	return stores, nil
}

func closeAll(stores []*store.Store) {
	for _, s := range stores {
		s.Close()
	}
}

// add counts what a member's Fill cost.
func (e *Ensemble) add(s Stats) {
	e.stats.Rows += s.Rows
	e.stats.Seconds += s.Seconds
	e.stats.Restarts += s.Restarts
	e.stats.Peak = max(e.stats.Peak, s.Peak)
	e.stats.Piece, e.stats.Lanes = s.Piece, s.Lanes
}

// combine writes the shards of w from what the members said.
func (e *Ensemble) combine(ctx context.Context, w *store.Writer, rows *store.Rows, stores []*store.Store) error {
	c := e.contract.Classes
	var at []int
	var ids []dataset.RowID
	for _, m := range w.Missing() {
		if err := ctx.Err(); err != nil {
			return err
		}
		at, ids = w.Positions(at, m.Index), ids[:0]
		for _, p := range at {
			id, err := rows.ID(p)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		for k, s := range stores {
			e.parts[k] = slices.Grow(e.parts[k][:0], len(ids)*c)[:len(ids)*c]
			if err := s.Lookup(ids, e.parts[k]); err != nil {
				return err
			}
		}
		out := make([]float32, len(ids)*c)
		e.mix.mix(out, e.parts, len(ids), c)
		if err := w.WriteShard(m.Index, out); err != nil {
			return err
		}
	}
	return nil
}

// Stats tells of the last Fill: rows and seconds are those of all members.
func (e *Ensemble) Stats() Stats { return e.stats }

// Memory is the resident memory of all worker processes in bytes.
func (e *Ensemble) Memory() int64 {
	sum := int64(0)
	for _, m := range e.members {
		sum += m.Memory()
	}
	return sum
}

// Close closes the members.
func (e *Ensemble) Close() error {
	e.known.close()
	e.known = nil
	var all []error
	for _, m := range e.members {
		all = append(all, m.Close())
	}
	return errors.Join(all...)
}
