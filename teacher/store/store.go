package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Store is a complete, verified target store. It is safe for concurrent use.
type Store struct {
	*opened
	temperature float64
}

// opened is what all views of a store share.
type opened struct {
	dir          string
	plan         plan
	targets, ids column
	index        *index
	sums         []byte    // SHA-256 of every shard's targets, in hexadecimal
	scratch      sync.Pool // *scratch
}

// scratch is the memory of a lookup.
type scratch struct{ block, row []byte }

// Open verifies every digest, shape and row of the store in dir and gives
// access to it. A shard that is missing, damaged, out of place or from another
// run is a fault.Integrity that names its file; a store whose shards are not
// all written yet gives an error that matches fs.ErrNotExist.
func Open(dir string) (*Store, error) {
	p, err := openPlan(dir)
	if err != nil {
		return nil, err
	}
	if err := p.complete(dir); err != nil {
		return nil, err
	}
	d := &opened{dir: dir, plan: p}
	s := &Store{d, 1}
	d.scratch.New = func() any {
		return &scratch{make([]byte, indexBlock*(markSize+8)), make([]byte, max(idSize, p.codec.size()))}
	}
	d.targets, d.ids = p.columns(dir)
	if err := d.load(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// openPlan is readPlan with an error for people when dir is no store.
func openPlan(dir string) (plan, error) {
	if st, err := os.Stat(dir); err != nil {
		return plan{}, fault.New(fault.IO, dir, "", "cannot open the target store: %w", reason(err))
	} else if !st.IsDir() {
		return plan{}, fault.New(fault.Input, dir, "", "is a file, expected the folder of a target store")
	}
	p, err := readPlan(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = fault.New(fault.Integrity, dir, "", "is no target store: store.json is missing: %w", fs.ErrNotExist)
	}
	return p, err
}

// complete requires that every shard is there, before anything is sized by
// what the plan claims.
func (p plan) complete(dir string) error {
	for i := range p.shards() {
		if !p.has(dir, i) {
			return fault.New(fault.Integrity, dir, "", "incomplete: shard %d of %d is missing: %w", i, p.shards(), fs.ErrNotExist)
		}
	}
	return nil
}

// has tells whether shard i counts.
func (p plan) has(dir string, i int) bool {
	_, err := os.Lstat(sidecarPath(dir, i))
	return !errors.Is(err, fs.ErrNotExist)
}

// load verifies all shards and the index, and keeps what fits into memory.
func (d *opened) load() error {
	p := d.plan
	keep := int64(p.Rows)*int64(p.codec.size()+idSize)+indexOf(p).size() <= inMemory
	var s *sorter // where there is no index
	if _, err := os.Lstat(indexPath(d.dir)); errors.Is(err, fs.ErrNotExist) {
		s = newSorter(d.dir)
		defer s.runs.Close()
	}
	if keep { // at most inMemory bytes, whatever the plan claims
		d.ids.memory = make([]byte, 0, p.Rows*idSize)
		d.targets.memory = make([]byte, 0, p.Rows*p.codec.size())
	}
	h := sha256.New()
	at := 0
	onIDs := func(ids []byte) error {
		h.Write(ids)
		if keep {
			d.ids.memory = append(d.ids.memory, ids...)
		}
		for ; s != nil && len(ids) > 0; ids = ids[idSize:] {
			if err := s.add(dataset.RowID(ids), at); err != nil {
				return err
			}
			at++
		}
		return nil
	}
	var onTargets func([]byte) error
	if keep {
		onTargets = func(b []byte) error { d.targets.memory = append(d.targets.memory, b...); return nil }
	}
	var c checker
	for i := range p.shards() {
		side, err := c.shard(d.dir, p, i, onIDs, onTargets)
		if err != nil {
			return err
		}
		d.sums = append(d.sums, side.TargetsSHA256...)
		if !keep {
			if err := errors.Join(d.targets.open(i), d.ids.open(i)); err != nil {
				return err
			}
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != p.Key.Dataset {
		return fault.New(fault.Integrity, d.dir, "dataset", "its row ids have digest %.16s…, expected %.16s…", got, p.Key.Dataset)
	}
	var err error
	if s != nil {
		d.index, err = makeIndex(d.dir, p, s, keep)
	} else {
		d.index, err = openIndex(d.dir, p, keep)
	}
	return err
}

// Content is the SHA-256 of the targets themselves, in hexadecimal. Stores
// with one key may differ in it: another processor rounds otherwise.
func (s *Store) Content() string {
	sum := sha256.Sum256(s.sums)
	return hex.EncodeToString(sum[:])
}

// At is the same store for losses at a temperature: rows that do not hold
// every logit are made up so that softmax(row/temperature) is as near as can
// be. Open gives the store for temperature 1. Close one of them, not both.
func (s *Store) At(temperature float64) *Store { return &Store{s.opened, temperature} }

// Lookup copies the targets of the rows with the given ids to dst, which is
// (len(ids), Classes). It allocates nothing. A row that the store does not
// hold is a fault.Integrity that names its id.
func (s *Store) Lookup(ids []dataset.RowID, dst []float32) error {
	classes := s.plan.Key.Classes
	if len(dst) != len(ids)*classes {
		panic("store: dst is not (len(ids), Classes)")
	}
	buf := s.scratch.Get().(*scratch)
	defer s.scratch.Put(buf)
	for n, id := range ids {
		at, err := s.find(id, buf)
		if err != nil {
			return err
		}
		if at < 0 {
			return fault.New(fault.Integrity, s.dir, "row "+id.String(), "is not in the target store (row %d of %d asked for)", n, len(ids))
		}
		row, err := s.targets.row(at, buf.row)
		if err != nil {
			return err
		}
		s.plan.codec.decode(dst[n*classes:(n+1)*classes], row, s.temperature)
	}
	return nil
}

// find is the position of a row, or -1.
func (s *Store) find(id dataset.RowID, buf *scratch) (int, error) {
	at, err := s.index.find(id, buf.block, func(at int) (bool, error) {
		got, err := s.ids.row(at, buf.row)
		return err == nil && dataset.RowID(got) == id, err
	})
	if err == nil {
		return at, nil
	}
	if known := (*fault.Error)(nil); errors.As(err, &known) {
		return -1, err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return -1, fault.New(fault.Integrity, indexPath(s.dir), "", "was changed while in use")
	}
	return -1, fault.New(fault.IO, indexPath(s.dir), "", "cannot read: %w", reason(err))
}

// FirstMissing is the place among ids of the first row that the store does not
// hold, or -1.
func (s *Store) FirstMissing(ids []dataset.RowID) (int, error) {
	buf := s.scratch.Get().(*scratch)
	defer s.scratch.Put(buf)
	for n, id := range ids {
		if at, err := s.find(id, buf); err != nil || at < 0 {
			return n, err
		}
	}
	return -1, nil
}

// Classes is the number of logits of a row.
func (s *Store) Classes() int { return s.plan.Key.Classes }

// Len is the number of distinct rows.
func (s *Store) Len() int { return s.plan.Rows }

// Key says what the targets were computed from.
func (s *Store) Key() Key { return s.plan.Key }

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

// Close releases the store's files. It must not be used afterwards.
func (s *Store) Close() error {
	s.targets.close()
	s.ids.close()
	if s.index == nil {
		return nil
	}
	return s.index.Close()
}
