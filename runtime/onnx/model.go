// Package onnx holds the ONNX file: its words as Go types, guarded reading and
// durable writing. It is the only place that knows protobuf.
//
// The types below are the ONNX specification's own (Model, Graph, Node, Value,
// Attribute, Tensor) and know no bytes; decode.go and encode.go turn them from
// and into protobuf messages. Fields that kdonnx only carries from one file to
// the next, and has no use for, are kept as their wire form ([]byte).
//
// # Reading
//
// Read trusts nothing. In this order: what kind of file it is (sniff.go), its
// wire form against Limits before anything is allocated (scan.go), the form of
// its graphs (check.go, scope.go, calls.go), and its external data, which must
// lie in regular files below the model's own folder (external.go). Whether an
// operator exists is ONNX Runtime's to say.
package onnx

// Model is one .onnx file.
type Model struct {
	IRVersion       int64
	Opsets          []Opset
	ProducerName    string
	ProducerVersion string
	Domain          string
	ModelVersion    int64
	Doc             string
	Metadata        []Entry // metadata_props in file order
	Graph           *Graph
	Functions       []*Function
	Training        []*Training
	Configurations  [][]byte // DeviceConfigurationProto
}

// Training is a training_info entry. kdonnx checks and carries it, no more.
type Training struct {
	Initialization, Algorithm            *Graph
	InitializationBinding, UpdateBinding []Entry
}

// Opset is an operator set import. The empty domain is ai.onnx.
type Opset struct {
	Domain  string
	Version int64
}

// Entry is one key and value of metadata.
type Entry struct{ Key, Value string }

// Graph is a list of nodes in topological order with named values.
type Graph struct {
	Name         string
	Doc          string
	Nodes        []*Node
	Initializers []*Tensor
	Inputs       []*Value // includes initializers where the file lists them (IR < 4)
	Outputs      []*Value
	ValueInfo    []*Value
	Sparse       []*SparseTensor // sparse initializers
	Annotations  []Annotation    // quantization annotations
	Metadata     []Entry
}

// Annotation names the tensors that quantise another tensor.
type Annotation struct {
	Tensor string
	Params []Entry
}

// Node is one operator application. An empty string in Inputs is an optional
// input that is left out.
type Node struct {
	Name    string
	OpType  string
	Domain  string
	Inputs  []string
	Outputs []string
	Attrs   []*Attr
	Doc     string

	Overload       string // tells functions of one name apart
	Metadata       []Entry
	Configurations [][]byte // NodeDeviceConfigurationProto
}

// Function is a model-local function.
type Function struct {
	Domain, Name    string
	Inputs, Outputs []string
	AttrNames       []string
	AttrDefaults    []*Attr
	Nodes           []*Node
	Opsets          []Opset
	Overload        string
	Doc             string
	ValueInfo       []*Value
	Metadata        []Entry
}

// AttrType tells which field of an Attr holds its value.
type AttrType int

// Attribute types, with the numbers of the ONNX specification.
const (
	AttrFloat   AttrType = 1
	AttrInt     AttrType = 2
	AttrString  AttrType = 3
	AttrTensor  AttrType = 4
	AttrGraph   AttrType = 5
	AttrFloats  AttrType = 6
	AttrInts    AttrType = 7
	AttrStrings AttrType = 8
	AttrTensors AttrType = 9
	AttrGraphs  AttrType = 10

	AttrSparseTensor  AttrType = 11
	AttrSparseTensors AttrType = 12
	AttrTypeProto     AttrType = 13
	AttrTypeProtos    AttrType = 14
)

// Attr is a named attribute of a node.
type Attr struct {
	Name    string
	Type    AttrType
	Ref     string // ref_attr_name inside a function body
	F       float32
	I       int64
	S       []byte
	T       *Tensor
	G       *Graph
	Floats  []float32
	Ints    []int64
	Strings [][]byte
	Tensors []*Tensor
	Graphs  []*Graph
	Sparse  *SparseTensor
	Sparses []*SparseTensor
	Types   [][]byte // TypeProto; one for AttrTypeProto
	Doc     string
}

// Kind is the kind of type a Value has.
type Kind int

// The kinds of value.
const (
	KindTensor Kind = iota
	KindSequence
	KindMap
	KindOptional
	KindSparseTensor
	KindUnknown // no type given
)

// Value is a named, typed value of a graph.
type Value struct {
	Name     string
	Kind     Kind
	DType    DType // element type of a tensor; of the map's values for a map or a sequence of maps
	KeyDType DType // key type of a map or a sequence of maps
	HasShape bool
	Shape    []Dim
	Doc      string

	Denotation string
	Metadata   []Entry
	TypeProto  []byte // the whole type, where the fields above cannot say it; wins over them when writing
}

// Dim is one axis: a number, a name (Param), or neither when unknown
// (Value < 0 and Param empty).
type Dim struct {
	Value      int64
	Param      string
	Denotation string
}

// DType is an element type, with the numbers of TensorProto.DataType.
type DType int32

// The element types.
const (
	Undefined  DType = 0
	Float32    DType = 1
	Uint8      DType = 2
	Int8       DType = 3
	Uint16     DType = 4
	Int16      DType = 5
	Int32      DType = 6
	Int64      DType = 7
	String     DType = 8
	Bool       DType = 9
	Float16    DType = 10
	Float64    DType = 11
	Uint32     DType = 12
	Uint64     DType = 13
	Complex64  DType = 14
	Complex128 DType = 15
	BFloat16   DType = 16
)

// Tensor is a named constant. Data is little-endian and row-major whatever
// field of the file it came from; Strings replaces it for String tensors.
// External is set instead of Data when weights were not asked for.
type Tensor struct {
	Name     string
	DType    DType
	Dims     []int64
	Data     []byte
	Strings  [][]byte
	External *External
	Doc      string
	Metadata []Entry
}

// SparseTensor is a constant of shape Dims given by its non-zero Values (nnz)
// at Indices, either (nnz) positions in the row-major order or (nnz, rank)
// coordinates, int64. Its name is that of Values.
type SparseTensor struct {
	Values, Indices *Tensor
	Dims            []int64
}

// External says where in the model's folder a tensor's bytes lie.
type External struct {
	Location string
	Offset   int64
	Length   int64
	Checksum string
}
