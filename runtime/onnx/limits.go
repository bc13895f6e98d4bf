package onnx

// maxProto is the size limit of one protobuf message, 2 GiB less one byte.
const maxProto = 1<<31 - 1

// What of the specification is known here.
const (
	minIR, maxIR       = 3, 13
	minOpset, maxOpset = 1, 26 // of the standard domain
)

// Limits bound what a model may ask for. A zero field means its default.
type Limits struct {
	FileSize      int64 // bytes of the model file; 2 GiB − 1, and never more
	Depth         int   // protobuf messages inside one another; 100, as in ONNX Runtime
	SubgraphDepth int   // graphs inside one another; 32
	FunctionDepth int   // functions that call one another; 100
	Nodes         int64 // nodes in all graphs, every call of a function counted; 1,000,000
	Initializers  int64 // in all graphs; 1,000,000
	Rank          int   // axes of a tensor or value; 16
	Name          int   // bytes of a name, a domain or a metadata key; 65,536
	Metadata      int   // metadata properties of one model, graph, node or tensor; 10,000
	Overhead      int64 // bytes that the decoded structure may take beyond the bytes it is decoded from; 256 MiB
	External      int64 // bytes of external data loaded or digested; 16 GiB
}

// ReadOptions say how to read a model. The zero value inspects: structure and
// the existence and extent of external data, but not its bytes.
type ReadOptions struct {
	Limits  Limits
	Weights bool // load external data into Tensor.Data
	Strict  bool // refuse constants that hold NaN or Inf
}

func (l Limits) withDefaults() Limits {
	set(&l.FileSize, maxProto)
	set(&l.Depth, 100)
	set(&l.SubgraphDepth, 32)
	set(&l.FunctionDepth, 100)
	set(&l.Nodes, 1_000_000)
	set(&l.Initializers, 1_000_000)
	set(&l.Rank, 16)
	set(&l.Name, 1<<16)
	set(&l.Metadata, 10_000)
	set(&l.Overhead, 256<<20)
	set(&l.External, 16<<30)
	l.FileSize = min(l.FileSize, maxProto)
	return l
}

func set[T int | int64](field *T, def T) {
	if *field == 0 {
		*field = def
	}
}
