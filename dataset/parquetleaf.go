package dataset

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetLeaf is one leaf of the schema.
type parquetLeaf struct {
	name    string
	read    func(v parquet.Value) cell
	list    bool
	present int // of a list: definition level from which on an element is there
	length  int // of a list: elements, -1 as long as no row has one
	first   int // column of the first element
}

// addLeaves lists the leaves below column, in their order, and how each is
// read.
func (c *parquetFile) addLeaves(column *parquet.Column, path []string) []*parquet.Column {
	var leaves []*parquet.Column
	for _, child := range column.Columns() {
		name := append(path[:len(path):len(path)], child.Name())
		switch {
		case !child.Leaf() && child.Repeated() && len(child.Columns()) == 1 && child.Columns()[0].Leaf() && len(path) > 0:
			leaves = append(leaves, c.addLeaf(child.Columns()[0], path, true)) // a list of three levels has its name from the outermost
		case !child.Leaf() && child.Repeated():
			for _, leaf := range deepest(child) {
				leaves = append(leaves, leaf)
				c.refuse(name, "a list of groups or lists")
			}
		case !child.Leaf():
			leaves = append(leaves, c.addLeaves(child, name)...)
		case child.Repeated() && len(path) > 0 && len(column.Columns()) == 1: // an old list of two levels
			leaves = append(leaves, c.addLeaf(child, path, true))
		default:
			leaves = append(leaves, c.addLeaf(child, name, child.Repeated()))
		}
	}
	return leaves
}

// deepest lists the leaves below column.
func deepest(column *parquet.Column) []*parquet.Column {
	if column.Leaf() {
		return []*parquet.Column{column}
	}
	var leaves []*parquet.Column
	for _, child := range column.Columns() {
		leaves = append(leaves, deepest(child)...)
	}
	return leaves
}

func (c *parquetFile) addLeaf(leaf *parquet.Column, path []string, list bool) *parquet.Column {
	l := parquetLeaf{name: strings.Join(path, "."), list: list, length: -1, present: leaf.MaxDefinitionLevel()}
	if leaf.Optional() {
		l.present--
	}
	read, why := parquetReader(leaf)
	switch {
	case why == "" && list && leaf.Type().Kind() == parquet.ByteArray:
		why = "a list of texts"
	case why == "":
		l.read = read
	}
	if why != "" {
		c.refuse(path, why)
		return leaf
	}
	if !list {
		l.first = c.addColumn(l.name)
	}
	c.leaves = append(c.leaves, l)
	return leaf
}

// refuse adds a leaf that only a column that is left out may have.
func (c *parquetFile) refuse(path []string, why string) {
	name := strings.Join(path, ".")
	bad := cell{kind: nonsense, text: fmt.Appendf(nil, "%s, which is not read: leave the column out by --columns %q", why, name+"=drop")}
	c.leaves = append(c.leaves, parquetLeaf{name: name, first: c.addColumn(name), read: func(parquet.Value) cell { return bad }})
}

func (c *parquetFile) addColumn(name string) int {
	c.columns, c.cells = append(c.columns, name), append(c.cells, cell{})
	return len(c.columns) - 1
}

// parquetReader makes cells of a leaf's values, or says what they are when
// they are none that a table has.
func parquetReader(leaf *parquet.Column) (read func(v parquet.Value) cell, why string) {
	number := func(v float64) cell {
		if math.IsNaN(v) {
			return cell{}
		}
		return cell{kind: counted, num: v}
	}
	logical := leaf.Type().LogicalType()
	scale, unsigned := 1.0, false // numbers are divided by scale: a tenth is no float64 to multiply by
	if logical != nil {
		switch t := logical.Value.(type) {
		case *format.TimestampType, *format.TimeType:
			return nil, "a time"
		case *format.DecimalType:
			scale = math.Pow10(int(t.Scale))
		case *format.IntType:
			unsigned = !t.IsSigned
		}
	}
	switch leaf.Type().Kind() {
	case parquet.Boolean:
		return func(v parquet.Value) cell { return cell{text: strconv.AppendBool(nil, v.Boolean())} }, ""
	case parquet.Int32:
		return func(v parquet.Value) cell {
			if unsigned {
				return number(float64(uint32(v.Int32())))
			}
			return number(float64(v.Int32()) / scale)
		}, ""
	case parquet.Int64:
		return func(v parquet.Value) cell {
			i := v.Int64()
			if unsigned && i < 0 {
				return cell{text: strconv.AppendUint(nil, uint64(i), 10)}
			}
			if scale != 1 || i > -1<<53 && i < 1<<53 {
				return number(float64(i) / scale)
			}
			return cell{text: strconv.AppendInt(nil, i, 10)} // a name must keep all digits
		}, ""
	case parquet.Float:
		return func(v parquet.Value) cell { return number(float64(v.Float())) }, ""
	case parquet.Double:
		return func(v parquet.Value) cell { return number(v.Double()) }, ""
	case parquet.ByteArray:
		if scale != 1 {
			return nil, "a decimal number of bytes"
		}
		return readText, ""
	case parquet.Int96:
		return nil, "a time"
	}
	return nil, fmt.Sprintf("of type %s", leaf.Type())
}

func readText(v parquet.Value) cell {
	text := v.ByteArray()
	switch {
	case len(text) > maxField:
		return cell{kind: nonsense, text: fmt.Appendf(nil, "text of %d bytes, limit %d", len(text), maxField)}
	case !utf8.Valid(text):
		return cell{kind: nonsense, text: []byte("bytes that are not UTF-8")}
	}
	return cell{kind: quoted, text: text}
}
