package specialist

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// alike has rows of seven classes a to g, and a target store of a model that
// takes a for b, c for d and e for f, each for the other, hardly ever anything
// else, and is sure of g. With hard it is sure of all.
func alike(t *testing.T, hard bool) ClusterOptions {
	return said(t, 7, func(z []float32, c int, rng *rand.Rand) {
		if c < 6 {
			z[c^1] = 8 - 4*rng.Float32()
		}
		if hard {
			z[c] = 1000
		}
	})
}

// said has 700 rows of so many classes from a, and a target store of what a model
// says of them: the logit of the row's class is 8 and the others are 0, but for
// what say makes of them.
func said(t *testing.T, classes int, say func(z []float32, c int, rng *rand.Rand)) ClusterOptions {
	t.Helper()
	const rows = 700
	rng := rand.New(rand.NewPCG(1, 1))
	text, logits := "u,v,label\n", map[dataset.RowID][]float32{}
	for i := range rows {
		c := rng.IntN(classes)
		z := make([]float32, classes)
		z[c] = 8
		say(z, c, rng)
		x := []float32{float32(i), float32(c)}
		text += fmt.Sprintf("%d,%d,%c\n", i, c, 'a'+c)
		logits[dataset.IDOf(x)] = z
	}
	dir := t.TempDir()
	o := ClusterOptions{Targets: filepath.Join(dir, "store"), RowsName: filepath.Join(dir, "rows.csv"), Method: ByConfusion, Temperature: 1, Seed: 1}
	if err := os.WriteFile(o.RowsName, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.Rows, err = dataset.Open(o.RowsName, dataset.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Rows.Close() })
	ids, err := dataset.IDs(context.Background(), o.Rows)
	if err != nil {
		t.Fatal(err)
	}
	all, err := store.Gather("", func(add func([]dataset.RowID) error) error { return add(ids) })
	if err != nil {
		t.Fatal(err)
	}
	w, err := store.Create(o.Targets, store.Key{Classes: classes}, all, 300)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range w.Missing() {
		var z []float32
		for _, r := range w.Positions(nil, m.Index) {
			if logits[ids[r]] == nil {
				t.Fatalf("row %d is another than was written", r)
			}
			z = append(z, logits[ids[r]]...)
		}
		if err := w.WriteShard(m.Index, z); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	return o
}

func clustered(t *testing.T, o ClusterOptions) *Clustering {
	t.Helper()
	c, err := Cluster(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// names are the sets as words, sorted.
func (c *Clustering) words() string {
	var words []string
	for _, one := range c.Clusters {
		words = append(words, strings.Join(one.Classes, ""))
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func TestCluster(t *testing.T) {
	o := alike(t, false)
	o.K = 4
	for _, method := range []string{ByConfusion, ByTargets} {
		o.Method = method
		c := clustered(t, o)
		if got := c.words(); got != "ab cd ef g" {
			t.Errorf("%s: %s", method, got)
		}
		if c.Covered.Rows != 700 || c.Covered.All < 0.9 || c.Covered.Pairs != 3./21 || c.Clusters[3].Confusion != 0 || !strings.Contains(strings.Join(c.Notes, "\n"), "sets of one class, with nothing to tell apart: 1") {
			t.Errorf("%s: %+v", method, c)
		}
		if !reflect.DeepEqual(c, clustered(t, o)) {
			t.Errorf("%s: another time it is another", method)
		}
		sets := c.Sets()
		path := filepath.Join(t.TempDir(), "clusters.json")
		if err := sets.Write(path); err != nil {
			t.Fatal(err)
		}
		back, err := ReadSets(path)
		if err != nil || !reflect.DeepEqual(back, sets) {
			t.Errorf("%s: read %+v, wrote %+v (%v)", method, back, sets, err)
		}
		if sum := c.Clusters[0].Confusion + c.Clusters[1].Confusion + c.Clusters[2].Confusion; sum < c.Covered.All-1e-12 || sum > c.Covered.All+1e-12 {
			t.Errorf("%s: a partition covers %v, its sets %v", method, c.Covered.All, sum)
		}
	}
}

// TestClusterChooses wants the number of pairs from the silhouette, and sets that
// overlap where their size is given.
func TestClusterChooses(t *testing.T) {
	o := alike(t, false)
	c := clustered(t, o)
	if got := c.words(); got != "ab cd efg" && got != "abg cd ef" && got != "ab cdg ef" || len(c.Scores) != 2 { // of 2 and 3
		t.Errorf("chose %s of %v", got, c.Scores)
	}
	o.K, o.Each = 3, 3
	c = clustered(t, o)
	for _, one := range c.Clusters {
		if len(one.Indices) != 3 {
			t.Errorf("3 classes each: %v", one.Classes)
		}
	}
	o.K, o.Each = 4, 7
	if c = clustered(t, o); len(c.Clusters) != 1 || c.Covered.All < 1-1e-9 || !strings.Contains(strings.Join(c.Notes, "\n"), "same as another and are left out: 3") {
		t.Errorf("all classes each: %s, %v", c.words(), c.Notes)
	}
	o.K, o.Each = 9, 0
	if c = clustered(t, o); len(c.Clusters) != 7 || !strings.Contains(strings.Join(c.Notes, "\n"), "sets asked for: 9, found: 7") {
		t.Errorf("9 sets of 7 classes: %s, %v", c.words(), c.Notes)
	}
	o.Method, o.K = ByCovariance, 1
	if c = clustered(t, o); c.words() != "abcdefg" {
		t.Errorf("one set: %s", c.words())
	}
}

// TestClusterJoins has two classes that are hardly like another: where the number
// of sets is chosen one that would be alone joins the nearest set, or where all
// others are one set is left out; where it is given it stays alone.
func TestClusterJoins(t *testing.T) {
	for _, c := range []struct {
		classes, k      int
		method          string
		sets, out, note string
	}{
		{10, 0, ByConfusion, "abi cdj ef gh", "", "joined to the nearest: 1 (j)"},
		{10, 5, ByConfusion, "abi cd ef gh j", "", "with nothing to tell apart: 1"},
		{8, 0, ByCovariance, "abcdefg", "h", "left out: 1 (h)"},
	} {
		o := said(t, c.classes, func(z []float32, y int, rng *rand.Rand) {
			if y < c.classes-2 {
				z[y^1] = 8 - 4*rng.Float32()
			} else {
				z[(y+3)%c.classes] = 5 * rng.Float32()
			}
		})
		o.Method, o.K = c.method, c.k
		got := clustered(t, o)
		if got.words() != c.sets || strings.Join(got.Outside, "") != c.out || !strings.Contains(strings.Join(got.Notes, "\n"), c.note) {
			t.Errorf("%d classes, k = %d, %s: %s, outside %v, %q", c.classes, c.k, c.method, got.words(), got.Outside, got.Notes)
		}
	}
}

// TestSeveral leaves out sets of one class, unless there are no others.
func TestSeveral(t *testing.T) {
	c := &Clustering{Classes: []string{"a", "b", "c"}}
	if got := c.several([][]int{{0}, {1, 2}}); !reflect.DeepEqual(got, [][]int{{1, 2}}) || c.single != 1 || !strings.Contains(c.Notes[0], "left out: 1 (a)") {
		t.Errorf("%v, %v", got, c.Notes)
	}
	if got := c.several([][]int{{0}, {2}}); len(got) != 2 || c.single != 1 {
		t.Errorf("none of several classes: %v", got)
	}
}

func TestClusterRefuses(t *testing.T) {
	o := alike(t, true)
	for _, method := range Methods {
		o.Method = method
		if _, err := Cluster(context.Background(), o); fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "exactly 0 or 1") {
			t.Errorf("%s of hard predictions: %v", method, err)
		}
	}
	o.Temperature, o.Method, o.K = 200, ByConfusion, 4 // softens them
	if c := clustered(t, o); !strings.Contains(strings.Join(c.Notes, "\n"), "no confusion to cover") {
		t.Errorf("hard predictions at T = 200: %v", c.Notes)
	}
	for field, change := range map[string]func(o *ClusterOptions){
		"--method":       func(o *ClusterOptions) { o.Method = "spectral" },
		"-k":             func(o *ClusterOptions) { o.K = -1 },
		"--classes-each": func(o *ClusterOptions) { o.Each = -1 },
		"--temperature":  func(o *ClusterOptions) { o.Temperature = 0 },
	} {
		bad := o
		change(&bad)
		if _, err := Cluster(context.Background(), bad); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Cluster(ctx, alike(t, false)); err == nil {
		t.Error("a cancelled context clusters")
	}
	other := alike(t, false)
	other.Targets = o.Targets // the same rows: taken
	if _, err := Cluster(context.Background(), other); err == nil || !strings.Contains(err.Error(), "exactly 0 or 1") {
		t.Errorf("another store of the same rows: %v", err)
	}
}
