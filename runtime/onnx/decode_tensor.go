package onnx

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// tensor decodes one constant. Whichever field of the file holds the elements,
// they come out as little-endian bytes; how many they must be is for check.
func (d *decoder) tensor(at *loc, p *pb.TensorProto) *Tensor {
	t := &Tensor{
		Name: p.GetName(), DType: DType(p.GetDataType()), Dims: p.Dims,
		Doc: p.GetDocString(), Metadata: entries(p.MetadataProps),
	}
	if !t.DType.Known() {
		d.fail(at, "unknown element type %d", p.GetDataType())
		return t
	}
	if p.Segment != nil {
		d.fail(at, "is a segment of a tensor, expected a whole one")
		return t
	}
	holds := d.dataField(at, t.DType, p)
	if p.GetDataLocation() == pb.TensorProto_EXTERNAL {
		if holds != "" && (holds != "raw_data" || len(p.RawData) > 0) {
			d.fail(at, "has both external data and %s", holds)
		}
		t.External = d.external(at.in("external_data"), p.ExternalData)
		if t.External.Length < 0 {
			t.External.Length, _ = t.wantBytes()
		}
		return t
	}
	if len(p.ExternalData) > 0 {
		d.fail(at, "has external_data, but data_location is not EXTERNAL")
	}
	switch {
	case t.DType == String:
		t.Strings = p.StringData
	case p.RawData != nil:
		t.Data = p.RawData
	default:
		t.Data = d.typed(at, t.DType, p)
	}
	return t
}

// dataField gives the name of the one field that holds p's elements, or "", and
// refuses fields that do not go with the element type or with one another.
func (d *decoder) dataField(at *loc, dtype DType, p *pb.TensorProto) string {
	holds := ""
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"float_data", len(p.FloatData) > 0}, {"int32_data", len(p.Int32Data) > 0},
		{"int64_data", len(p.Int64Data) > 0}, {"double_data", len(p.DoubleData) > 0},
		{"uint64_data", len(p.Uint64Data) > 0}, {"string_data", len(p.StringData) > 0},
		{"raw_data", p.RawData != nil},
	} {
		if !f.has {
			continue
		}
		if holds != "" {
			d.fail(at, "has both %s and %s, expected one", holds, f.name)
		}
		holds = f.name
		if want := typedField(dtype); f.name != want && (f.name != "raw_data" || dtype == String) {
			d.fail(at, "%v elements are in %s, expected %s", dtype, f.name, want)
		}
	}
	return holds
}

// typedField is the field, beside raw_data, that holds elements of a type.
func typedField(d DType) string {
	switch d {
	case Float32, Complex64:
		return "float_data"
	case Float64, Complex128:
		return "double_data"
	case Int64:
		return "int64_data"
	case Uint32, Uint64:
		return "uint64_data"
	case String:
		return "string_data"
	}
	return "int32_data"
}

// typed packs the typed field into bytes. Bytes of an int32_data element
// beyond the type's size must be the sign or zero; types of less than a byte
// come as whole bytes already.
func (d *decoder) typed(at *loc, dtype DType, p *pb.TensorProto) []byte {
	le, b := binary.LittleEndian, []byte{}
	switch typedField(dtype) {
	case "float_data":
		b = make([]byte, 0, 4*len(p.FloatData))
		for _, v := range p.FloatData {
			b = le.AppendUint32(b, math.Float32bits(v))
		}
	case "double_data":
		b = make([]byte, 0, 8*len(p.DoubleData))
		for _, v := range p.DoubleData {
			b = le.AppendUint64(b, math.Float64bits(v))
		}
	case "int64_data":
		b = make([]byte, 0, 8*len(p.Int64Data))
		for _, v := range p.Int64Data {
			b = le.AppendUint64(b, uint64(v))
		}
	case "uint64_data":
		b = make([]byte, 0, dtype.Size()*len(p.Uint64Data))
		for i, v := range p.Uint64Data {
			if dtype == Uint64 {
				b = le.AppendUint64(b, v)
				continue
			}
			if v > math.MaxUint32 {
				d.fail(at, "element %d is %d, which is no uint32", i, v)
			}
			b = le.AppendUint32(b, uint32(v))
		}
	default:
		size := max(dtype.Size(), 1)
		b = make([]byte, 0, size*len(p.Int32Data))
		for i, v := range p.Int32Data {
			if bits := 8 * size; bits < 32 && (v >= 1<<bits || v < -1<<(bits-1)) {
				d.fail(at, "element %d is %d, which is no %v", i, v, dtype)
			}
			switch size {
			case 1:
				b = append(b, byte(v))
			case 2:
				b = le.AppendUint16(b, uint16(v))
			case 4:
				b = le.AppendUint32(b, uint32(v))
			}
		}
	}
	return b
}

func (d *decoder) sparse(at *loc, p *pb.SparseTensorProto) *SparseTensor {
	s := &SparseTensor{Values: new(Tensor), Indices: new(Tensor), Dims: p.Dims}
	if p.Values == nil || p.Indices == nil {
		d.fail(at, "sparse tensor without values or indices")
		return s
	}
	s.Values = d.tensor(at.named("values", p.Values.GetName()), p.Values)
	s.Indices = d.tensor(at.named("indices", p.Indices.GetName()), p.Indices)
	return s
}

// external decodes where a tensor's bytes lie. A missing length is -1.
func (d *decoder) external(at *loc, list []*pb.StringStringEntryProto) *External {
	e := &External{Length: -1}
	seen := map[string]bool{}
	for _, p := range list {
		key, value := p.GetKey(), p.GetValue()
		if seen[key] {
			d.fail(at, "key %s is there twice", quote(key))
		}
		seen[key] = true
		switch key {
		case "location":
			e.Location = value
		case "offset":
			e.Offset = d.decimal(at, key, value)
		case "length":
			e.Length = d.decimal(at, key, value)
		case "checksum":
			e.Checksum = value
		default:
			d.fail(at, "unknown key %s, expected location, offset, length or checksum", quote(key))
		}
	}
	return e
}

// decimal reads digits and nothing else.
func (d *decoder) decimal(at *loc, key, value string) int64 {
	for i := range len(value) {
		if value[i] < '0' || value[i] > '9' {
			d.fail(at, "%s is %s, expected decimal digits", key, quote(value))
			return 0
		}
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		d.fail(at, "%s is %s, expected a number below 2^63", key, quote(value))
	}
	return n
}
