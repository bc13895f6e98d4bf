package dataset

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// cellKind is what a file says of the type of a cell.
type cellKind uint8

const (
	written  cellKind = iota // nothing: what it is shows in its text
	quoted                   // a text, even where it looks like a number
	counted                  // the number num; its text is made where it is wanted
	nonsense                 // a cell that no column takes: text says what it is
)

// cell is one cell of a table. The zero value is one that is empty.
type cell struct {
	kind cellKind
	text []byte
	num  float64
}

// isEmpty tells whether nothing stands in the cell.
func (c cell) isEmpty() bool { return c.kind != counted && len(c.text) == 0 }

// number reads the cell as a number, whatever its file says of its type.
func (c cell) number() (float64, error) {
	if c.kind == counted {
		return c.num, nil
	}
	return parseCell(c.text)
}

// bytes is the cell as it is written.
func (c cell) bytes() []byte {
	if c.kind == counted {
		if i := int64(c.num); float64(i) == c.num && i > -1<<53 && i < 1<<53 { // without an exponent
			return strconv.AppendInt(nil, i, 10)
		}
		return strconv.AppendFloat(nil, c.num, 'g', -1, 64)
	}
	return c.text
}

// isMissing tells whether the cell of a column of numbers stands for none.
func (c cell) isMissing() bool {
	if c.kind == counted {
		return false
	}
	return len(c.text) == 0 || len(c.text) <= 4 && slices.ContainsFunc(missingMarks, func(m string) bool { return bytes.EqualFold(c.text, []byte(m)) })
}

// missingMarks stand for a number that is missing, whatever their case.
var missingMarks = []string{"NA", "N/A", "NaN", "null", "none", "?"}

// boolean reads true or false, and yes or no, whatever their case.
func (c cell) boolean() (value, ok bool) {
	if len(c.text) > 5 {
		return false, false
	}
	switch strings.ToLower(string(c.text)) {
	case "true", "yes":
		return true, true
	case "false", "no":
		return false, true
	}
	return false, false
}

// parseCell reads a number.
func parseCell(cell []byte) (float64, error) {
	v, err := strconv.ParseFloat(string(cell), 64)
	if err != nil && math.IsInf(v, 0) { // out of range is a number, and refused as infinite
		err = nil
	}
	return v, err
}

// clip is a cell short enough for a message.
func clip(cell []byte) string {
	return fault.Clip(string(cell), 40)
}
