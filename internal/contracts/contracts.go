// Package contracts makes teachers with awkward contracts, and the rows that
// go with them: what public models do that a plain classifier does not. Each
// is a small model that ONNX Runtime runs, whose right answers are known, so
// that a distilled student can be judged.
//
// A case is one function of this package that is listed by All. Its model
// solves one of the problems of problems.go.
package contracts

import (
	"fmt"
	"os"
	"path/filepath"
)

// Case is one awkward contract.
type Case struct {
	Name  string
	About string // what is awkward, in one line
	make  func(d *dir) *Trial
}

// Trial says how to run a case once its files are written.
type Trial struct {
	Teacher []string // flags that name the teacher
	Data    string   // what --data and --train take
	More    []string // flags that the case cannot do without, for every command
	Says    []string // words that inspect --data prints
	Least   float64  // accuracy, subset accuracy or R² that a student reaches
	Student string   // its architecture; empty: mlp:16
}

// All lists the cases by subject.
func All() []Case {
	var all []Case
	for _, group := range [][]Case{inputs, outputs, batches, types, graphs, classical, several} {
		all = append(all, group...)
	}
	return all
}

// Write puts the files of the case into the folder to, which must exist.
func (c Case) Write(to string) (t *Trial, err error) {
	d := &dir{path: to}
	t = c.make(d)
	if d.err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, d.err)
	}
	return t, nil
}

// dir is a folder that files are put into. The first failure stays.
type dir struct {
	path string
	err  error
}

// file puts data into the folder and returns its path.
func (d *dir) file(name string, data []byte) string {
	path := filepath.Join(d.path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil && d.err == nil {
		d.err = err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil && d.err == nil {
		d.err = err
	}
	return path
}

// teacher is the flags for one model.
func teacher(path string) []string { return []string{"--teacher", path} }
