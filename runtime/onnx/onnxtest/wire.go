package onnxtest

import (
	"bytes"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

func strangerCases() []Case {
	safetensors := "\x3a\x00\x00\x00\x00\x00\x00\x00{\"w\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"
	cases := []Case{
		{"F-01", "empty", nil, `m?\.onnx: no graph: the file is empty`},
		{"F-04", "git-lfs pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), `git-lfs pointer: run git lfs pull`},
		{"F-04", "png", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), `PNG`},
		{"F-04", "zip", []byte("PK\x03\x04\x14\x00"), `ZIP .*\.pt`},
		{"F-04", "gzip", []byte("\x1f\x8b\x08\x00"), `gzip`},
		{"F-04", "pickle", []byte("\x80\x02}q\x00."), `pickle`},
		{"F-04", "html", []byte("\n <!DOCTYPE HTML>\n<html><title>404"), `HTML page`},
		{"F-04", "html bare", []byte("<HTML><body>404"), `HTML page`},
		{"F-04", "json", []byte("{\n  \"error\": 404}"), `JSON`},
		{"F-04", "tflite", []byte("\x1c\x00\x00\x00TFL3\x14\x00"), `TensorFlow Lite`},
		{"F-04", "ort", []byte("\x20\x00\x00\x00ORTM\x14\x00"), `\.ort`},
		{"F-04", "safetensors", []byte(safetensors), `safetensors`},
		{"F-04", "hdf5", []byte("\x89HDF\r\n\x1a\n"), `HDF5`},
		{"F-04", "zeros", make([]byte, 4096), `byte 0`},
		{"F-04", "text", []byte("this is no model at all, just words\n"), `byte \d+`},
		{"F-04", "other protobuf", []byte("\x0a\x03abc"), `byte 0.*wire type 2, expected 0`},
		{"F-04", "tensor protobuf", wire(&pb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(1)}), `byte 0, producer_name: wire type 0, expected 2`},
	}
	for i := range cases {
		cases[i].Name = "looks like " + cases[i].Name
	}
	return cases
}

func wireCases() []Case {
	sequence := new(pb.TypeProto)
	for range 5000 {
		sequence = &pb.TypeProto{Value: &pb.TypeProto_SequenceType{SequenceType: &pb.TypeProto_Sequence{ElemType: sequence}}}
	}
	overlong := append(bytes.Repeat([]byte{0x80}, 11), 1)
	return []Case{
		{"F-08", "subgraph depth 33", nested(33), `byte \d+, graph\.node\[0\].*depth 33, limit 32`},
		{"F-08", "subgraph depth 5000", nested(5000), `depth 33, limit 32`},
		{"F-08", "type depth 5000", GraphChanged(func(g *pb.GraphProto) { g.Input[0].Type = sequence }), `graph\.input\[0\].*depth 101, limit 100`},
		{"F-18", "nodes", repeated(1, []byte("\x22\x01A"), 1_000_001), `limit|MiB`},
		{"F-18", "empty nodes", repeated(1, nil, 3_000_000), `more than 256 MiB`},
		{"F-18", "initializers", repeated(5, nil, 1_000_001), `limit|MiB`},
		{"F-18", "attributes", ModelAround(protowire.AppendBytes([]byte{0x0a}, bytes.Repeat([]byte{0x2a, 0}, 2_000_000))), `more than 256 MiB`},
		{"F-18", "inputs of a node", ModelAround(protowire.AppendBytes([]byte{0x0a}, bytes.Repeat([]byte{0x0a, 0}, 5_000_000))), `more than 256 MiB`},
		{"F-18", "varint blow-up", ModelAround(protowire.AppendBytes([]byte{0x2a}, protowire.AppendBytes([]byte{0x3a}, make([]byte, 40_000_000)))), `int64_data.*more than 256 MiB`},
		{"F-18", "name", GraphChanged(func(g *pb.GraphProto) { g.Name = proto.String(strings.Repeat("x", 20_000_000)) }), `graph\.name: name of 20000000 bytes, limit 65536`},
		{"F-18", "metadata", Changed(func(p *pb.ModelProto) {
			for range 100_000 {
				p.MetadataProps = append(p.MetadataProps, &pb.StringStringEntryProto{})
			}
		}), `metadata_props\[10000\]: more entries than the limit of 10000`},
		{"F-18", "metadata of a node", GraphChanged(func(g *pb.GraphProto) {
			for range 100_000 {
				g.Node[0].MetadataProps = append(g.Node[0].MetadataProps, &pb.StringStringEntryProto{})
			}
		}), `graph\.node\[0\]\.metadata_props\[10000\]: more entries than the limit of 10000`},
		{"F-18", "empty strings", Weight(func(w *pb.TensorProto) {
			w.Dims, w.DataType, w.RawData, w.StringData = []int64{6_000_000}, proto.Int32(8), nil, make([][]byte, 6_000_000)
		}), `string_data\[\d+\]: decoding would take more than 256 MiB`},
		{"F-14", "50,000 nodes backwards", backwards(50_000), `node\[0\]: cycle: .* needs … needs `},
		{"F-03", "group", ModelAround([]byte{0x0b, 0x0c}), `wire type 3`},
		{"F-03", "field 0", ModelAround([]byte{0x00, 0x00}), `broken field tag`},
		{"F-03", "wrong wire type", ModelAround([]byte{0x08, 0x01}), `graph\.node\[0\]: wire type 0, expected 2`},
		{"F-03", "length beyond end", ModelAround([]byte{0x0a, 0x7f, 0}), `truncated: needs 127 bytes, 1 are left`},
		{"F-03", "length of 2^63", ModelAround(append([]byte{0x0a}, protowire.AppendVarint(nil, 1<<63)...)), `truncated: needs 9223372036854775808`},
		{"F-03", "overlong varint", append([]byte{0x08}, overlong...), `overlong number`},
		{"F-03", "packed varint cut", Weight(func(w *pb.TensorProto) { w.ProtoReflect().SetUnknown([]byte{0x3a, 1, 0x80}) }), `int64_data.*truncated number`},
		{"F-03", "packed varint overlong", Weight(func(w *pb.TensorProto) { w.ProtoReflect().SetUnknown(append([]byte{0x3a, 12}, overlong...)) }), `overlong number`},
		{"F-03", "packed floats cut", Weight(func(w *pb.TensorProto) { w.ProtoReflect().SetUnknown([]byte{0x22, 3, 0, 0, 0}) }), `float_data.*multiple of 4`},
		{"F-03", "attribute type", GraphChanged(func(g *pb.GraphProto) {
			g.Node[0].Attribute = []*pb.AttributeProto{{Name: proto.String("a"), Type: pb.AttributeProto_AttributeType(99).Enum()}}
		}), `attribute\[0\]\.type: unknown value 99`},
		{"F-03", "data location", Weight(func(w *pb.TensorProto) { w.DataLocation = pb.TensorProto_DataLocation(7).Enum() }), `data_location: unknown value 7`},
	}
}
