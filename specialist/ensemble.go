package specialist

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/specialist/fuse"
)

// Model gives logits (N, C) of raw rows, such that their softmax at a temperature of
// 1 are its probabilities, and the same of a row whatever rows are beside it. A
// *distill.Model is one.
type Model interface {
	PredictRows(ctx context.Context, rows *dataset.Batch, out []float32) error
}

// EnsembleOptions say how a bundle is opened.
type EnsembleOptions struct {
	Rows     dataset.Source // rows like those that will be asked about
	RowsName string         // what faults call them
	Solver   fuse.Method    // empty: fuse.EM
	Engine   string         // what runs the generalist: distill.EngineNative (the default) or distill.EngineORT
	Library  string         // of ONNX Runtime; empty: looked up
	Cache    string
}

// Ensemble answers for rows with a generalist and those of its specialists that
// are active. An answer depends on its row alone, to the bit. It is for one
// goroutine at a time.
type Ensemble struct {
	Bundle *Bundle

	generalist Model
	experts    []*expert
	covers     [][]int   // by class: the specialists whose sets hold it
	solvers    sync.Pool // of *fuse.Solver
	close      func()
	z          []float32 // (N, C) of the generalist
	top        []int
}

// expert is a specialist at work.
type expert struct {
	Expert
	net   Model
	path  string
	width int           // values of a row of net
	rows  []int         // of the batch, those that it is asked about
	x     dataset.Batch // these
	z     []float32     // (len(rows), width)
	said  []float32     // (len(rows), len(Classes)+1) probabilities, the dustbin's last
}

// outputs is how many values a row of the specialist's model has, among so many
// classes.
func (e *Expert) outputs(classes int) int {
	if e.Head == Full {
		return classes
	}
	return len(e.Classes) + 1
}

// OpenEnsemble opens the models of b for rows like those of o.Rows.
func OpenEnsemble(ctx context.Context, b *Bundle, o EnsembleOptions) (*Ensemble, error) {
	if o.Solver == "" {
		o.Solver = fuse.EM
	}
	if o.Engine == "" {
		o.Engine = distill.EngineNative
	}
	e := &Ensemble{Bundle: b, covers: make([][]int, len(b.Classes)), close: func() {}}
	sets := make([][]int, len(b.Specialists))
	for m, s := range b.Specialists {
		sets[m] = s.Classes
		for _, k := range s.Classes {
			e.covers[k] = append(e.covers[k], m)
		}
	}
	first, err := fuse.New(o.Solver, len(b.Classes), sets)
	if err != nil {
		return nil, err
	}
	e.solvers.New = func() any { s, _ := fuse.New(o.Solver, len(b.Classes), sets); return s }
	e.solvers.Put(first)
	g, err := openMember(ctx, b.Path(b.Generalist), len(b.Classes), o.Engine, o)
	if err != nil {
		return nil, err
	}
	e.generalist, e.close = g, g.Close
	for _, s := range b.Specialists {
		x := &expert{Expert: s, path: b.Path(s.Member), width: s.outputs(len(b.Classes))}
		net, err := openMember(ctx, x.path, x.width, distill.EngineNative, o)
		if err != nil {
			e.Close()
			return nil, err
		}
		x.net = net
		e.experts = append(e.experts, x)
	}
	return e, nil
}

// openMember opens one model of a bundle, which has to give so many logits.
func openMember(ctx context.Context, path string, classes int, engine string, o EnsembleOptions) (*distill.Model, error) {
	if engine == distill.EngineNative { // which gives outputs as they are
		m, err := onnx.Read(path, onnx.ReadOptions{})
		if err != nil {
			return nil, err
		}
		if models.EndsInSoftmax(m) {
			return nil, fault.New(fault.Input, path, "output "+m.Graph.Outputs[0].Name, "is a softmax, expected the logits before it")
		}
	}
	t := distill.Default().Teacher
	t.Model, t.Library = path, o.Library
	m, err := distill.OpenModel(ctx, engine, t, o.Rows, o.RowsName, o.Cache)
	if err != nil {
		return nil, err
	}
	if m.Task != dataset.MultiClass || m.Classes != classes {
		m.Close()
		return nil, fault.New(fault.Input, path, "", "is of %s with %d outputs, expected %d logits, as %s says", m.Task, m.Classes, classes, filepath.Join(filepath.Dir(path), manifestFile))
	}
	return m, nil
}

// Classes is the number of classes.
func (e *Ensemble) Classes() int { return len(e.covers) }

// Close ends the process that runs the generalist, if there is one.
func (e *Ensemble) Close() { e.close() }

// Fused tells how a row's answer came about.
type Fused struct {
	Active   []int   // specialists that were asked, ascending
	Residual float64 // KKT residual of the answer, see package fuse; 0 where nobody was
}

// Each calls f with the probabilities (C) of each row of src, in order.
func (e *Ensemble) Each(ctx context.Context, src dataset.Source, f func(row int, q []float32, about Fused) error) error {
	var (
		q     []float32
		about []Fused
	)
	c := e.Classes()
	return batches(ctx, src, func(b *dataset.Batch, first int) error {
		q, about = grow(q, b.N*c), grow(about, b.N)
		if err := e.predict(ctx, b, first, q, about); err != nil {
			return err
		}
		for i := range b.N {
			if err := f(first+i, q[i*c:(i+1)*c], about[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// batches calls f with the rows of src in order, a few hundred at a time; the
// first of them has the number first.
func batches(ctx context.Context, src dataset.Source, f func(b *dataset.Batch, first int) error) error {
	const batch = 256
	var (
		b     dataset.Batch
		order []int
	)
	for lo := 0; lo < src.Len(); lo += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		order = order[:0]
		for i := lo; i < min(lo+batch, src.Len()); i++ {
			order = append(order, i)
		}
		if err := src.Read(ctx, order, &b); err != nil {
			return err
		}
		if err := f(&b, lo); err != nil {
			return err
		}
	}
	return nil
}

// grow is s with n elements, whatever they are.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// rowName is what faults call row i.
func rowName(i int) string { return fmt.Sprintf("row %d", i) }
