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

// labelCase is a table and what its labels are taken for.
type labelCase struct {
	name, csv string
	options   dataset.Options
	task      dataset.Task
	targets   string // joined by spaces
	values    string // of all rows
	fails     string // or the error
}

func TestLabelsOfTables(t *testing.T) {
	for _, c := range []labelCase{
		{"numbers named target", "a,target\n1,0.5\n2,1.5\n3,\n", dataset.Options{}, dataset.Regression, "target", "[0.5 1.5 NaN]", ""},
		{"numbers asked for", "a,price\n1,0.5\n2,nan\n", dataset.Options{Label: "price"}, dataset.Regression, "price", "[0.5 NaN]", ""},
		{"whole numbers are classes", "a,y\n1,3\n2,7\n", dataset.Options{}, dataset.MultiClass, "", "[]", ""},
		{"unless they are asked to be numbers", "a,y\n1,3\n2,7\n", dataset.Options{Task: "regression"}, dataset.Regression, "y", "[3 7]", ""},
		{"numbers in a column of classes", "a,class\n1,3\n2,7.5\n", dataset.Options{}, "", "", "", `line 3, column 2: "7.5" in label column "class", expected a class name or a whole number; numbers to predict need --task regression`},
		{"which may be asked for", "a,class\n1,3\n2,7.5\n", dataset.Options{Task: "regression"}, dataset.Regression, "class", "[3 7.5]", ""},
		{"classes that are not whole", "a,y\n1,3\n2,7.5\n", dataset.Options{Task: "multi-class"}, "", "", "", `"7.5" in label column "y", expected a class name or a whole number`},
		{"several of 0 and 1", "u,a,v\n1,5,0\n0,6,\n", dataset.Options{Label: "v,u"}, dataset.MultiLabel, "v u", "[0 1 NaN 0]", ""},
		{"several numbers", "u,a,v\n1,5,0\n2,6,1\n", dataset.Options{Label: "u, v"}, dataset.Regression, "u v", "[1 0 2 1]", ""},
		{"several by position", "1,5,0\n0,6,1\n", dataset.Options{Label: "0,-1"}, dataset.MultiLabel, "column 1 column 3", "[1 0 0 1]", ""},
		{"0 and 1 asked to be numbers", "u,a,v\n1,5,0\n0,6,1\n", dataset.Options{Label: "u,v", Task: "regression"}, dataset.Regression, "u v", "[1 0 0 1]", ""},
		{"one label of yes or no", "a,y\n1,0\n2,1\n", dataset.Options{Task: "multi-label"}, dataset.MultiLabel, "y", "[0 1]", ""},
		{"a name with a comma", "a,\"x,y\"\n1,0.5\n", dataset.Options{Label: "x,y"}, dataset.Regression, "x,y", "[0.5]", ""},
		{"names that a model gives", "u,a,v\n1,5,0\n2,6,1\n", dataset.Options{Targets: []string{"v", "u"}, Task: "regression"}, dataset.Regression, "v u", "[0 1 1 2]", ""},
		{"names that a model gives and the table lacks", "a,b\n1,5\n2,6\n", dataset.Options{Targets: []string{"v", "u"}, Task: "regression"}, dataset.MultiClass, "", "[]", ""},
		{"a label that is no label", "u,a,v\n1,5,0\n0,6,3\n", dataset.Options{Label: "u,v", Task: "multi-label"}, "", "", "", `line 3, column 3: "3" in a label column, expected 0 or 1`},
		{"a text among labels", "u,a,v\n1,5,0\n0,6,x\n", dataset.Options{Label: "u,v"}, "", "", "", `line 3, column 3: "x" in label column "v", expected a number`},
		{"an infinite number", "a,y\n1,0.5\n2,1e39\n", dataset.Options{}, "", "", "", `line 3, column 2: "1e39", expected a finite float32`},
		{"one twice", "u,a,v\n1,5,0\n", dataset.Options{Label: "u,0"}, "", "", "", `column "u" is asked for twice`},
		{"one that is not there", "u,a,v\n1,5,0\n", dataset.Options{Label: "u,w"}, "", "", "", `no column "w"`},
		{"several for one class", "u,a,v\n1,5,0\n", dataset.Options{Label: "u,v", Task: "multi-class"}, "", "", "", "2 columns for one class"},
		{"a task that is none", "a,y\n1,0\n", dataset.Options{Task: "ranking"}, "", "", "", `--task: got "ranking", expected multi-class, multi-label or regression`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.check(t, put(t, t.TempDir(), "a.csv", []byte(c.csv)))
		})
	}
}

// TestLabelsOfJSON: what is true of CSV is of other tables, and true and false
// are labels there.
func TestLabelsOfJSON(t *testing.T) {
	for _, c := range []labelCase{
		{"numbers", `{"a": 1, "price": 0.5}
{"a": 2, "price": null}
`, dataset.Options{Label: "price"}, dataset.Regression, "price", "[0.5 NaN]", ""},
		{"true and false", `{"a": 1, "u": true, "v": 0}
{"a": 2, "u": false, "v": 1}
`, dataset.Options{Label: "u,v"}, dataset.MultiLabel, "u v", "[1 0 0 1]", ""},
		{"a text", `{"a": 1, "u": true, "v": 0}
{"a": 2, "u": "so so", "v": 1}
`, dataset.Options{Label: "u,v"}, "", "", "", `"so so" in label column "u", expected a number`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.check(t, put(t, t.TempDir(), "a.jsonl", []byte(c.csv)))
		})
	}
}

// TestSchemaWithTargets: rows of another file find their labels by the names
// of what is predicted, or have none.
func TestSchemaWithTargets(t *testing.T) {
	train := must(dataset.Open(put(t, t.TempDir(), "a.csv", []byte("u,a,v\n1,5,0\n0,6,1\n")), dataset.Options{Label: "u,v"})).Spec()
	o := dataset.Options{Task: train.Task.String(), Targets: train.Targets, Schema: train.Schema}
	for _, c := range []labelCase{
		{"in another order", "v,u,a\n1,0,5\n0,1,6\n", o, dataset.MultiLabel, "u v", "[0 1 1 0]", ""},
		{"without labels", "a\n5\n6\n", o, dataset.MultiClass, "", "[]", ""},
		{"with more columns", "b,v,u,a\n3,1,0,5\n4,0,1,6\n", o, dataset.MultiLabel, "u v", "[0 1 1 0]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.check(t, put(t, t.TempDir(), "b.csv", []byte(c.csv)))
		})
	}
}

// check opens path and holds its labels against the case.
func (c labelCase) check(t *testing.T, path string) {
	t.Helper()
	src, err := dataset.Open(path, c.options)
	if c.fails != "" {
		if err == nil || !strings.Contains(err.Error(), c.fails) || fault.KindOf(err) != fault.Input && fault.KindOf(err) != fault.Usage {
			t.Errorf("got %v, expected %q", err, c.fails)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	datasettest.Suite(t, func() dataset.Source { return must(dataset.Open(path, c.options)) })
	spec := src.Spec()
	if got := strings.Join(spec.Targets, " "); spec.Task != c.task || got != c.targets {
		t.Errorf("got %s of %q, expected %s of %q", spec.Task, got, c.task, c.targets)
	}
	if got := fmt.Sprint(must(dataset.Values(context.Background(), src))); got != c.values {
		t.Errorf("got values %s, expected %s", got, c.values)
	}
}

func TestLabelsOfArrays(t *testing.T) {
	floats := func(dims string, values ...float64) []byte {
		return npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': ("+dims+"), }", float64s(values...))
	}
	nan := math.NaN()
	for _, c := range []struct {
		labels []byte
		labelCase
	}{
		{floats("3,", 0.5, 1.5, nan), labelCase{"numbers", "", dataset.Options{}, dataset.Regression, "target", "[0.5 1.5 NaN]", ""}},
		{floats("3,", 1, 2, 2), labelCase{"whole numbers are classes", "", dataset.Options{}, dataset.MultiClass, "", "[]", ""}},
		{floats("3,", 1, 2, 2), labelCase{"unless asked to be numbers", "", dataset.Options{Task: "regression", Targets: []string{"size"}}, dataset.Regression, "size", "[1 2 2]", ""}},
		{floats("3, 2", 1, 2, 2, nan, 0.5, 0), labelCase{"columns of numbers", "", dataset.Options{}, dataset.Regression, "target 1 target 2", "[1 2 2 NaN 0.5 0]", ""}},
		{npyBytes([]byte{1, 0, 0, 0, 1, 1}, 3, 2), labelCase{"columns of 0 and 1", "", dataset.Options{}, dataset.MultiLabel, "target 1 target 2", "[1 0 0 0 1 1]", ""}},
		{npyBytes([]byte{1, 0, 0, 0, 1, 1}, 3, 2), labelCase{"asked to be numbers", "", dataset.Options{Task: "regression"}, dataset.Regression, "target 1 target 2", "[1 0 0 0 1 1]", ""}},
		{npyBytes([]byte{1, 0, 0, 0, 1, 2}, 3, 2), labelCase{"a label of 2", "", dataset.Options{Task: "multi-label"}, "", "", "", "row 2: label 2, expected 0 or 1"}},
		{npyBytes([]byte{1, 0, 0, 0, 1, 2}, 3, 2), labelCase{"two columns of one class", "", dataset.Options{Task: "multi-class"}, "", "", "", "labels of shape [3 2] for one class"}},
		{floats("3,", 0.5, 1.5, math.Inf(1)), labelCase{"infinite", "", dataset.Options{}, "", "", "", "row 2: value +Inf to predict"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := t.TempDir()
			put(t, d, "X_labels.npy", c.labels)
			c.check(t, put(t, d, "X.npy", npyFloats(3, 2)))
			shards := t.TempDir()
			for _, n := range []string{"0", "1"} {
				put(t, shards, "x_"+n+".npy", npyFloats(3, 2))
				put(t, shards, "y_"+n+".npy", c.labels)
			}
			twice := c.labelCase
			if len(twice.values) > 2 {
				twice.values = twice.values[:len(twice.values)-1] + " " + twice.values[1:]
			}
			twice.check(t, shards)
			path := put(t, t.TempDir(), "a.npz", npz(entry{name: "x.npy", data: npyFloats(3, 2)}, entry{name: "y.npy", data: c.labels}))
			c.check(t, path)
		})
	}
}

// TestShardsOfTwoTasks: shards whose labels look like different things are an
// error that says how to settle it.
func TestShardsOfTwoTasks(t *testing.T) {
	d := t.TempDir()
	for n, labels := range [][]float64{{1, 2, 3}, {0.5, 1.5, 2.5}} {
		put(t, d, fmt.Sprintf("x_%d.npy", n), npyFloats(3, 2))
		put(t, d, fmt.Sprintf("y_%d.npy", n), npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", float64s(labels...)))
	}
	if _, err := dataset.Open(d, dataset.Options{}); err == nil || !strings.Contains(err.Error(), "1 of regression, but those of ") || !strings.Contains(err.Error(), "--task says what all are") {
		t.Errorf("got %v", err)
	}
	labelCase{options: dataset.Options{Task: "regression"}, task: dataset.Regression, targets: "target", values: "[1 2 3 0.5 1.5 2.5]"}.check(t, d)
}

// numbers is a table of n rows with a number to predict, every fifth unknown.
func numbers(t testing.TB, n int) dataset.Source {
	var b strings.Builder
	b.WriteString("a,target\n")
	for i := range n {
		if i%5 == 4 {
			fmt.Fprintf(&b, "%d,\n", i)
		} else {
			fmt.Fprintf(&b, "%d,%d.5\n", i, i)
		}
	}
	return must(dataset.Open(put(t, t.TempDir(), "a.csv", []byte(b.String())), dataset.Options{}))
}

// known lists the rows of src that have a value.
func known(t testing.TB, src dataset.Source) (rows []int) {
	for i, v := range must(dataset.Values(context.Background(), src)) {
		if v == v {
			rows = append(rows, i)
		}
	}
	return rows
}

func TestViewsOfValues(t *testing.T) {
	ctx := context.Background()
	src := numbers(t, 20)
	some := must(dataset.WithLabels(ctx, src, 6, 1))
	both := must(dataset.Concat(some, dataset.Unlabel(src)))
	first := must(dataset.Concat(dataset.Unlabel(src), some))
	bare := must(dataset.Open(put(t, t.TempDir(), "b.csv", []byte("a\n1\n2\n")), dataset.Options{}))
	for name, view := range map[string]dataset.Source{
		"subset": dataset.Subset(src, []int{7, 4, 3}), "unlabelled": dataset.Unlabel(src), "with labels": some, "limit": must(dataset.Limit(ctx, src, 10, 1)),
		"concat": both, "concat, unlabelled first": first, "memory": must(dataset.Memory(ctx, some, 1<<20)), "with rows that never had one": must(dataset.Concat(bare, src)),
	} {
		t.Run(name, func(t *testing.T) {
			datasettest.Suite(t, func() dataset.Source { return view })
		})
	}
	if got := len(known(t, some)); got != 6 {
		t.Errorf("%d rows keep a label, expected 6", got)
	}
	if got := known(t, both); !slices.Equal(got, known(t, some)) || both.Len() != 40 || both.Spec().Task != dataset.Regression {
		t.Errorf("a concatenation with unlabelled rows: labels of %v, %s", got, both.Spec().Task)
	}
	if got := known(t, first); len(got) != 6 || got[0] < 20 {
		t.Errorf("unlabelled rows first: labels of %v", got)
	}
	if spec := dataset.Unlabel(src).Spec(); spec.Task != dataset.MultiClass || spec.Targets != nil {
		t.Errorf("unlabelled rows have task %s of %q", spec.Task, spec.Targets)
	}
	var b dataset.Batch
	if err := dataset.Subset(src, []int{7, 4}).Read(ctx, []int{1, 0}, &b); err != nil || b.V[0] == b.V[0] || b.V[1] != 7.5 {
		t.Errorf("a subset reads %v, %v", b.V, err)
	}
	if _, err := dataset.Concat(src, must(dataset.Open(put(t, t.TempDir(), "b.csv", []byte("a,label\n1,x\n")), dataset.Options{}))); err == nil || !strings.Contains(err.Error(), "two things to predict") {
		t.Errorf("numbers and classes: %v", err)
	}
	if a, b := must(dataset.Digest(ctx, src)), must(dataset.Digest(ctx, some)); a == b {
		t.Error("rows with fewer values have the same digest")
	}
}

// TestStrata: choices keep the shares of the labels that apply together, and
// of rows with and without a number.
func TestStrata(t *testing.T) {
	ctx := context.Background()
	var b strings.Builder
	b.WriteString("a,u,v\n")
	for i := range 100 {
		set := "1,0" // 60 of them
		switch {
		case i < 30:
			set = "0,0"
		case i >= 90:
			set = "0,1"
		}
		fmt.Fprintf(&b, "%d,%s\n", i, set)
	}
	src := must(dataset.Open(put(t, t.TempDir(), "a.csv", []byte(b.String())), dataset.Options{Label: "u,v"}))
	train, held, err := dataset.Split(ctx, src, 0.2, 3)
	if err != nil || len(train) != 80 {
		t.Fatal(len(train), err)
	}
	count := map[string]int{}
	v := must(dataset.Values(ctx, src))
	for _, r := range held {
		count[fmt.Sprint(v[2*r:2*r+2])]++
	}
	if count["[0 0]"] != 6 || count["[1 0]"] != 12 || count["[0 1]"] != 2 {
		t.Errorf("held out %v, expected 6, 12 and 2", count)
	}
	_, held, err = dataset.Split(ctx, numbers(t, 100), 0.2, 3)
	if err != nil {
		t.Fatal(err)
	}
	unlabelled := 0
	for _, r := range held {
		if r%5 == 4 {
			unlabelled++
		}
	}
	if len(held) != 20 || unlabelled != 4 {
		t.Errorf("held out %d rows, %d of them without a number, expected 20 and 4", len(held), unlabelled)
	}
	// sets of labels that are all rare do not keep every row in training
	b.Reset()
	b.WriteString("a,u,v,w,x,y,z\n")
	for i := range 64 {
		fmt.Fprintf(&b, "%d", i)
		for k := range 6 {
			fmt.Fprintf(&b, ",%d", i>>k&1)
		}
		b.WriteByte('\n')
	}
	src = must(dataset.Open(put(t, t.TempDir(), "a.csv", []byte(b.String())), dataset.Options{Label: "u,v,w,x,y,z"}))
	if _, held, err = dataset.Split(ctx, src, 0.25, 3); err != nil || len(held) != 16 {
		t.Errorf("held out %d of 64 rows of 64 sets of labels, expected 16: %v", len(held), err)
	}
}
