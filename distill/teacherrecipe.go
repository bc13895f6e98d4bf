package distill

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/teacher"
)

// ModelRecipe names one model and overrides what would be detected of it.
type ModelRecipe struct {
	Model    string   `yaml:"model" json:"model"`                       // .onnx file, a folder of several (an ensemble), or "embedded"
	Before   []string `yaml:"before,omitempty" json:"before,omitempty"` // models that the rows go through before it, in order
	Output   string   `yaml:"output" json:"output"`                     // name of the output that teaches; empty: detected
	Kind     string   `yaml:"kind" json:"kind"`                         // auto, or one of teacher.Kinds
	Task     string   `yaml:"task" json:"task"`                         // auto, or one of teacher.Tasks
	ClassMap string   `yaml:"class_map" json:"class_map"`               // which class of the rows each of the teacher's is, as teacher.ParseClassMap reads it; empty: by names or order
	Smooth   float64  `yaml:"smoothing" json:"smoothing"`               // probability that a teacher of labels alone leaves to the other classes
	Input    string   `yaml:"input" json:"input"`                       // auto, raw, unit (x/255), symmetric (x/127.5 - 1), standard (data set mean and std), imagenet, bytes (x·255), signed (x − 128)
	Prep     string   `yaml:"preprocess" json:"preprocess"`             // raw rows to input, as dataset.ParsePreprocess reads it; overrides Input
	Inputs   Inputs   `yaml:"inputs" json:"inputs"`                     // what goes into inputs, by name; the others: detected
	Batch    int      `yaml:"batch" json:"batch"`                       // rows a run; 0: detected
}

// MemberRecipe is one teacher of an ensemble. What it leaves empty is as the
// teacher block says.
type MemberRecipe struct {
	ModelRecipe `yaml:",inline"`
	Weight      float64 `yaml:"weight" json:"weight"`           // share in the mean, beside the others'; 0: 1
	Temperature float64 `yaml:"temperature" json:"temperature"` // its logits are divided by this before the mean; 0: 1
}

// TeacherRecipe names the teacher, or several, and says how they run.
type TeacherRecipe struct {
	ModelRecipe  `yaml:",inline"`
	Ensemble     []MemberRecipe    `yaml:"ensemble,omitempty" json:"ensemble,omitempty"`         // instead of Model: several as one
	Mean         string            `yaml:"mean" json:"mean"`                                     // arithmetic or geometric
	Weights      []float64         `yaml:"weights,omitempty" json:"weights,omitempty"`           // of the members in order, where they do not say theirs
	Temperatures []float64         `yaml:"temperatures,omitempty" json:"temperatures,omitempty"` // likewise
	Store        string            `yaml:"store" json:"store"`                                   // folder of the target store; empty: in the cache, keyed by content
	StoreDType   string            `yaml:"store_dtype" json:"store_dtype"`                       // how the store keeps logits, as store.ParseDType reads it; empty: as the store that is there, float32 in a new one
	Mode         string            `yaml:"mode" json:"mode"`                                     // about which rows it is asked: store, online or views:N, see teacherMode
	Provider     string            `yaml:"provider" json:"provider"`                             // cpu, cuda, cuda:N or auto
	Options      map[string]string `yaml:"provider_options" json:"provider_options,omitempty"`   // of the provider, or entries of the session such as session.intra_op.allow_spinning
	Library      string            `yaml:"library" json:"library"`                               // libonnxruntime; empty: looked up
	Repair       bool              `yaml:"repair" json:"repair"`                                 // compute damaged shards of the store again
	Threads      int               `yaml:"threads" json:"threads"`                               // cores to run on; 0: all
	Timeout      time.Duration     `yaml:"timeout" json:"timeout"`                               // longest wait for one batch
	Memory       int64             `yaml:"memory" json:"memory"`                                 // cap of the teacher process in MiB; 0: teacher.MemoryShare of what is free, -1: none
	Doctor       bool              `yaml:"doctor" json:"doctor"`                                 // look in short whether it is any good, before it runs over all rows
	Strict       bool              `yaml:"strict" json:"strict"`                                 // refuse weights that are NaN or infinite, instead of warning of them
}

// Named tells whether a model is named at all.
func (t *TeacherRecipe) Named() bool { return t.Model != "" || len(t.Ensemble) > 0 }

// files are all model files that t names.
func (t *TeacherRecipe) files() []string {
	all := append(slices.Clone(t.Before), t.Model)
	for _, m := range t.Ensemble {
		all = append(append(all, m.Before...), m.Model)
	}
	return all
}

// check refuses names and texts that nothing could follow.
func (t *TeacherRecipe) check() error {
	if _, err := teacher.ParseMean(t.Mean); err != nil {
		return err
	}
	if t.Model != "" && len(t.Ensemble) > 0 {
		return fault.New(fault.Usage, "", "teacher", "got a model (%s) and an ensemble of %d, expected one or the other", t.Model, len(t.Ensemble))
	}
	if err := t.ModelRecipe.check(); err != nil {
		return err
	}
	for i, m := range t.Ensemble {
		if m.Model == "" {
			return fault.New(fault.Usage, "", fmt.Sprintf("teacher.ensemble[%d].model", i), "missing: name the member's .onnx file")
		}
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

func (m *ModelRecipe) check() error {
	for _, c := range []struct {
		flag, value string
		names       []string
	}{
		{"--teacher-kind", m.Kind, teacher.KindNames()},
		{"--teacher-task", m.Task, teacher.Tasks},
		{"--teacher-input", m.Input, append([]string{"auto"}, teacher.Ranges...)},
	} {
		if c.value != "" && !slices.Contains(c.names, c.value) {
			return fault.New(fault.Usage, "", c.flag, "got %q, expected one of %s", c.value, strings.Join(c.names, ", "))
		}
	}
	switch {
	case m.Batch < 0 || m.Batch > 1<<16:
		return fault.New(fault.Usage, "", "--teacher-batch", "got %d, expected a number from 0 to 65536", m.Batch)
	case m.Smooth != 0 && !(m.Smooth >= 1e-6 && m.Smooth < 0.5):
		return fault.New(fault.Usage, "", "--teacher-smoothing", "got %v, expected a probability from 1e-6 to below 0.5", m.Smooth)
	}
	if _, err := dataset.ParsePreprocess(m.Prep); err != nil {
		return err
	}
	_, err := teacher.ParseClassMap(m.ClassMap)
	return err
}

// over is m with what it leaves empty as base says.
func (m ModelRecipe) over(base ModelRecipe) ModelRecipe {
	fill := func(to *string, from string) {
		if *to == "" {
			*to = from
		}
	}
	for _, f := range []struct{ to, from *string }{{&m.Output, &base.Output}, {&m.Kind, &base.Kind}, {&m.Task, &base.Task},
		{&m.ClassMap, &base.ClassMap}, {&m.Input, &base.Input}, {&m.Prep, &base.Prep}} {
		fill(f.to, *f.from)
	}
	if m.Before == nil {
		m.Before = base.Before
	}
	if m.Inputs == nil {
		m.Inputs = base.Inputs
	}
	if m.Smooth == 0 {
		m.Smooth = base.Smooth
	}
	if m.Batch == 0 {
		m.Batch = base.Batch
	}
	return m
}

// members are the teachers that t names, one or several: a folder stands for
// the .onnx files in it, by name.
func (t *TeacherRecipe) members() ([]MemberRecipe, error) {
	if len(t.Ensemble) > 0 {
		return t.Ensemble, nil
	}
	st, err := os.Stat(t.Model)
	if t.Model == Embedded || err != nil || !st.IsDir() {
		return []MemberRecipe{{ModelRecipe: t.ModelRecipe}}, nil
	}
	entries, err := os.ReadDir(t.Model)
	if err != nil {
		return nil, fault.New(fault.IO, t.Model, "", "cannot list: %w", err)
	}
	var all []MemberRecipe
	for _, e := range entries {
		if strings.EqualFold(filepath.Ext(e.Name()), ".onnx") && !e.IsDir() {
			all = append(all, MemberRecipe{ModelRecipe: ModelRecipe{Model: filepath.Join(t.Model, e.Name())}})
		}
	}
	if len(all) == 0 {
		return nil, fault.New(fault.Input, t.Model, "", "is a folder without .onnx files, expected a model, or a folder of several to make an ensemble of")
	}
	return all, nil
}

// Models lists the models that t names, those of a folder each.
func (t *TeacherRecipe) Models() ([]string, error) {
	members, err := t.members()
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(members))
	for i, m := range members {
		paths[i] = m.Model
	}
	return paths, nil
}

// memoryLimit is Memory in bytes, as teacher.Options takes it.
func (t *TeacherRecipe) memoryLimit() int64 {
	if t.Memory < 0 {
		return -1
	}
	return t.Memory << 20
}

// OpenTeacher opens the model that t names, or several as one; the embedded one
// is unpacked into the cache first. close ends their processes.
func OpenTeacher(ctx context.Context, t *TeacherRecipe, cache string) (m teacher.Model, close func(), err error) {
	members, err := t.members()
	if err != nil {
		return nil, nil, err
	}
	if len(members) == 1 {
		if r := members[0]; len(t.Weights)+len(t.Temperatures) > 0 || r.Weight != 0 || r.Temperature != 0 {
			return nil, nil, fault.New(fault.Usage, "", "teacher", "got weights or temperatures of an ensemble, expected several teachers with them")
		}
		one, err := t.open(ctx, members[0].over(t.ModelRecipe), t.StoreDType, cache)
		if err != nil {
			return nil, nil, err
		}
		return one, func() { one.Close() }, nil
	}
	o := teacher.EnsembleOptions{Weights: t.Weights, Temperatures: t.Temperatures, DType: t.StoreDType, Scratch: cache}
	if o.Mean, err = teacher.ParseMean(t.Mean); err != nil {
		return nil, nil, err
	}
	var all []*teacher.Teacher
	stop := func() {
		for _, m := range all {
			m.Close()
		}
	}
	for k, r := range members {
		if err := t.own(&o.Weights, "weight", r.Weight, k, len(members)); err != nil {
			stop()
			return nil, nil, err
		}
		if err := t.own(&o.Temperatures, "temperature", r.Temperature, k, len(members)); err != nil {
			stop()
			return nil, nil, err
		}
		one, err := t.open(ctx, r.over(t.ModelRecipe), "", cache)
		if err != nil {
			stop()
			return nil, nil, err
		}
		all = append(all, one)
	}
	e, err := teacher.NewEnsemble(all, o)
	if err != nil {
		stop()
		return nil, nil, err
	}
	return e, func() { e.Close() }, nil
}

// own puts the number that member k has of its own into list.
func (t *TeacherRecipe) own(list *[]float64, what string, v float64, k, members int) error {
	if v == 0 {
		return nil
	}
	if (what == "weight" && t.Weights != nil) || (what == "temperature" && t.Temperatures != nil) {
		return fault.New(fault.Usage, "", fmt.Sprintf("teacher.ensemble[%d].%s", k, what), "got %v beside teacher.%ss, expected one or the other", v, what)
	}
	if *list == nil {
		*list = slices.Repeat([]float64{1}, members)
	}
	(*list)[k] = v
	return nil
}

// open opens one model.
func (t *TeacherRecipe) open(ctx context.Context, m ModelRecipe, dtype, cache string) (*teacher.Teacher, error) {
	if err := ort.Available(); err != nil {
		return nil, err
	}
	path, err := ModelFile(m.Model, cache)
	if err != nil {
		return nil, err
	}
	var pre *dataset.Preprocess
	if m.Prep != "" {
		p, err := dataset.ParsePreprocess(m.Prep)
		if err != nil {
			return nil, err
		}
		pre = &p
	}
	classMap, err := teacher.ParseClassMap(m.ClassMap)
	if err != nil {
		return nil, err
	}
	return teacher.Open(ctx, path, teacher.Options{
		Before: m.Before, Preprocess: pre, Inputs: m.Inputs, Task: m.Task, ClassMap: classMap, Smoothing: m.Smooth,
		Output: m.Output, Kind: teacher.Kind(m.Kind), Input: m.Input, Batch: m.Batch, Provider: t.Provider, Config: t.Options,
		Library: t.Library, Threads: t.Threads, Timeout: t.Timeout, MemoryLimit: t.memoryLimit(), Strict: t.Strict,
		DType: dtype, Scratch: cache,
	})
}
