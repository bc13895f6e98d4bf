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

// timed is one side of a comparison.
type timed struct {
	sessions []*ort.Session
	rows     [][]ort.Value // by session: single rows
	batch    []ort.Value   // by session
	native   func() error  // answers for the batch
}

// Speeds times the generalist alone, the ensemble as the one file that Assemble
// makes, and each rival, in this order, on the first of o.Rows: which specialists
// are asked hangs by the row. All are timed in turns, and the median of the turns
// counts, so that what else the machine does is the same for all. What cannot be
// one file, or cannot run in ONNX Runtime, is an error.
func (e *Ensemble) Speeds(ctx context.Context, rivals []*Rival, o EnsembleOptions) ([]Speed, error) {
	if o.Rows.Len() == 0 {
		return nil, fault.New(fault.Input, o.RowsName, "rows", "got none, expected some to be timed on")
	}
	var rows, batch dataset.Batch
	order := make([]int, min(o.Rows.Len(), timedBatch))
	for i := range order {
		order[i] = i
	}
	if err := o.Rows.Read(ctx, order, &batch); err != nil {
		return nil, err
	}
	order = order[:min(len(order), timedRows)]
	if err := o.Rows.Read(ctx, order, &rows); err != nil {
		return nil, err
	}
	sides, err := e.sides(ctx, rivals, &batch, o.Library)
	defer func() {
		for _, s := range sides {
			s.close()
		}
	}()
	if err != nil {
		return nil, err
	}
	generalist := e.Bundle.Path(e.Bundle.Generalist)
	files := [][]string{{generalist}, {generalist}}
	for _, r := range rivals {
		files = append(files, r.Files)
	}
	for i, s := range sides {
		for _, path := range files[i] {
			input, err := inputs(path, o.Rows.Spec())
			if err != nil {
				return nil, err
			}
			var single []ort.Value
			size := len(rows.X) / rows.N
			for j := range rows.N {
				single = append(single, input(&dataset.Batch{N: 1, X: rows.X[j*size : (j+1)*size]}))
			}
			s.rows, s.batch = append(s.rows, single), append(s.batch, input(&batch))
		}
	}
	return inTurns(ctx, sides, batch.N)
}

// sides opens all that is timed.
func (e *Ensemble) sides(ctx context.Context, rivals []*Rival, batch *dataset.Batch, library string) (sides []*timed, err error) {
	c := e.Classes()
	z, about := make([]float32, batch.N*c), make([]Fused, batch.N)
	whole, err := Assemble(e.Bundle)
	if err != nil {
		return nil, err
	}
	data, err := onnx.Marshal(whole)
	if err != nil {
		return nil, err
	}
	open := func(s *timed, session *ort.Session, err error) error {
		if err == nil {
			s.sessions = append(s.sessions, session)
		}
		return err
	}
	o := ort.Options{Library: library, Threads: 1}
	alone := &timed{native: func() error { return e.generalist.PredictRows(ctx, batch, z) }}
	together := &timed{native: func() error { return e.predict(ctx, batch, 0, z, about) }}
	sides = []*timed{alone, together}
	session, err := ort.Open(e.Bundle.Path(e.Bundle.Generalist), o)
	if err := open(alone, session, err); err != nil {
		return sides, err
	}
	session, err = ort.OpenBytes("the ensemble", data, o)
	if err := open(together, session, err); err != nil {
		return sides, err
	}
	for _, r := range rivals {
		s := &timed{native: func() error {
			for _, m := range r.Models {
				if err := m.PredictRows(ctx, batch, z); err != nil {
					return err
				}
			}
			return nil
		}}
		sides = append(sides, s)
		for _, path := range r.Files {
			session, err := ort.Open(path, o)
			if err := open(s, session, err); err != nil {
				return sides, err
			}
		}
	}
	return sides, nil
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

// inTurns times all sides, n rows a batch.
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
