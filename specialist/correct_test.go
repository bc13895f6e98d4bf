package specialist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/clouds"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// TestCorrection trains a specialist where the posterior is known: three normal
// clouds of unequal frequency, of which the set has a tenth of the rows, and the
// posterior itself as the generalist, linear in x. What the corrected specialist
// says of the dustbin is the posterior's; uncorrected it believes in the sample's
// half and half.
func TestCorrection(t *testing.T) {
	c := clouds.Clouds{Centres: [][]float64{{0, 0}, {1.5, 0.5}, {0.5, 1.5}}, Spread: 1}
	prior := []float64{0.05, 0.05, 0.9}
	dir := t.TempDir()
	p := TrainPlan{Recipe: recipe(dir), Sets: &Sets{Classes: []string{"x", "y", "z"}, Sets: [][]int{{0, 1}}}}
	p.Recipe.Data.ValSplit, p.Recipe.Train.Epochs, p.Recipe.Train.LR = 0, 12, 0.1 // the last epoch is kept, far from the start
	if err := c.WriteTeacher(p.Recipe.Teacher.Model, "input"); err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Read(p.Recipe.Teacher.Model, onnx.ReadOptions{Weights: true})
	if err != nil {
		t.Fatal(err)
	}
	bias := make([]float32, 3)
	for k, v := range prior {
		bias[k] = float32(math.Log(v))
	}
	if err := models.AddBias(m, bias); err != nil {
		t.Fatal(err)
	}
	if err := onnx.Write(p.Recipe.Teacher.Model, m); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) (x []float32, text string) {
		var b strings.Builder
		b.WriteString("a,b,label\n")
		for range n {
			k, u := 0, rng.Float64()
			for ; u > prior[k]; k++ {
				u -= prior[k]
			}
			for f := range 2 {
				v := math.Round(1000*(c.Centres[k][f]+rng.NormFloat64())) / 1000
				x = append(x, float32(v))
				fmt.Fprintf(&b, "%g,", v)
			}
			fmt.Fprintf(&b, "%c\n", 'x'+k)
		}
		return x, b.String()
	}
	for _, name := range []string{"train.csv", "test.csv"} {
		_, text := draw(map[string]int{"train.csv": 12000, "test.csv": 300}[name])
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const n = 2000
	x, _ := draw(n)
	for _, p.Head = range []Head{Dustbin, Full} { // of one other class: the same net
		p.Dir = filepath.Join(dir, string(p.Head))
		e := mustTrain(t, p).Bundle.Specialists[0]
		if math.Abs(e.Fraction-0.1) > 0.01 || e.Head != p.Head {
			t.Fatalf("%+v", e)
		}
		holdPosterior(t, p, e, x, n)
	}
}

// holdPosterior holds a specialist of two classes and a third against the
// generalist, which is the posterior, on n rows.
func holdPosterior(t *testing.T, p TrainPlan, e Expert, x []float32, n int) {
	t.Helper()
	truth, got := outputs(t, p.Recipe.Teacher.Model, x, n), outputs(t, filepath.Join(p.Dir, e.File), x, n)
	var off, offBefore, mass, massBefore, within float64
	for i := range n {
		want, q := probabilities(truth[3*i:3*i+3]), probabilities(got[3*i:3*i+3])
		before := probabilities([]float32{got[3*i], got[3*i+1], got[3*i+2] - float32(e.Correction)})
		off += math.Abs(q[2]-want[2]) / float64(n)
		offBefore += math.Abs(before[2]-want[2]) / float64(n)
		mass += q[2] / float64(n)
		massBefore += before[2] / float64(n)
		within += math.Abs(q[0]/(q[0]+q[1])-want[0]/(want[0]+want[1])) / float64(n)
	}
	t.Logf("%s, f %.4f: dustbin off by %.4f (mean %.4f), uncorrected by %.4f (mean %.4f); within the set by %.4f", e.Head, e.Fraction, off, mass, offBefore, massBefore, within)
	if off > 0.015 || math.Abs(mass-0.9) > 0.015 || within > 0.06 {
		t.Errorf("the corrected dustbin is off by %.4f with a mean of %.4f, within the set by %.4f; expected the posterior", off, mass, within)
	}
	if offBefore < 0.2 {
		t.Errorf("uncorrected the dustbin is off by %.4f: this problem tests nothing", offBefore)
	}
}
