package dataset

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestSynthesisOfOddTables makes rows of tables at the edges of what there is:
// every value is finite, constants stay what they are, whole numbers whole and
// in their range, and categories are those of a row.
func TestSynthesisOfOddTables(t *testing.T) {
	any := func(float32) bool { return true }
	is := func(values ...float32) func(float32) bool {
		return func(v float32) bool {
			for _, want := range values {
				if v == want {
					return true
				}
			}
			return false
		}
	}
	wholeFrom := func(lo, hi float32) func(float32) bool {
		return func(v float32) bool { return v == float32(math.Trunc(float64(v))) && v >= lo && v <= hi }
	}
	for name, c := range map[string]struct {
		text string
		may  []func(float32) bool // by column
	}{
		"categories alone": {"a,b,class\nx,p,0\ny,q,1\nx,q,0\n", []func(float32) bool{is(0, 1), is(0, 1), is(0, 1), is(0, 1)}},
		"constant columns": {"a,b,class\n1,2.5,0\n1,2.5,1\n1,2.5,0\n", []func(float32) bool{is(1), is(2.5)}},
		"huge numbers":     {"a,b,class\n3e38,-3e38,0\n-3e38,3.3e38,1\n3.1e38,2.5,0\n-3.2e38,1.5,0\n", []func(float32) bool{wholeFrom(-3.2e38, 3.1e38), any}},
		"a missing column": {"a,b,class\n,1,0\n,2,1\n,3,0\n", []func(float32) bool{wholeFrom(1, 3)}},
		"2^24":             {"a,b,class\n16777216,0.5,0\n16777215,1,1\n-16777216,3,0\n", []func(float32) bool{wholeFrom(-1<<24, 1<<24), any}},
		"subnormal":        {"a,b,class\n1e-45,0.5,0\n3e-45,1,1\n-0,-0.0,0\n", []func(float32) bool{any, any}},
		"one class":        {"a,b,class\n1,0.5,0\n3,1,0\n-0,2.5,0\n", []func(float32) bool{wholeFrom(0, 3), any}},
	} {
		path := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		src, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if src.Spec().Size() != len(c.may) {
			t.Fatalf("%s: columns %v", name, src.Spec().Columns)
		}
		for _, how := range []string{"munge=1,0.01", "munge", "bootstrap", "bootstrap=3,nearest", "mixup", "noise=10", "munge mixup noise=0.01"} {
			_, b := makeRows(t, src, how, 50, 1)
			for i, v := range b.X {
				if may := c.may[i%len(c.may)]; v != v || math.IsInf(float64(v), 0) || !may(v) {
					t.Errorf("%s, %s: row %d has %v in column %d", name, how, i/len(c.may), v, i%len(c.may))
				}
			}
		}
		src.Close()
	}
}
