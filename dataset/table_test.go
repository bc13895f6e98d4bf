package dataset_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/datasettest"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// readAll opens a table and shows its features, its first rows and its notes.
func readAll(t *testing.T, name, text string, o dataset.Options) (dataset.Spec, dataset.Batch) {
	t.Helper()
	src, err := dataset.Open(put(t, t.TempDir(), name, []byte(text)), o)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	rows := make([]int, src.Len())
	for i := range rows {
		rows[i] = i
	}
	var b dataset.Batch
	if err := src.Read(context.Background(), rows, &b); err != nil {
		t.Fatal(err)
	}
	return src.Spec(), b
}

// adultCSV is a table like the UCI's Adult, with a space after each comma.
const adultCSV = `age, workclass, education, member, hours, note, income
39, State-gov, Bachelors, yes, 40, "likes, long
walks", <=50K
50, Private, HS-grad, no, 13, , >50K
?, , Bachelors, yes, NA, reads, <=50K
`

func TestTypedColumns(t *testing.T) {
	spec, b := readAll(t, "adult.csv", adultCSV, dataset.Options{Label: "income", Columns: "note=text:4, education=ordinal(HS-grad<Bachelors)"})
	if got := strings.Join(spec.Columns, "|"); got != "age|workclass=Private|workclass=State-gov|education|member|hours|note#0|note#1|note#2|note#3" {
		t.Errorf("features %s", got)
	}
	if got := strings.Join(spec.Texts, "|"); got != "workclass|education|note" || !spec.Missing {
		t.Errorf("texts %s, missing %v", got, spec.Missing)
	}
	if got := strings.Join(b.S, "|"); got != "State-gov|Bachelors|likes, long\nwalks|Private|HS-grad|||Bachelors|reads" {
		t.Errorf("texts of the rows %q", got)
	}
	for row, want := range []string{"39 0 1 1 1 40", "50 1 0 0 0 13", "NaN 0 0 1 1 NaN"} {
		if got := strings.Trim(fmt.Sprint(b.X[row*10:row*10+6]), "[]"); got != want {
			t.Errorf("row %d is %s, want %s", row, got, want)
		}
	}
	if got := b.X[16:20]; slices.Max(got) != 0 || slices.Min(got) != 0 { // no note
		t.Errorf("the features of an empty text are %v", got)
	}
	if notes := strings.Join(spec.Notes, "\n"); !strings.Contains(notes, `column "workclass" is categorical: ["Private" "State-gov"]`) ||
		!strings.Contains(notes, `column "age": 1 of 3 cells are missing`) || !strings.Contains(notes, `column "member" is true or false`) {
		t.Errorf("notes %s", notes)
	}
}

// TestDecimals: numbers of Parquet in tenths and so on are those that CSV has,
// to the last bit.
func TestDecimals(t *testing.T) {
	type row struct {
		A int32 `parquet:"a,decimal(1:9)"`
		B int64 `parquet:"b,decimal(3:18)"`
		Y int64 `parquet:"y,decimal(2:18)"`
	}
	var rows []row
	csv := "a,b,y\n"
	for i := range int64(400) {
		r := row{int32(i%7) * 3, i * 1001, i * 100}
		rows = append(rows, r)
		csv += fmt.Sprintf("%d.%d,%d.%03d,%d\n", r.A/10, r.A%10, r.B/1000, r.B%1000, i)
	}
	columns := dataset.Options{Columns: "a=categorical, b=categorical:400"}
	want, wantRows := readAll(t, "t.csv", csv, columns)
	got, gotRows := readAll(t, "t.parquet", string(datasettest.Parquet(rows)), columns)
	if !slices.Equal(got.Classes, want.Classes) || !slices.Equal(gotRows.Y, wantRows.Y) {
		t.Errorf("classes %q, expected %q", got.Classes, want.Classes)
	}
	if i := slices.IndexFunc(got.Columns, func(name string) bool { return len(name) > len("b=399.999") }); i >= 0 {
		t.Errorf("a level %q", got.Columns[i])
	}
}

// TestWholeLevels: a level that is a whole number is the same with a point and
// zeros, where only one of the two is a level.
func TestWholeLevels(t *testing.T) {
	train, _ := readAll(t, "t.csv", "z,g,y\n10.0,1,a\n07.0,2,b\n2.50,,a\n,1,b\n", dataset.Options{Columns: "z=categorical, g=ordinal?"})
	both, _ := readAll(t, "t.csv", "z,g,y\n1,1,a\n1.0,2,b\n", dataset.Options{Columns: "z=categorical, g=ordinal"})
	for _, c := range []struct {
		like       dataset.Spec
		text, want string
	}{
		{train, "z,g\n10,1.0\n10.00,2.\n7,1\n07,1\n2.5,1\n", "[0 0 1 0 0 0 1 1 0 0 0 0 0 1 0 0 1 0 0 0]"},
		{both, "z,g\n1,1\n1.0,1\n1.00,1\n", "[1 0 0 0 1 0 1 0 0]"},
	} {
		_, b := readAll(t, "u.csv", c.text, dataset.Options{Schema: c.like.Schema})
		if got := fmt.Sprint(b.X); got != c.want {
			t.Errorf("levels %q: got %s, expected %s", c.like.Columns, got, c.want)
		}
	}
}

func TestDetectedKinds(t *testing.T) {
	var prose, names, few strings.Builder
	prose.WriteString("x,v,y\n")
	names.WriteString("x,v,y\n")
	few.WriteString("x,v,y\n")
	for i := range 100 {
		fmt.Fprintf(&prose, "%d,the number %d of many,a\n", i, i)
		fmt.Fprintf(&names, "%d,n%d,a\n", i, i)
		fmt.Fprintf(&few, "%d,%s,a\n", i, []string{"1", "b", "c"}[i%3])
	}
	for _, c := range []struct {
		name, text, options, want string
	}{
		{"prose", prose.String(), "", "1 numeric, 256 text"},
		{"many names", names.String(), "", "1 numeric, 256 text"},
		{"many names as categories", names.String(), "v=categorical:100", "1 numeric, 100 categorical"},
		{"few names", few.String(), "", "1 numeric, 3 categorical"},
		{"numbers as categories", "x,v,y\n1,10,a\n2,9,b\n3,10,a\n", "v=categorical", "1 numeric, 2 categorical"},
		{"left out", "x,v,y\n1,10,a\n2,9,b\n", "0=drop", "0 drop, 1 numeric"},
		{"nothing in it", "x,v,y\n1,,a\n2,?,b\n", "", "1 numeric, 0 drop"},
		{"ranks without a list", "x,v,y\n1,10,a\n2,9,b\n", "v=ordinal", "1 numeric, 1 ordinal"},
		{"booleans", "x,v,y\nTRUE,yes,a\nfalse,No,b\n", "", "1 boolean, 1 boolean"},
		{"ones as booleans", "x,v,y\n3,1,a\n1,0,b\n", "v=boolean", "1 numeric, 1 boolean"},
	} {
		spec, _ := readAll(t, "t.csv", c.text, dataset.Options{Columns: c.options})
		var got []string
		for _, col := range spec.Schema.Columns {
			n := 0
			for _, f := range spec.Columns {
				if f == col.Name || strings.HasPrefix(f, col.Name+"=") || strings.HasPrefix(f, col.Name+"#") {
					n++
				}
			}
			got = append(got, fmt.Sprint(n, " ", col.Kind))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
		again, err := dataset.ParseSchema(spec.Schema.JSON())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(spec.Schema) {
			t.Errorf("%s: the schema comes back as %v, %v", c.name, again, err)
		}
	}
}

// TestSchema encodes tables as another was.
func TestSchema(t *testing.T) {
	named, _ := readAll(t, "train.csv", "id,n,c,y\n1,0.5,a,p\n2,1.5,b,q\n3,2.5,a,p\n", dataset.Options{})
	unnamed, _ := readAll(t, "train.csv", "p,0.5,1\nq,1.5,2\n", dataset.Options{})
	if !unnamed.Schema.Plain() || named.Schema.Plain() {
		t.Errorf("plain: %v and %v", unnamed.Schema.Plain(), named.Schema.Plain())
	}
	for _, c := range []struct {
		name, file, text string
		like             dataset.Spec
		label, want      string // rows, labels and what a note says, or the error
	}{
		{"other order", "t.csv", "y,c,n\nq,b,7\n", named, "", `[7 0 1] [1]`},
		{"no label, more columns", "t.csv", "c,z,n\na,9,7\n", named, "", `[7 1 0] [-1] no column "y": rows are unlabelled; columns that the training rows do not have are left out: ["z"]`},
		{"unseen level", "t.csv", "n,c,y\n7,zebra,p\n8,,q\n", named, "", `[7 0 0 8 0 0] [0 1] column "y" is the label (as in the training rows); column "c": 1 of 2 cells are levels that the training rows do not have, such as "zebra"`},
		{"JSON", "t.jsonl", `{"c": "b", "n": 7}`, named, "", `[7 0 1] [-1] no column "y"`},
		{"numbers in a header's place", "t.csv", "1,7,b,p\n", named, "", `[7 0 1] [0]`},
		{"numbers, and no header that tells whose", "t.csv", "1,7,b\n", named, "", `3 columns without names: either "id" or "y" may be the one that is not there`},
		{"a position of the training rows", "t.csv", "c,n\na,7\n", named, "-1", `[7 1 0] [-1] no column "y"`},
		{"missing cell", "t.csv", "n,c,y\n,a,p\n", named, "", `line 2, column 1: empty cell, expected a value as in every training row: --columns "n=numeric?"`},
		{"missing column", "t.csv", "c,y\na,p\n", named, "", `no column "n", which the training rows have`},
		{"names in another case", "t.csv", "N,C,Y\n1,a,p\n", named, "", `no column "n", which the training rows have`},
		{"missing key", "t.jsonl", `{"c": "b"}`, named, "", `line 1, key "n": empty cell`},
		{"unknown class", "t.csv", "n,c,y\n1,a,z\n", named, "", `class "z", expected one of`},
		{"a feature as label", "t.csv", "n,c,y\n1,a,z\n", named, "c", `label: column "c" is a feature of the training rows`},
		{"by position", "t.csv", "q,7,8\n", unnamed, "", `[7 8] [1]`},
		{"by position, no label", "t.csv", "7,8\n", unnamed, "", `[7 8] [-1] no label column`},
		{"by position, label not wanted", "t.csv", "q,7,8\n", unnamed, "none", `[7 8] [-1]`},
		{"by position, too many", "t.csv", "q,7,8,9\n", unnamed, "", `4 columns beside the label, expected 2`},
	} {
		o := dataset.Options{Schema: c.like.Schema, Classes: c.like.Classes, Label: c.label}
		src, err := dataset.Open(put(t, t.TempDir(), c.file, []byte(c.text)), o)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
			continue
		}
		var b dataset.Batch
		rows := []int{0, 1}[:src.Len()]
		if err := src.Read(context.Background(), rows, &b); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(b.X, " ", b.Y, " ", strings.Join(src.Spec().Notes, "; ")); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestParseColumns(t *testing.T) {
	got, err := dataset.ParseColumns(` age = numeric? , "a,=b" = categorical:9,g=ordinal( low < mid,x <high )? , note=text:512, -1=drop,c=categorical `)
	want := []dataset.Column{
		{Name: "age", Kind: dataset.Numeric, Missing: true}, {Name: "a,=b", Kind: dataset.Categorical, Size: 9},
		{Name: "g", Kind: dataset.Ordinal, Levels: []string{"low", "mid,x", "high"}, Missing: true},
		{Name: "note", Kind: dataset.Text, Size: 512}, {Name: "-1", Kind: dataset.Drop}, {Name: "c", Kind: dataset.Categorical},
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v", got, err)
	}
	for text, want := range map[string]string{
		"age":              "expected name=kind",
		"=numeric":         "expected name=kind",
		"age=number":       `got kind "number"`,
		"age=text:x":       `got "x", expected a number above 0`,
		"age=text:0":       "expected a number above 0",
		"age=text:999999":  "expected 1 to 65536",
		"age=numeric:3":    "got a number after numeric",
		"age=text?":        "got ? after text",
		"age=numeric(a<b)": "2 levels of a column that is numeric",
		"g=ordinal(a<a)":   `level "a" is empty, given twice`,
		"g=ordinal(a<":     "a bracket without its other one",
		"a=drop, a=text":   `column "a" named twice`,
	} {
		if _, err := dataset.ParseColumns(text); err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestHashText(t *testing.T) {
	a, b, c := make([]float32, 256), make([]float32, 256), make([]float32, 256)
	dataset.HashText(a, "The cat sat.")
	dataset.HashText(b, "the  CAT, sat")
	dataset.HashText(c, "A wholly different sentence")
	norm, same, other := 0.0, 0.0, 0.0
	for i := range a {
		norm += float64(a[i] * a[i])
		same += float64(a[i] * b[i])
		other += float64(a[i] * c[i])
	}
	if math.Abs(norm-1) > 1e-5 || math.Abs(same-1) > 1e-5 || math.Abs(other) > 0.5 {
		t.Errorf("length %v, with the same words %v, with others %v", norm, same, other)
	}
	// "ab" has the features w:ab, c:<ab and c:ab>; these are theirs by FNV-1a.
	d := make([]float32, 16)
	dataset.HashText(d, "ab")
	want := make([]float32, 16)
	for _, token := range []string{"wab", "c<ab", "cab>"} {
		h := uint64(14695981039346656037)
		for _, x := range []byte(token) {
			h = (h ^ uint64(x)) * 1099511628211
		}
		if h>>63 == 0 {
			want[h&(1<<63-1)%16]++
		} else {
			want[h&(1<<63-1)%16]--
		}
	}
	sum := 0.0
	for _, v := range want {
		sum += float64(v * v)
	}
	for i := range want {
		if math.Abs(float64(d[i])-float64(want[i])/math.Sqrt(sum)) > 1e-6 {
			t.Fatalf("%v, want %v", d, want)
		}
	}
}

func TestLabelMap(t *testing.T) {
	text := "x,y\n1,a\n2,b\n3,e\n4,\n5,c\n"
	file := put(t, t.TempDir(), "map.txt", []byte("# letters\n\na = vowel\ne=vowel\n*=\"other, all\"\n"))
	for _, c := range []struct {
		m       string
		given   []string
		classes string
		labels  []int32
	}{
		{"a=vowel, e=vowel, *=other", nil, "other|vowel", []int32{1, 0, 1, -1, 0}},
		{"a=vowel, e=vowel, *=", nil, "vowel", []int32{0, -1, 0, -1, -1}},
		{"a=vowel, e=vowel, *=other", []string{"vowel", "other", "third"}, "vowel|other|third", []int32{0, 1, 0, -1, 1}},
		{file, nil, "other, all|vowel", []int32{1, 0, 1, -1, 0}},
		{"a=10, *=9", nil, "9|10", []int32{1, 0, 0, -1, 0}},
	} {
		spec, b := readAll(t, "t.csv", text, dataset.Options{LabelMap: c.m, Classes: c.given})
		if got := strings.Join(spec.Classes, "|"); got != c.classes || !slices.Equal(b.Y, c.labels) {
			t.Errorf("%s: classes %s, labels %v, want %s, %v", c.m, got, b.Y, c.classes, c.labels)
		}
	}
	d := t.TempDir()
	idx := idxFolder(t, d, "", plain)
	src, err := dataset.Open(idx, dataset.Options{LabelMap: "0=even,1=odd,2=even"})
	if err != nil || strings.Join(src.Spec().Classes, " ") != "even odd" {
		t.Errorf("digits by a map: %v", err)
	}
	path := put(t, d, "t.csv", []byte(text))
	empty := put(t, d, "empty.txt", []byte("\n# nothing\n"))
	for m, want := range map[string]string{
		"a=v, e=v":        `row 1: label "b" is not in the label map`,
		"a=v, a=w":        `label "a" given twice`,
		"a=v, b":          `expected label=class`,
		`"a=v`:            `a quote without its other one`,
		d + "/none":       `no such file`,
		empty:             `no labels, expected one label=class a line`,
		"a=v, *=w, \"x\"": `expected label=class`,
	} {
		if err := openAndRead(path, dataset.Options{LabelMap: m}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", m, err, want)
		}
	}
	if err := openAndRead(path, dataset.Options{LabelMap: "*=v", Classes: []string{"w"}}); err == nil || !strings.Contains(err.Error(), `label "a" is class "v" by the label map, expected one of ["w"]`) {
		t.Errorf("a class that is not given: %v", err)
	}
	numbers := dataset.Options{LabelMap: "*=v", Task: "regression", Label: "y"}
	if err := openAndRead(put(t, d, "n.csv", []byte("x,y\n1,0.5\n2,1\n")), numbers); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "label map: the task is regression") {
		t.Errorf("a label map of numbers: %v", err)
	}
}

// TestStatsOfMissing leaves missing values out.
func TestStatsOfMissing(t *testing.T) {
	src, err := dataset.Open(put(t, t.TempDir(), "t.csv", []byte("a,b\n1,?\n3,5\n,5\n")), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mean, std, err := dataset.Stats(context.Background(), src)
	if err != nil || fmt.Sprint(mean, std) != "[2 5] [1 0]" {
		t.Errorf("mean %v, deviation %v, %v", mean, std, err)
	}
}
