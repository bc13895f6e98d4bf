//go:build cgo && linux

package ort

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// request goes to the worker. Op is "open", "run", "time" or "cancel"; the latter has
// no answer of its own.
type request struct {
	Op      string        `json:",omitzero"`
	Name    string        `json:",omitzero"` // of the model, in errors
	Path    string        `json:",omitzero"` // of the model; Data instead when it is not in a file
	Data    []byte        `json:",omitzero"` // the model
	Library Library       `json:",omitzero"` // must still have that digest
	Options Options       `json:",omitzero"`
	Turn    int           `json:",omitzero"` // which input region, and which output region to answer in
	Size    int64         `json:",omitzero"` // bytes of the input region
	Batch   int           `json:",omitzero"` // rows of a piece, as Options.Batch
	Values  []payload     `json:",omitzero"`
	Allowed time.Duration `json:",omitzero"` // for "time"
}

// reply comes from the worker. Event is "library" (loaded) and "ready" after
// "open", "done" after "run" and "time", or "failed" with Fault.
type reply struct {
	Event    string     `json:",omitzero"`
	Fault    *wireFault `json:",omitzero"`
	Library  Library    `json:",omitzero"`
	Inputs   []Info     `json:",omitzero"`
	Outputs  []Info     `json:",omitzero"`
	Provider string     `json:",omitzero"`
	Notes    []string   `json:",omitzero"`
	Size     int64      `json:",omitzero"` // bytes of the output region
	Values   []payload  `json:",omitzero"`
	Latency  Latency    `json:",omitzero"` // after "time"
}

// payload is a Value whose bytes lie at [At, At+Len) of the shared region.
// Strings are there as a 32-bit length and the bytes, one after another.
type payload struct {
	DType onnx.DType `json:",omitzero"`
	Shape []int64    `json:",omitzero"`
	At    int64      `json:",omitzero"`
	Len   int64      `json:",omitzero"`
	Keys  []string   `json:",omitzero"`
}

// wireFault is a fault.Error on its way between processes.
type wireFault struct {
	Kind             fault.Kind
	Path, Field, Msg string
}

func toWire(err error) *wireFault {
	var f *fault.Error
	if errors.As(err, &f) {
		return &wireFault{f.Kind, f.Path, f.Field, f.Msg}
	}
	return &wireFault{Kind: fault.Teacher, Msg: err.Error()}
}

func (w *wireFault) err() error {
	return &fault.Error{Kind: w.Kind, Path: w.Path, Field: w.Field, Msg: w.Msg}
}

// maxMessage bounds a message, which holds no tensor bytes.
const maxMessage = 1 << 30

// send writes one message: a 32-bit length and JSON.
func send(w io.Writer, message any) error {
	raw, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(raw) > maxMessage {
		return fmt.Errorf("message of %d bytes", len(raw))
	}
	_, err = w.Write(append(binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(raw)), uint32(len(raw))), raw...))
	return err
}

// receive reads one message.
func receive(r io.Reader, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > maxMessage {
		return fmt.Errorf("message of %d bytes", n)
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(r, raw); err != nil {
		return err
	}
	return json.Unmarshal(raw, message)
}

// put copies values into the region, growing it, and says where they lie.
func put(r *region, values []Value) ([]payload, error) {
	out := make([]payload, len(values))
	var end int64
	for i, v := range values {
		n := int64(len(v.Data))
		if v.DType == onnx.String {
			n = 0
			for _, s := range v.Strings {
				n += 4 + int64(len(s))
			}
		}
		out[i] = payload{DType: v.DType, Shape: v.Shape, At: end, Len: n, Keys: v.Keys}
		end += (n + 63) &^ 63
	}
	if err := r.ensure(end); err != nil {
		return nil, err
	}
	for i, v := range values {
		at := r.data[out[i].At : out[i].At+out[i].Len]
		if v.DType != onnx.String {
			copy(at, v.Data)
			continue
		}
		for _, s := range v.Strings {
			binary.LittleEndian.PutUint32(at, uint32(len(s)))
			at = at[4+copy(at[4:], s):]
		}
	}
	return out, nil
}

// get finds the values in the region; their Data is the region's memory. It
// trusts no number: the other side may be a process that native code scribbled
// over.
func get(r *region, size int64, payloads []payload) ([]Value, error) {
	if err := r.attach(size); err != nil {
		return nil, err
	}
	out := make([]Value, len(payloads))
	for i, p := range payloads {
		n, ok := elements(p.Shape)
		if !ok || p.At < 0 || p.Len < 0 || p.At > int64(len(r.data))-p.Len || p.At%8 != 0 {
			return nil, fmt.Errorf("value %d: %d bytes at %d of %d for shape %s", i, p.Len, p.At, len(r.data), shapeText(p.Shape))
		}
		v := Value{DType: p.DType, Shape: p.Shape, Keys: p.Keys}
		data := r.data[p.At : p.At+p.Len : p.At+p.Len]
		if p.DType != onnx.String {
			if p.Len != n*int64(p.DType.Size()) {
				return nil, fmt.Errorf("value %d: %d bytes for shape %s of %s", i, p.Len, shapeText(p.Shape), p.DType)
			}
			v.Data = data
		} else if v.Strings, ok = getStrings(data, n); !ok {
			return nil, fmt.Errorf("value %d: damaged strings", i)
		}
		out[i] = v
	}
	return out, nil
}

func getStrings(data []byte, n int64) ([]string, bool) {
	if n > int64(len(data))/4 {
		return nil, false
	}
	out := make([]string, n)
	for i := range out {
		if len(data) < 4 {
			return nil, false
		}
		size := int64(binary.LittleEndian.Uint32(data))
		if size > int64(len(data))-4 {
			return nil, false
		}
		out[i] = string(data[4 : 4+size])
		data = data[4+size:]
	}
	return out, len(data) == 0
}
