package onnx

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// scan walks the wire form of a message, ModelProto or TensorProto, without
// allocating: every tag, length and nesting is checked and everything that the decoder would allocate is
// counted against the limits, so that what passes decodes in bounded memory.
func scan(data []byte, top protoreflect.Name, lim Limits) error {
	s := scanner{data: data, lim: lim, frames: make([]frame, lim.Depth+1)}
	s.frames[0].msg = schema[top]
	return s.message(0, len(data), 0, 0)
}

type scanner struct {
	data         []byte
	lim          Limits
	frames       []frame // the message being scanned and those around it, outermost first
	overhead     int64
	nodes        int64
	initializers int64
}

// frame is a message being scanned.
type frame struct {
	msg   *message
	count [32]int32 // occurrences of each field so far
	now   int       // number of the field being scanned, 0 for none
}

// place spells out the field being scanned: graph.node[3].name.
func (s *scanner) place(depth int) string {
	var parts []string
	for i := range depth + 1 {
		f := &s.frames[i]
		if f.now == 0 {
			continue
		}
		part := fmt.Sprintf("field %d", f.now)
		if spec := f.msg.fields[f.now]; spec != nil {
			part = spec.name
			if spec.list {
				part += fmt.Sprintf("[%d]", f.count[f.now]-1)
			}
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ".")
}

// bad makes an error that names the byte and the field.
func (s *scanner) bad(off, depth int, format string, args ...any) error {
	at := fmt.Sprintf("byte %d", off)
	if place := s.place(depth); place != "" {
		at += ", " + place
	}
	return fault.New(fault.Input, "", at, format, args...)
}

// message scans data[pos:end]. depth is the messages around it, graphs the
// subgraph depth.
func (s *scanner) message(pos, end, depth, graphs int) error {
	f := &s.frames[depth]
	for pos < end {
		f.now = 0
		num, typ, n := protowire.ConsumeTag(s.data[pos:end])
		if n < 0 {
			return s.bad(pos, depth, "broken field tag in %s: the file is truncated or no ONNX model", f.msg.name)
		}
		if num < 32 {
			f.now = int(num)
			f.count[num]++
		}
		value := pos + n
		size, err := s.size(value, end, typ, depth)
		if err != nil {
			return err
		}
		if num < 32 && f.msg.fields[num] != nil {
			if err := s.field(pos, value, value+size, typ, depth, graphs); err != nil {
				return err
			}
		}
		pos = value + size
	}
	return nil
}

// size is the number of bytes of the value at pos, its length prefix included.
func (s *scanner) size(pos, end int, typ protowire.Type, depth int) (int, error) {
	switch typ {
	case protowire.VarintType, protowire.Fixed32Type, protowire.Fixed64Type:
		n := protowire.ConsumeFieldValue(1, typ, s.data[pos:end])
		if n < 0 {
			return 0, s.bad(pos, depth, "truncated or overlong number")
		}
		return n, nil
	case protowire.BytesType:
		length, n := protowire.ConsumeVarint(s.data[pos:end])
		if n < 0 {
			return 0, s.bad(pos, depth, "truncated or overlong length")
		}
		if left := end - pos - n; length > uint64(left) {
			return 0, s.bad(pos, depth, "truncated: needs %d bytes, %d are left", length, left)
		}
		return n + int(length), nil
	default:
		return 0, s.bad(pos, depth, "wire type %d, which ONNX does not use: the file is damaged or no ONNX model", typ)
	}
}

// field checks one field that the specification knows: data[value:end] is its
// value with a length prefix if it has one.
func (s *scanner) field(pos, value, end int, typ protowire.Type, depth, graphs int) error {
	f := &s.frames[depth]
	spec := f.msg.fields[f.now]
	packed := spec.list && spec.elem > 0 && typ == protowire.BytesType
	if typ != spec.wire && !packed {
		return s.bad(pos, depth, "wire type %d, expected %d", typ, spec.wire)
	}
	if typ == protowire.BytesType {
		_, n := protowire.ConsumeVarint(s.data[value:end])
		value += n
	}
	switch {
	case spec.msg != nil:
		return s.child(value, end, spec, depth, graphs)
	case packed:
		return s.packed(value, end, spec, depth)
	case spec.enum != nil:
		v, _ := protowire.ConsumeVarint(s.data[value:end])
		if v > 127 || spec.enum.ByNumber(protoreflect.EnumNumber(v)) == nil {
			return s.bad(pos, depth, "unknown value %d", v)
		}
	case spec.id && end-value > s.lim.Name:
		return s.bad(pos, depth, "name of %d bytes, limit %d", end-value, s.lim.Name)
	}
	if spec.list {
		if spec.elem > 0 {
			return s.charge(pos, depth, 2*spec.elem)
		}
		return s.charge(pos, depth, 64) // string header, growth of the slice, rounding up
	}
	return s.charge(pos, depth, 16) // a pointer's target
}

// child counts a message and goes into it.
func (s *scanner) child(pos, end int, spec *field, depth, graphs int) error {
	f := &s.frames[depth]
	switch spec.msg.name {
	case "NodeProto":
		if s.nodes++; s.nodes > s.lim.Nodes {
			return s.bad(pos, depth, "more nodes than the limit of %d", s.lim.Nodes)
		}
	case "GraphProto":
		if f.msg.name == "AttributeProto" {
			graphs++
		}
		if graphs > s.lim.SubgraphDepth {
			return s.bad(pos, depth, "subgraphs inside one another: depth %d, limit %d", graphs, s.lim.SubgraphDepth)
		}
	case "StringStringEntryProto":
		if n := int(f.count[f.now]); n > s.lim.Metadata {
			return s.bad(pos, depth, "more entries than the limit of %d", s.lim.Metadata)
		}
	}
	if spec.name == "initializer" || spec.name == "sparse_initializer" {
		if s.initializers++; s.initializers > s.lim.Initializers {
			return s.bad(pos, depth, "more initializers than the limit of %d", s.lim.Initializers)
		}
	}
	if depth == s.lim.Depth {
		return s.bad(pos, depth, "messages inside one another: depth %d, limit %d", depth+1, s.lim.Depth)
	}
	// The decoded struct, the one of this package made from it, and their
	// places in two slices.
	if err := s.charge(pos, depth, 2*spec.msg.size+128); err != nil {
		return err
	}
	s.frames[depth+1] = frame{msg: spec.msg}
	return s.message(pos, end, depth+1, graphs)
}

// packed checks a packed list of numbers and counts what it grows to.
func (s *scanner) packed(pos, end int, spec *field, depth int) error {
	wire := int64(end - pos)
	if spec.wire != protowire.VarintType {
		if wire%spec.elem != 0 {
			return s.bad(pos, depth, "%d bytes, expected a multiple of %d", wire, spec.elem)
		}
		return nil
	}
	numbers, run := int64(0), 0
	for i, b := range s.data[pos:end] {
		if run++; run > 10 {
			return s.bad(pos+i, depth, "overlong number")
		}
		if b < 0x80 {
			numbers, run = numbers+1, 0
		}
	}
	if run > 0 {
		return s.bad(end, depth, "truncated number")
	}
	return s.charge(pos, depth, max(0, 2*numbers*spec.elem-2*wire))
}

func (s *scanner) charge(pos, depth int, bytes int64) error {
	if s.overhead += bytes; s.overhead > s.lim.Overhead {
		return s.bad(pos, depth, "decoding would take more than %d MiB beyond the file's own size", s.lim.Overhead>>20)
	}
	return nil
}
