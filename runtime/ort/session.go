//go:build cgo && linux

package ort

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	ortc "github.com/yalue/onnxruntime_go"
)

// Session runs one model in this process. A crash of native code takes the
// process with it: Worker is the safe way for models of others.
type Session struct {
	model    string // names the model in errors
	lib      Library
	native   *ortc.DynamicAdvancedSession
	options  *ortc.RunOptions
	inputs   []Info
	infos    []Info // of the outputs
	lanes    []*lane
	joined   []*output // of several lanes
	batch    int64
	provider string
	notes    []string
	results  []Value
}

// Open loads the model file. External data is found beside it.
//
// A file that ONNX Runtime refuses, or whose inputs or chosen outputs have
// types that cannot cross, is an Input fault; an unknown output or provider
// name Usage; no CUDA provider and no library Integrity.
func Open(modelPath string, o Options) (*Session, error) {
	return openFile(modelPath, modelPath, o, Library{})
}

// openFile loads the file at path; name stands for it in errors.
func openFile(name, path string, o Options, lib Library) (*Session, error) {
	abs, err := filepath.Abs(path)
	if err == nil {
		var st os.FileInfo
		if st, err = os.Stat(abs); err == nil && !st.Mode().IsRegular() {
			return nil, fault.New(fault.Input, name, "", "found no regular file, wanted an ONNX model")
		}
	}
	if err != nil {
		return nil, fault.New(fault.IO, name, "", "cannot be read: %s", reason(err))
	}
	if len(o.Expose) > 0 {
		data, err := os.ReadFile(abs)
		if err != nil {
			return nil, fault.New(fault.IO, name, "", "cannot be read: %s", reason(err))
		}
		return openBytes(name, onnx.Expose(data, o.Expose), o, lib)
	}
	return open(name, o, lib, source{
		describe: func(so *ortc.SessionOptions) ([]ortc.InputOutputInfo, []ortc.InputOutputInfo, error) {
			return ortc.GetInputOutputInfoWithOptions(abs, so)
		},
		create: func(in, out []string, so *ortc.SessionOptions) (*ortc.DynamicAdvancedSession, error) {
			return ortc.NewDynamicAdvancedSession(abs, in, out, so)
		},
	})
}

// OpenBytes loads a model from memory; name stands for it in errors. Such a
// model cannot have external data.
func OpenBytes(name string, data []byte, o Options) (*Session, error) {
	return openBytes(name, data, o, Library{})
}

func openBytes(name string, data []byte, o Options, lib Library) (*Session, error) {
	if len(data) == 0 {
		return nil, fault.New(fault.Input, name, "", "found no bytes, wanted an ONNX model")
	}
	return open(name, o, lib, source{
		describe: func(*ortc.SessionOptions) ([]ortc.InputOutputInfo, []ortc.InputOutputInfo, error) {
			return ortc.GetInputOutputInfoWithONNXData(data)
		},
		create: func(in, out []string, so *ortc.SessionOptions) (*ortc.DynamicAdvancedSession, error) {
			return ortc.NewDynamicAdvancedSessionWithONNXData(data, in, out, so)
		},
	})
}

// source is a model file or a model in memory.
type source struct {
	describe func(*ortc.SessionOptions) (inputs, outputs []ortc.InputOutputInfo, err error)
	create   func(inputs, outputs []string, so *ortc.SessionOptions) (*ortc.DynamicAdvancedSession, error)
}

// open makes a session; lib is found when it is zero.
func open(model string, o Options, lib Library, src source) (*Session, error) {
	if o.Batch < 0 || o.Threads < 0 || o.Lanes < 0 {
		return nil, fault.New(fault.Usage, model, "options", "batch %d, threads %d and lanes %d, wanted none negative", o.Batch, o.Threads, o.Lanes)
	}
	prov, err := parseProvider(o.Provider)
	if err != nil {
		return nil, err
	}
	if lib.Path == "" {
		if lib, err = Find(o.Library); err != nil {
			return nil, err
		}
	}
	if err := checkConfig(lib, prov, o.Config); err != nil {
		return nil, err
	}
	if lib, err = load(lib); err != nil {
		return nil, err
	}
	s := &Session{model: model, lib: lib, batch: int64(o.Batch)}
	if err := s.describe(src, o.Outputs); err != nil {
		return nil, err
	}
	if err := s.create(src, prov, o); err != nil {
		return nil, err
	}
	if s.options, err = ortc.NewRunOptions(); err != nil {
		s.Close()
		return nil, fault.New(fault.IO, model, "", "%s", cleanText(err.Error()))
	}
	for range max(1, o.Lanes) {
		s.lanes = append(s.lanes, newLane(s))
	}
	for _, info := range s.infos {
		s.joined = append(s.joined, newOutput(info))
	}
	return s, nil
}

// Recut implements Recutter.
func (s *Session) Recut(batch int) { s.batch = int64(max(0, batch)) }

// create makes the native session on the wanted provider, falling back to the
// CPU when that is allowed.
func (s *Session) create(src source, prov provider, o Options) error {
	if prov.cuda {
		err := s.createOn(src, o, func(so *ortc.SessionOptions) error { return appendCUDA(so, s.lib, prov.device, o.Config) })
		if err == nil {
			s.provider = fmt.Sprintf("cuda:%d", prov.device)
			return nil
		}
		if !prov.fallback {
			return err
		}
		s.notes = append(s.notes, "CUDA is not used, falling back to the CPU: "+err.Error())
		if _, unused := splitConfig(o.Config); unused != nil {
			s.notes = append(s.notes, "provider options not used on the CPU: "+strings.Join(unused, ", "))
		}
	}
	s.provider = "cpu"
	return s.createOn(src, o, func(*ortc.SessionOptions) error { return nil })
}

func (s *Session) createOn(src source, o Options, add func(*ortc.SessionOptions) error) error {
	so, err := newOptions(o.Threads)
	if err != nil {
		return fault.New(fault.IO, s.model, "", "%s", cleanText(err.Error()))
	}
	defer so.Destroy()
	entries, _ := splitConfig(o.Config)
	for _, key := range entries {
		if err := so.AddSessionConfigEntry(key, o.Config[key]); err != nil {
			return fault.New(fault.Usage, "", "provider option "+key, "got %q: %s", o.Config[key], cleanText(err.Error()))
		}
	}
	if err := add(so); err != nil {
		return err
	}
	var in, out []string
	for _, i := range s.inputs {
		in = append(in, i.Name)
	}
	for _, i := range s.infos {
		out = append(out, i.Name)
	}
	if s.native, err = src.create(in, out, so); err != nil {
		return s.refused(err)
	}
	return nil
}

// newOptions are session options that keep native code silent.
func newOptions(threads int) (*ortc.SessionOptions, error) {
	so, err := ortc.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	for _, set := range []func() error{
		func() error { return so.SetLogSeverityLevel(ortc.LoggingLevelFatal) },
		func() error { return so.SetIntraOpNumThreads(threads) },
		func() error { return so.SetInterOpNumThreads(1) },
	} {
		if err := set(); err != nil {
			so.Destroy()
			return nil, err
		}
	}
	return so, nil
}

// appendCUDA adds the CUDA provider with the caller's settings, in the order
// of their names.
func appendCUDA(so *ortc.SessionOptions, lib Library, device int, config map[string]string) error {
	if err := checkCUDA(lib); err != nil {
		return err
	}
	fail := func(err error) error {
		return fault.New(fault.Integrity, lib.Path, "CUDA provider", "%s", cleanText(err.Error()))
	}
	cuda, err := ortc.NewCUDAProviderOptions()
	if err != nil {
		return fail(err)
	}
	defer cuda.Destroy()
	if err := cuda.Update(map[string]string{"device_id": strconv.Itoa(device)}); err != nil {
		return fail(err)
	}
	_, options := splitConfig(config)
	for _, key := range options {
		if err := cuda.Update(map[string]string{key: config[key]}); err != nil {
			return fault.New(fault.Usage, "", "provider option "+key, "%s", cleanText(err.Error()))
		}
	}
	if err := so.AppendExecutionProviderCUDA(cuda); err != nil {
		return fail(err)
	}
	return nil
}

// refused is ONNX Runtime's refusal of the model.
func (s *Session) refused(err error) error {
	return fault.New(fault.Input, s.model, "", "ONNX Runtime %s refuses the model: %s", s.lib.Version, cleanText(err.Error()))
}

// Inputs lists the inputs in the order Run takes them.
func (s *Session) Inputs() []Info { return s.inputs }

// Outputs lists the outputs in the order Run returns them.
func (s *Session) Outputs() []Info { return s.infos }

// Provider is the execution provider in use: "cpu" or "cuda:N".
func (s *Session) Provider() string { return s.provider }

// Notes lists what the user should know, such as a fallback to the CPU.
func (s *Session) Notes() []string { return s.notes }

// Library is the loaded library.
func (s *Session) Library() Library { return s.lib }

// Close frees the native session. Results of Run stay valid.
func (s *Session) Close() error {
	if s.native == nil {
		return nil
	}
	for _, l := range s.lanes {
		l.free()
	}
	s.native.Destroy()
	s.native = nil
	if s.options != nil {
		s.options.Destroy()
	}
	return nil
}

// Run implements Runner. Inputs that the model does not take are Input faults,
// and so are the model's own failures; a cancelled ctx is Interrupted.
func (s *Session) Run(ctx context.Context, inputs []Value) ([]Value, error) {
	if s.native == nil {
		return nil, fault.New(fault.Usage, s.model, "", "the session is closed")
	}
	if len(inputs) != len(s.inputs) {
		return nil, fault.New(fault.Input, s.model, "inputs", "got %d, want %d", len(inputs), len(s.inputs))
	}
	for i, in := range s.inputs {
		if err := in.check(inputs[i], s.model, s.batch); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, s.cancelled(err)
	}
	release := s.terminateOn(ctx)
	err := s.run(inputs)
	release()
	if err != nil {
		if ctx.Err() != nil {
			return nil, s.cancelled(ctx.Err())
		}
		return nil, err
	}
	return s.results, nil
}

func (s *Session) cancelled(err error) error {
	return fault.New(fault.Interrupted, s.model, "", "run stopped: %w", err)
}

// terminateOn stops native code when ctx ends. The returned function undoes
// it and must be called after the run.
func (s *Session) terminateOn(ctx context.Context) func() {
	if ctx.Done() == nil {
		return func() {}
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(fired)
		s.options.Terminate()
	})
	return func() {
		if !stop() {
			<-fired
			s.options.UnsetTerminate()
		}
	}
}
