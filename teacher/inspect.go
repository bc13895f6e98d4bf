package teacher

import (
	"fmt"
	"os"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// Info is what a model file says of itself, without running it.
type Info struct {
	Path       string   `json:"path"`
	SHA256     string   `json:"sha256"` // of the model with its external data
	Bytes      int64    `json:"bytes"`  // of the model file
	IRVersion  int64    `json:"ir_version"`
	Producer   string   `json:"producer,omitempty"`
	Opsets     []string `json:"opsets"` // domain and version
	Inputs     []Port   `json:"inputs"`
	Outputs    []Port   `json:"outputs"`
	Nodes      int      `json:"nodes"`
	Ops        []Op     `json:"ops"` // most frequent first
	Parameters int64    `json:"parameters"`
	Weights    int64    `json:"weight_bytes"` // of all constants, external data included
	Metadata   []Meta   `json:"metadata,omitempty"`
	Warnings   []string `json:"warnings,omitempty"` // of weights that are NaN, infinite or denormal
}

// Port is a graph input or output.
type Port struct {
	Name  string `json:"name"`
	Type  string `json:"type"`            // element type, or the kind of a value that is no tensor
	Shape string `json:"shape,omitempty"` // as declared
	Guess string `json:"guess,omitempty"` // what would go into an input, kind of an output
}

// Op is how often an operator occurs.
type Op struct {
	Name  string `json:"op"`
	Count int    `json:"count"`
}

// Meta is one entry of the metadata.
type Meta struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Inspect reads and checks the model at path without running it. A file that
// is no usable model is a fault.Input that names the field.
func Inspect(path string) (*Info, error) {
	m, err := onnx.Read(path, onnx.ReadOptions{})
	if err != nil {
		return nil, err
	}
	digest, err := onnx.Digest(path)
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot stat: %w", err)
	}
	odd, err := oddities(path, m)
	if err != nil {
		return nil, err
	}
	sum := onnx.Summary(m)
	info := &Info{
		Path: path, SHA256: digest, Bytes: st.Size(), IRVersion: m.IRVersion,
		Producer: strings.TrimSpace(m.ProducerName + " " + m.ProducerVersion),
		Nodes:    sum.Nodes, Parameters: sum.Parameters, Weights: sum.Bytes,
		Warnings: odd,
		Opsets:   []string{}, Inputs: []Port{}, Outputs: []Port{}, Ops: []Op{},
	}
	for _, o := range m.Opsets {
		info.Opsets = append(info.Opsets, fmt.Sprintf("%s %d", domainName(o.Domain), o.Version))
	}
	for _, op := range sum.Ops {
		name := op.OpType
		if op.Domain != "" {
			name = op.Domain + "." + name
		}
		info.Ops = append(info.Ops, Op{name, op.Count})
	}
	real := m.Graph.RealInputs()
	for _, v := range real {
		p := portOf(v)
		p.Guess = guessInput(v, len(real))
		info.Inputs = append(info.Inputs, p)
	}
	maker := makers(m.Graph)
	for _, v := range m.Graph.Outputs {
		p := portOf(v)
		p.Guess = guessKind(maker, v)
		info.Outputs = append(info.Outputs, p)
	}
	for _, e := range m.Metadata {
		info.Metadata = append(info.Metadata, Meta{e.Key, e.Value})
	}
	return info, nil
}

// Finite refuses the model at path when a weight in it is NaN or infinite.
func Finite(path string) error {
	_, err := onnx.Read(path, onnx.ReadOptions{Strict: true})
	return err
}

// oddities warns of constants that hold NaN, infinite or denormal numbers, of
// the first few by name.
func oddities(path string, m *onnx.Model) ([]string, error) {
	list, err := onnx.Oddities(path, m)
	const most = 5
	if n := len(list); n > most {
		list = append(list[:most], fmt.Sprintf("%d more constants hold NaN, infinite or denormal numbers", n-most))
	}
	return list, err
}

func domainName(d string) string {
	if d == "" {
		return "ai.onnx"
	}
	return d
}

// kindNames are the kinds of value that are no tensor.
var kindNames = map[onnx.Kind]string{
	onnx.KindSequence: "sequence", onnx.KindMap: "map", onnx.KindOptional: "optional",
	onnx.KindSparseTensor: "sparse tensor", onnx.KindUnknown: "unknown",
}

func portOf(v *onnx.Value) Port {
	p := Port{Name: v.Name}
	switch {
	case v.Kind == onnx.KindTensor:
		p.Type = v.DType.String()
	case v.KeyDType != onnx.Undefined && v.Kind == onnx.KindSequence:
		p.Type = fmt.Sprintf("sequence of maps from %v to %v", v.KeyDType, v.DType)
	default:
		p.Type = kindNames[v.Kind]
	}
	if v.HasShape {
		parts := make([]string, len(v.Shape))
		for i, d := range v.Shape {
			switch {
			case d.Param != "":
				parts[i] = d.Param
			case d.Value < 0:
				parts[i] = "?"
			default:
				parts[i] = fmt.Sprint(d.Value)
			}
		}
		p.Shape = "(" + strings.Join(parts, ", ") + ")"
	}
	return p
}

// What people are shown of a file that may hold anything.
const (
	mostShown   = 50   // entries of a list
	longestText = 1000 // bytes of a text
)

// outputsOf describes the declared outputs of m.
func outputsOf(m *onnx.Model) []ort.Info {
	var infos []ort.Info
	for _, v := range m.Graph.Outputs {
		info := ort.Info{Name: v.Name, Kind: v.Kind, DType: v.DType}
		for _, d := range v.Shape {
			info.Shape = append(info.Shape, d.Value)
		}
		infos = append(infos, info)
	}
	return infos
}
