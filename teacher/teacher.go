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
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// DefaultBatch is the number of rows of one call when the model takes any;
// fewer on the CPU when rows are large.
const DefaultBatch = 128

// MemoryShare is the percentage of the memory that is free when the model is
// opened that its process may have, so that a teacher that eats memory ends
// before the machine swaps.
const MemoryShare = 80

// Options of a teacher. The zero value detects everything and runs on the CPU
// in a worker process.
type Options struct {
	Before      []string            // models that the rows go through before this one, in order: an imputer, a scaler
	Inputs      []string            // what goes into an input: NAME=COLUMN,…, NAME=* for the whole row, NAME=@VALUE; the others: detected
	Output      string              // name of the output that teaches, or of a value inside the graph; empty: detected
	Kind        Kind                // what it means; empty or Auto: detected
	Task        string              // what it teaches, see Tasks; empty or auto: as the rows' labels are, else detected
	ClassMap    []ClassPair         // which class of the rows each of the teacher's is; nil: matched by names or order
	Smoothing   float64             // probability that a teacher of labels leaves to the other classes; 0: DefaultSmoothing
	Input       string              // value range of the input, see Ranges; empty or "auto": detected
	Preprocess  *dataset.Preprocess // raw rows to input; nil: detected. Overrides Input
	Batch       int                 // rows a call; 0: from the model, DefaultBatch when it takes any
	Provider    string              // execution provider, see ort.Options
	Config      map[string]string   // provider options
	Library     string              // path of libonnxruntime; empty: looked up
	Threads     int                 // cores to run on; 0: all
	Timeout     time.Duration       // of one call; 0: none
	MemoryLimit int64               // bytes of the worker process; 0: MemoryShare of what is free, below 0: none
	Stderr      io.Writer           // where the worker's stderr goes; nil: nowhere
	Strict      bool                // refuse weights that are NaN or infinite, instead of warning of them
	InProcess   bool                // run without a worker: for models that are trusted
	Seed        uint64              // chooses the rows that Detect looks at
	DType       string              // how targets are kept, as store.ParseDType reads it; empty: as the store that is there, float32 in a new one
	Scratch     string              // folder of temporary files; empty: the system's
}

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
	restarts []error // worker deaths that a restart mended, since Fill last looked
	cut      cut     // how Fill cuts rows
	careful  bool    // Fill hands over one piece at a time, for more end the process
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

// check refuses options that no model could follow.
func (o Options) check() error {
	switch {
	case o.Kind != "" && !slices.Contains(Kinds, o.Kind):
		return fault.New(fault.Usage, "", "teacher kind", "got %q, expected one of %q", o.Kind, Kinds)
	case o.Task != "" && !slices.Contains(Tasks, o.Task):
		return fault.New(fault.Usage, "", "teacher task", "got %q, expected one of %q", o.Task, Tasks)
	case o.Task == "regression" && !slices.Contains([]Kind{"", Auto, Values}, o.Kind), o.Kind == Values && !slices.Contains([]string{"", "auto", "regression"}, o.Task):
		return fault.New(fault.Usage, "", "teacher kind", "got %q with the task %q: values go with regression, and nothing else does", o.Kind, o.Task)
	case o.Smoothing != 0 && !(o.Smoothing >= 1e-6 && o.Smoothing < 0.5):
		return fault.New(fault.Usage, "", "teacher smoothing", "got %v, expected 1e-6 or more and less than 0.5", o.Smoothing)
	case o.Input != "" && o.Input != "auto" && !slices.Contains(Ranges, o.Input):
		return fault.New(fault.Usage, "", "teacher input", "got %q, expected auto or one of %q", o.Input, Ranges)
	case o.Batch < 0:
		return fault.New(fault.Usage, "", "teacher batch", "got %d, expected 0 or more", o.Batch)
	case o.Threads < 0:
		return fault.New(fault.Usage, "", "threads", "got %d, expected 0 or more", o.Threads)
	}
	return checkAssignments(o.Inputs)
}

// open starts a runner for the given outputs (nil: all) and fixed batch, in
// place of the present one.
func (t *Teacher) open(ctx context.Context, outputs []string, batch int) error {
	o := ort.Options{
		Library: t.library.Path, Provider: t.o.Provider, Config: t.o.Config, Threads: t.o.Threads,
		Outputs: outputs, Batch: batch,
	}
	if t.graph.inside {
		o.Expose = []string{t.o.Output}
	}
	return t.reopen(ctx, o)
}

// reopen starts a runner in place of the present one.
func (t *Teacher) reopen(ctx context.Context, o ort.Options) error {
	t.opened = o
	if w, ok := t.runner.(interface {
		Reopen(ctx context.Context, o ort.Options) error
	}); ok {
		if err := w.Reopen(ctx, o); err != nil {
			t.stop()
			return err
		}
		return t.same()
	}
	t.stop()
	r, err := t.start(ctx, o)
	if err != nil {
		return err
	}
	t.runner = r
	return t.same()
}

// same requires that native code opened the files that were checked.
func (t *Teacher) same() error {
	for _, s := range t.stamps {
		if err := s.Same(); err != nil {
			return err
		}
	}
	return nil
}

// restart starts the worker again, on the files that were checked.
func (t *Teacher) restart(ctx context.Context, r restarter) error {
	t.stats.Restarts++
	if err := r.Restart(ctx); err != nil {
		return err
	}
	return t.same()
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

// stop ends the worker process, for another to come or for good.
func (t *Teacher) stop() error {
	if t.runner == nil {
		return nil
	}
	err := t.runner.Close()
	t.Memory()
	t.runner = nil
	return err
}

// restarter is a runner in a process of its own.
type restarter interface {
	Restart(ctx context.Context) error
}

// goesAhead is a runner that takes the inputs of the next run during a run.
type goesAhead interface {
	RunAhead(ctx context.Context, in, next []ort.Value) ([]ort.Value, error)
}

// call runs the model once. The call after it should be for next, unless that
// is nil.
func (t *Teacher) call(ctx context.Context, in, next []ort.Value) ([]ort.Value, error) {
	if r, ok := t.runner.(goesAhead); ok && next != nil {
		return r.RunAhead(ctx, in, next)
	}
	return t.runner.Run(ctx, in)
}

// run calls the model on in alone.
func (t *Teacher) run(ctx context.Context, in []ort.Value) ([]ort.Value, error) {
	return t.runThen(ctx, in, nil)
}

// runThen calls the model, and says what comes next, nil for nothing. When the
// worker dies or times out it is started again and asked once more; what ends
// it twice is given up. While the contract is not known a timeout is final:
// there is another batch size to try.
func (t *Teacher) runThen(ctx context.Context, in, next []ort.Value) ([]ort.Value, error) {
	if t.runner == nil {
		return nil, fault.New(fault.Usage, t.path, "", "the teacher is closed")
	}
	start := time.Now()
	out, err := t.call(ctx, in, next)
	r, can := t.runner.(restarter)
	if err == nil || !can || ctx.Err() != nil || !isTeacher(err) {
		return out, err
	}
	if hung := t.o.Timeout > 0 && time.Since(start) >= t.o.Timeout; hung && t.contract == nil {
		return nil, err
	}
	if again := t.restart(ctx, r); again != nil {
		return nil, again
	}
	out, again := t.call(ctx, in, next)
	if again == nil {
		t.restarts = append(t.restarts, err)
		return out, nil
	}
	if isTeacher(again) {
		// Leave a live worker behind for whoever goes on without this batch.
		if dead := t.revive(ctx, again); dead != again {
			return nil, dead
		}
		return nil, endedTwice{fault.New(fault.Teacher, t.path, "", "ended twice on the same batch, after a restart too: %w", again)}
	}
	return nil, again
}

func isTeacher(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Kind == fault.Teacher
}

// session says what a runner tells of itself beyond the Runner interface.
func (t *Teacher) provider() (name string, notes []string) {
	name = t.o.Provider
	if name == "" {
		name = "cpu"
	}
	if p, ok := t.runner.(interface{ Provider() string }); ok && p.Provider() != "" {
		name = p.Provider()
	}
	if n, ok := t.runner.(interface{ Notes() []string }); ok {
		notes = n.Notes()
	}
	return name, notes
}

// config lists the provider options as name=value, sorted.
func (o Options) config() []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(o.Config)) {
		out = append(out, fmt.Sprintf("%s=%s", k, o.Config[k]))
	}
	return out
}
