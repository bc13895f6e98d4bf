package teacher

import (
	"context"

	"github.com/kdonnx/kdonnx/dataset"
)

// answered is what the teacher says of some rows.
type answered struct {
	l   *look     // the rows whose targets are finite
	z   []float32 // (l.n, Classes)
	bad []int     // places in the look before of the other rows
}

// newAnswered decodes raw numbers, d.raw for each row of l.
func newAnswered(d decoder, raw []float32, classes int, l *look) *answered {
	s := &answered{l: l, z: make([]float32, l.n*classes)}
	var good []int
	for r := range l.n {
		at := len(good) * classes
		if d.logits(s.z[at:at+classes], raw[r*d.raw:(r+1)*d.raw], 1) >= 0 {
			s.bad = append(s.bad, r)
		} else {
			good = append(good, r)
		}
	}
	if len(s.bad) > 0 {
		s.l, s.z = l.only(good), s.z[:len(good)*classes]
	}
	return s
}

// measure asks the teacher about the rows of l, which e encodes.
func (t *Teacher) measure(ctx context.Context, e *encoder, l *look) (*answered, error) {
	d := t.contract.decoder()
	raw, err := t.rawScores(ctx, t.contract, e, l, d.raw)
	if err != nil {
		return nil, err
	}
	return newAnswered(d, raw, t.contract.Classes, l), nil
}

// only is l without all but some rows, in the order given.
func (l *look) only(rows []int) *look {
	o := &look{spec: l.spec, labels: l.labels, origin: l.origin, n: len(rows)}
	size, texts, k := l.spec.Size(), len(l.spec.Texts), len(l.v)/max(1, l.n)
	for _, r := range rows {
		o.rows = append(o.rows, l.rows[r])
		o.b.X = append(o.b.X, l.x[r*size:(r+1)*size]...)
		o.b.Y = append(o.b.Y, l.y[r])
		o.b.V = append(o.b.V, l.v[r*k:(r+1)*k]...)
		o.b.S = append(o.b.S, l.b.S[r*texts:(r+1)*texts]...)
	}
	o.b.N = o.n
	o.x, o.y, o.v = o.b.X, o.b.Y, o.b.V
	return o
}

// spread is at most n rows of l, evenly apart.
func (l *look) spread(n int) *look {
	if n >= l.n {
		return l
	}
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i * l.n / n
	}
	return l.only(rows)
}

// reversed is l with its rows backwards.
func (l *look) reversed() *look {
	rows := make([]int, l.n)
	for i := range rows {
		rows[i] = l.n - 1 - i
	}
	return l.only(rows)
}

// noneFinite is the fault of a teacher that gives some of the rows no finite
// output, whatever goes in.
type noneFinite struct {
	error
	rows   []int // of the source
	looked int
}

// Unwrap gives the fault.
func (e *noneFinite) Unwrap() error { return e.error }

// noneFinite names row bad of l, and keeps all rows that the candidate with the
// fewest such has no finite output for.
func (t *Teacher) noneFinite(c *Contract, outputs [][]float32, raw, bad int, l *look) error {
	e := &noneFinite{error: t.notFinite(l.b.ID(bad), l.origin(l.rows[bad])), looked: l.n}
	for i, x := range outputs {
		var rows []int
		for _, r := range newAnswered(t.meaning(c, x, raw), x, c.Classes, l).bad {
			rows = append(rows, l.rows[r])
		}
		if i == 0 || len(rows) < len(e.rows) {
			e.rows = rows
		}
	}
	return e
}

// repeated is how far the targets of the same rows lie apart when they are
// asked for again.
type repeated struct {
	rows         int
	again, order float64 // the same batch once more; its rows backwards
	differs      bool    // by more than rounding, in the same order
	mixes        bool    // only in the other
	stops        bool    // a row that had finite targets got others
}

// repeat asks about rows of l three times.
func (t *Teacher) repeat(ctx context.Context, l *look) (*repeated, error) {
	k := t.contract.Classes
	var all [3][]float32
	r := &repeated{rows: l.n}
	for i, rows := range []*look{l, l, l.reversed()} {
		s, err := t.measure(ctx, t.encode, rows)
		if err != nil {
			return nil, err
		}
		if r.stops = r.stops || len(s.bad) > 0; r.stops {
			return r, nil
		}
		all[i] = s.z
	}
	for row := range l.n {
		at, back := row*k, (l.n-1-row)*k
		by, far := differ(all[1][at:at+k], all[0][at:at+k])
		r.again, r.differs = max(r.again, by), r.differs || far
		by, far = differ(all[2][back:back+k], all[0][at:at+k])
		r.order, r.mixes = max(r.order, by), r.mixes || far
	}
	r.mixes = r.mixes && !r.differs
	return r, nil
}

// rowOf reads one row.
func rowOf(ctx context.Context, src dataset.Source, row int) (*dataset.Batch, error) {
	var b dataset.Batch
	return &b, src.Read(ctx, []int{row}, &b)
}
