package dataset

import "sort"

// Origin follows a row through views, to the source that they were made of and
// the row's position there: the one that a fault should name.
func Origin(src Source, row int) (Source, int) {
	for {
		v, ok := src.(interface{ below(row int) (Source, int) })
		if !ok {
			return src, row
		}
		src, row = v.below(row)
	}
}

func (s *subset) below(row int) (Source, int)     { return s.src, s.rows[row] }
func (s *relabelled) below(row int) (Source, int) { return s.src, row }
func (m *memory) below(row int) (Source, int)     { return m.src, row }

func (c *concat) below(row int) (Source, int) {
	k := sort.SearchInts(c.ends, row+1)
	return c.srcs[k], row - (c.ends[k] - c.srcs[k].Len())
}
