package specialist

import (
	"context"
	"math"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist/fuse"
	"github.com/kdonnx/kdonnx/student/kernel"
)

// least is what every probability that is fused counts for at least. Where the
// generalist's were 0, the answer would depend on how small a number float32
// can hold.
const least = 1e-8

// Predict puts the probabilities of raw rows into q, (N, C), and into about, (N),
// how they came about. The generalist answers for all rows, and each specialist
// for those alone in which one of the generalist's Top most likely classes,
// the first of equal ones, is in its set. A row with none has the generalist's
// answer. An output that is not finite is an error of kind Input that names
// the model and the row.
func (e *Ensemble) Predict(ctx context.Context, rows *dataset.Batch, q []float32, about []Fused) error {
	return e.predict(ctx, rows, 0, q, about)
}

// predict is Predict of rows of which the first has the number first.
func (e *Ensemble) predict(ctx context.Context, rows *dataset.Batch, first int, q []float32, about []Fused) error {
	n, c := rows.N, e.Classes()
	if len(q) != n*c || len(about) != n {
		return fault.New(fault.Input, "", "Predict", "got room for %d probabilities and %d rows, expected %d and %d", len(q), len(about), n*c, n)
	}
	said, err := e.hear(ctx, rows, first, about)
	if err != nil {
		return err
	}
	return e.each(n, first, func(j *joiner, i int) (err error) {
		about[i].Residual, err = j.join(q[i*c:(i+1)*c], e.z[i*c:(i+1)*c], about[i].Active, said[i])
		return err
	})
}

// hear asks the generalist about all rows, and the active specialists: e.z has
// the logits of the one, said[i] the probabilities of those active in row i.
func (e *Ensemble) hear(ctx context.Context, rows *dataset.Batch, first int, about []Fused) (said [][][]float32, err error) {
	n, c := rows.N, e.Classes()
	e.z = grow(e.z, n*c)
	if err := e.generalist.PredictRows(ctx, rows, e.z); err != nil {
		return nil, err
	}
	if err := finite(e.z, c, e.Bundle.Path(e.Bundle.Generalist), func(i int) int { return first + i }); err != nil {
		return nil, err
	}
	said = make([][][]float32, n)
	e.choose(n, about)
	for _, x := range e.experts {
		if err := x.ask(ctx, rows, c, first); err != nil {
			return nil, err
		}
		for j, i := range x.rows {
			said[i] = append(said[i], x.said[j*(len(x.Classes)+1):(j+1)*(len(x.Classes)+1)])
		}
	}
	return said, nil
}

// joiner fuses rows, for one goroutine.
type joiner struct {
	*fuse.Solver
	p []float32 // (C) of the generalist
}

// join puts into q what a generalist's logits and active specialists come to.
func (j *joiner) join(q, z []float32, active []int, said [][]float32) (residual float64, err error) {
	softmax(j.p, z)
	if len(active) > 0 {
		floor(j.p)
	}
	r, err := j.Solve(q, j.p, active, said)
	return r.Residual, err
}

// each calls f for each of n rows, of which the first has the number first, on
// all cores.
func (e *Ensemble) each(n, first int, f func(j *joiner, i int) error) error {
	faults := make([]error, n)
	kernel.Parallel(n, 32, func(lo, hi int) {
		j := &joiner{e.solvers.Get().(*fuse.Solver), make([]float32, e.Classes())}
		defer e.solvers.Put(j.Solver)
		for i := lo; i < hi; i++ {
			faults[i] = f(j, i)
		}
	})
	for i, err := range faults {
		if err != nil {
			return fault.New(fault.Input, "", rowName(first+i), "%w", err)
		}
	}
	return nil
}

// choose says who is active in each of the n rows of e.z.
func (e *Ensemble) choose(n int, about []Fused) {
	c := e.Classes()
	for _, x := range e.experts {
		x.rows = x.rows[:0]
	}
	for i := range n {
		e.top = top(e.top[:0], e.z[i*c:(i+1)*c], e.Bundle.Top)
		for _, k := range e.top {
			for _, m := range e.covers[k] {
				x := e.experts[m]
				if len(x.rows) == 0 || x.rows[len(x.rows)-1] != i {
					x.rows = append(x.rows, i)
				}
			}
		}
		about[i] = Fused{}
	}
	for m, x := range e.experts {
		for _, i := range x.rows {
			about[i].Active = append(about[i].Active, m)
		}
	}
}

// top appends the n classes of the largest logits, the largest first and of equal
// ones the first.
func top(to []int, z []float32, n int) []int {
	for k, v := range z {
		at := len(to)
		for at > 0 && v > z[to[at-1]] {
			at--
		}
		if at == n {
			continue
		}
		if len(to) < n {
			to = append(to, 0)
		}
		copy(to[at+1:], to[at:])
		to[at] = k
	}
	return to
}

// ask leaves what the specialist says of its rows in said.
func (x *expert) ask(ctx context.Context, rows *dataset.Batch, classes, first int) error {
	n, d := len(x.rows), len(rows.X)/max(1, rows.N)
	if n == 0 {
		return nil
	}
	x.x.N, x.x.X = n, grow(x.x.X, n*d)
	for j, i := range x.rows {
		copy(x.x.X[j*d:(j+1)*d], rows.X[i*d:(i+1)*d])
	}
	x.z = grow(x.z, n*x.width)
	if err := x.net.PredictRows(ctx, &x.x, x.z); err != nil {
		return err
	}
	if err := finite(x.z, x.width, x.path, func(j int) int { return first + x.rows[j] }); err != nil {
		return err
	}
	width := len(x.Classes) + 1
	x.said = grow(x.said, n*width)
	for j := range n {
		x.probabilities(x.said[j*width:(j+1)*width], x.z[j*x.width:(j+1)*x.width], classes)
	}
	return nil
}

// probabilities puts those of the set's classes and of the dustbin into p. The
// dustbin of a set of all classes has no mass.
func (x *expert) probabilities(p, z []float32, classes int) {
	set, bin := x.Classes, len(x.Classes)
	switch {
	case len(set) == classes:
		softmax(p[:bin], z[:bin])
		p[bin] = 0
		floor(p[:bin])
		return
	case x.Head == Dustbin:
		softmax(p, z)
	default:
		all := make([]float32, classes)
		softmax(all, z)
		at, rest := 0, 0.0
		for k, v := range all {
			if at < bin && set[at] == k {
				p[at] = v
				at++
			} else {
				rest += float64(v)
			}
		}
		p[bin] = float32(rest)
	}
	floor(p)
}

// softmax puts that of z into p.
func softmax(p, z []float32) {
	most, sum := z[0], 0.0
	for _, v := range z {
		most = max(most, v)
	}
	for _, v := range z {
		sum += math.Exp(float64(v) - float64(most))
	}
	for k, v := range z {
		p[k] = float32(math.Exp(float64(v)-float64(most)) / sum)
	}
}

// floor raises probabilities to what they count for at least.
func floor(p []float32) {
	for k, v := range p {
		p[k] = max(v, least)
	}
}

// finite wants rows of c logits that are; number tells a row's.
func finite(z []float32, c int, path string, number func(i int) int) error {
	for at, v := range z {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fault.New(fault.Input, path, rowName(number(at/c)), "logit %d is %v, expected a finite number", at%c, v)
		}
	}
	return nil
}
