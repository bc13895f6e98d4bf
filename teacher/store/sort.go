package store

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"io"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
)

// runRows is the number of records that are sorted in memory; more are sorted
// in runs of that many, and merged.
var runRows = 1 << 19

// record is a row's id, as two big-endian numbers, and its position.
type record struct{ hi, lo, at uint64 }

const recordSize = 24

func recordOf(id dataset.RowID, at int) record {
	return record{binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(id[8:]), uint64(at)}
}

func (r record) id() (id dataset.RowID) {
	binary.BigEndian.PutUint64(id[:], r.hi)
	binary.BigEndian.PutUint64(id[8:], r.lo)
	return id
}

func (r record) compare(o record) int {
	switch {
	case r.hi != o.hi:
		return cmp.Compare(r.hi, o.hi)
	case r.lo != o.lo:
		return cmp.Compare(r.lo, o.lo)
	}
	return cmp.Compare(r.at, o.at)
}

// sorter is an external merge sort of records in memory that does not depend
// on their number.
type sorter struct {
	run  []record
	runs spill // sorted runs of runRows records
	n    int
}

func newSorter(scratch string) *sorter { return &sorter{runs: spill{dir: scratch}} }

func (s *sorter) add(id dataset.RowID, at int) error {
	if len(s.run) == runRows {
		if err := s.spillRun(); err != nil {
			return err
		}
	}
	s.run = append(s.run, recordOf(id, at))
	s.n++
	return nil
}

// spillRun sorts the records in memory and puts them behind the other runs.
func (s *sorter) spillRun() error {
	slices.SortFunc(s.run, record.compare)
	var buf []byte
	for piece := range slices.Chunk(s.run, 1<<14) {
		buf = buf[:0]
		for _, r := range piece {
			buf = binary.LittleEndian.AppendUint64(buf, r.hi)
			buf = binary.LittleEndian.AppendUint64(buf, r.lo)
			buf = binary.LittleEndian.AppendUint64(buf, r.at)
		}
		if _, err := s.runs.Write(buf); err != nil {
			return err
		}
	}
	s.run = s.run[:0]
	return nil
}

// each calls fn with all records in order and ends the sorter.
func (s *sorter) each(fn func(r record) error) error {
	defer s.runs.Close()
	if s.runs.size == 0 {
		slices.SortFunc(s.run, record.compare)
		for _, r := range s.run {
			if err := fn(r); err != nil {
				return err
			}
		}
		s.run = nil
		return nil
	}
	if err := s.spillRun(); err != nil {
		return err
	}
	if err := s.runs.flush(); err != nil {
		return err
	}
	s.run = nil
	var m merge
	total := int64(s.n) * recordSize
	step := int64(runRows) * recordSize
	count := int((total + step - 1) / step)
	buffer := max(4<<10, min(256<<10, (32<<20)/count))
	for from := int64(0); from < total; from += step {
		c := &cursor{r: bufio.NewReaderSize(io.NewSectionReader(&s.runs, from, min(step, total-from)), buffer)}
		if more, err := c.next(); err != nil {
			return err
		} else if more {
			m = append(m, c)
		}
	}
	heap.Init(&m)
	for len(m) > 0 {
		if err := fn(m[0].head); err != nil {
			return err
		}
		more, err := m[0].next()
		if err != nil {
			return err
		}
		if more {
			heap.Fix(&m, 0)
		} else {
			heap.Pop(&m)
		}
	}
	return nil
}

// cursor is a run that is being read.
type cursor struct {
	r    *bufio.Reader
	head record
	buf  [recordSize]byte
}

func (c *cursor) next() (bool, error) {
	if _, err := io.ReadFull(c.r, c.buf[:]); err == io.EOF {
		return false, nil
	} else if err != nil {
		return false, err
	}
	c.head = record{binary.LittleEndian.Uint64(c.buf[:]), binary.LittleEndian.Uint64(c.buf[8:]), binary.LittleEndian.Uint64(c.buf[16:])}
	return true, nil
}

// merge is a heap of runs by their smallest record.
type merge []*cursor

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return m[i].head.compare(m[j].head) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(*cursor)) }
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
