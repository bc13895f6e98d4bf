package teacher

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

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
