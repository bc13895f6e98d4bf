package store

import (
	"crypto/sha256"
	"encoding/hex"
	"math/bits"
	"sort"

	"github.com/kdonnx/kdonnx/dataset"
)

// Rows are the distinct rows of a source in the order of their first
// occurrence: what a store holds. It takes a bit a row of memory; of more than
// a million rows the ids lie in a temporary file. It is safe for concurrent use.
type Rows struct {
	n        int      // rows of the source
	distinct int      // of them, rows that are no repetition
	ids      *spill   // (n) ids
	again    []uint64 // bit i: the values of row i occurred before; nil when none did
	before   []int    // distinct rows before each block of rankRows rows; nil without repetitions
	digest   string
}

// rankRows is a whole number of words of Rows.again.
const rankRows = 4096

// Gather takes the ids of all rows of a source, which each hands to add in
// order, some at a time, and finds the repetitions. Temporary files are made in
// the folder scratch, or where it is empty or takes none in the system's. An
// error of each is returned as it is.
func Gather(scratch string, each func(add func(ids []dataset.RowID) error) error) (*Rows, error) {
	r := &Rows{ids: &spill{dir: scratch}}
	s := newSorter(scratch)
	done := false
	defer func() {
		if !done {
			s.runs.Close()
			r.Close()
		}
	}()
	var buf []byte
	err := each(func(ids []dataset.RowID) error {
		buf = buf[:0]
		for _, id := range ids {
			buf = append(buf, id[:]...)
			if err := s.add(id, r.n); err != nil {
				return err
			}
			r.n++
		}
		_, err := r.ids.Write(buf)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := r.ids.flush(); err != nil {
		return nil, err
	}
	if err := r.findAgain(s); err != nil {
		return nil, err
	}
	if err := r.sum(); err != nil {
		return nil, err
	}
	done = true
	return r, nil
}

// findAgain marks repetitions: the records of s come by id, and those of one id
// by position.
func (r *Rows) findAgain(s *sorter) error {
	r.distinct = r.n
	var last record
	first := true
	err := s.each(func(rec record) error {
		if !first && rec.hi == last.hi && rec.lo == last.lo {
			if r.again == nil {
				r.again = make([]uint64, (r.n+63)/64)
			}
			r.again[rec.at/64] |= 1 << (rec.at % 64)
			r.distinct--
		}
		last, first = rec, false
		return nil
	})
	if err != nil || r.again == nil {
		return err
	}
	n := 0
	for i := 0; i < r.n; i += rankRows {
		r.before = append(r.before, n)
		for w := i / 64; w < min((i+rankRows)/64, len(r.again)); w++ {
			n += 64 - bits.OnesCount64(r.again[w])
		}
	}
	return nil
}

// sum digests the distinct ids.
func (r *Rows) sum() error {
	h := sha256.New()
	var ids []byte
	var rows []int
	for from := 0; from < r.distinct; from += rankRows {
		var err error
		rows = r.Positions(rows, from, min(from+rankRows, r.distinct))
		if ids, err = r.read(ids, rows); err != nil {
			return err
		}
		h.Write(ids)
	}
	r.digest = hex.EncodeToString(h.Sum(nil))
	return nil
}

// Len is the number of distinct rows.
func (r *Rows) Len() int { return r.distinct }

// Digest is the SHA-256 of the distinct ids in the order of their first
// occurrence, in hexadecimal.
func (r *Rows) Digest() string { return r.digest }

// Positions gives, in the memory of buf, where in the source the distinct rows
// from to to-1 first occur, ascending.
func (r *Rows) Positions(buf []int, from, to int) []int {
	buf = buf[:0]
	if r.again == nil {
		for i := from; i < to; i++ {
			buf = append(buf, i)
		}
		return buf
	}
	block := sort.Search(len(r.before), func(b int) bool { return r.before[b] > from }) - 1
	for i, seen := block*rankRows, r.before[block]; seen < to; i++ {
		if r.again[i/64]>>(i%64)&1 == 0 {
			if seen >= from {
				buf = append(buf, i)
			}
			seen++
		}
	}
	return buf
}

// ID is the identity of the row at a position of the source.
func (r *Rows) ID(position int) (dataset.RowID, error) {
	b, err := r.read(nil, []int{position})
	if err != nil {
		return dataset.RowID{}, err
	}
	return dataset.RowID(b), nil
}

// read gives, in the memory of buf, the ids at ascending positions.
func (r *Rows) read(buf []byte, positions []int) ([]byte, error) {
	if need := len(positions) * idSize; cap(buf) < need {
		buf = make([]byte, need)
	}
	buf = buf[:len(positions)*idSize]
	for i := 0; i < len(positions); {
		n := 1
		for i+n < len(positions) && positions[i+n] == positions[i]+n {
			n++
		}
		if _, err := r.ids.ReadAt(buf[i*idSize:(i+n)*idSize], int64(positions[i])*int64(idSize)); err != nil {
			return nil, err
		}
		i += n
	}
	return buf, nil
}

// Close removes the temporary file, if there is one.
func (r *Rows) Close() error { return r.ids.Close() }
