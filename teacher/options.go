package teacher

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
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

// config lists the provider options as name=value, sorted.
func (o Options) config() []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(o.Config)) {
		out = append(out, fmt.Sprintf("%s=%s", k, o.Config[k]))
	}
	return out
}
