//go:build cgo && linux

package ort

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	ortc "github.com/yalue/onnxruntime_go"
)

// takeMaps adds the rows of a sequence of maps, or the one row of a map, as
// float32 (n, classes) and returns n. Native maps come sorted by key, so the
// order of the first row is that of every row.
func (o *output) takeMaps(v ortc.Value) (n int64, err error) {
	var rows []ortc.Value
	switch t := v.(type) {
	case *ortc.Map:
		rows = []ortc.Value{t}
	case *ortc.Sequence:
		if rows, err = t.GetValues(); err != nil {
			return 0, err
		}
	}
	for i, row := range rows {
		m, ok := row.(*ortc.Map)
		if !ok {
			return 0, fmt.Errorf("element %d is no map, wanted a tensor or a sequence of maps", i)
		}
		keys, probs, err := mapRow(m)
		if err != nil {
			return 0, fmt.Errorf("row %d: %w", i, err)
		}
		if o.keys == nil {
			o.keys = keys
		} else if !slices.Equal(o.keys, keys) {
			return 0, fmt.Errorf("row %d: got keys %q, the first row has %q", i, keys, o.keys)
		}
		for _, p := range probs {
			o.data = binary.LittleEndian.AppendUint32(o.data, math.Float32bits(p))
		}
	}
	return int64(len(rows)), nil
}

// mapRow reads the keys and values of one map.
func mapRow(m *ortc.Map) (keys []string, values []float32, err error) {
	k, v, err := m.GetKeysAndValues()
	if err != nil {
		return nil, nil, err
	}
	switch t := k.(type) {
	case *ortc.StringTensor:
		if _, keys, err = stringsOf(t); err != nil {
			return nil, nil, err
		}
	case *ortc.Tensor[int64]:
		for _, x := range t.GetData() {
			keys = append(keys, strconv.FormatInt(x, 10))
		}
	default:
		return nil, nil, fmt.Errorf("keys are neither strings nor int64")
	}
	switch t := v.(type) {
	case *ortc.Tensor[float32]:
		values = slices.Clone(t.GetData())
	case *ortc.Tensor[float64]:
		for _, x := range t.GetData() {
			values = append(values, float32(x))
		}
	case *ortc.Tensor[int64]:
		for _, x := range t.GetData() {
			values = append(values, float32(x))
		}
	default:
		return nil, nil, fmt.Errorf("values are not numbers")
	}
	if len(keys) != len(values) {
		return nil, nil, fmt.Errorf("%d keys for %d values", len(keys), len(values))
	}
	return keys, values, nil
}
