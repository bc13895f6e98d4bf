package specialist

import (
	"context"
	"slices"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// Speed is how fast something answers on this machine. It differs from call to
// call, so that nothing may depend on it.
type Speed struct {
	LatencyUS float64 `json:"latency_us"`        // median time of one row in ONNX Runtime on one thread, of rows in turn
	Rows      float64 `json:"rows_per_s"`        // in batches, the same way
	Native    float64 `json:"native_rows_per_s"` // in the same batches, natively on all cores
	Batch     int     `json:"batch"`             // rows of a batch
}

// What Speeds times.
const (
	timedRows   = 64  // that are asked about one by one, in turn
	timedBatch  = 128 // rows of a batch
	timedRounds = 5   // of which the median counts
	timedFor    = 20 * time.Millisecond
)

// Speeds are those of all that is compared.
type Speeds struct {
	Generalist Speed   // alone
	Together   Speed   // with its specialists
	Rivals     []Speed // in their order
}

// timed is one side of a comparison.
type timed struct {
	sessions []*ort.Session
	rows     [][]ort.Value // by session: single rows
	batch    []ort.Value   // by session
	native   func() error  // puts the logits of the batch into z
	z        []float32     // (rows of the batch, C); of several models those of the last
}

// Speeds times the generalist alone, the ensemble as the one file that Assemble
// makes, and each rival on the first of o.Rows: which specialists are asked hangs by
// the row. All are timed in turns, and the median of the turns counts, so that what
// else the machine does is the same for all. What cannot be one file, or cannot run
// in ONNX Runtime, is an error.
func (e *Ensemble) Speeds(ctx context.Context, rivals []*Rival, o EnsembleOptions) (*Speeds, error) {
	if o.Rows.Len() == 0 {
		return nil, fault.New(fault.Input, o.RowsName, "rows", "got none, expected some to be timed on")
	}
	order := make([]int, min(o.Rows.Len(), timedBatch))
	for i := range order {
		order[i] = i
	}
	var batch dataset.Batch
	if err := o.Rows.Read(ctx, order, &batch); err != nil {
		return nil, err
	}
	sides, err := e.sides(ctx, rivals, &batch, o)
	defer func() {
		for _, s := range sides {
			s.close()
		}
	}()
	if err != nil {
		return nil, err
	}
	all, err := inTurns(ctx, sides, batch.N)
	if err != nil {
		return nil, err
	}
	return &Speeds{Generalist: all[0], Together: all[1], Rivals: all[2:]}, nil
}

// sides opens all that is timed on batch: the generalist, the ensemble and each
// rival, in this order. What is open is given beside an error too.
func (e *Ensemble) sides(ctx context.Context, rivals []*Rival, batch *dataset.Batch, o EnsembleOptions) (sides []*timed, err error) {
	whole, err := Assemble(e.Bundle)
	if err != nil {
		return nil, err
	}
	data, err := onnx.Marshal(whole)
	if err != nil {
		return nil, err
	}
	side := func(native func(z []float32) error) *timed {
		s := &timed{z: make([]float32, batch.N*e.Classes())}
		s.native = func() error { return native(s.z) }
		sides = append(sides, s)
		return s
	}
	options := ort.Options{Library: o.Library, Threads: 1}
	generalist := e.Bundle.Path(e.Bundle.Generalist)
	alone := side(func(z []float32) error { return e.generalist.PredictRows(ctx, batch, z) })
	session, err := ort.Open(generalist, options)
	if err := alone.add(session, err, generalist, batch, o.Rows.Spec()); err != nil {
		return sides, err
	}
	about := make([]Fused, batch.N)
	together := side(func(z []float32) error { return e.predict(ctx, batch, 0, z, about) })
	session, err = ort.OpenBytes("the ensemble", data, options)
	if err := together.add(session, err, generalist, batch, o.Rows.Spec()); err != nil {
		return sides, err
	}
	for _, r := range rivals {
		s := side(func(z []float32) error {
			for _, m := range r.Models {
				if err := m.PredictRows(ctx, batch, z); err != nil {
					return err
				}
			}
			return nil
		})
		for _, path := range r.Files {
			session, err := ort.Open(path, options)
			if err := s.add(session, err, path, batch, o.Rows.Spec()); err != nil {
				return sides, err
			}
		}
	}
	return sides, nil
}

// add gives s a session, if opening it was no error, which takes the rows of batch,
// of spec, as the model at path does.
func (s *timed) add(session *ort.Session, err error, path string, batch *dataset.Batch, spec dataset.Spec) error {
	if err != nil {
		return err
	}
	s.sessions = append(s.sessions, session)
	input, err := inputs(path, spec)
	if err != nil {
		return err
	}
	var single []ort.Value
	size := len(batch.X) / batch.N
	for i := range min(batch.N, timedRows) {
		single = append(single, input(&dataset.Batch{N: 1, X: batch.X[i*size : (i+1)*size]}))
	}
	s.rows, s.batch = append(s.rows, single), append(s.batch, input(batch))
	return nil
}

func (s *timed) close() {
	for _, session := range s.sessions {
		session.Close()
	}
}

// run asks all sessions, one after the other.
func (s *timed) run(ctx context.Context, in func(session int) ort.Value) error {
	for i, session := range s.sessions {
		if _, err := session.Run(ctx, []ort.Value{in(i)}); err != nil {
			return err
		}
	}
	return nil
}

// inTurns times all sides, n rows a batch, in their order.
func inTurns(ctx context.Context, sides []*timed, n int) ([]Speed, error) {
	took := make([][3][]time.Duration, len(sides)) // a row, a batch, a batch natively
	for range timedRounds {
		for i, s := range sides {
			at := 0
			for k, run := range []func() error{
				func() error {
					at++
					return s.run(ctx, func(session int) ort.Value { return s.rows[session][at%len(s.rows[session])] })
				},
				func() error { return s.run(ctx, func(session int) ort.Value { return s.batch[session] }) },
				s.native,
			} {
				l, err := ort.Measure(ctx, timedFor, run)
				if err != nil {
					return nil, err
				}
				took[i][k] = append(took[i][k], l.Median)
			}
		}
	}
	speeds := make([]Speed, len(sides))
	for i := range sides {
		for k := range took[i] {
			slices.Sort(took[i][k])
		}
		median := func(k int) float64 { return took[i][k][timedRounds/2].Seconds() }
		speeds[i] = Speed{LatencyUS: 1e6 * median(0), Rows: float64(n) / median(1), Native: float64(n) / median(2), Batch: n}
	}
	return speeds, nil
}
