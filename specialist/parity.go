package specialist

import (
	"context"
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

const (
	parityRows      = 1000 // that ONNX Runtime must reproduce
	paritySingle    = 32   // of these, by themselves too
	parityBatch     = 200
	parityTolerance = 1e-5 // of a probability
	tie             = 1e-5 // between logits, in parts of the row's largest
)

// Parity is how ONNX Runtime's probabilities compare with Ensemble.Predict's.
type Parity struct {
	Rows      int     `json:"rows"`
	MaxAbs    float64 `json:"max_abs"`   // largest |Δq|
	Flips     int     `json:"flips"`     // rows whose argmax differs
	Outside   int     `json:"outside"`   // rows with a larger |Δq| than Tolerance
	Undecided int     `json:"undecided"` // rows left out: they differ, and whom to ask hangs by a tie of the generalist's logits
	Tolerance float64 `json:"tolerance"`
	Asked     []int   `json:"asked"`    // rows by their number of active specialists
	Residual  float64 `json:"residual"` // largest KKT residual of the native answers
	Library   string  `json:"library"`  // version of ONNX Runtime
	Worst     int     `json:"worst_row"`
}

// Within tells whether ONNX Runtime answers as natively.
func (p *Parity) Within() bool { return p.Outside == 0 && p.Flips == 0 && 100*p.Undecided <= p.Rows }

// String is one line for people.
func (p *Parity) String() string {
	verdict := "within"
	if !p.Within() {
		verdict = "OUTSIDE"
	}
	return fmt.Sprintf("max |Δq| %.2g over %d rows, %d argmax flips, %d rows left out for a tie, %s tolerance %.0e", p.MaxAbs, p.Rows, p.Flips, p.Undecided, verdict, p.Tolerance)
}

// prove compares the model in data with b.
func prove(ctx context.Context, b *Bundle, data []byte, o ExportOptions) (*Parity, error) {
	e, err := OpenEnsemble(ctx, b, EnsembleOptions{Rows: o.Rows, RowsName: o.RowsName})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	session, err := ort.OpenBytes(o.Output, data, ort.Options{Library: o.Library, Threads: 1})
	if err != nil {
		return nil, disparity(o.Output, "open", err)
	}
	defer session.Close()
	p := &Parity{Rows: min(o.Rows.Len(), parityRows), Tolerance: parityTolerance, Library: session.Library().Version}
	if p.Rows < 1 {
		return p, fault.New(fault.Usage, o.RowsName, "rows", "got none, expected at least 1 to compare on")
	}
	input, err := inputs(b.Path(b.Generalist), o.Rows.Spec())
	if err != nil {
		return p, err
	}
	for _, pass := range []struct{ rows, batch int }{{min(p.Rows, paritySingle), 1}, {p.Rows, parityBatch}} {
		for lo := 0; lo < pass.rows; lo += pass.batch {
			if err := p.compare(ctx, e, session, input, o, lo, min(lo+pass.batch, pass.rows), pass.batch > 1); err != nil {
				return p, err
			}
		}
	}
	if !p.Within() {
		return p, fault.New(fault.Parity, o.Output, rowName(p.Worst), "ONNX Runtime does not reproduce the ensemble: %s", p)
	}
	return p, nil
}

// compare adds the rows from lo to hi; count says that these are not seen again.
func (p *Parity) compare(ctx context.Context, e *Ensemble, session *ort.Session, input func(*dataset.Batch) ort.Value, o ExportOptions, lo, hi int, count bool) error {
	var rows dataset.Batch
	order := make([]int, hi-lo)
	for i := range order {
		order[i] = lo + i
	}
	if err := o.Rows.Read(ctx, order, &rows); err != nil {
		return err
	}
	c := e.Classes()
	q, about := make([]float32, rows.N*c), make([]Fused, rows.N)
	if err := e.predict(ctx, &rows, lo, q, about); err != nil {
		return err
	}
	out, err := session.Run(ctx, []ort.Value{input(&rows)})
	if err != nil {
		return disparity(o.Output, "run", err)
	}
	got, err := out[0].Float32s()
	if err != nil || len(got) != len(q) {
		return fault.New(fault.Parity, o.Output, "", "ONNX Runtime gives %d values for %d rows, expected %d of float32", len(got), rows.N, len(q))
	}
	for i := range rows.N {
		native, theirs := q[i*c:(i+1)*c], got[i*c:(i+1)*c]
		diff := 0.0
		for k, v := range native {
			d := math.Abs(float64(v) - float64(theirs[k]))
			if !(d <= math.MaxFloat64) {
				d = math.MaxFloat64 // which JSON can say
			}
			diff = max(diff, d)
		}
		if count {
			for len(p.Asked) <= len(about[i].Active) {
				p.Asked = append(p.Asked, 0)
			}
			p.Asked[len(about[i].Active)]++
			p.Residual = max(p.Residual, about[i].Residual)
		}
		flipped := metrics.Argmax(native) != metrics.Argmax(theirs)
		if (diff > p.Tolerance || flipped) && tied(e.z[i*c:(i+1)*c], e.Bundle.Top) {
			p.Undecided++
			continue
		}
		if diff > p.MaxAbs {
			p.MaxAbs, p.Worst = diff, lo+i
		}
		if diff > p.Tolerance {
			p.Outside++
		}
		if flipped {
			p.Flips++
		}
	}
	return nil
}

// tied tells whether the n-th of the largest logits is next to equal to the one
// after it, so that rounding may decide which of their classes is among the first n.
func tied(z []float32, n int) bool {
	if n >= len(z) {
		return false
	}
	first := top(nil, z, n+1)
	largest := 1.0
	for _, v := range z {
		largest = max(largest, math.Abs(float64(v)))
	}
	return float64(z[first[n-1]])-float64(z[first[n]]) <= tie*largest
}

// disparity is the fault of a model that ONNX Runtime does not take; one of the
// library, the system or an interrupt stays what it is.
func disparity(name, verb string, err error) error {
	if fault.KindOf(err) != fault.Input {
		return err
	}
	return fault.New(fault.Parity, name, "", "ONNX Runtime does not %s the ensemble: %w", verb, err)
}
