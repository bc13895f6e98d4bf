package distill

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// rowsFile writes n rows of the problem, those of which y says so with a label.
func rowsFile(t *testing.T, n int, seed uint64, label func(i int, y int32) int32) string {
	t.Helper()
	x, y := clouds(n, seed)
	for i := range y {
		y[i] = label(i, y[i])
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := writeCSV(path, x, y); err != nil {
		t.Fatal(err)
	}
	return path
}

func nothing(int, int32) int32 { return dataset.Unlabelled }

// TestTransferSets trains on labelled and unlabelled rows in every proportion:
// an epoch is a pass over all, the baseline makes as many steps on the labelled
// rows, and without any there is none.
func TestTransferSets(t *testing.T) {
	kept := trainRows * 9 / 10
	few := func(i int, y int32) int32 {
		if i%10 > 0 {
			return dataset.Unlabelled
		}
		return y
	}
	for _, c := range []struct {
		name                 string
		change               func(r *Recipe)
		transfer, labelled   int
		testedRows, baseline bool
	}{
		{"labelled", func(*Recipe) {}, kept, kept, true, true},
		{"mixed in one file", func(r *Recipe) { r.Data.Train = rowsFile(t, trainRows, 1, few) }, 0, 0, true, true},
		{"unlabelled beside", func(r *Recipe) { r.Data.Unlabelled = rowsFile(t, 100, 5, nothing) }, kept + 100, kept, true, true},
		{"labels that are not used", func(r *Recipe) { r.Data.Unlabelled = file("test.csv"); r.Data.Test = "" }, 0, 0, true, true},
		{"more unlabelled than labelled", func(r *Recipe) {
			r.Data.Limit, r.Data.ValSplit, r.Data.Unlabelled = 60, 0, rowsFile(t, 500, 5, nothing)
		}, 560, 60, true, true},
		{"unlabelled alone", func(r *Recipe) { r.Data.Train = rowsFile(t, 300, 5, nothing); r.Data.ValSplit = 0.1; r.Loss.Beta = nil }, 270, 0, true, false},
		{"synthetic", func(r *Recipe) { r.Data.Synthetic = 700 }, kept + 700, kept, true, true},
		{"synthetic of unlabelled rows alone", func(r *Recipe) {
			r.Data.Train, r.Data.ValSplit = rowsFile(t, 200, 5, nothing), 0
			r.Data.Synthetic, r.Data.Synthesis = 300, "bootstrap=3,nearest noise=0.1"
		}, 500, 0, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, env := small(t), newRecord()
			c.change(&r)
			r.Train.Epochs = 2
			steps := map[string]int64{}
			env.Progress = func(stage string, _, total int64, _ *EpochRecord) { steps[stage] = total }
			result := mustRun(t, r, env.Env)
			b := result.Balance
			if c.transfer > 0 && (b.N != c.transfer || b.Labelled != c.labelled) {
				t.Errorf("%d rows are learned from, %d labelled, expected %d and %d", b.N, b.Labelled, c.transfer, c.labelled)
			}
			if want := int64(2 * ceilDiv(b.N, r.Train.Batch)); steps[RoleStudent] != want || c.baseline && steps[RoleBaseline] != want {
				t.Errorf("steps %v, expected %d", steps, want)
			}
			if (result.Baseline != nil) != c.baseline {
				t.Errorf("baseline %v", result.Baseline)
			}
			if !c.baseline && !strings.Contains(result.Verdict.Sentence, "no baseline") {
				t.Errorf("verdict %q", result.Verdict.Sentence)
			}
			if result.Student.N == 0 || result.Student.Compared != result.Student.N {
				t.Errorf("judged on %+v", result.Student)
			}
		})
	}
}

// TestSyntheticRows holds that rows are made of those that are learned from: the
// ranges of whole columns show that none that validates or judges had a part.
func TestSyntheticRows(t *testing.T) {
	ctx := context.Background()
	for _, how := range []string{"munge", "mixup", "bootstrap", "bootstrap=2,nearest"} {
		r := small(t)
		r.Data.Synthetic, r.Data.Synthesis, r.Data.ValSplit = 2000, how, 0.3
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		r.Fill()
		d, err := OpenData(ctx, &r)
		if err != nil {
			t.Fatal(err)
		}
		n := d.Transfer.Len() - 2000
		plain := r
		plain.Data.Synthetic, plain.Data.Synthesis = 0, ""
		p, err := OpenData(ctx, &plain)
		if err != nil {
			t.Fatal(err)
		}
		if n != p.Transfer.Len() || d.Labelled.Len() != p.Labelled.Len() || d.Val.Len() != p.Val.Len() {
			t.Errorf("%s: other rows than without", how)
		}
		var learned, made dataset.Batch
		if err := p.Transfer.Read(ctx, rowsFrom(0, n), &learned); err != nil {
			t.Fatal(err)
		}
		if err := d.Transfer.Read(ctx, rowsFrom(n, 2000), &made); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(how, "bootstrap") { // every value is one of a row that is learned from
			for i, v := range made.X {
				if found := slices.ContainsFunc(rowsFrom(0, n), func(r int) bool { return learned.X[r*features+i%features] == v }); !found {
					t.Fatalf("%s: value %v of row %d is of no row that is learned from", how, v, i/features)
				}
			}
		}
		if slices.ContainsFunc(made.Y, func(y int32) bool { return y != dataset.Unlabelled }) {
			t.Errorf("%s: a made row has a label", how)
		}
		if !slices.ContainsFunc(d.Notes, func(s string) bool { return strings.Contains(s, "2000 rows are made") }) {
			t.Errorf("%s: nobody is told: %q", how, d.Notes)
		}
	}
	for _, c := range []struct {
		change func(r *Recipe)
		texts  []string
	}{
		{func(r *Recipe) { r.Data.Synthetic = -1 }, []string{"--synthetic", "from 0 to"}},
		{func(r *Recipe) { r.Data.Synthesis = "munge" }, []string{"--synthesis", "without --synthetic"}},
		{func(r *Recipe) { r.Data.Synthetic, r.Data.Synthesis = 5, "smote" }, []string{"synthesis", `"smote"`, "munge"}},
		{func(r *Recipe) { r.Data.Synthetic, r.Teacher.Model = 5, NoTeacher }, []string{"--synthetic", "without a teacher"}},
	} {
		r := small(t)
		c.change(&r)
		_, err := Run(ctx, r, newRecord().Env)
		faulttest.Want(t, err, fault.Usage, c.texts...)
	}
}

// TestBalanceWarns tells of classes that the transfer set lacks, as far as the
// teacher sees, or has few rows of, and counts what there is.
func TestBalanceWarns(t *testing.T) {
	without := func(y int32, n int) string {
		left := n
		x, labels := clouds(trainRows, 1)
		var xs []float32
		var ys []int32
		for i, k := range labels {
			if k == y {
				if left--; left < 0 {
					continue
				}
			}
			xs, ys = append(xs, x[i*features:(i+1)*features]...), append(ys, k)
		}
		path := filepath.Join(t.TempDir(), "rows.csv")
		if err := writeCSV(path, xs, ys); err != nil {
			t.Fatal(err)
		}
		return path
	}
	r, env := small(t), newRecord()
	result := mustRun(t, r, env.Env)
	if !env.has("balance: 378 rows are learned from, 378 of them labelled: ") || slices.ContainsFunc(result.Warnings, func(w string) bool { return strings.Contains(w, "transfer set") }) {
		t.Errorf("%q", env.lines)
	}
	mass, answered, known := 0.0, 0, 0
	for _, c := range result.Balance.Listed {
		mass += float64(*c.Mass)
		answered += *c.Answered
		known += c.Labelled
	}
	if mass < 1-1e-9 || mass > 1+1e-9 || answered != 378 || known != 378 || result.Balance.Val != 42 {
		t.Errorf("mass %v of %d answers and %d labels: %+v", mass, answered, known, result.Balance)
	}
	page := string(mustRead(t, result.Files.Report))
	if !strings.Contains(page, "Balance of the transfer set") || !strings.Contains(string(mustRead(t, result.Files.Metrics)), `"balance"`) {
		t.Error("the report does not show the balance")
	}
	r.Data.Train, r.Data.ValSplit = without(2, 6), 0
	r.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	r.Teacher.Mode, r.Train.Augment = "views:2", "noise=0.01"
	result = mustRun(t, r, newRecord().Env)
	rare := slices.IndexFunc(result.Warnings, func(w string) bool {
		return strings.Contains(w, "rare in the transfer set") && strings.Contains(w, "c (") && strings.Contains(w, "recalibrate")
	})
	c := result.Balance.Listed[2]
	if few := float64(max(*c.Answered, c.Labelled)) < 0.1*float64(result.Balance.N)/3; few != (rare >= 0) || c.Labelled != 6 {
		t.Errorf("%d labelled, %d answered of %d: %q", c.Labelled, *c.Answered, result.Balance.N, result.Warnings)
	}
	os.Remove(r.Data.Train)
}

func TestScarce(t *testing.T) {
	b := func(known, answered []int) []string {
		d := balanceOf(known, answered)
		return scarce(d, []string{"a", "b", "c", "d"}, true)
	}
	for _, c := range []struct {
		known, answered []int
		want            []string
	}{
		{[]int{25, 25, 25, 25}, []int{25, 25, 25, 25}, nil},
		{[]int{0, 0, 0, 0}, []int{30, 30, 40, 0}, []string{"class d has no row"}},
		{[]int{0, 0, 0, 1}, []int{30, 30, 40, 0}, []string{"1 class is rare", "d (1)"}},
		{[]int{0, 50, 50, 0}, nil, []string{"2 classes have no row", "a, d"}},
		{[]int{49, 49, 1, 1}, nil, []string{"2 classes are rare", "c (1), d (1)", "even share is 25"}},
	} {
		got := strings.Join(b(c.known, c.answered), "; ")
		for _, w := range c.want {
			if !strings.Contains(got, w) || !strings.Contains(got, "kdonnx recalibrate") {
				t.Errorf("%v %v: %q, expected %q", c.known, c.answered, got, w)
			}
		}
		if c.want == nil && got != "" {
			t.Errorf("%v: %q", c.known, got)
		}
	}
}

// balanceOf is 100 rows.
func balanceOf(known, answered []int) metrics.Balance {
	return metrics.Balance{N: 100, Known: known, Answered: answered}
}
