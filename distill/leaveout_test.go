package distill

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// count is how many rows of each class src has; unlabelled rows last.
func count(t *testing.T, src dataset.Source) []int {
	t.Helper()
	labels, err := dataset.Labels(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	n := make([]int, classes+1)
	for _, y := range labels {
		if y == dataset.Unlabelled {
			y = classes
		}
		n[y]++
	}
	return n
}

// TestLeaveOut leaves classes out of the rows that teach and validate, and of
// no others.
func TestLeaveOut(t *testing.T) {
	ctx := context.Background()
	open := func(change func(*DataRecipe)) (*Data, error) {
		r := small(t)
		change(&r.Data)
		return OpenData(ctx, &r)
	}
	whole, err := open(func(*DataRecipe) {})
	if err != nil {
		t.Fatal(err)
	}
	all := count(t, whole.whole)
	for _, c := range []struct {
		change func(*DataRecipe)
		kept   []int // classes
	}{
		{func(d *DataRecipe) { d.Without = []string{"b"} }, []int{0, 2}},
		{func(d *DataRecipe) { d.Only = []string{"c", "b"} }, []int{1, 2}},
		{func(d *DataRecipe) { d.Without, d.Test = []string{"b"}, "" }, []int{0, 2}},
		{func(d *DataRecipe) { d.Without, d.Val = []string{"b", "c"}, file("test.csv") }, []int{0}},
	} {
		d, err := open(c.change)
		if err != nil {
			t.Fatal(err)
		}
		taught, held, test := count(t, d.Transfer), count(t, d.Val), count(t, d.Test)
		for k := range classes {
			if kept := slices.Contains(c.kept, k); (taught[k] > 0) != kept || (held[k] > 0) != kept || test[k] == 0 {
				t.Errorf("class %d: %d rows teach, %d validate, %d test", k, taught[k], held[k], test[k])
			}
		}
		if whole.Test.Len() == d.Test.Len() && d.TestIs == file("test.csv") && c.change != nil && len(c.kept) == 2 {
			if got, want := taught[2]+held[2], all[2]; got != want {
				t.Errorf("%d rows of class 2 were kept, expected all %d", got, want)
			}
		}
	}
	for _, c := range []struct {
		change func(*DataRecipe)
		want   string
	}{
		{func(d *DataRecipe) { d.Without = []string{"d"} }, `--without: got class "d", expected one of a, b, c`},
		{func(d *DataRecipe) { d.Without = []string{"1"} }, `got class "1"`},
		{func(d *DataRecipe) { d.Only = []string{"a", "a"} }, "named twice"},
		{func(d *DataRecipe) { d.Without = []string{"a", "b", "c"} }, "leaves none of"},
		{func(d *DataRecipe) { d.Without, d.Label = []string{"a"}, "none" }, "no classes as labels"},
	} {
		_, err := open(c.change)
		faulttest.Want(t, err, fault.Usage, c.want)
	}
	r := small(t)
	r.Data.Without, r.Data.Only = []string{"a"}, []string{"b"}
	faulttest.Want(t, r.Validate(), fault.Usage, "--without", "one or the other")
	r = Default()
	r.Data.Only = []string{"a"}
	faulttest.Want(t, r.Validate(), fault.Usage, "--only")
	r = Default()
	if err := r.Merge(recipeFile(t, "data: {without: [3, cat]}\n")); err != nil || !slices.Equal(r.Data.Without, []string{"3", "cat"}) {
		t.Errorf("read %q, %v", r.Data.Without, err)
	}
}

// TestRecipes holds every recipe of the repository to keys that exist and
// numbers within their ranges.
func TestRecipes(t *testing.T) {
	files, err := filepath.Glob("../recipes/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("found recipes %q, %v", files, err)
	}
	paper, err := filepath.Glob("../recipes/paper/*.yaml")
	if err != nil || len(paper) < 5 {
		t.Fatalf("found recipes of the paper %q, %v", paper, err)
	}
	files = append(files, paper...)
	for _, path := range files {
		r := Default()
		if err := r.Merge(path); err != nil {
			t.Error(err)
			continue
		}
		if err := r.Specialist.Validate(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		r.Specialist = DefaultSpecialist() // which kdonnx specialist run alone follows
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
