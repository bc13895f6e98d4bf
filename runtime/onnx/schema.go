package onnx

import (
	"reflect"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// schema is what scan knows of the wire form, by message name. It is derived
// from the generated descriptors, so it can neither lack a field nor contradict
// them.
var schema = map[protoreflect.Name]*message{}

// message is one message type.
type message struct {
	name   protoreflect.Name
	fields [32]*field // by number; every number of the specification is below 32
	size   int64      // bytes of the decoded struct
}

// field is one field of a message.
type field struct {
	name string
	wire protowire.Type // of a single value
	list bool
	msg  *message                          // of a message field
	enum protoreflect.EnumValueDescriptors // of an enum field
	elem int64                             // decoded bytes of one number
	id   bool                              // a string that Limits.Name bounds
}

func init() {
	messages := pb.File_kdonnx_onnx_proto.Messages()
	register(messages)
	for i := range messages.Len() {
		describe(messages.Get(i))
	}
}

func register(list protoreflect.MessageDescriptors) {
	for i := range list.Len() {
		d := list.Get(i)
		t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
		if err != nil {
			panic(err)
		}
		schema[key(d)] = &message{name: d.Name(), size: int64(reflect.TypeOf(t.Zero().Interface()).Elem().Size())}
		register(d.Messages())
	}
}

// key is the name below the package: "TypeProto.Tensor".
func key(d protoreflect.Descriptor) protoreflect.Name {
	if parent, ok := d.Parent().(protoreflect.MessageDescriptor); ok {
		return key(parent) + "." + d.Name()
	}
	return d.Name()
}

func describe(d protoreflect.MessageDescriptor) {
	m := schema[key(d)]
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		f := &field{name: string(fd.Name()), list: fd.IsList()}
		switch fd.Kind() {
		case protoreflect.MessageKind:
			f.wire, f.msg = protowire.BytesType, schema[key(fd.Message())]
		case protoreflect.StringKind:
			f.wire = protowire.BytesType
			f.id = fd.Name() != "doc_string" && fd.Name() != "value"
		case protoreflect.BytesKind:
			f.wire = protowire.BytesType
		case protoreflect.FloatKind:
			f.wire, f.elem = protowire.Fixed32Type, 4
		case protoreflect.DoubleKind:
			f.wire, f.elem = protowire.Fixed64Type, 8
		case protoreflect.EnumKind:
			f.wire, f.elem, f.enum = protowire.VarintType, 4, fd.Enum().Values()
		case protoreflect.Int32Kind:
			f.wire, f.elem = protowire.VarintType, 4
		case protoreflect.Int64Kind, protoreflect.Uint64Kind:
			f.wire, f.elem = protowire.VarintType, 8
		default:
			panic("onnx: the scan does not know " + string(fd.FullName()))
		}
		m.fields[fd.Number()] = f
	}
	for i := range d.Messages().Len() {
		describe(d.Messages().Get(i))
	}
}
