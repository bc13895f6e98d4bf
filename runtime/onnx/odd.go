package onnx

import (
	"fmt"
	"io"
	"math"
)

// odd counts what training or inference stumbles over in a constant.
type odd struct{ nan, inf, denormal int64 }

func (o odd) String() string {
	return fmt.Sprintf("%d NaN, %d infinite, %d denormal", o.nan, o.inf, o.denormal)
}

// add looks at every element of data, whole elements of the type d.
func (o *odd) add(d DType, data []byte) {
	tiny := map[DType]float64{Float16: 0x1p-14, BFloat16: 0x1p-126, Float32: 0x1p-126, Float64: 0x1p-1022}[d]
	e := elements{d, data}
	for i := range len(data) / d.Size() {
		switch v := e.float(i); {
		case v != v:
			o.nan++
		case math.IsInf(v, 0):
			o.inf++
		case v != 0 && math.Abs(v) < tiny:
			o.denormal++
		}
	}
}

// survey counts in every floating-point constant of m, and calls see for those
// that hold something odd. External bytes that were not loaded are read from
// f's files piece by piece; without f they are passed over.
func survey(m *Model, f *folder, see func(at *loc, t *Tensor, o odd) error) error {
	return walker{tensor: func(at *loc, t *Tensor, _ bool) error {
		if !t.DType.Float() {
			return nil
		}
		var o odd
		switch {
		case t.Data != nil:
			o.add(t.DType, t.Data)
		case t.External != nil && f != nil:
			if err := f.count(at.in("external_data"), t, &o); err != nil {
				return err
			}
		}
		if o == (odd{}) {
			return nil
		}
		return see(at, t, o)
	}}.model(m)
}

// count adds t's external bytes to o.
func (f *folder) count(at *loc, t *Tensor, o *odd) error {
	r, err := f.region(at, t.External)
	if err != nil {
		return err
	}
	if err := f.spend(at, t.External.Length); err != nil {
		return err
	}
	piece := make([]byte, min(t.External.Length, 1<<20)) // whole elements of every type
	for left := t.External.Length; left > 0; left -= int64(len(piece)) {
		piece = piece[:min(left, int64(len(piece)))]
		if _, err := io.ReadFull(r, piece); err != nil {
			return unreadable(at, t.External, err)
		}
		o.add(t.DType, piece)
	}
	return nil
}

// Oddities lists the constants of m, the model at path, that hold NaN, infinite
// or denormal numbers: its weights were damaged or did not converge, or it
// needs such a number, as masks do. External data is read, and not kept.
func Oddities(path string, m *Model) ([]string, error) {
	f, err := openFolder(path, Limits{}.withDefaults())
	if err != nil {
		return nil, in(path, err)
	}
	defer f.close()
	list, err := oddities(m, f)
	return list, in(path, err)
}

func oddities(m *Model, f *folder) (list []string, err error) {
	err = survey(m, f, func(at *loc, t *Tensor, o odd) error {
		list = append(list, fmt.Sprintf("%v: holds %v of %d numbers", at, o, t.NumElements()))
		return nil
	})
	return list, err
}

// finite refuses constants that hold NaN or infinite numbers.
func finite(m *Model, f *folder) error {
	return survey(m, f, func(at *loc, t *Tensor, o odd) error {
		if o.nan+o.inf == 0 {
			return nil
		}
		return at.bad("holds %v of %d numbers, expected finite ones", o, t.NumElements())
	})
}
