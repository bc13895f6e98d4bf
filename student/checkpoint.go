package student

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
	"github.com/kdonnx/kdonnx/student/optim"
)

// A checkpoint is
//
//	magic, version uint32, header length uint32, header (JSON), floats, SHA-256 of all before
//
// little-endian, the floats being the tensors of the header one after another.
const (
	checkpointMagic   = "kdonnx checkpoint\n"
	checkpointVersion = 1
	maxHeader         = 64 << 20
)

// header says what the floats are and what they belong to.
type header struct {
	Model     string         `json:"model"` // digest of the graph without its learnt values
	Optimizer string         `json:"optimizer"`
	Settings  optim.Settings `json:"settings"`
	Batch     int            `json:"batch"`
	Seed      uint64         `json:"seed"`
	Step      uint64         `json:"step"`
	Tensors   []tensorInfo   `json:"tensors"`
}

type tensorInfo struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

// saved lists what a checkpoint holds: weights and running statistics, the
// optimiser's state, and the moving averages.
func (t *Trainer) saved() []optim.Slot {
	out := append(t.learnt(), t.opt.State()...)
	if t.average != nil {
		out = append(out, t.average.State()...)
	}
	return out
}

func (t *Trainer) header() header {
	h := header{
		Model: fingerprint(t.g), Optimizer: t.opt.Name(), Settings: t.opt.Settings(),
		Batch: t.batch, Seed: t.seed, Step: t.step,
	}
	for _, s := range t.saved() {
		h.Tensors = append(h.Tensors, tensorInfo{s.Name, len(s.Data)})
	}
	return h
}

// Save writes a checkpoint: all that a new Trainer of the same student,
// optimiser, batch and seed needs to go on bit by bit.
func (t *Trainer) Save(w io.Writer) error {
	head, err := json.Marshal(t.header())
	if err != nil {
		return err
	}
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	start := []byte(checkpointMagic)
	start = binary.LittleEndian.AppendUint32(start, checkpointVersion)
	start = binary.LittleEndian.AppendUint32(start, uint32(len(head)))
	if _, err := out.Write(append(start, head...)); err != nil {
		return err
	}
	for _, s := range t.saved() {
		if err := writeFloats(out, s.Data); err != nil {
			return err
		}
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

func writeFloats(w io.Writer, x []float32) error {
	buf := make([]byte, 0, 1<<16)
	for len(x) > 0 {
		k := min(len(x), cap(buf)/4)
		buf = buf[:0]
		for _, v := range x[:k] {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		x = x[k:]
	}
	return nil
}

// Restore reads a checkpoint. One that is damaged, of another version, model,
// optimiser, batch or seed is an error of kind Integrity that names what
// differs, and nothing has changed.
func (t *Trainer) Restore(r io.Reader) error {
	size := 0
	for _, s := range t.saved() {
		size += 4 * len(s.Data)
	}
	limit := size + maxHeader
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return fault.New(fault.IO, "checkpoint", "", "cannot read: %w", err)
	}
	if len(data) > limit {
		return integrity("size", "is more than %d bytes, expected %d and a header", limit, size)
	}
	head, floats, err := open(data)
	if err != nil {
		return err
	}
	if err := t.matches(head); err != nil {
		return err
	}
	if len(floats) != size {
		return integrity("tensors", "are %d bytes, expected %d", len(floats), size)
	}
	for _, s := range t.saved() {
		for i := range s.Data {
			s.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(floats[4*i:]))
		}
		floats = floats[4*len(s.Data):]
	}
	t.step = head.Step
	return nil
}

func integrity(field, format string, args ...any) error {
	return fault.New(fault.Integrity, "checkpoint", field, format, args...)
}

// open checks magic, version and digest and cuts a checkpoint.
func open(data []byte) (*header, []byte, error) {
	const fixed = len(checkpointMagic) + 8
	if len(data) < fixed+sha256.Size {
		return nil, nil, integrity("size", "is %d bytes, expected at least %d", len(data), fixed+sha256.Size)
	}
	if !bytes.HasPrefix(data, []byte(checkpointMagic)) {
		return nil, nil, integrity("magic", "is %q, expected %q", data[:len(checkpointMagic)], checkpointMagic)
	}
	version := binary.LittleEndian.Uint32(data[len(checkpointMagic):])
	if version != checkpointVersion {
		return nil, nil, integrity("version", "is %d, expected %d", version, checkpointVersion)
	}
	body, want := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], want) {
		return nil, nil, integrity("digest", "mismatch: is %x, expected %x", got[:8], want[:8])
	}
	n := binary.LittleEndian.Uint32(data[fixed-4:])
	if uint64(n) > uint64(len(body)-fixed) {
		return nil, nil, integrity("header", "is %d bytes long, expected at most %d", n, len(body)-fixed)
	}
	var h header
	if err := json.Unmarshal(body[fixed:fixed+int(n)], &h); err != nil {
		return nil, nil, integrity("header", "is not valid: %w", err)
	}
	return &h, body[fixed+int(n):], nil
}

// matches compares a checkpoint's header with this trainer.
func (t *Trainer) matches(h *header) error {
	want := t.header()
	if h.Optimizer == want.Optimizer {
		if name, got, wanted := h.Settings.Diff(want.Settings); name != "" {
			return otherRun(name, got, wanted)
		}
	}
	for _, f := range []struct {
		name      string
		got, want any
	}{
		{"model", h.Model, want.Model},
		{"optimizer", h.Optimizer, want.Optimizer},
		{"batch", h.Batch, want.Batch},
		{"seed", h.Seed, want.Seed},
		{"tensor count", len(h.Tensors), len(want.Tensors)},
	} {
		if f.got != f.want {
			return otherRun(f.name, f.got, f.want)
		}
	}
	for i, w := range want.Tensors {
		if h.Tensors[i] != w {
			return integrity(fmt.Sprintf("tensor %d", i), "is %q of %d values, expected %q of %d", h.Tensors[i].Name, h.Tensors[i].Size, w.Name, w.Size)
		}
	}
	return nil
}

func otherRun(field string, got, want any) error {
	return integrity(field, "is %v, expected %v: it belongs to another run", got, want)
}

// fingerprint digests a graph: nodes, attributes, shapes and frozen values,
// but not what training changes.
func fingerprint(g *graph.Graph) string {
	m, sum := g.Model(), sha256.New()
	for _, o := range m.Opsets {
		fmt.Fprintf(sum, "opset %q %d\n", o.Domain, o.Version)
	}
	for _, list := range [][]*onnx.Value{m.Graph.Inputs, m.Graph.Outputs} {
		for _, v := range list {
			fmt.Fprintf(sum, "value %q %d %v\n", v.Name, v.DType, v.Shape)
		}
	}
	for _, n := range m.Graph.Nodes {
		fmt.Fprintf(sum, "node %q %q %q %q\n", n.Domain, n.OpType, n.Inputs, n.Outputs)
		for _, a := range n.Attrs {
			fmt.Fprintf(sum, "attr %q %d %v %d %q %v %v\n", a.Name, a.Type, a.F, a.I, a.S, a.Floats, a.Ints)
			if a.T != nil {
				digestTensor(sum, a.T, true)
			}
		}
	}
	learnt := map[string]bool{}
	for _, p := range g.Params {
		learnt[p.Name] = p.Role != graph.Frozen
	}
	for _, t := range m.Graph.Initializers {
		digestTensor(sum, t, !learnt[t.Name])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func digestTensor(sum hash.Hash, t *onnx.Tensor, values bool) {
	fmt.Fprintf(sum, "tensor %q %d %v\n", t.Name, t.DType, t.Dims)
	if values {
		sum.Write(t.Data)
	}
}
