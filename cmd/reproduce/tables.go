package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// letterRows are the first of the 20,000 rows that are learned from, as is
// customary; the others judge.
const letterRows = 16000

// letterRows puts them into two files.
func (l *lab) letterRows() (train, test string, err error) {
	data, err := os.ReadFile(l.letter)
	if err != nil {
		return "", "", fault.New(fault.IO, l.letter, "", "cannot read: %w", err)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	if len(lines) < letterRows+1 {
		return "", "", fault.New(fault.Input, l.letter, "", "got %d rows, expected 20000", len(lines))
	}
	train, test = filepath.Join(l.out, "data", "letter-train.data"), filepath.Join(l.out, "data", "letter-test.data")
	if err := durable.Write(train, bytes.Join(lines[:letterRows], nil)); err != nil {
		return "", "", err
	}
	return train, test, durable.Write(test, bytes.Join(lines[letterRows:], nil))
}

func letter(ctx context.Context, l *lab) (*finding, error) {
	train, test, err := l.letterRows()
	if err != nil {
		return nil, err
	}
	return l.fromForest(ctx, forestTask{name: "letter", train: train, test: test, synthetic: 64000,
		ways: []string{"munge", "noise=0.1", "mixup"}})
}

func iris(ctx context.Context, l *lab) (*finding, error) {
	return l.fromForest(ctx, forestTask{name: "iris", train: l.iris, synthetic: 2000, ways: []string{"munge", "noise=0.1", "mixup"}})
}

// forestTask is a table whose teacher is a random forest.
type forestTask struct {
	name        string
	train, test string   // test "": a fifth of train
	synthetic   int      // unlabelled rows that are made
	ways        []string // how, one after the other
}

const forestTrees = 200

// fromForest trains a forest, and students on hard labels, on its targets, and
// on its targets for rows that were made up as well.
func (l *lab) fromForest(ctx context.Context, t forestTask) (*finding, error) {
	base, err := l.recipe(t.name)
	if err != nil {
		return nil, err
	}
	base.Data.Train, base.Data.Test = t.train, t.test
	forest, learned, err := l.forest(ctx, t.name, base)
	if err != nil {
		return nil, err
	}
	taught := base
	taught.Teacher.Model = forest
	of, err := l.teacherErrors(ctx, t.name+"-forest", taught)
	if err != nil {
		return nil, err
	}
	kinds := []struct {
		name, title string
		recipe      distill.Recipe
	}{{"hard", "hard labels", base}, {"soft", "the forest's soft targets", taught}}
	for _, way := range t.ways {
		r := taught
		r.Data.Synthetic, r.Data.Synthesis = t.synthetic, way
		r.Train.Epochs = max(1, base.Train.Epochs*learned/(learned+t.synthetic)) // as many steps
		kinds = append(kinds, struct {
			name, title string
			recipe      distill.Recipe
		}{"soft-" + way, fmt.Sprintf("the same and %d rows made by %s, as many steps", t.synthetic, way), r})
	}
	f := &finding{Tables: []table{{Head: []string{"student " + base.Student.Arch + " on", "test errors, 5 seeds", "fewer than on hard labels (95 %)"}}}}
	var hard []float64
	rows := 0
	for _, k := range kinds {
		cells, err := l.seeds(ctx, t.name+"-"+k.name, k.recipe, distill.RoleStudent, l.students)
		if err != nil {
			return nil, err
		}
		e := errorsOf(cells)
		rows = cells[0].Rows
		gain := "–"
		if hard == nil {
			hard = e
		} else {
			mean, half := paired(hard, e)
			gain = fmt.Sprintf("%.1f ± %.1f", mean, half)
		}
		f.Tables[0].Rows = append(f.Tables[0].Rows, []string{k.title, spread(e), gain})
		f.Rows = append(f.Rows, row{t.name + ", " + base.Student.Arch + " on " + k.title, "–", "shown", fmt.Sprintf("%.1f errors of %d", stat.Mean(e, nil), rows), reported})
	}
	f.Text = []string{fmt.Sprintf("The teacher is a random forest of %d trees, trained here and written as an .onnx file (TreeEnsembleClassifier): %.0f errors of %d.", forestTrees, of, rows)}
	return f, nil
}

// forest trains a forest on the training rows of r and returns its file, and how
// many rows these are.
func (l *lab) forest(ctx context.Context, name string, r distill.Recipe) (file string, rows int, err error) {
	path := filepath.Join(l.out, "models", name+"-forest.onnx")
	s, err := l.session(ctx, r, "")
	if err != nil {
		return "", 0, err
	}
	src := s.Data().Labelled
	var x []float32
	var y []int32
	if err := dataset.Batches(ctx, src, nil, 256, func(_ []int, b *dataset.Batch) error {
		x, y = append(x, b.X...), append(y, b.Y...)
		return nil
	}); err != nil {
		return "", 0, err
	}
	spec := src.Spec()
	l.say("%s: growing %d trees on %d rows", name, forestTrees, len(y))
	return path, len(y), grow(x, y, len(spec.Classes), forestTrees, 1).write(path, spec.Classes, spec.Size())
}
