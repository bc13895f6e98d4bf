package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

func TestMain(m *testing.M) {
	ort.MaybeServeWorker()
	os.Exit(m.Run())
}

// flowers writes a table of three classes that overlap a little.
func flowers(t *testing.T, path string, n int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("a,b,c,species\n")
	for i := range n {
		k := i % 3
		fmt.Fprintf(&b, "%.3f,%.3f,%.3f,%s\n", rng.NormFloat64()+2*float64(k), rng.NormFloat64()-float64(k), rng.NormFloat64(), []string{"x", "y", "z"}[k])
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// newLab is a lab with quick recipes.
func newLab(t *testing.T) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{recipes: filepath.Join(dir, "recipes"), iris: filepath.Join(dir, "iris.csv"), out: filepath.Join(dir, "out"), cache: filepath.Join(dir, "cache"), students: 2, log: &bytes.Buffer{}, began: time.Now(),
		open: map[string]*distill.Session{}}
	flowers(t, l.iris, 240)
	if err := os.MkdirAll(l.recipes, 0o755); err != nil {
		t.Fatal(err)
	}
	l.setRecipe(t, 0.02)
	return l
}

func (l *lab) setRecipe(t *testing.T, lr float64) {
	t.Helper()
	text := fmt.Sprintf("data: {val_split: 0}\nstudent: {arch: \"mlp:8\"}\nloss: {temperature: 1, alpha: 0.5}\ntrain: {epochs: 20, batch: 16, lr: %v}\n", lr)
	if err := os.WriteFile(filepath.Join(l.recipes, "iris.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// trained is how many trainings the log of l tells of, which is emptied.
func (l *lab) trained() int {
	b := l.log.(*bytes.Buffer)
	n := strings.Count(b.String(), " errors of ")
	b.Reset()
	return n
}

// TestAgain runs an experiment, runs it again, and again with another recipe:
// nothing is trained twice, and what a changed recipe asks for is.
func TestAgain(t *testing.T) {
	l := newLab(t)
	doc := filepath.Join(l.out, "doc.md")
	run := func() string {
		t.Helper()
		if err := l.all(t.Context(), doc, "iris"); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := run()
	const trainings = 5 * 2 // hard, soft, and three ways of making rows
	if n := l.trained(); n != trainings {
		t.Errorf("the first run trained %d times, expected %d", n, trainings)
	}
	for _, want := range []string{"| iris, mlp:8 on hard labels | – | shown |", "TreeEnsembleClassifier", "made by munge", "| experiment | paper |", "## Not run yet", "(`-only teacher`)"} {
		if !strings.Contains(first, want) {
			t.Errorf("the document lacks %q:\n%s", want, first)
		}
	}
	if again := run(); again != first || l.trained() != 0 {
		t.Errorf("the second run trained again, or wrote something else:\n%s", again)
	}
	lost, err := filepath.Glob(filepath.Join(l.out, "cells", "iris-hard-student-2-*.json"))
	if err != nil || len(lost) != 1 {
		t.Fatalf("files of one training: %q, %v", lost, err)
	}
	if err := os.Remove(lost[0]); err != nil {
		t.Fatal(err)
	}
	if again := run(); again != first || l.trained() != 1 {
		t.Errorf("a lost figure did not come again as it was:\n%s", again)
	}
	l.setRecipe(t, 0.05)
	if run(); l.trained() != trainings {
		t.Error("a changed recipe was not followed")
	}
}

// TestForest requires that ONNX Runtime answers as the trees do.
func TestForest(t *testing.T) {
	dir := t.TempDir()
	csv, model := filepath.Join(dir, "rows.csv"), filepath.Join(dir, "forest.onnx")
	flowers(t, csv, 300)
	src, err := dataset.Open(csv, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var b dataset.Batch
	order := make([]int, src.Len())
	for i := range order {
		order[i] = i
	}
	if err := src.Read(t.Context(), order, &b); err != nil {
		t.Fatal(err)
	}
	f := grow(b.X, b.Y, 3, 7, 1)
	if err := f.write(model, src.Spec().Classes, 3); err != nil {
		t.Fatal(err)
	}
	recipe := distill.Default().Teacher
	recipe.Model = model
	m, err := distill.OpenModel(t.Context(), distill.EngineORT, recipe, src, csv, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	z := make([]float32, b.N*3)
	if err := m.PredictRows(t.Context(), &b, z); err != nil {
		t.Fatal(err)
	}
	right := 0
	for i := range b.N {
		share := make([]float32, 3)
		for _, tree := range f.trees {
			at := 0
			for tree[at].Left > 0 {
				if b.X[i*3+tree[at].Feature] <= tree[at].Threshold {
					at = tree[at].Left
				} else {
					at = tree[at].Right
				}
			}
			for c, s := range tree[at].Share {
				share[c] += s / 7
			}
		}
		best := 0
		for c := range share {
			if share[c] > share[best]+1e-6 {
				best = c
			}
		}
		for c := range share {
			if z[i*3+c] > z[i*3+best]+1e-5 && share[c] < share[best]-1e-5 {
				t.Fatalf("row %d: the trees say %v, ONNX Runtime %v", i, share, z[i*3:i*3+3])
			}
		}
		if best == int(b.Y[i]) {
			right++
		}
	}
	if right < 9*b.N/10 {
		t.Errorf("%d of %d of its own rows right", right, b.N)
	}
}

// TestRefused holds the command line's errors.
func TestRefused(t *testing.T) {
	l := newLab(t)
	err := l.all(t.Context(), filepath.Join(l.out, "doc.md"), "nosuch")
	if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "-only") {
		t.Errorf("got %v", err)
	}
	l.iris = ""
	if err := l.all(t.Context(), filepath.Join(l.out, "doc.md"), "iris,letter"); err != nil {
		t.Error(err)
	}
	if log := l.log.(*bytes.Buffer).String(); !strings.Contains(log, "iris: left out, IRIS=file is not given") {
		t.Errorf("the log does not say what is missing: %q", log)
	}
}

// TestSplit holds the chosen split of one feature against the Gini impurity of
// every other.
func TestSplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		g := &grower{d: 1, classes: 3, rng: rng}
		var rows []int
		counts := make([]float64, 3)
		for i := range 12 {
			y := int32(rng.IntN(3))
			g.x, g.y, rows = append(g.x, float32(rng.IntN(8))), append(g.y, y), append(rows, i)
			counts[y]++
		}
		impurity := func(threshold float32) float64 {
			var side [2][3]float64
			var n [2]float64
			for i, x := range g.x {
				s := 0
				if x > threshold {
					s = 1
				}
				side[s][g.y[i]]++
				n[s]++
			}
			sum := 0.0
			for s := range side {
				for _, k := range side[s] {
					if n[s] > 0 {
						sum += k * (1 - k/n[s])
					}
				}
			}
			return sum
		}
		_, threshold, ok := g.split(rows, counts)
		if !ok {
			t.Fatalf("no split of %v with classes %v", g.x, g.y)
		}
		for x := float32(0); x < 7; x++ {
			if impurity(x+0.5) < impurity(threshold)-1e-9 {
				t.Errorf("%v with classes %v is split at %v, which is worse than %v", g.x, g.y, threshold, x+0.5)
			}
		}
	}
}
