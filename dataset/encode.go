package dataset

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// encoder turns the cells of one column into features.
type encoder struct {
	Column
	from   int            // column of the file
	rank   map[string]int // of the levels
	common map[string]string
	unseen int    // cells that are no level
	first  string // the first of them
}

func newEncoder(c Column, from int) *encoder {
	e := &encoder{Column: c, from: from, rank: map[string]int{}, common: map[string]string{}}
	for i, l := range c.Levels {
		e.rank[l] = i
	}
	return e
}

// add appends the features of one cell to x. The error says what is wrong with
// the cell.
func (e *encoder) add(x []float32, c cell) ([]float32, error) {
	if c.kind == nonsense {
		return x, fmt.Errorf("%s", c.text)
	}
	n := len(x)
	switch e.Kind {
	case Text:
		x = slices.Grow(x, e.Size)[:n+e.Size]
		HashText(x[n:], string(c.bytes()))
		return x, nil
	case Categorical:
		x = append(x, make([]float32, len(e.Levels))...)
		if c.isEmpty() {
			return x, nil
		}
		text := string(c.bytes())
		if i, ok := e.rank[text]; ok {
			x[n+i] = 1
			return x, nil
		}
		if e.unseen == 0 {
			e.first = text
		}
		e.unseen++
		return x, nil
	}
	v, err := e.value(c)
	return append(x, v), err
}

// value is the one feature of a Numeric, Boolean or Ordinal cell.
func (e *encoder) value(c cell) (float32, error) {
	missing := c.isMissing()
	if e.Kind == Ordinal {
		if i, ok := e.rank[string(c.bytes())]; ok {
			return float32(i), nil
		}
		if missing = c.isEmpty(); !missing {
			return 0, fmt.Errorf("%q, expected one of %s", clip(c.bytes()), few(e.Levels))
		}
	}
	if missing {
		if !e.Missing {
			return 0, fmt.Errorf("%s, expected a value as in every training row: --columns %q lets it be missing", orEmpty(c.bytes()), fmt.Sprintf("%s=%s?", e.Name, e.Kind))
		}
		return float32(math.NaN()), nil
	}
	if b, ok := c.boolean(); ok && e.Kind == Boolean {
		if b {
			return 1, nil
		}
		return 0, nil
	}
	v, err := c.number()
	switch {
	case e.Kind == Boolean && (err != nil || v != 0 && v != 1):
		return 0, fmt.Errorf("%q, expected true or false, yes or no, 1 or 0", clip(c.bytes()))
	case err != nil:
		return 0, fmt.Errorf("%q is not a number", clip(c.bytes()))
	case math.IsInf(float64(float32(v)), 0):
		return 0, fmt.Errorf("%q, expected a finite float32", clip(c.bytes()))
	}
	return float32(v), nil
}

// orEmpty shows a cell that stands for a missing value.
func orEmpty(text []byte) string {
	if len(text) == 0 {
		return "empty cell"
	}
	return strconv.Quote(clip(text))
}

// text is the cell as it is written, one string for all cells of a level.
func (e *encoder) text(c cell) string {
	b := c.bytes()
	if e.Kind == Text {
		return string(b)
	}
	if s, ok := e.common[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(e.common) < maxLevels {
		e.common[s] = s
	}
	return s
}

// levelSet collects the levels of a column.
type levelSet struct {
	most int
	seen map[string]bool
	over bool   // whether there are more than most, or one is too long
	long string // where a level is too long
}

func (s *levelSet) add(c cell) {
	if s.over || c.isEmpty() {
		return
	}
	text := c.bytes()
	if s.seen[string(text)] {
		return
	}
	if len(text) > maxLevel {
		s.over, s.long = true, clip(text)
		return
	}
	if s.over = len(s.seen) >= s.most; !s.over {
		s.seen[string(text)] = true
	}
}

// sorted are the levels: numbers by value where all are numbers, else by their
// bytes.
func (s *levelSet) sorted() []string {
	levels := make([]string, 0, len(s.seen))
	value := map[string]float64{}
	for l := range s.seen {
		levels = append(levels, l)
		if v, err := parseCell([]byte(l)); err == nil {
			value[l] = v
		}
	}
	slices.SortFunc(levels, func(a, b string) int {
		if len(value) == len(levels) {
			return cmp.Or(cmp.Compare(value[a], value[b]), strings.Compare(a, b))
		}
		return strings.Compare(a, b)
	})
	return levels
}
