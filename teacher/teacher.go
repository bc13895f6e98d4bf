// Package teacher turns any ONNX model into a teacher: it finds out, by
// looking at what the model says of real rows, what its input wants and what
// its output means, and gives logits whatever that is. Fill puts them into a
// target store.
//
// # Invariants
//
// A model file is read and checked in Go before native code sees it. The model
// runs in a worker process: that it dies or hangs costs one batch. A row's
// logits depend on the row alone: a model that mixes the rows of a batch is run
// row by row.
package teacher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// Teacher is an open model. It is not safe for concurrent use.
type Teacher struct {
	path    string
	digest  string
	library ort.Library
	scalars []string // inputs that are declared to have no axes
	o       Options
	start   func(ctx context.Context, o ort.Options) (ort.Runner, error)

	graph    outline
	own      *Teacher       // the same model for its own outputs, where the one asked for is inside the graph; not open
	rows     string         // what faults call the rows; empty: nothing
	labelAt  map[string]int // of contract: position of each of LabelTexts
	strange  string         // a label that is none of them
	outputs  []string       // what is fetched before one output is chosen; nil: all
	runner   ort.Runner
	opened   ort.Options // what runner was opened with
	tried    bool        // Detect ran before, and may have narrowed what is open
	contract *Contract
	encode   *encoder  // of contract
	seen     *answered // what Detect looked at, until Glance or Fill
	keeper
	restarts []error       // worker deaths that a restart mended, since Fill last looked
	cut      cut           // how Fill cuts rows
	careful  bool          // Fill hands over one piece at a time, for more end the process
	online   OnlineOptions // Rows is 0 until Online
	stats    Stats
	oddities []string      // warnings of the weights
	stamps   []*onnx.Stamp // of the files that were checked
}

// Open reads and checks the model at path and starts the process that runs it.
//
// A file that is no usable model is a fault.Input that names the field, no or
// an unusable library a fault.Integrity, a worker that dies while loading a
// fault.Teacher.
func Open(ctx context.Context, path string, o Options) (*Teacher, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	t := &Teacher{path: path, o: o}
	var err error
	t.scratch = o.Scratch
	if t.dtype, err = store.ParseDType(o.DType); err != nil {
		return nil, err
	}
	paths := append(slices.Clone(o.Before), path)
	models, digests, err := t.readModels(paths)
	if err != nil {
		return nil, err
	}
	if t.library, err = ort.Find(o.Library); err != nil {
		return nil, err
	}
	m := models[len(models)-1]
	t.digest, t.graph = digestOf(digests), outlineOf(m, o.Output)
	if !t.graph.inside && o.Output != "" && !slices.ContainsFunc(m.Graph.Outputs, func(v *onnx.Value) bool { return v.Name == o.Output }) {
		return nil, fault.New(fault.Usage, path, "output "+o.Output, "not there: the model has %s; kdonnx inspect --values lists the values inside it", describe(outputsOf(m)))
	}
	if o.MemoryLimit == 0 {
		o.MemoryLimit = ort.FreeMemory() / 100 * MemoryShare
	}
	if t.outputs, err = fetchable(path, m, o.Output); err != nil {
		return nil, err
	}
	if t.scalars, err = takeable(paths[0], models[0]); err != nil {
		return nil, err
	}
	if task, _ := o.taskAsked(); t.graph.inside || task == dataset.Regression {
		t.own = t.forOwnOutputs(m)
	}
	start := func(ctx context.Context, path string, so ort.Options) (ort.Runner, error) {
		if o.InProcess {
			s, err := ort.Open(path, so)
			if err != nil {
				return nil, err
			}
			return s, nil
		}
		w, err := ort.StartWorker(ctx, path, so, ort.WorkerOptions{Timeout: o.Timeout, MemoryLimit: max(0, o.MemoryLimit), Stderr: o.Stderr})
		if err != nil {
			return nil, err
		}
		return w, nil
	}
	t.start = func(ctx context.Context, so ort.Options) (ort.Runner, error) {
		if len(paths) == 1 {
			return start(ctx, path, so)
		}
		c, err := startChain(ctx, paths, models, so, start)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	if err := t.open(ctx, t.outputs, 0); err != nil {
		return nil, outdated(m, err)
	}
	return t, nil
}

// oldestOpset is the oldest version of the standard operators that ONNX Runtime
// promises to run.
const oldestOpset = 7

// outdated adds to ONNX Runtime's refusal that the model is older than it
// supports, which its own words do not say.
func outdated(m *onnx.Model, err error) error {
	var f *fault.Error
	if v := m.Opset(""); v == 0 || v >= oldestOpset || !errors.As(err, &f) || f.Kind != fault.Input {
		return err
	}
	return fault.New(f.Kind, f.Path, "opset_import", "got version %d, ONNX Runtime supports %d and newer: %s", m.Opset(""), oldestOpset, f.Msg)
}

// fetchable lists the outputs that can be looked at: all (nil), or those that
// are tensors of numbers or maps where some are not.
func fetchable(path string, m *onnx.Model, want string) ([]string, error) {
	if want != "" {
		return []string{want}, nil
	}
	var names []string
	var all []string
	for _, v := range m.Graph.Outputs {
		p := portOf(v)
		all = append(all, strings.TrimSpace(fmt.Sprintf("%q %s %s", p.Name, p.Type, p.Shape)))
		tensor := v.Kind == onnx.KindTensor
		maps := v.Kind == onnx.KindMap || v.Kind == onnx.KindSequence && v.KeyDType != onnx.Undefined
		if tensor || maps || v.Kind == onnx.KindUnknown {
			names = append(names, v.Name)
		}
	}
	switch len(names) {
	case 0:
		return nil, fault.New(fault.Input, path, "outputs", "expected a tensor of scores or a map from class to probability, got %s", cmp.Or(strings.Join(all, ", "), "no outputs"))
	case len(all):
		return nil, nil
	}
	return names, nil
}

// Name is the name of the model's file.
func (t *Teacher) Name() string { return filepath.Base(t.path) }

// Path is the file that was opened.
func (t *Teacher) Path() string { return t.path }

// NameRows says what faults call the rows that Detect looks at, such as their
// file.
func (t *Teacher) NameRows(name string) { t.rows = name }

// Digest is the SHA-256 of the model with its external data; of a chain that
// of the digests of its models.
func (t *Teacher) Digest() string { return t.digest }

// Contract is what Detect found, or nil before.
func (t *Teacher) Contract() *Contract { return t.contract }

// Close ends the worker process.
func (t *Teacher) Close() error {
	t.known.close()
	t.known = nil
	return t.stop()
}
