package teacher

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func TestParseNames(t *testing.T) {
	abc := []string{"a", "b", "c"}
	for in, want := range map[string][]string{
		`["a", "b", "c"]`:                           abc,
		`['a', 'b', 'c']`:                           abc,
		`('a', 'b', 'c',)`:                          abc,
		`{0: 'a', 1: 'b', 2: 'c'}`:                  abc,
		`{2: 'c', 0: 'a', 1: 'b'}`:                  abc,
		`{"0": "a", "2": "c", "1": "b"}`:            abc,
		`{"a": 0, "c": 2, "b": 1}`:                  abc,
		`{"id2label": {"1": "b", "0": "a"}, "x":1}`: {"a", "b"},
		`{"label2id": {"b": 1, "a": 0}}`:            {"a", "b"},
		"a\nb\nc":                                   abc,
		"a\n\"b\\tc\"\nd":                           {"a", "b\tc", "d"},
		"a, b ,c":                                   abc,
		"a;b;c":                                     abc,
		`['it\'s', "say \"so\"", 'é']`:              {"it's", `say "so"`, "é"},
		`[1, 2, -3]`:                                {"1", "2", "-3"},
		`{}`:                                        nil,
		`[]`:                                        nil,
		`{0: 'a', 2: 'b'}`:                          nil, // a number is missing
		`{0: 'a', 0: 'b'}`:                          nil,
		`{'a': 'b'}`:                                nil,
		`[['a'], 'b']`:                              nil,
		`['a' 'b']`:                                 nil,
		`['a', 'b'`:                                 nil,
		`['a`:                                       nil,
		`{0: }`:                                     nil,
		`[`:                                         nil,
		`alone`:                                     nil,
		``:                                          nil,
	} {
		if got := parseNames(in); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, expected %q", in, got, want)
		}
	}
}

// FuzzParseNames requires that no text of a model panics or gives more names
// than it has bytes.
func FuzzParseNames(f *testing.F) {
	for _, s := range []string{`{0: 'a', 1: "b"}`, `["a"]`, "a\nb", `{"id2label":{"0":"a"}}`, `['\x`, `['\u12`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := parseNames(s); len(got) > len(s)+1 {
			t.Errorf("%d names of %d bytes", len(got), len(s))
		}
	})
}

// TestClassNamesOfModels finds names in all the places that exporters use.
func TestClassNamesOfModels(t *testing.T) {
	m := greyModel(free, 1, "")
	m.Graph.Nodes = append(m.Graph.Nodes, linearClassifier("x", "y"),
		ml(node("ZipMap", "maps", "p", &onnx.Attr{Name: "classlabels_int64s", Type: onnx.AttrInts, Ints: []int64{3, 5}})))
	m.Graph.Initializers = append(m.Graph.Initializers, onnx.Int64Tensor("classes", []int64{2}, []int64{7, 9}),
		&onnx.Tensor{Name: "classes_1", DType: onnx.String, Dims: []int64{1}, Strings: [][]byte{[]byte("z")}})
	m.Metadata = []onnx.Entry{{Key: "author", Value: "a,b"}, {Key: "kdonnx.classes", Value: "p\nq"}, {Key: "class_names", Value: "['r']"}, {Key: "Names", Value: "p\nq"}}
	var got []string
	for _, l := range classNames(m) {
		got = append(got, strings.Join(l.names, " ")+" by "+l.where)
	}
	want := []string{
		"x y by classlabels_strings of the LinearClassifier", "3 5 by classlabels_int64s of the ZipMap", `7 9 by the constant "classes"`,
		`z by the constant "classes_1"`, `p q by the metadata "kdonnx.classes"`, `r by the metadata "class_names"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nexpected\n%q", got, want)
	}
}

func TestMatchNames(t *testing.T) {
	for _, c := range []struct {
		teacher, rows []string
		want          []int
	}{
		{[]string{"a", "b"}, []string{"b", "a"}, []int{1, 0}},
		{[]string{"Tiger_Cat", "DOG", "x"}, []string{"dog", "tiger cat"}, []int{1, 0}},
		{[]string{"tench, Tinca tinca", "goldfish, Carassius auratus", "crane", "crane"}, []string{"goldfish", "tench"}, []int{1, 0}},
		{[]string{"setosa", "versicolor", "virginica"}, []string{"Iris-setosa", "Iris-versicolor", "Iris-virginica"}, []int{0, 1, 2}},
		{[]string{"crane", "crane", "dog"}, []string{"crane", "dog"}, nil}, // which one?
		{[]string{"a", "b"}, []string{"a", "A"}, nil},
		{[]string{"a", "b"}, []string{"a", "c"}, nil},
		{[]string{"a", "b"}, nil, nil},
		{nil, []string{"a"}, nil},
		{[]string{"LABEL_0", "LABEL_1"}, []string{"0", "1"}, []int{0, 1}},
	} {
		got, _, ok := matchNames(c.teacher, c.rows)
		if ok != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%q and %q: got %v %v, expected %v", c.teacher, c.rows, got, ok, c.want)
		}
	}
	for _, c := range []struct {
		names []string
		want  bool
	}{{[]string{"0", "1"}, true}, {[]string{"LABEL_0", "LABEL_1"}, true}, {[]string{"class 1", "class 2"}, true}, {[]string{"a", "1"}, false}, {[]string{"v1", "v2"}, false}} {
		if got := numbersOnly(c.names); got != c.want {
			t.Errorf("%q: got %v", c.names, got)
		}
	}
}

func TestParseClassMap(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "map.txt")
	if err := os.WriteFile(file, []byte("\ufeff# names with commas\r\ntench, Tinca tinca = fish\r\n\r\nhay=\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string][]ClassPair{
		"":                 nil,
		"a=b, c = d ,e=":   {{"a", "b"}, {"c", "d"}, {"e", ""}},
		"0=zero,1=a=b":     {{"0", "zero"}, {"1", "a=b"}},
		file:               {{"tench, Tinca tinca", "fish"}, {"hay", ""}},
		"tabby=cat,":       {{"tabby", "cat"}},
		"#5=five":          {{"#5", "five"}},
		"tiger cat=cat":    {{"tiger cat", "cat"}},
		"été=summer,x=y z": {{"été", "summer"}, {"x", "y z"}},
	} {
		got, err := ParseClassMap(arg)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v, %v", arg, got, err)
		}
	}
	for arg, word := range map[string]string{
		"nowhere.txt": "the name of a file", "a=b,c": `pair 2: got "c"`, "=b": "expected teacher=rows", "a=b,a=c": `"a" is there twice`,
	} {
		_, err := ParseClassMap(arg)
		faulttest.Want(t, err, fault.Usage, "--class-map", word)
	}
}
