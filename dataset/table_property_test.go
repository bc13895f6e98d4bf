package dataset_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/kdonnx/kdonnx/dataset"
)

// randomColumn is a column of any kind: float64, bool or string cells, nil
// where one is missing.
type randomColumn struct {
	name  string
	cells []any
}

// numbers tells whether the column holds numbers or booleans.
func (c randomColumn) numbers() bool {
	return slices.ContainsFunc(c.cells, func(v any) bool {
		_, text := v.(string)
		return v != nil && !text
	})
}

// randomTable is columns whose names are in order, as Parquet's writer sorts
// them.
type randomTable struct {
	rows    int
	columns []randomColumn
	label   string // of --label
}

var words = []string{"red", "green blue", "None", "naïve", `a "quoted" one`, "comma, here", "NA", "true", "Zürich", "x=y", "<tag>", "semi;colon"}

func drawTable(t *rapid.T) randomTable {
	r := randomTable{rows: rapid.IntRange(1, 40).Draw(t, "rows")}
	column := func(name, kind string) {
		c := randomColumn{name: name}
		some := rapid.IntRange(0, 3).Draw(t, "some missing") == 0
		most := rapid.IntRange(1, len(words)).Draw(t, "levels")
		for range r.rows {
			var v any
			switch kind {
			case "float":
				v = float64(rapid.Float32Range(-1e6, 1e6).Draw(t, "v"))
			case "whole":
				v = float64(rapid.IntRange(-3, 300).Draw(t, "v"))
			case "yes":
				v = float64(rapid.IntRange(0, 1).Draw(t, "v"))
			case "bool":
				v = rapid.Bool().Draw(t, "v")
			case "word":
				v = words[rapid.IntRange(0, most-1).Draw(t, "v")]
			}
			if some && rapid.IntRange(0, 2).Draw(t, "missing") == 0 {
				v = nil
			}
			c.cells = append(c.cells, v)
		}
		r.columns = append(r.columns, c)
	}
	kinds := []string{"float", "whole", "bool", "word"}
	column("a", "float")
	for i := range rapid.IntRange(0, 5).Draw(t, "columns") {
		column(fmt.Sprintf("c%d", i), rapid.SampledFrom(kinds).Draw(t, "kind"))
	}
	switch rapid.IntRange(0, 4).Draw(t, "task") {
	case 0:
		r.label = "none"
	case 1:
		r.label = "y"
		column("y", "word")
	case 2:
		r.label = "y"
		column("y", "whole")
	case 3:
		r.label = "y0,y1"
		column("y0", "yes")
		column("y1", "yes")
	case 4:
		r.label = "y0,y1"
		column("y0", "float")
		column("y1", "whole")
	}
	return r
}

// text is a cell as CSV has it, before quotes.
func (randomTable) text(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case string:
		return v
	}
	return ""
}

func (r randomTable) csv(delim byte) []byte {
	var b bytes.Buffer
	for i := -1; i < r.rows; i++ {
		for k, c := range r.columns {
			if k > 0 {
				b.WriteByte(delim)
			}
			text := c.name
			if i >= 0 {
				text = r.text(c.cells[i])
				if c.cells[i] == nil && i%2 == 1 && c.numbers() {
					text = "NA"
				}
			}
			if strings.ContainsAny(text, "\",;\t ") || text == "" {
				text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
			}
			b.WriteString(text)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func (r randomTable) jsonl() []byte {
	var b bytes.Buffer
	for i := range r.rows {
		b.WriteByte('{')
		for k, c := range r.columns {
			if k > 0 {
				b.WriteByte(',')
			}
			name, _ := json.Marshal(c.name)
			value, _ := json.Marshal(c.cells[i])
			fmt.Fprintf(&b, "%s: %s", name, value)
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// parquet is the table with its columns sorted by name.
func (r randomTable) parquet() []byte {
	r.columns = slices.SortedFunc(slices.Values(r.columns), func(a, b randomColumn) int { return strings.Compare(a.name, b.name) })
	group := parquet.Group{}
	for _, c := range r.columns {
		node := parquet.Leaf(parquet.DoubleType)
		for _, v := range c.cells {
			switch v.(type) {
			case bool:
				node = parquet.Leaf(parquet.BooleanType)
			case string:
				node = parquet.String()
			}
		}
		group[c.name] = parquet.Optional(node)
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[any](&b, parquet.NewSchema("t", group))
	for i := range r.rows {
		var row parquet.Row
		for k, c := range r.columns {
			v, level := parquet.ValueOf(c.cells[i]), 1
			if c.cells[i] == nil {
				level = 0
			}
			row = append(row, v.Level(0, level, k))
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// seen is all that a table is known by.
type seen struct {
	spec   dataset.Spec
	ids    []dataset.RowID
	labels []int32
	values []float32
	x      []float32
}

func (s seen) String() string {
	return fmt.Sprint(s.spec.Columns, s.spec.Texts, s.spec.Missing, s.spec.Task, s.spec.Classes, s.spec.Targets, s.spec.Schema, s.ids, s.labels, s.values)
}

func look(path string, o dataset.Options) (s seen, err error) {
	ctx := context.Background()
	src, err := dataset.Open(path, o)
	if err != nil {
		return s, err
	}
	defer src.Close()
	s.spec = src.Spec()
	if s.ids, err = dataset.IDs(ctx, src); err != nil {
		return s, err
	}
	if s.labels, err = dataset.Labels(ctx, src); err != nil {
		return s, err
	}
	if s.values, err = dataset.Values(ctx, src); err != nil {
		return s, err
	}
	err = dataset.Batches(ctx, src, nil, 7, func(_ []int, b *dataset.Batch) error {
		s.x = append(s.x, b.X...)
		return nil
	})
	return s, err
}

// features computes the features of the table anew, as its schema says.
func (r randomTable) features(s dataset.Schema) (x []float32) {
	for i := range r.rows {
		for _, c := range s.Columns {
			k := slices.IndexFunc(r.columns, func(o randomColumn) bool { return o.name == c.Name })
			v := r.columns[k].cells[i]
			switch c.Kind {
			case dataset.Categorical:
				for _, l := range c.Levels {
					x = append(x, map[bool]float32{true: 1}[v != nil && r.text(v) == l])
				}
			case dataset.Drop:
			default:
				f := float32(math.NaN())
				switch v := v.(type) {
				case float64:
					f = float32(v)
				case bool:
					f = map[bool]float32{true: 1}[v]
				case string:
					if strings.EqualFold(v, "true") && c.Kind == dataset.Boolean {
						f = 1
					}
				}
				x = append(x, f)
			}
		}
	}
	return x
}

// TestSameTableInThreeFormats: whatever the file, the rows are the same, and
// again when another table is read as the first was, its columns in any order.
func TestSameTableInThreeFormats(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		r := drawTable(rt)
		var first seen
		var failed error
		for i, f := range []struct {
			name string
			data []byte
		}{
			{"t.csv", r.csv(',')}, {"u.csv", r.csv(';')}, {"t.tsv", r.csv('\t')}, {"t.jsonl", r.jsonl()}, {"t.parquet", r.parquet()},
		} {
			got, err := look(put(t, dir, f.name, f.data), dataset.Options{Label: r.label})
			if i == 0 {
				if first, failed = got, err; err == nil {
					if want := r.features(got.spec.Schema); !sameNumbers(want, got.x) {
						rt.Fatalf("features %v, want %v\n%s", got.x, want, f.data)
					}
				}
				continue
			}
			if (err == nil) != (failed == nil) {
				rt.Fatalf("%s: %v, but t.csv: %v\n%s", f.name, err, failed, r.csv(','))
			}
			if err == nil && got.String() != first.String() {
				rt.Fatalf("%s: %v\nt.csv: %v\n%s", f.name, got, first, r.csv(','))
			}
		}
		if failed != nil {
			return
		}
		shuffled := r
		shuffled.columns = rapid.Permutation(r.columns).Draw(rt, "order")
		if rapid.Bool().Draw(rt, "more") {
			shuffled.columns = append(slices.Clone(shuffled.columns), randomColumn{"zz", make([]any, r.rows)})
			for i := range r.rows {
				shuffled.columns[len(r.columns)].cells[i] = "more"
			}
		}
		like := dataset.Options{Schema: first.spec.Schema, Classes: first.spec.Classes, Targets: first.spec.Targets, Task: first.spec.Task.String()}
		for _, f := range []struct {
			name string
			data []byte
		}{{"s.csv", shuffled.csv(',')}, {"s.tsv", shuffled.csv('\t')}, {"s.jsonl", shuffled.jsonl()}, {"s.parquet", shuffled.parquet()}} {
			labels := []string{"", r.label}
			if r.label == "y0,y1" {
				labels = append(labels, "y1, y0")
			}
			for _, label := range labels {
				o := like
				o.Label = label
				got, err := look(put(t, dir, f.name, f.data), o)
				if err != nil {
					rt.Fatalf("%s as t.csv: %v\n%s", f.name, err, shuffled.csv(','))
				}
				if label == "" && r.label == "none" { // whatever is found is no feature
					got.labels, got.values, got.spec.Task, got.spec.Targets, got.spec.Classes = first.labels, first.values, first.spec.Task, first.spec.Targets, first.spec.Classes
				}
				if got.String() != first.String() {
					rt.Fatalf("%s as t.csv: %v\nt.csv: %v\n%s", f.name, got, first, shuffled.csv(','))
				}
			}
		}
		bare := shuffled
		bare.columns = slices.DeleteFunc(slices.Clone(shuffled.columns), func(c randomColumn) bool { return c.name[0] == 'y' })
		bare.columns = slices.Insert(bare.columns, 0, randomColumn{"name", slices.Repeat([]any{"somebody"}, r.rows)})
		for name, data := range map[string][]byte{"b.csv": bare.csv(','), "b.jsonl": bare.jsonl(), "b.parquet": bare.parquet()} {
			got, err := look(put(t, dir, name, data), like)
			if err != nil || !slices.Equal(got.ids, first.ids) {
				rt.Fatalf("%s, without labels, as t.csv: %v, rows %v, want %v\n%s", name, err, got.ids, first.ids, bare.csv(','))
			}
			if i := slices.IndexFunc(got.labels, func(y int32) bool { return y != dataset.Unlabelled }); r.label != "none" && (i >= 0 || dataset.AnyKnown(got.values)) {
				rt.Fatalf("%s has labels: %v\n%s", name, got, bare.csv(','))
			}
		}
	})
}

func sameNumbers(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return x == y || x != x && y != y })
}
