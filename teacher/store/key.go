package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
)

// Key says what a store's targets were computed from and how they are kept.
// Two stores with equal keys hold the same targets; a change of any field
// makes another store.
type Key struct {
	Teacher        string             `json:"teacher"`               // SHA-256 of the model with its external data
	Preprocess     dataset.Preprocess `json:"preprocess"`            // raw rows to the teacher's input
	Input          string             `json:"input"`                 // name of the teacher's input
	InputShape     []int64            `json:"input_shape,omitempty"` // shape of the teacher's input, -1 where any
	Output         string             `json:"output"`                // name of the teacher's output
	Task           string             `json:"task,omitempty"`        // what the targets are: logits of classes (empty), multi-label: of labels each on its own, regression: values
	Kind           string             `json:"kind"`                  // what the output means: logits, probabilities, log-probabilities, sigmoids, labels, values
	Shape          []int64            `json:"shape,omitempty"`       // of values: of those of one row, where they have several axes
	Columns        []int              `json:"columns,omitempty"`     // output column of each class, when not in order
	Classes        int                `json:"classes"`               // columns of a target row
	ClassNames     []string           `json:"class_names,omitempty"` // names by class, when the teacher gives them
	Batch          int                `json:"batch"`                 // rows of one call of the teacher
	Library        string             `json:"library"`               // SHA-256 of the ONNX Runtime library
	LibraryVersion string             `json:"library_version"`       // its version
	Provider       string             `json:"provider"`              // execution provider
	Options        []string           `json:"options,omitempty"`     // other options of the session, name=value, sorted
	DType          string             `json:"dtype"`                 // how a row is kept: DType.String
	Dataset        string             `json:"dataset"`               // Rows.Digest
}

// Hash is the SHA-256 of the key's canonical JSON and of the store's format,
// in hexadecimal: the name of a store in a cache.
func (k Key) Hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "target store %d\n", formatVersion)
	h.Write(canonical(k))
	return hex.EncodeToString(h.Sum(nil))
}

// Diff names the first field in which two keys differ, with both values as
// JSON, or returns an empty field.
func (k Key) Diff(other Key) (field, mine, theirs string) {
	a, b := reflect.ValueOf(k), reflect.ValueOf(other)
	for i := range a.NumField() {
		x, y := jsonOf(a.Field(i).Interface()), jsonOf(b.Field(i).Interface())
		if !bytes.Equal(x, y) {
			name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
			return name, string(x), string(y)
		}
	}
	return "", "", ""
}

// canonical is the one JSON text of a value of this package: struct order,
// indented, one newline at the end. A file that parses to v but differs from
// canonical(v) in any byte was not written here.
func canonical(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		panic(err) // the structs of this package always marshal
	}
	return buf.Bytes()
}

func jsonOf(v any) []byte { return bytes.TrimSpace(canonical(v)) }
