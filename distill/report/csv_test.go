package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// values reads a CSV as table/model/row/column to value.
func values(t *testing.T, data []byte) map[string]string {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, l := range lines {
		k := strings.Join(l[:len(l)-1], "/")
		if _, twice := m[k]; twice {
			t.Errorf("%s is there twice", k)
		}
		m[k] = l[len(l)-1]
	}
	return m
}

// TestCSV finds what the page shows, in full digits.
func TestCSV(t *testing.T) {
	r := example(t, 300, 5, 4)
	r.Recipe = map[string]string{"train.lr": "0.05"}
	var b bytes.Buffer
	if err := CSV(&b, r); err != nil {
		t.Fatal(err)
	}
	got := values(t, b.Bytes())
	want := map[string]string{
		"table/model/row/column":                     "value",
		"run///temperature":                          "4",
		"run///test":                                 "McNemar",
		"recipe///train.lr":                          "0.05",
		"numbers/student//errors":                    strconv.Itoa(r.Student.Errors),
		"numbers/teacher//params":                    "11173962",
		"numbers/student//latency_ms":                "0.21",
		"epochs/student/4/loss_soft":                 number(float64(r.History.Student[3].Train.Soft)),
		"epochs/baseline/2/val_accuracy":             number(float64(r.History.Baseline[1].Val.Accuracy)),
		"reliability/student/15/count":               strconv.Itoa(r.Student.Bins[14].Count),
		"classes/baseline/3/support":                 strconv.Itoa(r.Baseline.PerClass[3].Support),
		"parity/student//passed":                     "true",
		"time///training, student":                   "131",
		"notes//1/warning":                           r.Warnings[0],
		fmt.Sprintf("confusion/student/%d/%d", 2, 2): strconv.Itoa(r.Student.Confusion[2][2]),
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %q, expected %q", k, got[k], v)
		}
	}
	cells := 0
	for y, line := range r.Student.Confusion {
		for x, n := range line {
			if n > 0 {
				cells++
			}
			if v := got[fmt.Sprintf("confusion/student/%d/%d", y, x)]; n > 0 && v != strconv.Itoa(n) {
				t.Errorf("label %d answered %d %d times is %q", y, x, n, v)
			}
		}
	}
	for k := range got {
		if strings.HasPrefix(k, "confusion/student/") {
			cells--
		}
	}
	if cells != 0 {
		t.Errorf("%d cells of the matrix are missing", cells)
	}
	for task, keys := range map[dataset.Task][]string{
		dataset.MultiLabel: {"labels/student/red/f1", "labels/baseline/=round/ap", "numbers/student//micro_f1"},
		dataset.Regression: {"targets/student/red/rmse", "predictions/student/=round/7/prediction", "numbers/student//mae", "run///p"},
	} {
		b.Reset()
		if err := CSV(&b, taskExample(t, task, 40, "red", "=round")); err != nil {
			t.Fatal(err)
		}
		got := values(t, b.Bytes())
		for _, k := range keys {
			k = strings.Replace(k, "=round", "'=round", 1) // no formula
			if got[k] == "" {
				t.Errorf("%v: no %s", task, k)
			}
		}
	}
}

// TestCellsAreNoFormulas keeps what a spreadsheet would obey from it.
func TestCellsAreNoFormulas(t *testing.T) {
	for s, want := range map[string]string{
		"cat": "cat", "-1.5": "-1.5", "+3e4": "+3e4", "": "", "-": "'-", "=HYPERLINK(1)": "'=HYPERLINK(1)", "@x": "'@x", "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0",
		"\x1b[31m": "\ufffd[31m", "a\nb": "a b", "\t=1": " =1",
	} {
		if got := cell(s); got != want {
			t.Errorf("%q became %q, expected %q", s, got, want)
		}
	}
}
