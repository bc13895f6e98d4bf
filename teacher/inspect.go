package teacher

import (
	"fmt"
	"os"
	"slices"
	"strconv"
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

// guessInput reads what would be fed off the declaration of one of n inputs.
func guessInput(v *onnx.Value, n int) string {
	if v.Kind != onnx.KindTensor || !slices.Contains(feedable, v.DType) {
		return ""
	}
	in := ort.Info{Name: v.Name, DType: v.DType}
	for _, d := range v.Shape {
		in.Shape = append(in.Shape, d.Value)
	}
	if value, _, ok := usualValue(in); ok && n > 1 {
		return "always " + value
	}
	few := func(d onnx.Dim) bool { return d.Value == 1 || d.Value == 3 || d.Value == 4 }
	columns, what := width(in), "columns"
	if v.DType == onnx.String {
		what = "texts"
	}
	switch {
	case !v.HasShape:
		return ""
	case len(v.Shape) == 0:
		return "a constant, to be given"
	case len(v.Shape) == 4 && few(v.Shape[1]):
		return "NCHW"
	case len(v.Shape) == 4 && few(v.Shape[3]):
		return "NHWC"
	case len(v.Shape) == 1 && v.Shape[0].Value > 1 && n == 1:
		return "one row a call"
	case len(v.Shape) > 2:
		return ""
	case columns == 1:
		return "one " + strings.TrimSuffix(what, "s")
	case n == 1 && what == "columns":
		return "flat"
	case columns < 0:
		return what
	}
	return fmt.Sprintf("%d %s", columns, what)
}

// keepsKind are operators that hand on the meaning of their first input.
var keepsKind = []string{"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "DequantizeLinear", "QuantizeLinear", "Clip"}

// guessKind reads what an output means off the operator that makes it.
func guessKind(maker map[string]*onnx.Node, v *onnx.Value) string {
	name := v.Name
	for range 16 {
		n := maker[name]
		if n == nil {
			return ""
		}
		switch op := n.OpType; {
		case op == "Softmax":
			return "probabilities"
		case op == "LogSoftmax":
			return "log-probabilities"
		case op == "Log" && len(n.Inputs) == 1 && maker[n.Inputs[0]] != nil && maker[n.Inputs[0]].OpType == "Softmax":
			return "log-probabilities"
		case op == "QLinearSoftmax":
			return "probabilities"
		case op == "Sigmoid" || op == "QLinearSigmoid":
			return endSigmoid
		case op == "ArgMax":
			return "labels"
		case op == "ZipMap":
			return "probabilities by class name"
		case strings.HasSuffix(op, "Regressor"):
			return endRegressor
		case strings.HasSuffix(op, "Classifier"):
			if len(n.Outputs) > 0 && n.Outputs[0] == name {
				return "labels"
			}
			return "scores of a classifier"
		case slices.Contains(keepsKind, op) && len(n.Inputs) > 0:
			name = n.Inputs[0]
			continue
		case quantised[op] > 0:
			return endLogits
		case v.Kind == onnx.KindTensor && !v.DType.Float():
			return "labels"
		case slices.Contains([]string{"Gemm", "MatMul", "Add", "Conv", "MatMulInteger", "QLinearMatMul", "Mul"}, op):
			return endLogits
		}
		return ""
	}
	return ""
}

// String is the information for people.
func (i *Info) String() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("model", "%s", fault.Printable(i.Path))
	row("sha256", "%s", i.SHA256)
	row("size", "%d bytes, %d parameters, %d bytes of weights", i.Bytes, i.Parameters, i.Weights)
	row("format", "IR %d, %s", i.IRVersion, listText(i.Opsets, ", "))
	if i.Producer != "" {
		row("producer", "%s", quoteText(i.Producer))
	}
	ports := func(name string, list []Port) {
		for n, p := range list {
			if n == mostShown {
				row(name, "and %d more", len(list)-n)
				return
			}
			row(name, "%s", p.text())
		}
	}
	ports("input", i.Inputs)
	ports("output", i.Outputs)
	ops := make([]string, len(i.Ops))
	for n, op := range i.Ops {
		ops[n] = fmt.Sprintf("%s×%d", op.Name, op.Count)
	}
	row("nodes", "%d: %s", i.Nodes, listText(ops, " "))
	for n, m := range i.Metadata {
		if n == mostShown {
			row("metadata", "and %d more", len(i.Metadata)-n)
			break
		}
		row("metadata", "%s: %s", quoteText(m.Key), quoteText(m.Value))
	}
	for _, w := range i.Warnings {
		row("warning", "%s", fault.Printable(w))
	}
	return b.String()
}

// What people are shown of a file that may hold anything.
const (
	mostShown   = 50   // entries of a list
	longestText = 1000 // bytes of a text
)

// listText joins the first entries of a list.
func listText(list []string, between string) string {
	shown := make([]string, 0, mostShown)
	for _, s := range list[:min(len(list), mostShown)] {
		shown = append(shown, fault.Printable(clipText(s)))
	}
	if more := len(list) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(shown, between)
}

// quoteText is a text in quotes.
func quoteText(s string) string {
	if clipped := clipText(s); clipped != s {
		return strconv.Quote(strings.TrimSuffix(clipped, "…")) + "…"
	}
	return strconv.Quote(s)
}

// clipText is the beginning of a long text.
func clipText(s string) string {
	if len(s) > longestText {
		return s[:longestText] + "…"
	}
	return s
}

func (p Port) text() string {
	s := quoteText(p.Name) + " " + p.Type
	if p.Shape != "" {
		s += " " + fault.Printable(clipText(p.Shape))
	}
	if p.Guess != "" {
		s += ", probably " + p.Guess
	}
	return s
}

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
