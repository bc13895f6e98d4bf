package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/contracts"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// TestContracts runs every awkward teacher through inspect, targets and
// distill, and judges the student.
func TestContracts(t *testing.T) {
	lib, err := ort.Find("")
	if err != nil {
		t.Fatalf("%v (make test installs it)", err)
	}
	cases := contracts.All()
	if len(cases) < 45 {
		t.Errorf("got %d cases, expected at least 45", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			trial, err := c.Write(dir)
			if err != nil {
				t.Fatal(err)
			}
			kdonnx := func(args ...string) (stdout, stderr string) {
				t.Helper()
				cmd := exec.Command(os.Args[0], args...)
				cmd.Env = append(os.Environ(), asProgram+"=1", "KDONNX_ORT_LIB="+lib.Path, "KDONNX_CACHE="+filepath.Join(dir, "cache"))
				var out, errs bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &errs
				if err := cmd.Run(); err != nil {
					t.Fatalf("%s\nkdonnx %s: %v\n%s", c.About, strings.Join(args, " "), err, &errs)
				}
				return out.String(), errs.String()
			}
			look := []string{"inspect", "--data", trial.Data}
			for _, arg := range trial.Teacher {
				if arg != "--teacher" { // the models are the arguments of inspect
					look = append(look, arg)
				}
			}
			said, _ := kdonnx(append(look, trial.More...)...)
			for _, word := range trial.Says {
				if !strings.Contains(said, word) {
					t.Errorf("inspect does not say %q:\n%s", word, said)
				}
			}
			kdonnx(append([]string{"targets", "--data", trial.Data, "-o", filepath.Join(dir, "store")}, append(trial.Teacher, trial.More...)...)...)
			student := trial.Student
			if student == "" {
				student = "mlp:16"
			}
			out, log := kdonnx(append([]string{"distill", "--train", trial.Data, "-o", filepath.Join(dir, "student.onnx"), "--student", student,
				"--epochs", "40", "--batch", "32", "--json"}, append(trial.Teacher, trial.More...)...)...)
			var result struct {
				Student struct {
					Accuracy *float64 `json:"accuracy"`
					R2       *float64 `json:"r2"`
				} `json:"student"`
			}
			if err := json.Unmarshal([]byte(out), &result); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got := result.Student.Accuracy
			if got == nil {
				got = result.Student.R2
			}
			if got == nil || !(*got >= trial.Least) {
				t.Errorf("student: %s, expected at least %v\n%s", out, trial.Least, log)
			}
		})
	}
}
