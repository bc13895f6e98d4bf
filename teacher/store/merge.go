package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sort"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Merge makes one store in the folder dir of those in from.
//
// Stores with one key are parts of one store: each shard is taken from the
// first folder that has it, and dir may hold some already. Stores whose keys
// differ in nothing but their rows must be complete; the result holds the rows
// of the first, then those of the second that it lacks, and so on, and its key
// names them all. Any other difference of the keys is a fault.Integrity that
// names the field, and so is a damaged shard. Shards that no folder has are an
// error that matches fs.ErrNotExist; what there was is in dir.
//
// progress, which may be nil, is called after each shard.
func Merge(ctx context.Context, dir string, from []string, progress func(done, total int)) (*Store, error) {
	if len(from) == 0 {
		return nil, fault.New(fault.Usage, dir, "", "got no stores to merge, expected at least 1")
	}
	m := &merger{}
	parts := true
	for _, d := range from {
		p, err := openPlan(d)
		if err != nil {
			return nil, err
		}
		if len(m.plans) > 0 {
			other := p.Key
			other.Dataset = m.plans[0].Key.Dataset
			if field, first, this := m.plans[0].Key.Diff(other); field != "" {
				return nil, fault.New(fault.Integrity, d, field, "was made with %s, %s with %s: only stores of the same teacher, settings and dtype merge", this, from[0], first)
			}
			parts = parts && p.KeySHA256 == m.plans[0].KeySHA256
			if p.KeySHA256 == m.plans[0].KeySHA256 && p.ShardRows != m.plans[0].ShardRows {
				parts = false // cut otherwise: taken row by row
			}
		}
		m.dirs, m.plans = append(m.dirs, d), append(m.plans, p)
	}
	w := &Writer{fs: durable.OS{}, dir: dir}
	if parts {
		if err := w.enter(m.plans[0], options{parts: 1}); err != nil {
			return nil, err
		}
		if got, want := w.plan.ShardRows, m.plans[0].ShardRows; got != want {
			w.Close()
			return nil, fault.New(fault.Integrity, planPath(dir), "shard_rows", "got %d, expected the %d of %s: choose another folder", got, want, from[0])
		}
		if err := m.join(ctx, w, progress); err != nil {
			w.Close()
			return nil, err
		}
		return w.Finish()
	}
	return m.concatenate(ctx, dir, progress)
}

// merger are the stores that are merged.
type merger struct {
	dirs  []string
	plans []plan
	check checker
}

// join copies the shards that w lacks.
func (m *merger) join(ctx context.Context, w *Writer, progress func(done, total int)) error {
	n := w.plan.shards()
	for i := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := m.check.shard(w.dir, w.plan, i, nil, nil); errors.Is(err, fs.ErrNotExist) {
			if err := m.copyShard(w, i); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		} else if err != nil {
			return err
		}
		if progress != nil {
			progress(i+1, n)
		}
	}
	return nil
}

// copyShard copies shard i from the first folder in which it is whole. Where
// there is none the error is that of the first folder that has it.
func (m *merger) copyShard(w *Writer, i int) error {
	var first error
	for d, dir := range m.dirs {
		side, err := readSidecar(dir, m.plans[d], i)
		if err == nil {
			err = m.copyFiles(w, dir, m.plans[d], side)
		}
		if err == nil {
			return nil
		}
		if first == nil || errors.Is(first, fs.ErrNotExist) {
			first = err
		}
	}
	return first
}

// copyFiles copies the three files of a shard, verifying them on the way.
func (m *merger) copyFiles(w *Writer, dir string, p plan, side sidecar) error {
	i := side.Shard
	if err := w.remove(sidecarPath(w.dir, i)); err != nil {
		return err
	}
	copied := func(to string, header []byte, read func(visit func([]byte) error) error) error {
		return durable.WriteFile(w.fs, to, func(out io.Writer) error {
			if _, err := out.Write(header); err != nil {
				return err
			}
			return read(func(b []byte) error { _, err := out.Write(b); return err })
		})
	}
	err := copied(idsPath(w.dir, i), idsHeader(side.Rows), func(visit func([]byte) error) error {
		return m.check.idsOf(dir, side, visit)
	})
	if err != nil {
		return err
	}
	err = copied(targetsPath(w.dir, i), targetsHeader(side.Rows, p.codec), func(visit func([]byte) error) error {
		return m.check.targetsOf(dir, p, side, visit)
	})
	if err != nil {
		return err
	}
	_, err = w.put(sidecarPath(w.dir, i), nil, canonical(side))
	return err
}

// concatenate makes a store of the rows of all.
func (m *merger) concatenate(ctx context.Context, dir string, progress func(done, total int)) (_ *Store, err error) {
	var all []column // targets
	var first []int  // number of the first row of each store, as if they lay one behind the other
	total := 0
	defer func() {
		for i := range all {
			all[i].close()
		}
	}()
	for d, p := range m.plans {
		if err := p.complete(m.dirs[d]); err != nil {
			return nil, err
		}
		targets, _ := p.columns(m.dirs[d])
		all, first, total = append(all, targets), append(first, total), total+p.Rows
	}
	rows, err := Gather("", func(add func([]dataset.RowID) error) error { return m.allIDs(ctx, add) })
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for d := range all {
		for i := range min(all[d].shards, maxOpen/len(all)) {
			if err := all[d].open(i); err != nil {
				return nil, err
			}
		}
	}
	k := m.plans[0].Key
	k.Dataset = rows.Digest()
	w, err := Create(dir, k, rows, m.plans[0].ShardRows)
	if err != nil {
		return nil, err
	}
	missing := w.Missing()
	for n, s := range missing {
		at := w.Positions(nil, s.Index)
		err := ctx.Err()
		if err == nil {
			err = w.write(s.Index, func(n int, dst []byte) error {
				d := sort.SearchInts(first, at[n]+1) - 1
				return all[d].rows(at[n]-first[d], dst)
			})
		}
		if err != nil {
			w.Close()
			return nil, err
		}
		if progress != nil {
			progress(n+1, len(missing))
		}
	}
	return w.Finish()
}

// allIDs verifies all shards of all stores and adds their ids in order.
func (m *merger) allIDs(ctx context.Context, add func([]dataset.RowID) error) error {
	var ids []dataset.RowID
	for d, p := range m.plans {
		for i := range p.shards() {
			if err := ctx.Err(); err != nil {
				return err
			}
			_, err := m.check.shard(m.dirs[d], p, i, func(b []byte) error {
				ids = ids[:0]
				for ; len(b) > 0; b = b[idSize:] {
					ids = append(ids, dataset.RowID(b))
				}
				return add(ids)
			}, nil)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
