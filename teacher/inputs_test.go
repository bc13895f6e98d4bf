package teacher

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// in is a declared input of a test model: its last axis, or the only one, is
// free where it is -1; nil shape declares nothing.
type in struct {
	name  string
	dtype onnx.DType
	shape []int64
}

// codes are what the test models take texts for.
var codes = map[string]float32{"female": 1, "male": 2, "Calais": 3, "Quiberon": 4, "Split": 5, "a long text": 6, "another": 7}

// sumModel adds up all that is fed, each place with a weight of its own: place
// i of the inputs one after another has i+1. Inputs named factor or keep_prob
// are multiplied in. Its output is (N, 2), minus and plus the sum less bias.
func sumModel(bias float32, ports ...in) *onnx.Model {
	g := &onnx.Graph{Name: "sum", Outputs: []*onnx.Value{{Name: "scores", DType: onnx.Float32}}}
	count := 0
	node := func(op string, attrs []*onnx.Attr, from ...string) string {
		count++
		out := fmt.Sprintf("v%d", count)
		domain := ""
		if op == "LabelEncoder" {
			domain = "ai.onnx.ml"
		}
		g.Nodes = append(g.Nodes, &onnx.Node{Name: out, OpType: op, Domain: domain, Inputs: from, Outputs: []string{out}, Attrs: attrs})
		return out
	}
	constant := func(t *onnx.Tensor) string {
		count++
		t.Name = fmt.Sprintf("c%d", count)
		g.Initializers = append(g.Initializers, t)
		return t.Name
	}
	toFloat := []*onnx.Attr{{Name: "to", Type: onnx.AttrInt, I: int64(onnx.Float32)}}
	words := &onnx.Attr{Name: "keys_strings", Type: onnx.AttrStrings}
	values := &onnx.Attr{Name: "values_floats", Type: onnx.AttrFloats}
	for word, code := range codes {
		words.Strings, values.Floats = append(words.Strings, []byte(word)), append(values.Floats, code)
	}
	var parts []string
	var factors []string
	total := int64(0)
	for _, p := range ports {
		v := &onnx.Value{Name: p.name, DType: p.dtype, HasShape: p.shape != nil}
		width := int64(1)
		for i, d := range p.shape {
			dim := onnx.Dim{Value: d}
			if d < 0 {
				dim.Param = fmt.Sprintf("%s%d", p.name, i)
			}
			v.Shape = append(v.Shape, dim)
			if i > 0 && d > 0 {
				width *= d
			}
		}
		g.Inputs = append(g.Inputs, v)
		x := p.name
		if p.name == "factor" || p.name == "keep_prob" {
			if p.dtype != onnx.Float32 {
				x = node("Cast", toFloat, x)
			}
			factors = append(factors, x)
			continue
		}
		if last := len(p.shape) - 1; last > 0 && p.shape[last] < 0 || p.shape == nil {
			width = 7 // of people
		}
		if p.shape != nil && len(p.shape) == 1 && p.shape[0] > 1 {
			width = p.shape[0] // no axis for the batch
		}
		x = node("Reshape", nil, x, constant(onnx.Int64Tensor("", []int64{2}, []int64{-1, width})))
		if p.dtype == onnx.String && p.name != "printed" {
			x = node("LabelEncoder", []*onnx.Attr{words, values}, x)
		} else if p.dtype != onnx.Float32 {
			x = node("Cast", toFloat, x)
		}
		parts = append(parts, x)
		total += width
	}
	x := node("Concat", []*onnx.Attr{{Name: "axis", Type: onnx.AttrInt, I: 1}}, parts...)
	var weights []float32
	for i := range total {
		weights = append(weights, -float32(i+1), float32(i+1))
	}
	x = node("MatMul", nil, x, constant(onnx.FloatTensor("", []int64{total, 2}, weights)))
	for _, f := range factors {
		x = node("Mul", nil, x, f)
	}
	x = node("Add", nil, x, constant(onnx.FloatTensor("", []int64{2}, []float32{bias, -bias})))
	g.Nodes = append(g.Nodes, &onnx.Node{Name: "out", OpType: "Identity", Inputs: []string{x}, Outputs: []string{"scores"}})
	return &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}, {Domain: "ai.onnx.ml", Version: 2}}, ProducerName: "kdonnx", Graph: g}
}

// people are rows of numbers and categories: age, fare, sex and port one-hot,
// with the texts.
func people() *memory {
	m := &memory{spec: dataset.Spec{Shape: []int{7}, DType: dataset.Float32, Classes: []string{"no", "yes"},
		Columns: []string{"Age", "fare", "sex=female", "sex=male", "port=Calais", "port=Quiberon", "port=Split"}, Texts: []string{"sex", "port"}}}
	for r := range 80 {
		x := make([]float32, 7)
		x[0], x[1] = float32(20+r%41), float32(r%13)+0.5
		sex, port := r%2, r/2%3
		x[2+sex], x[4+port] = 1, 1
		m.x = append(m.x, x...)
		m.s = append(m.s, []string{"female", "male"}[sex], []string{"Calais", "Quiberon", "Split"}[port])
		m.y = append(m.y, int32(r/3%2))
	}
	return m
}

// plainTable has columns of whole numbers and no text.
func plainTable(columns ...string) *memory {
	m := &memory{spec: dataset.Spec{Shape: []int{len(columns)}, DType: dataset.Float32, Columns: columns, Classes: []string{"no", "yes"}}}
	for r := range 60 {
		for c := range columns {
			m.x = append(m.x, float32((r*(c+3)+c)%11))
		}
		m.y = append(m.y, int32(r/3%2))
	}
	return m
}

// sentences are rows of one text, hashed to two features.
func sentences() *memory {
	m := &memory{spec: dataset.Spec{Shape: []int{2}, DType: dataset.Float32, Columns: []string{"text#0", "text#1"}, Texts: []string{"text"}, Classes: []string{"no", "yes"}}}
	for r := range 20 {
		m.x, m.y, m.s = append(m.x, float32(r%2), float32(1-r%2)), append(m.y, int32(r%2)), append(m.s, []string{"a long text", "another"}[r%2])
	}
	return m
}

// cellOf is what a test model makes of a column of a row.
func (m *memory) cellOf(r int, column string) float32 {
	if value, ok := strings.CutPrefix(column, "@"); ok {
		return must(fraction(value))
	}
	if at := slices.Index(m.spec.Columns, column); at >= 0 {
		return m.x[r*m.spec.Size()+at]
	}
	if at := slices.Index(m.spec.Texts, column); at >= 0 {
		return codes[m.s[r*len(m.spec.Texts)+at]]
	}
	panic("no column " + column)
}

// TestInputs feeds tables to models in ONNX Runtime, and requires that each
// value arrived in its place: the logits are the weighted sum of the columns.
func TestInputs(t *testing.T) {
	needLibrary(t)
	f, i64, i32, str, boolean := onnx.Float32, onnx.Int64, onnx.Int32, onnx.String, onnx.Bool
	four := plainTable("a", "b", "c", "d")
	many := func(n int, name func(i int) string, shape ...int64) (ports []in, columns []string) {
		types := []onnx.DType{f, i64, onnx.Float64, onnx.Float16, i32, onnx.Uint8, onnx.Int16, onnx.Uint32}
		for i := range n {
			ports = append(ports, in{name(i), types[i%len(types)], shape})
			columns = append(columns, fmt.Sprintf("column %d", i))
		}
		return ports, columns
	}
	byName, thirtyOne := many(31, func(i int) string { return fmt.Sprintf("Column_%d", 30-i) }, -1, 1)
	inOrder, _ := many(31, func(i int) string { return fmt.Sprintf("input%d", i) }, -1)
	wide := plainTable(thirtyOne...)
	reversed := slices.Clone(thirtyOne)
	slices.Reverse(reversed)
	oneEach := func(names []string) string { return strings.Join(names, "|") }

	for _, c := range []struct {
		name   string
		src    *memory
		ports  []in
		inputs []string // Options.Inputs
		want   string   // columns that go in: by comma within an input, by | between; * for the whole row, @ for a constant
		words  string   // of a line, or of the error
		factor float32  // of the sum; 0: 1
		fails  fault.Kind
	}{
		{name: "one of floats", src: four, ports: []in{{"x", f, []int64{-1, 4}}}, want: "*", words: "layout: flat, rows go in as (4)"},
		{name: "one of any width", src: people(), ports: []in{{"x", f, []int64{-1, -1}}}, want: "*", words: "batch: any"},
		{name: "nothing declared", src: people(), ports: []in{{"x", f, nil}}, want: "*", words: "layout: flat"},
		{name: "token ids", src: four, ports: []in{{"ids", i64, []int64{-1, 4}}}, want: "*", words: `input "ids": int64 (N, 4)`},
		{name: "bool", src: four, ports: []in{{"b", boolean, []int64{-1, 4}}}, want: "*!", words: `input "b": bool (N, 4)`},
		{name: "bfloat16", src: four, ports: []in{{"b", onnx.BFloat16, []int64{-1, 4}}}, want: "*", words: `bfloat16`},
		{name: "double in three axes", src: four, ports: []in{{"x", onnx.Float64, []int64{-1, 2, 2}}}, want: "*", words: "rows go in as (2, 2)"},
		{name: "31 by names", src: wide, ports: byName, want: oneEach(reversed), words: "columns matched by their names"},
		{name: "31 in order", src: wide, ports: inOrder, want: oneEach(thirtyOne), words: "in their order, for the names differ"},
		{name: "mixed by names", src: people(), ports: []in{{"sex", str, []int64{-1, 1}}, {"age", i64, []int64{-1, 1}}, {"port", str, []int64{-1}}, {"fare", f, []int64{-1, 1}}},
			want: "sex|Age|port|fare", words: "by their names"},
		{name: "mixed in order", src: people(), ports: []in{{"i0", f, []int64{-1, 1}}, {"i1", f, []int64{-1, 1}}, {"i2", str, []int64{-1, 1}}, {"i3", str, []int64{-1, 1}}},
			want: "Age|fare|sex|port", words: "in their order"},
		{name: "some names differ", src: people(), ports: []in{{"gender", str, []int64{-1, 1}}, {"fare", f, []int64{-1, 1}}, {"port", str, []int64{-1, 1}}, {"years", f, []int64{-1, 1}}},
			want: "sex|fare|port|Age", words: "by their names, and in their order where the names differ"},
		{name: "groups", src: people(), ports: []in{{"num", f, []int64{-1, 2}}, {"cat", str, []int64{-1, 2}}}, want: "Age,fare|sex,port", words: "in their order"},
		{name: "groups, texts first, any width", src: people(), ports: []in{{"cat", str, []int64{-1, 2}}, {"num", f, []int64{-1, 2}}}, want: "sex,port|Age,fare", words: `input "cat": string (N, 2), from columns "sex", "port"`},
		{name: "a group by prefix", src: plainTable("b_1", "a_1", "a_2", "b_2"), ports: []in{{"a", f, []int64{-1, 2}}, {"b", f, []int64{-1, 2}}}, want: "a_1,a_2|b_1,b_2", words: "by their names"},
		{name: "one-hot features apart", src: people(), ports: []in{{"x", f, []int64{-1, 2}}, {"y", f, []int64{-1, 5}}},
			want: "Age,fare|sex=female,sex=male,port=Calais,port=Quiberon,port=Split", words: "in their order"},
		{name: "numbers alone", src: people(), ports: []in{{"x", f, []int64{-1, 2}}}, want: "Age,fare", words: `columns "Age", "fare"`},
		{name: "texts alone", src: people(), ports: []in{{"x", str, []int64{-1, 2}}}, want: "sex,port", words: `from columns "sex", "port"`},
		{name: "text", src: sentences(), ports: []in{{"x", str, []int64{-1, 1}}}, want: "text", words: `input "x": string (N, 1), from column "text"`},
		{name: "text without a second axis", src: sentences(), ports: []in{{"x", str, []int64{-1}}}, want: "text", words: `string (N)`},
		{name: "numbers printed", src: plainTable("a", "b"), ports: []in{{"printed", str, []int64{-1, 2}}}, want: "a,b", words: `string (N, 2), from columns "a", "b"`},
		{name: "one by its name", src: plainTable("a", "b", "c"), ports: []in{{"B", f, []int64{-1, 1}}}, want: "b", words: `from column "b"`},
		{name: "columns given", src: four, ports: []in{{"x", f, []int64{-1, 2}}}, inputs: []string{"x=D,b"}, want: "d,b", words: "matched as given"},
		{name: "one given, the others found", src: people(), ports: []in{{"x", f, []int64{-1, 1}}, {"y", f, []int64{-1, 1}}}, inputs: []string{"y=Age"}, want: "fare|Age", words: `columns "fare"`},
		{name: "a category's number given", src: people(), ports: []in{{"x", i64, []int64{-1, 1}}}, inputs: []string{"x=sex"}, want: "sex=male", words: `from column "sex"`},
		{name: "a one-hot feature given", src: people(), ports: []in{{"x", i64, []int64{-1, 1}}}, inputs: []string{"x=port=Split"}, want: "port=Split", words: `from column "port=Split"`},
		{name: "a constant", src: four, ports: []in{{"x", f, []int64{-1, 4}}, {"factor", f, []int64{}}}, inputs: []string{"factor=@2.5"}, want: "*|@", factor: 2.5, words: `input "factor": float32 (), always 2.5`},
		{name: "a constant of one axis", src: four, ports: []in{{"factor", i64, []int64{1}}, {"x", f, []int64{-1, 4}}}, inputs: []string{"factor=@3"}, want: "@|*", factor: 3, words: "always 3, as given"},
		{name: "a constant a row", src: four, ports: []in{{"factor", onnx.Float64, []int64{-1, 1}}, {"x", f, []int64{-1, 4}}}, inputs: []string{"factor=@-2"}, want: "@|*", factor: -2, words: "always -2"},
		{name: "constants a row", src: four, ports: []in{{"factor", f, []int64{-1, 2}}, {"x", f, []int64{-1, 4}}}, inputs: []string{"factor=@2,2"}, want: "@|*", factor: 2, words: "always 2,2"},
		{name: "dropout by its name", src: four, ports: []in{{"x", f, []int64{-1, 4}}, {"keep_prob", f, []int64{}}}, want: "*|@", words: "by its name: a teacher is asked, not trained"},
		{name: "a mask by its name", src: plainTable("1", "2", "3", "4", "5", "6", "7"), ports: []in{{"input_ids", i64, []int64{-1, -1}}, {"attention_mask", i64, []int64{-1, -1}}, {"token_type_ids", i32, []int64{-1, -1}}},
			want:  "*|@1,@1,@1,@1,@1,@1,@1|@0,@0,@0,@0,@0,@0,@0",
			words: `input "attention_mask": always 1, by its name: every token counts`},
		{name: "a mask that is a column", src: plainTable("ids", "attention_mask"), ports: []in{{"ids", i64, []int64{-1, 1}}, {"attention_mask", i64, []int64{-1, 1}}}, want: "ids|attention_mask", words: "by their names"},
		{name: "one without axes a column", src: four, ports: []in{{"d", f, []int64{}}, {"a", f, []int64{}}, {"b", i64, []int64{}}, {"c", f, []int64{}}}, want: "d|a|b|c", words: "batch: the inputs have no axis for it"},
		{name: "a fixed batch", src: four, ports: []in{{"x", f, []int64{7, 2}}, {"y", i64, []int64{7, 2}}}, want: "a,b|c,d", words: "batch: 7, declared"},
		{name: "a fixed batch of 1 and a constant", src: four, ports: []in{{"x", f, []int64{1, 4}}, {"factor", f, []int64{1}}}, inputs: []string{"factor=@2"}, want: "*|@", factor: 2, words: "batch: 1, declared"},
		{name: "no axis for the batch", src: four, ports: []in{{"x", f, []int64{4}}}, want: "*", words: "batch: the input has no axis for it"},
		{name: "fewer columns, chosen by labels", src: meets(plainTable("a", "b", "c", "d"), 1, 2), ports: []in{{"x", f, []int64{-1, 2}}}, want: "b,c", words: "those that meet the labels best"},

		{name: "fewer columns, none better than chance", src: four, ports: []in{{"x", f, []int64{-1, 2}}}, fails: fault.Input, words: `no choice of neighbouring ones is right more often than chance`},
		{name: "fewer columns, which the labels do not tell apart", src: twice(meets(plainTable("a", "b"), 0, 1)), ports: []in{{"x", f, []int64{-1, 2}}}, fails: fault.Input, words: `the labels do not tell "a", "b" (`},
		{name: "too many columns", src: four, ports: []in{{"x", f, []int64{-1, 5}}}, fails: fault.Input, words: `input x: takes float32 (N, 5), the rows are (4) features: "a", "b", "c", "d"; say what goes in by --input x=COLUMN`},
		{name: "names and widths differ", src: four, ports: []in{{"x", f, []int64{-1, 2}}, {"y", f, []int64{-1, 3}}}, fails: fault.Input, words: `cannot tell which column goes into which: the model has "x" float32 (N, 2), "y" float32 (N, 3); the rows have "a", "b", "c", "d"`},
		{name: "a text for numbers", src: sentences(), ports: []in{{"x", f, []int64{-1, 1}}}, inputs: []string{"x=text"}, fails: fault.Usage, words: `takes float32, and column "text" is text`},
		{name: "no such input", src: four, ports: []in{{"x", f, []int64{-1, 4}}}, inputs: []string{"z=@1"}, fails: fault.Usage, words: `input z: not there: the model has "x" float32 (N, 4)`},
		{name: "no such column", src: four, ports: []in{{"x", f, []int64{-1, 2}}}, inputs: []string{"x=a,e"}, fails: fault.Usage, words: `no column "e": the rows have "a", "b", "c", "d"`},
		{name: "given twice", src: four, ports: []in{{"x", f, []int64{-1, 2}}}, inputs: []string{"x=a", "X=b"}, fails: fault.Usage, words: "given twice: a and b"},
		{name: "too few columns given", src: four, ports: []in{{"x", f, []int64{-1, 2}}}, inputs: []string{"x=a"}, fails: fault.Input, words: "takes float32 (N, 2), not 1 values a row"},
		{name: "no number", src: four, ports: []in{{"x", f, []int64{-1, 4}}, {"factor", i64, []int64{}}}, inputs: []string{"factor=@1.5"}, fails: fault.Usage, words: `got "1.5", expected a number that int64 can hold`},
		{name: "too many values", src: four, ports: []in{{"x", f, []int64{-1, 4}}, {"factor", i64, []int64{}}}, inputs: []string{"factor=@1,2"}, fails: fault.Usage, words: "got 2 values, expected 1"},
		{name: "all constant", src: four, ports: []in{{"x", f, []int64{-1, 4}}}, inputs: []string{"x=@1"}, fails: fault.Usage, words: "every one is a constant"},
		{name: "an auxiliary input", src: four, ports: []in{{"x", f, []int64{-1, 4}}, {"factor", f, []int64{}}}, fails: fault.Input, words: `input factor: is float32 without axes: no part of the rows, which are (4) features; give its value by --input factor=@VALUE`},
		{name: "missing for integers", src: missing(four), ports: []in{{"x", i64, []int64{-1, 4}}}, fails: fault.Input, words: `value 2 is missing or not finite, and input "x" takes int64`},
		{name: "missing for one of several", src: missing(four), ports: []in{{"x", f, []int64{-1, 2}}, {"y", i32, []int64{-1, 2}}}, fails: fault.Input, words: `and input "y" takes int32`},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			x, err := Open(ctx, writeModel(t, sumModel(0, c.ports...)), Options{Inputs: c.inputs, Input: "raw", Kind: Logits, Threads: 1, InProcess: true})
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			got, err := x.Detect(ctx, c.src)
			if c.fails != 0 {
				faulttest.Want(t, err, c.fails, c.words)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			says(t, got, c.words)
			if c.factor == 0 {
				c.factor = 1
			}
			var places []string
			for k, part := range strings.Split(c.want, "|") {
				switch part {
				case "*", "*!":
					places = append(places, c.src.spec.Columns...)
					if got.Inputs[k].Columns != nil || got.Inputs[k].Constant != nil {
						t.Errorf("input %d: got %+v, expected the whole row", k, got.Inputs[k])
					}
				case "@":
					if got.Inputs[k].Constant == nil {
						t.Errorf("input %d: got %+v, expected a constant", k, got.Inputs[k])
					}
				default:
					places = append(places, strings.Split(part, ",")...)
				}
			}
			const n = 9
			rows := someOf(must(c.src.all(ctx)), 0, n)
			z := make([]float32, n*got.Classes)
			if err := x.Logits(ctx, rows, z); err != nil {
				t.Fatal(err)
			}
			for r := range n {
				want := float32(0)
				for i, column := range places {
					v := c.src.cellOf(r, column)
					if c.want == "*!" && v != 0 {
						v = 1
					}
					want += float32(i+1) * v
				}
				if want *= c.factor; math.Abs(float64(z[2*r+1]-want)) > 1e-3*math.Abs(float64(want)) {
					t.Fatalf("row %d: got %v, expected %v:\n%v", r, z[2*r+1], want, got)
				}
			}
			// Any other mapping is another key.
			key := must(x.Key(ctx, c.src)).Hash()
			changed := *got
			changed.Inputs = slices.Clone(got.Inputs)
			changed.Inputs[0].Columns = append([]string{"other"}, changed.Inputs[0].Columns...)
			x.contract = &changed
			if must(x.Key(ctx, c.src)).Hash() == key {
				t.Error("other columns have the same key")
			}
		})
	}
}

// fraction reads a number.
func fraction(s string) (float32, error) {
	v, err := strconv.ParseFloat(s, 32)
	return float32(v), err
}

// all reads every row.
func (m *memory) all(ctx context.Context) (*dataset.Batch, error) {
	rows := make([]int, m.Len())
	for i := range rows {
		rows[i] = i
	}
	b := new(dataset.Batch)
	return b, m.Read(ctx, rows, b)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// missing is m with a number missing in its second row.
func missing(m *memory) *memory {
	out := *m
	out.x = slices.Clone(m.x)
	out.x[m.spec.Size()+2] = float32(math.NaN())
	out.spec.Missing = true
	return &out
}

// meets is m with the labels that sumModel gives columns i and j, which are
// centred to make two classes.
func meets(m *memory, i, j int) *memory {
	size := m.spec.Size()
	for r := range m.y {
		m.x[r*size+i] -= 5
		m.x[r*size+j] -= 5
		if m.y[r] = 0; m.x[r*size+i]+2*m.x[r*size+j] > 0 {
			m.y[r] = 1
		}
	}
	return m
}

// twice has every column of m once more behind them, a little off.
func twice(m *memory) *memory {
	var x []float32
	for r := range m.y {
		row := m.x[2*r : 2*r+2]
		x = append(x, row[0], row[1], row[0]+0.01, row[1])
	}
	m.x, m.spec.Shape, m.spec.Columns = x, []int{4}, []string{"a", "b", "c", "d"}
	return m
}

// TestRefusedInputs requires one sentence for what rows cannot be made into.
func TestRefusedInputs(t *testing.T) {
	for words, change := range map[string]func(v *onnx.Value){
		`input image: is sequence`:      func(v *onnx.Value) { v.Kind = onnx.KindSequence },
		`input image: is optional`:      func(v *onnx.Value) { v.Kind = onnx.KindOptional },
		`input image: is sparse tensor`: func(v *onnx.Value) { v.Kind = onnx.KindSparseTensor },
		`input image: is complex64`:     func(v *onnx.Value) { v.DType = onnx.Complex64 },
	} {
		m := greyModel(free, 1, "")
		change(m.Graph.Inputs[0])
		_, err := takeable("m.onnx", m)
		faulttest.Want(t, err, fault.Input, words, "expected a tensor of floats, integers, bool or string")
	}
}

// TestOverridableInput holds that an input with a default is none to feed.
func TestOverridableInput(t *testing.T) {
	needLibrary(t)
	m := sumModel(0, in{"x", onnx.Float32, []int64{-1, 4}}, in{"factor", onnx.Float32, []int64{1}})
	m.Graph.Initializers = append(m.Graph.Initializers, onnx.FloatTensor("factor", []int64{1}, []float32{2}))
	x, err := Open(context.Background(), writeModel(t, m), Options{Input: "raw"})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	c := detect(t, x, plainTable("a", "b", "c", "d"))
	if len(c.Inputs) != 1 || c.InputName != "x" {
		t.Errorf("got\n%v", c)
	}
}

// TestStringsCrossToTheWorker fills a store through a process, and requires
// that its rows are told apart by their texts.
func TestStringsCrossToTheWorker(t *testing.T) {
	needLibrary(t)
	ctx := context.Background()
	src := people()
	x, err := Open(ctx, writeModel(t, sumModel(0, in{"cat", onnx.String, []int64{-1, 2}}, in{"num", onnx.Float32, []int64{-1, 2}})), Options{Batch: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	detect(t, x, src)
	s, err := x.Fill(ctx, src, t.TempDir()+"/s", FillOptions{ShardRows: 32})
	if err != nil {
		t.Fatal(err)
	}
	ids := must(dataset.IDs(ctx, src))
	got, want := make([]float32, 2*len(ids)), make([]float32, 2*len(ids))
	if err := s.Lookup(ids, got); err != nil {
		t.Fatal(err)
	}
	if err := x.Logits(ctx, must(src.all(ctx)), want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestInspectInputs holds what is said of inputs before any row is seen.
func TestInspectInputs(t *testing.T) {
	for _, c := range []struct {
		port  in
		alone bool
		want  string
	}{
		{in{"x", onnx.Float32, []int64{-1, 4}}, true, "flat"}, {in{"x", onnx.Float32, []int64{-1, 4}}, false, "4 columns"},
		{in{"x", onnx.Int64, []int64{-1, 1}}, false, "one column"}, {in{"x", onnx.Float32, []int64{-1}}, false, "one column"},
		{in{"x", onnx.Float32, []int64{-1, -1}}, false, "columns"}, {in{"x", onnx.String, []int64{-1, 2}}, false, "2 texts"},
		{in{"x", onnx.String, []int64{-1, 1}}, true, "one text"}, {in{"x", onnx.Float32, []int64{-1, 3, 224, 224}}, false, "NCHW"},
		{in{"x", onnx.Uint8, []int64{-1, -1, -1, 3}}, true, "NHWC"}, {in{"x", onnx.Float32, []int64{}}, false, "a constant, to be given"},
		{in{"training", onnx.Bool, []int64{}}, false, "always false"}, {in{"keep_prob:0", onnx.Float32, []int64{}}, false, "always 1"},
		{in{"x", onnx.Float32, []int64{4}}, true, "one row a call"}, {in{"x", onnx.Float32, nil}, true, ""}, {in{"x", onnx.Float32, []int64{-1, 2, 3}}, true, ""},
	} {
		ports := []in{c.port}
		if !c.alone {
			ports = append(ports, in{"other", onnx.Float32, []int64{-1, 1}})
		}
		info, err := Inspect(writeModel(t, sumModel(0, ports...)))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Inputs[0].Guess; got != c.want {
			t.Errorf("%+v: got %q, expected %q", c.port, got, c.want)
		}
	}
}
