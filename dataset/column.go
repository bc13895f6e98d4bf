package dataset

import (
	"bytes"
	"hash/maphash"
	"math"
	"slices"
)

// column is what the first reading of a table learns of one column.
type column struct {
	name         string
	numbers      int  // cells that are numbers
	texts        int  // cells that are neither numbers nor missing
	marks        int  // cells that say that a number is missing
	bad          int  // cells that no column takes
	booleans     int  // texts that are true or false
	spaced       int  // texts of more than one word
	long         int  // bytes of the longest text
	whole        bool // whether every number is whole
	id           bool // whether it is named id
	declared     bool // whether somebody says that it is a feature
	ids          []idCell
	firstText    textCell
	firstPartial textCell // first number that is not whole
	firstBad     textCell
	values       map[uint64]struct{} // digests of the texts, at most one more than defaultLevels
}

type textCell struct {
	text string
	line int
}

type idCell struct {
	id   float64
	line int
}

// valueSeed keys the digests of texts, which decide nothing but whether there
// are few.
var valueSeed = maphash.MakeSeed()

// add takes one cell.
func (c *column) add(cell cell, line int) {
	if cell.isEmpty() {
		return
	}
	if cell.kind == nonsense {
		if c.bad == 0 {
			c.firstBad = textCell{string(cell.text), line}
		}
		c.bad++
		return
	}
	if cell.isMissing() {
		c.marks++
		c.value(cell)
		return
	}
	v, err := cell.number()
	if err != nil || cell.kind == quoted {
		if c.texts == 0 {
			c.firstText = textCell{clip(cell.text), line}
		}
		c.texts++
		if _, ok := cell.boolean(); ok {
			c.booleans++
		}
		if bytes.IndexByte(bytes.TrimSpace(cell.text), ' ') >= 0 {
			c.spaced++
		}
		c.value(cell)
		return
	}
	c.numbers++
	if c.id {
		c.ids = append(c.ids, idCell{v, line})
	}
	if c.whole && (v != math.Trunc(v) || math.Abs(v) > 1<<53) { // also NaN
		c.whole, c.firstPartial = false, textCell{clip(cell.bytes()), line}
	}
}

// value counts the texts that differ.
func (c *column) value(cell cell) {
	c.long = max(c.long, len(cell.text))
	if len(c.values) > defaultLevels {
		return
	}
	if c.values == nil {
		c.values = map[uint64]struct{}{}
	}
	c.values[maphash.Bytes(valueSeed, cell.text)] = struct{}{}
}

// isText tells a column of names from a column of numbers with a bad cell.
func (c *column) isText() bool { return c.texts > c.numbers }

// isProse tells a column of sentences from one of names.
func (c *column) isProse() bool {
	return c.isText() && len(c.values) > defaultLevels && 2*c.spaced > c.texts
}

// isWhole tells whether every cell that is not empty is a whole number.
func (c *column) isWhole() bool { return c.texts == 0 && c.marks == 0 && c.whole && c.numbers > 0 }

// isMissing tells whether a cell of one of rows rows is missing.
func (c *column) isMissing(rows int) bool { return c.numbers+c.texts < rows }

// kind is what the column looks like, and why.
func (c *column) kind() (ColumnKind, string) {
	switch {
	case c.numbers+c.texts == 0:
		return Drop, "is empty and is left out"
	case c.texts == c.booleans && c.numbers == 0:
		return Boolean, "is true or false: 1 or 0"
	case !c.isText():
		return Numeric, ""
	case len(c.values) > defaultLevels || c.long > maxLevel:
		return Text, "has many different texts"
	}
	return Categorical, ""
}

// repeated gives the line of an id that stands on an earlier line too.
func (c *column) repeated() (line int, twice bool) {
	slices.SortFunc(c.ids, func(a, b idCell) int {
		if a.id != b.id {
			if a.id < b.id {
				return -1
			}
			return 1
		}
		return a.line - b.line
	})
	for i := 1; i < len(c.ids); i++ {
		if c.ids[i].id == c.ids[i-1].id {
			return c.ids[i].line, true
		}
	}
	c.ids = nil
	return 0, false
}
