package distill

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// randomCells are the cells of a table of random columns, by row, with a
// header; the label comes last. Every column lacks some cells.
func randomCells(r *rand.Rand, rows int) [][]string {
	kinds := make([]int, 1+r.IntN(6))
	cells := make([][]string, rows+1)
	for k := range kinds {
		kinds[k] = r.IntN(4)
		scale := math.Pow(10, float64(r.IntN(13)-6))
		shift := scale * float64(r.IntN(3)*50)
		cells[0] = append(cells[0], fmt.Sprintf("c%d", k))
		for i := range rows {
			cell := ""
			switch {
			case r.IntN(5) == 0:
			case kinds[k] == 0:
				cell = fmt.Sprint(float32(shift + scale*r.NormFloat64()))
			case kinds[k] == 1:
				cell = fmt.Sprint(r.IntN(2) == 0)
			case kinds[k] == 2:
				cell = []string{"red", "green", "dark blue"}[r.IntN(3)]
			default:
				cell = fmt.Sprint(r.IntN(100))
			}
			cells[i+1] = append(cells[i+1], cell)
		}
	}
	cells[0] = append(cells[0], "y")
	for i := range rows {
		cells[i+1] = append(cells[i+1], []string{"p", "q", "r"}[i%3])
	}
	return cells
}

// ordered is a table with its columns in that order, the last ones left out.
func ordered(cells [][]string, order []int) string {
	var b strings.Builder
	for _, row := range cells {
		for i, k := range order {
			if i > 0 {
				b.WriteByte(';')
			}
			if b.WriteString(row[k]); len(order) == 1 && row[k] == "" {
				b.WriteString(`""`)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestRandomTables holds, for tables of any columns with missing cells, that
// an exported student gives in both engines what a net without normalisation
// gives of rows that were filled and normalised by hand, whatever the order of
// the columns.
func TestRandomTables(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			dir := t.TempDir()
			cells := randomCells(r, 90)
			columns := len(cells[0])
			write := func(name, text string) string {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return path
			}
			inOrder := make([]int, columns)
			for i := range inOrder {
				inOrder[i] = i
			}
			src, err := dataset.Open(write("train.csv", ordered(cells, inOrder)), dataset.Options{Label: "y"})
			if err != nil {
				t.Fatal(err)
			}
			spec, n := src.Spec(), src.Len()
			in := models.Input{Name: "x", Shape: spec.Shape}
			bare, err := models.Build("mlp:8", in, 3, seed)
			if err != nil {
				t.Fatal(err)
			}
			if in.Fill, err = filling(ctx, src); err != nil {
				t.Fatal(err)
			}
			if in.Scale, in.Shift, err = normalisation(ctx, dataset.Preprocess{}, src); err != nil {
				t.Fatal(err)
			}
			whole, err := models.Build("mlp:8", in, 3, seed)
			if err != nil {
				t.Fatal(err)
			}
			want := predictByHand(t, src, bare)

			net, err := student.FromModel(whole, "whole")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "student.onnx")
			data, err := export.Bytes(net, []onnx.Entry{{Key: "version", Value: "0"}, {Key: export.ClassesKey, Value: export.JoinClasses(spec.Classes)}, {Key: schemaKey, Value: spec.Schema.JSON()}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			like, err := RowsOf(path)
			if err != nil {
				t.Fatal(err)
			}
			noLabel := slices.DeleteFunc(r.Perm(columns), func(k int) bool { return k == columns-1 })
			for name, text := range map[string]string{"any.csv": ordered(cells, r.Perm(columns)), "bare.csv": ordered(cells, noLabel)} {
				src, err := OpenRows(ctx, write(name, text), "test", false, like, RowLimit{})
				if err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				for _, engine := range []string{EngineNative, EngineORT} {
					m, err := OpenModel(ctx, engine, TeacherRecipe{ModelRecipe: ModelRecipe{Model: path, Kind: "auto", Input: "auto"}, Provider: "cpu"}, src, "rows", t.TempDir())
					if err != nil {
						t.Fatal(err)
					}
					var got []float32
					err = EachOutput(ctx, m, src, func(z []float32) error { got = append(got, z...); return nil })
					m.Close()
					if err != nil {
						t.Fatal(err)
					}
					for i, z := range got {
						if d := math.Abs(float64(z) - float64(want[i])); !(d < 1e-3) {
							t.Fatalf("%s, %s: output %d of row %d is %v, by hand %v (%q)", name, engine, i%3, i/3, z, want[i], cells[1+i/3])
						}
					}
					if len(got) != 3*n {
						t.Fatalf("%d outputs of %d rows", len(got), n)
					}
				}
			}
		})
	}
}

// predictByHand fills and normalises rows in float64, in two passes.
func predictByHand(t *testing.T, src dataset.Source, m *onnx.Model) []float32 {
	t.Helper()
	ctx := context.Background()
	var x []float32
	if err := dataset.Batches(ctx, src, nil, 50, func(_ []int, b *dataset.Batch) error {
		x = append(x, b.X...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	size, n := src.Spec().Size(), src.Len()
	for k := range size {
		known, mean, square := 0.0, 0.0, 0.0
		for i := k; i < len(x); i += size {
			if x[i] == x[i] {
				known++
				mean += float64(x[i])
			}
		}
		mean /= max(known, 1)
		for i := k; i < len(x); i += size {
			if x[i] == x[i] {
				square += (float64(x[i]) - mean) * (float64(x[i]) - mean)
			}
		}
		std := math.Sqrt(square / max(known, 1))
		if std == 0 {
			std = 1
		}
		for i := k; i < len(x); i += size {
			if x[i] != x[i] {
				x[i] = 0
			} else {
				x[i] = float32((float64(x[i]) - mean) / std)
			}
		}
	}
	net, err := student.FromModel(m, "bare")
	if err != nil {
		t.Fatal(err)
	}
	z := make([]float32, n*3)
	if err := net.Predict(ctx, x, n, z); err != nil {
		t.Fatal(err)
	}
	return z
}
