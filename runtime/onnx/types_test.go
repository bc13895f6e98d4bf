package onnx

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	// Registers messages named onnx.*: starting this test at all shows that
	// ours do not collide with them.
	_ "github.com/owulveryck/onnx-go"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

func TestDType(t *testing.T) {
	if Float32.String() != "float32" || Int64.String() != "int64" || DType(99).String() != "dtype(99)" || DType(-1).String() != "dtype(-1)" {
		t.Error("names")
	}
	for d, size := range map[DType]int{Float32: 4, Int64: 8, Bool: 1, BFloat16: 2, Complex128: 16, Int4: 0, String: 0, 99: 0, -1: 0} {
		if d.Size() != size {
			t.Errorf("%v: size %d, want %d", d, d.Size(), size)
		}
	}
	names := map[string]bool{}
	for d := Undefined; d <= Int2; d++ {
		if name := d.String(); name == "" || names[name] {
			t.Errorf("%d: name %q", int(d), name)
		} else {
			names[name] = true
		}
		if d.Known() && d != String && d.Bits() == 0 {
			t.Errorf("%v has no size", d)
		}
	}
	for _, c := range []struct {
		d    DType
		n    int64
		want int64
	}{{Int4, 0, 0}, {Int4, 3, 2}, {Uint2, 4, 1}, {Uint2, 5, 2}, {Float32, 3, 12}, {Int4, math.MaxInt64, 1 << 62}} {
		if got, ok := c.d.byteLen(c.n); !ok || got != c.want {
			t.Errorf("%d of %v: %d bytes, want %d", c.n, c.d, got, c.want)
		}
	}
	if _, ok := Float32.byteLen(math.MaxInt64/4 + 1); ok {
		t.Error("overflow not seen")
	}
}

func TestNumElements(t *testing.T) {
	for _, c := range []struct {
		dims []int64
		want int64
	}{{nil, 1}, {[]int64{0}, 0}, {[]int64{2, 3}, 6}, {[]int64{math.MaxInt64}, math.MaxInt64}, {[]int64{-1}, -1}, {[]int64{1 << 32, 1 << 31}, -1}, {[]int64{0, -1}, -1}, {[]int64{0, math.MaxInt64, 2}, 0}} {
		if got := (&Tensor{Dims: c.dims}).NumElements(); got != c.want {
			t.Errorf("%v: %d, want %d", c.dims, got, c.want)
		}
	}
}

// TestHalf checks every binary16 against its definition in float64.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		sign, exp, frac := 1-2*float64(h>>15), h>>10&31, float64(h&1023)
		want := sign * math.Ldexp(1+frac/1024, exp-15)
		switch exp {
		case 0:
			want = sign * math.Ldexp(frac/1024, -14)
		case 31:
			want = math.Inf(int(sign))
			if frac != 0 {
				want = math.NaN()
			}
		}
		got := float64(FromHalf(uint16(h)))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != (h>>15 == 1) {
			t.Fatalf("%04x: %v, want %v", h, got, want)
		}
	}
}

// TestTyped decodes each element type from its typed field and reads it as
// numbers.
func TestTyped(t *testing.T) {
	le := binary.LittleEndian
	f64 := func(v ...float64) (b []byte) {
		for _, x := range v {
			b = le.AppendUint64(b, math.Float64bits(x))
		}
		return b
	}
	for _, c := range []struct {
		d      DType
		n      int64
		p      *pb.TensorProto
		data   []byte
		floats []float32
		ints   []int64
	}{
		{Float32, 2, &pb.TensorProto{FloatData: []float32{1, -2}}, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, []float32{1, -2}, nil},
		{Float64, 2, &pb.TensorProto{DoubleData: []float64{0.5, -1e300}}, f64(0.5, -1e300), []float32{0.5, float32(math.Inf(-1))}, nil},
		{Float16, 2, &pb.TensorProto{Int32Data: []int32{0x3c00, 0xc000}}, []byte{0, 0x3c, 0, 0xc0}, []float32{1, -2}, nil},
		{BFloat16, 2, &pb.TensorProto{Int32Data: []int32{0x3f80, -0x4000}}, []byte{0x80, 0x3f, 0, 0xc0}, []float32{1, -2}, nil},
		{Int8, 2, &pb.TensorProto{Int32Data: []int32{-128, 127}}, []byte{0x80, 0x7f}, []float32{-128, 127}, []int64{-128, 127}},
		{Uint8, 2, &pb.TensorProto{Int32Data: []int32{0, 255}}, []byte{0, 255}, []float32{0, 255}, []int64{0, 255}},
		{Int16, 1, &pb.TensorProto{Int32Data: []int32{-2}}, []byte{0xfe, 0xff}, []float32{-2}, []int64{-2}},
		{Uint16, 1, &pb.TensorProto{Int32Data: []int32{65535}}, []byte{0xff, 0xff}, []float32{65535}, []int64{65535}},
		{Int32, 1, &pb.TensorProto{Int32Data: []int32{math.MinInt32}}, []byte{0, 0, 0, 0x80}, []float32{math.MinInt32}, []int64{math.MinInt32}},
		{Uint32, 1, &pb.TensorProto{Uint64Data: []uint64{math.MaxUint32}}, []byte{0xff, 0xff, 0xff, 0xff}, []float32{1 << 32}, []int64{math.MaxUint32}},
		{Int64, 1, &pb.TensorProto{Int64Data: []int64{-3}}, le.AppendUint64(nil, math.MaxUint64-2), []float32{-3}, []int64{-3}},
		{Uint64, 1, &pb.TensorProto{Uint64Data: []uint64{math.MaxUint64}}, le.AppendUint64(nil, math.MaxUint64), []float32{1 << 64}, nil},
		{Bool, 2, &pb.TensorProto{Int32Data: []int32{1, 0}}, []byte{1, 0}, []float32{1, 0}, []int64{1, 0}},
		{Complex64, 1, &pb.TensorProto{FloatData: []float32{1, 1}}, []byte{0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f}, nil, nil},
		{Complex128, 1, &pb.TensorProto{DoubleData: []float64{1, 2}}, f64(1, 2), nil, nil},
		{Float8E5M2, 1, &pb.TensorProto{Int32Data: []int32{0x3c}}, []byte{0x3c}, nil, nil},
		{Uint4, 3, &pb.TensorProto{Int32Data: []int32{0x21, 0x03}}, []byte{0x21, 0x03}, nil, nil},
	} {
		c.p.Name, c.p.Dims, c.p.DataType = proto.String("w"), []int64{c.n}, proto.Int32(int32(c.d))
		m, err := Parse("m", graphChanged(func(g *pb.GraphProto) { g.Initializer[0] = c.p }), ReadOptions{})
		if err != nil {
			t.Errorf("%v: %v", c.d, err)
			continue
		}
		w := m.Graph.Initializer("w")
		if string(w.Data) != string(c.data) {
			t.Errorf("%v: bytes %x, want %x", c.d, w.Data, c.data)
		}
		if got, err := w.Float32s(); !reflect.DeepEqual(got, c.floats) || (err == nil) != (c.floats != nil) {
			t.Errorf("%v: floats %v, want %v (%v)", c.d, got, c.floats, err)
		}
		if got, err := w.Int64s(); !reflect.DeepEqual(got, c.ints) || (err == nil) != (c.ints != nil) {
			t.Errorf("%v: ints %v, want %v (%v)", c.d, got, c.ints, err)
		}
		roundTrip(t, m)
	}
}

func TestTensors(t *testing.T) {
	f := FloatTensor("f", []int64{2, 1}, []float32{1.5, -2})
	if v, err := f.Float32s(); err != nil || !reflect.DeepEqual(v, []float32{1.5, -2}) || f.NumElements() != 2 || f.DType != Float32 {
		t.Errorf("%v, %v", v, err)
	}
	i := Int64Tensor("i", []int64{1}, []int64{-9})
	if v, err := i.Int64s(); err != nil || !reflect.DeepEqual(v, []int64{-9}) {
		t.Errorf("%v, %v", v, err)
	}
	for _, bad := range []*Tensor{{Name: "b", DType: Float32, Dims: []int64{2}, Data: make([]byte, 4)}, {Name: "b", DType: String}, {Name: "b", DType: 77}, {Name: "b", DType: -1}} {
		if _, err := bad.Float32s(); err == nil || !strings.HasPrefix(err.Error(), `tensor "b": `) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := f.Int64s(); err == nil {
		t.Error("floats as integers")
	}
	defer func() {
		if recover() == nil {
			t.Error("a tensor that does not fill its shape was made")
		}
	}()
	FloatTensor("x", []int64{3}, make([]float32, 2))
}

func TestAttrs(t *testing.T) {
	n := &Node{Attrs: []*Attr{IntAttr("i", 4), IntsAttr("is", 1, 2), FloatAttr("f", 0.5), StringAttr("s", "x"), TensorAttr("t", Int64Tensor("", nil, []int64{1})),
		{Name: "ref", Type: AttrInt, Ref: "outer"}}}
	switch {
	case n.AttrInt("i", 0) != 4, n.AttrInt("none", 7) != 7, n.AttrInt("f", 7) != 7, n.AttrInt("ref", 7) != 7,
		!reflect.DeepEqual(n.AttrInts("is", nil), []int64{1, 2}), n.AttrInts("i", nil) != nil,
		n.AttrFloat("f", 0) != 0.5, n.AttrFloat("i", 9) != 9,
		n.AttrString("s", "") != "x", n.AttrString("none", "d") != "d",
		n.Attr("t").T.NumElements() != 1, n.Attr("none") != nil:
		t.Error("an attribute came back as something else")
	}
	if AttrInts.String() != "INTS" || AttrType(0).String() != "UNDEFINED(0)" || AttrType(-3).String() != "UNDEFINED(-3)" {
		t.Error("names of types")
	}
}

func TestQueries(t *testing.T) {
	m := full()
	var names []string
	for _, v := range m.Graph.RealInputs() {
		names = append(names, v.Name)
	}
	if !reflect.DeepEqual(names, []string{"x", "flag", "image"}) {
		t.Errorf("real inputs %v", names)
	}
	if m.Graph.Initializer("w") == nil || m.Graph.Initializer("x") != nil {
		t.Error("initializers")
	}
	if m.Opset("") != 18 || m.Opset("ai.onnx") != 18 || m.Opset("ai.onnx.ml") != 3 || m.Opset("none") != 0 {
		t.Error("opsets")
	}
	m.Metadata = []Entry{{"b", "1"}, {"a", "2"}, {"b", "3"}}
	if v, ok := m.Meta("b"); !ok || v != "3" {
		t.Errorf("of duplicates got %q", v)
	}
	m.SetMeta("b", "4")
	m.SetMeta("aa", "5")
	if !reflect.DeepEqual(m.Metadata, []Entry{{"a", "2"}, {"aa", "5"}, {"b", "4"}}) {
		t.Errorf("metadata %v", m.Metadata)
	}
	if _, ok := m.Meta("none"); ok {
		t.Error("found what is not there")
	}
}

func TestSummary(t *testing.T) {
	s := Summary(tiny())
	if want := (Stats{Ops: []OpCount{{"", "MatMul", 1}}, Nodes: 1, Parameters: 6, Bytes: 24}); !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v", s)
	}
	s = Summary(full())
	// 4 nodes, the call, 2 in the If, 1 in a list of graphs, 2 in the function.
	// 6 + 2 + 0 + 3 dense elements and 2 sparse ones.
	if s.Nodes != 10 || s.Parameters != 13 || s.Ops[0] != (OpCount{"", "Abs", 1}) {
		t.Errorf("got %+v", s)
	}
}

// TestOldFile: a file from before attributes had types, an output whose
// declared shape cannot be, an initializer that is an input, an operator and
// a domain that nobody knows.
func TestOldFile(t *testing.T) {
	data := changed(func(p *pb.ModelProto) {
		p.IrVersion = proto.Int64(3)
		p.OpsetImport[0].Version = proto.Int64(7)
		p.Graph.Node[0].OpType, p.Graph.Node[0].Domain = proto.String("Unheard"), proto.String("of.this")
		p.Graph.Node[0].Attribute = []*pb.AttributeProto{{Name: proto.String("a"), Ints: []int64{1}}}
		p.Graph.Input = append(p.Graph.Input, &pb.ValueInfoProto{Name: proto.String("w")})
		p.Graph.Output[0].Type.GetTensorType().Shape.Dim = []*pb.TensorShapeProto_Dimension{
			{Value: &pb.TensorShapeProto_Dimension_DimValue{}}, {Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: -1}}, {},
		}
	})
	m, err := Parse("m", data, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a := m.Graph.Nodes[0].Attrs[0]; a.Type != AttrInts {
		t.Errorf("attribute %+v", a)
	}
	if got := m.Graph.Outputs[0].Shape; !reflect.DeepEqual(got, []Dim{{Value: 0}, {Value: -1}, {Value: -1}}) {
		t.Errorf("shape %v", got)
	}
	if in := m.Graph.RealInputs(); len(in) != 1 || in[0].Name != "x" {
		t.Errorf("inputs %v", in)
	}
}
