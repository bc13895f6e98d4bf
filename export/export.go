// Package export turns a trained student into a .onnx file that has been seen
// to work: ONNX Runtime must reproduce the native outputs on held-out rows, or
// nothing is written.
package export

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
)

// MetaPrefix begins every metadata key that kdonnx writes into a model.
const MetaPrefix = "kdonnx."

// Tolerance bounds how far ONNX Runtime may be from the native outputs: for
// every row, |Δz_j| ≤ Abs + Rel·max_j |z_j|; of a regression in deviations from
// the mean, and at least of one: see compareNumbers.
type Tolerance struct {
	Abs float64 `json:"abs"`
	Rel float64 `json:"rel"`
}

// DefaultTolerance is what float32 sums in another order stay well within and
// a wrong weight, axis or epsilon does not.
var DefaultTolerance = Tolerance{Abs: 1e-5, Rel: 1e-4}

// Parity is how ONNX Runtime's outputs compare with the native ones.
type Parity struct {
	Rows      int       `json:"rows"`
	MaxAbs    float64   `json:"max_abs"`   // largest |Δz|, of a regression in deviations of its column
	MaxRel    float64   `json:"max_rel"`   // largest |Δz| over its row's max |z|
	Flips     int       `json:"flips"`     // rows whose argmax differs, or one of whose labels does
	Tolerance Tolerance `json:"tolerance"` // what was allowed
	Library   string    `json:"library"`   // version of ONNX Runtime
	Within    bool      `json:"within"`    // whether every row is within Tolerance
	Worst     int       `json:"worst_row"` // row with the largest |Δz| for what it was allowed
	Outside   int       `json:"outside"`   // rows outside Tolerance

	excess float64      // of the worst row: |Δz| over what it was allowed
	task   dataset.Task // what the outputs are
}

// String is one line for people.
func (p Parity) String() string {
	verdict := "within"
	if !p.Within {
		verdict = "OUTSIDE"
	}
	if p.task == dataset.Regression {
		return fmt.Sprintf("max |Δ| %.2g deviations over %d rows, %s tolerance %.0e + %.0e·max(1, |z|)",
			p.MaxAbs, p.Rows, verdict, p.Tolerance.Abs, p.Tolerance.Rel)
	}
	return fmt.Sprintf("max |Δ| %.2g (%.2g of the row's largest logit) over %d rows, %d argmax flips, %s tolerance %.0e + %.0e·max|z|",
		p.MaxAbs, p.MaxRel, p.Rows, p.Flips, verdict, p.Tolerance.Abs, p.Tolerance.Rel)
}

// Options of an export.
type Options struct {
	Library   string       // path of libonnxruntime; empty: looked up
	Tolerance Tolerance    // zero: DefaultTolerance
	Metadata  []onnx.Entry // added to the model, keys without MetaPrefix
	Task      dataset.Task // what the outputs are, which decides what parity is
}

// Write proves that ONNX Runtime reproduces st on the n rows in x, (n, D) as
// the student takes them, and puts the model at path. When parity fails the
// error has kind Parity and nothing is written.
func Write(ctx context.Context, st *student.Student, path string, x []float32, n int, o Options) (Parity, error) {
	data, err := Bytes(st, o.Metadata)
	if err != nil {
		return Parity{}, fault.At(path, err)
	}
	return prove(ctx, path, data, st, x, n, o)
}

// prove puts data at path if it does what st does.
func prove(ctx context.Context, path string, data []byte, st *student.Student, x []float32, n int, o Options) (Parity, error) {
	p, err := Check(ctx, path, data, st, x, n, o)
	if err != nil {
		return p, err
	}
	return p, durable.Write(path, data)
}

// Ready tells, before any work is spent, whether this program can prove a
// student: that it has ONNX Runtime.
func Ready(library string) error {
	if err := ort.Available(); err != nil {
		return err
	}
	_, err := ort.Find(library)
	return err
}

// WriteUnverified puts st at path without a proof, for a program that has no
// ONNX Runtime. The name must say so.
func WriteUnverified(st *student.Student, path string, metadata []onnx.Entry) error {
	if !strings.HasSuffix(path, ".unverified.onnx") {
		return fault.New(fault.Usage, path, "", "expected a name that ends in .unverified.onnx")
	}
	data, err := Bytes(st, metadata)
	if err != nil {
		return fault.At(path, err)
	}
	return durable.Write(path, data)
}

// Bytes is the .onnx file of st with metadata. The same student and metadata
// give the same bytes. A weight that is NaN or Inf is an error of kind Parity,
// metadata that a reader would not get back as it is one of kind Input.
func Bytes(st *student.Student, metadata []onnx.Entry) ([]byte, error) {
	m := st.Model()
	m.ProducerName, m.ProducerVersion = "kdonnx", ""
	for _, e := range metadata {
		if err := checkEntry(e, st.Classes()); err != nil {
			return nil, err
		}
		m.SetMeta(MetaPrefix+e.Key, e.Value)
	}
	for _, t := range m.Graph.Initializers {
		if t.DType != onnx.Float32 {
			continue
		}
		values, err := t.Float32s()
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return nil, fault.New(fault.Parity, "", fmt.Sprintf("initializer %q", t.Name), "element %d is %v, expected a finite number", i, v)
			}
		}
	}
	return onnx.Marshal(m)
}

// Check runs the model in data with ONNX Runtime on the n rows in x and
// compares it with st. The error has kind Parity when a row is outside the
// tolerance or ONNX Runtime does not take the model, Usage without rows, and
// Integrity without a library.
func Check(ctx context.Context, name string, data []byte, st *student.Student, x []float32, n int, o Options) (Parity, error) {
	tol := o.Tolerance
	if tol == (Tolerance{}) {
		tol = DefaultTolerance
	}
	p := Parity{Rows: n, Tolerance: tol, task: o.Task}
	if sum := tol.Abs + tol.Rel; !(tol.Abs >= 0 && tol.Rel >= 0 && sum <= math.MaxFloat64) {
		return p, fault.New(fault.Usage, name, "tolerance", "got %g + %g·max|z|, expected finite numbers from 0", tol.Abs, tol.Rel)
	}
	if n < 1 {
		return p, fault.New(fault.Usage, name, "rows", "got %d, expected at least 1 to compare on", n)
	}
	session, err := ort.OpenBytes(name, data, ort.Options{Library: o.Library})
	if err != nil {
		return p, disparity(name, "open", err)
	}
	defer session.Close()
	p.Library = session.Library().Version
	native, theirs := make([]float32, n*st.Classes()), make([]float32, 0, n*st.Classes())
	if err := st.Predict(ctx, x, n, native); err != nil {
		return p, err
	}
	const piece = 256
	d := len(x) / n
	for lo := 0; lo < n; lo += piece {
		hi := min(n, lo+piece)
		shape := []int64{int64(hi - lo)}
		for _, s := range st.InputShape() {
			shape = append(shape, int64(s))
		}
		out, err := session.Run(ctx, []ort.Value{Input(st.InputType(), shape, x[lo*d:hi*d])})
		if err != nil {
			return p, disparity(name, "run", err)
		}
		got, err := out[0].Float32s()
		if err != nil {
			return p, disparity(name, "run", err)
		}
		if len(got) != (hi-lo)*st.Classes() {
			return p, fault.New(fault.Parity, name, "", "ONNX Runtime gives %d values for %d rows, expected %d", len(got), hi-lo, (hi-lo)*st.Classes())
		}
		theirs = append(theirs, got...)
	}
	if o.Task == dataset.Regression {
		p.compareNumbers(native, theirs, st.Classes())
	} else {
		p.compare(native, theirs, st.Classes(), 0)
	}
	if p.Within = p.Outside == 0; p.Within {
		return p, nil
	}
	return p, fault.New(fault.Parity, name, fmt.Sprintf("row %d", p.Worst), "ONNX Runtime does not reproduce the student: %s", p)
}

// Input is rows as a model takes them, of the given shape with its batch axis: those
// of integers are rounded.
func Input(d onnx.DType, shape []int64, x []float32) ort.Value {
	v := ort.Float32(shape, x)
	if d == onnx.Float32 {
		return v
	}
	v.DType, v.Data = d, nil
	for _, f := range x {
		i := int64(math.Floor(float64(f) + 0.5))
		if d == onnx.Int32 {
			v.Data = binary.LittleEndian.AppendUint32(v.Data, uint32(int32(i)))
		} else {
			v.Data = binary.LittleEndian.AppendUint64(v.Data, uint64(i))
		}
	}
	return v
}

// disparity is the fault of a student that ONNX Runtime does not take; one of
// the library, the system or an interrupt stays what it is.
func disparity(name, verb string, err error) error {
	if fault.KindOf(err) != fault.Input {
		return err
	}
	return fault.New(fault.Parity, name, "", "ONNX Runtime does not %s the student: %w", verb, err)
}
