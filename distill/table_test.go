package distill

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/optim"
)

// people draws a table of mixed columns, some cells of it missing, as CSV and
// as JSON: income depends on age, work and hours.
func people(n int, seed uint64) (csv, json string) {
	rng := rand.New(rand.NewPCG(seed, 5))
	works := []string{"Private", "Self-emp", "State-gov"}
	var c, j strings.Builder
	c.WriteString("id,age,work,member,grade,hours,income\n")
	for i := range n {
		age, work, hours := 18+rng.IntN(60), rng.IntN(3), 20+rng.IntN(41)
		member, grade := rng.IntN(2) == 1, []string{"low", "mid", "high"}[rng.IntN(3)]
		score := float64(age)/20 + float64(2*work) + float64(hours)/20 + rng.NormFloat64()/2
		income := "<=50K"
		if score > 6.2 {
			income = ">50K"
		}
		ageCell, ageJSON := strconv.Itoa(age), strconv.Itoa(age)
		if rng.IntN(10) == 0 {
			ageCell, ageJSON = "?", "null"
		}
		fmt.Fprintf(&c, "%d, %s, %s, %v, %s, %d, %s\n", 1000+i, ageCell, works[work], member, grade, hours, income)
		fmt.Fprintf(&j, `{"income":%q,"hours":%d,"grade":%q,"member":%v,"work":%q,"age":%s}`+"\n", income, hours, grade, member, works[work], ageJSON)
	}
	return c.String(), j.String()
}

// tableTeacher learns the rows of src natively.
func tableTeacher(t *testing.T, src dataset.Source, path string) {
	t.Helper()
	spec, n := src.Spec(), src.Len()
	var b dataset.Batch
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	if err := src.Read(context.Background(), all, &b); err != nil {
		t.Fatal(err)
	}
	fill, err := filling(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	in := models.Input{Name: "x", Shape: spec.Shape, Fill: fill}
	in.Scale, in.Shift, err = normalisation(context.Background(), dataset.Preprocess{Layout: dataset.Flat}, src)
	if err != nil {
		t.Fatal(err)
	}
	m, err := models.Build("mlp:16", in, len(spec.Classes), 7)
	if err != nil {
		t.Fatal(err)
	}
	net, err := student.FromModel(m, "teacher")
	if err != nil {
		t.Fatal(err)
	}
	o, err := optim.New("adam", optim.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := student.NewTrainer(net, o, n, 7)
	if err != nil {
		t.Fatal(err)
	}
	hard, err := loss.New("hard-label", loss.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for range 150 {
		if _, err := trainer.Step(b.X, n, func(z, dz []float32) float64 {
			return hard.Eval(loss.Batch{N: n, C: len(spec.Classes), Student: z, Labels: b.Y}, dz).Total
		}, 0.02); err != nil {
			t.Fatal(err)
		}
	}
	data, err := export.Bytes(net, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTable distils on a table of numbers, a category, a boolean, ranks and
// missing cells, and predicts from the exported file alone, for a file in
// another format with the columns in another order.
func TestTable(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	csv, _ := people(600, 1)
	testCSV, testJSON := people(200, 2)
	train, test := write("train.csv", csv), write("test.csv", testCSV)
	columns := "grade=ordinal(low<mid<high)"
	src, err := dataset.Open(train, dataset.Options{Label: "income", Columns: columns})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(src.Spec().Columns, " "); got != "age work=Private work=Self-emp work=State-gov member grade hours" {
		t.Fatalf("features %q", got)
	}
	teacher := filepath.Join(dir, "teacher.onnx")
	tableTeacher(t, src, teacher)

	r := small(t)
	r.Teacher.Model = teacher
	r.Data = DataRecipe{Train: train, Test: test, ValSplit: 0.1, Label: "income", Columns: columns}
	r.Train.Epochs = 20
	result := mustRun(t, r, newRecord().Env)
	if result.Student.Accuracy < 0.8 || math.IsNaN(float64(result.Student.NLL)) {
		t.Errorf("the student's accuracy is %v, its loss %v", result.Student.Accuracy, result.Student.NLL)
	}

	like, err := RowsOf(r.Output.Model)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var logits [][]float32
	for _, path := range []string{test, write("test.jsonl", testJSON)} {
		src, err := OpenRows(ctx, path, "test", false, like, RowLimit{})
		if err != nil {
			t.Fatal(err)
		}
		for _, engine := range []string{EngineNative, EngineORT} {
			m, err := OpenModel(ctx, engine, TeacherRecipe{ModelRecipe: ModelRecipe{Model: r.Output.Model, Kind: "auto", Input: "auto"}, Provider: "cpu"}, src, "", file("cache"))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			found, err := Evaluate(ctx, m, src, nil)
			if err != nil {
				t.Fatal(err)
			}
			if found.Errors != result.Student.Errors || found.Labelled != 200 {
				t.Errorf("%s, %s: %d errors of %d, expected %d of 200", path, engine, found.Errors, found.Labelled, result.Student.Errors)
			}
			var z []float32
			if err := EachOutput(ctx, m, src, func(row []float32) error { z = append(z, row...); return nil }); err != nil {
				t.Fatal(err)
			}
			if i := slices.IndexFunc(z, func(v float32) bool { return v != v }); i >= 0 {
				t.Errorf("%s, %s: logit %d is NaN", path, engine, i)
			}
			logits = append(logits, z)
		}
	}
	if !slices.Equal(logits[0], logits[2]) {
		t.Error("the same rows as JSON give other logits")
	}
}

// TestTableMetadata holds that a student carries its columns, and that a file
// whose columns are damaged is refused by name.
func TestTableMetadata(t *testing.T) {
	r := stored(t)
	mustRun(t, r, newRecord().Env)
	like, err := RowsOf(unverified(r))
	if err != nil || like.Schema.Label != "label" || len(like.Schema.Columns) != features || strings.Join(like.Classes, "") != "abc" {
		t.Fatalf("rows of the student: %+v, %v", like, err)
	}
	m, err := onnx.Read(unverified(r), onnx.ReadOptions{Weights: true})
	if err != nil {
		t.Fatal(err)
	}
	m.SetMeta(MetaSchema, `{"columns":[{"name":"f0","kind":"colour"}]}`)
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.onnx")
	if err := os.WriteFile(bad, data, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = RowsOf(bad)
	faulttest.Want(t, err, 3, "bad.onnx", "kdonnx.schema", `column "f0"`, `"colour"`)
}
