package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"math"
	"os"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Store is a complete, verified target store. It is safe for concurrent use.
type Store struct {
	dir    string
	plan   plan
	mapped bool
	shards []table                  // targets by shard
	where  map[dataset.RowID]uint64 // position among the distinct rows
	sums   []byte                   // SHA-256 of every shard's targets, in hexadecimal
}

// Open verifies every digest, shape and row of the store in dir and gives
// access to it. A shard that is missing, damaged, out of place or from another
// run is a fault.Integrity that names its file; a store whose shards are not
// all written yet gives an error that matches fs.ErrNotExist.
func Open(dir string) (*Store, error) {
	if st, err := os.Stat(dir); err != nil {
		return nil, fault.New(fault.IO, dir, "", "cannot open the target store: %w", reason(err))
	} else if !st.IsDir() {
		return nil, fault.New(fault.Input, dir, "", "is a file, expected the folder of a target store")
	}
	p, err := readPlan(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Integrity, dir, "", "is no target store: store.json is missing: %w", fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	// Before anything is sized by what the plan claims, every shard must be there.
	for i := range p.shards() {
		if _, err := os.Lstat(sidecarPath(dir, i)); errors.Is(err, fs.ErrNotExist) {
			return nil, fault.New(fault.Integrity, dir, "", "incomplete: shard %d of %d is missing: %w", i, p.shards(), fs.ErrNotExist)
		}
	}
	s := &Store{dir: dir, plan: p, where: make(map[dataset.RowID]uint64, min(p.Rows, 1<<20))}
	s.mapped = int64(p.Rows)*int64(p.Key.Classes)*4 > inMemory
	ok := false
	defer func() {
		if !ok {
			s.Close()
		}
	}()
	distinct := make([]dataset.RowID, 0, min(p.Rows, 1<<20))
	for i := range p.shards() {
		ids, err := s.load(i)
		if err != nil {
			return nil, err
		}
		for ; len(ids) > 0; ids = ids[idSize:] {
			id := dataset.RowID(ids)
			if _, dup := s.where[id]; dup {
				return nil, fault.New(fault.Integrity, idsPath(dir, i), "row "+id.String(), "shard %d: stored twice", i)
			}
			s.where[id] = uint64(len(distinct))
			distinct = append(distinct, id)
		}
	}
	if got := digestDistinct(distinct); got != p.Key.Dataset {
		return nil, fault.New(fault.Integrity, dir, "dataset", "its row ids have digest %.16s…, expected %.16s…", got, p.Key.Dataset)
	}
	ok = true
	return s, nil
}

// load verifies shard i, keeps its targets and returns its row ids.
func (s *Store) load(i int) (ids []byte, err error) {
	sh, err := readShard(s.dir, s.plan, i, !s.mapped)
	if err != nil {
		return nil, err
	}
	t := table{bytes: sh.targets}
	if s.mapped {
		from, to := s.plan.span(i)
		if t, err = mapTable(targetsPath(s.dir, i), len(targetsHeader(to-from, s.plan.Key.Classes)), (to-from)*s.plan.Key.Classes*4); err != nil {
			return nil, err
		}
	}
	s.shards = append(s.shards, t)
	s.sums = append(s.sums, sh.sum...)
	return sh.ids, nil
}

// Content is the SHA-256 of the targets themselves, in hexadecimal. Stores
// with one key may differ in it: another processor rounds otherwise.
func (s *Store) Content() string {
	sum := sha256.Sum256(s.sums)
	return hex.EncodeToString(sum[:])
}

// Lookup copies the targets of the rows with the given ids to dst, which is
// (len(ids), Classes). It allocates nothing. A row that the store does not
// hold is a fault.Integrity that names its id.
func (s *Store) Lookup(ids []dataset.RowID, dst []float32) error {
	if len(dst) != len(ids)*s.plan.Key.Classes {
		panic("store: dst is not (len(ids), Classes)")
	}
	if s.mapped {
		return s.guarded(ids, dst)
	}
	return s.lookup(ids, dst)
}

func (s *Store) lookup(ids []dataset.RowID, dst []float32) error {
	c := s.plan.Key.Classes
	for n, id := range ids {
		at, found := s.where[id]
		if !found {
			return fault.New(fault.Integrity, s.dir, "row "+id.String(), "is not in the target store (row %d of %d asked for)", n, len(ids))
		}
		shard, row := int(at)/s.plan.ShardRows, int(at)%s.plan.ShardRows
		src, out := s.shards[shard].bytes[row*c*4:], dst[n*c:(n+1)*c]
		for j := range out {
			out[j] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*j:]))
		}
	}
	return nil
}

// Has tells whether the store holds the row.
func (s *Store) Has(id dataset.RowID) bool {
	_, ok := s.where[id]
	return ok
}

// Classes is the number of logits of a row.
func (s *Store) Classes() int { return s.plan.Key.Classes }

// Len is the number of distinct rows.
func (s *Store) Len() int { return s.plan.Rows }

// Key says what the targets were computed from.
func (s *Store) Key() Key { return s.plan.Key }

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

// Close releases mapped files. The store must not be used afterwards.
func (s *Store) Close() error {
	var first error
	for _, t := range s.shards {
		if err := t.close(); err != nil && first == nil {
			first = err
		}
	}
	s.shards = nil
	return first
}
