package distill

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/recalibrate"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/teacher"
)

// RecalibrateOptions say which classes of which model are made to have which
// share of which rows.
type RecalibrateOptions struct {
	Model      TeacherRecipe   // Model.Model is the .onnx file; the rest is for one that kdonnx did not export
	Rows       dataset.Source  // as the model will meet them; their labels are not used
	RowsName   string          // what faults call Rows
	Like       dataset.Options // how the rows of a prior's labels are read
	Prior      string          // see recalibrating.priorOf
	Classes    []string        // names or numbers, or "all"; empty: those that Prior names if it is of some, else those that the transfer set lacked
	Output     string          // the new .onnx file
	Unverified bool            // write NAME.unverified.onnx without ONNX Runtime's proof
	Cache      string
	Log        func(line string) // what was concluded; nil is silent
}

// Recalibration is what Recalibrate did.
type Recalibration struct {
	Model    string              `json:"model"`
	Output   string              `json:"output"`
	Prior    string              `json:"prior"`
	Rows     int                 `json:"rows"`
	Classes  []RecalibratedClass `json:"classes"`  // all, in the model's order
	Residual float64             `json:"residual"` // largest |mass − prior| of the classes that have one, as the new model gives it
	Rounds   int                 `json:"rounds"`   // of the solver
	Parity   *export.Parity      `json:"parity"`   // nil when unverified
}

// RecalibratedClass is one class before and after.
type RecalibratedClass struct {
	Class  string   `json:"class"`
	Prior  *float64 `json:"prior"` // nil of a class whose logit stays as it is
	Before float64  `json:"before"`
	Bias   float64  `json:"bias"`
	After  float64  `json:"after"`
}

// recalibrating is the state of one Recalibrate.
type recalibrating struct {
	o       RecalibrateOptions
	st      *student.Student  // the model
	pipe    *dataset.Pipeline // raw rows to its input
	ours    bool
	classes int
	names   []string // nil where the model does not say

	explicit bool // the prior names its classes
}

func (c *recalibrating) log(line string) {
	if c.o.Log != nil {
		c.o.Log(line)
	}
}

func (c *recalibrating) name(k int) string {
	if k < len(c.names) {
		return c.names[k]
	}
	return strconv.Itoa(k)
}

// maxLogits bounds the logits that are kept in memory.
const maxLogits = 1 << 28

// masses is how near a prior the mass of the written model must be, whose
// biases are float32.
const masses = 1e-3

// Recalibrate writes the model with biases at which the mean mass it predicts
// of chosen classes over the rows is their prior (package recalibrate). No
// label of the rows is used. The new file is proven as any student is.
func Recalibrate(ctx context.Context, o RecalibrateOptions) (*Recalibration, error) {
	c := &recalibrating{o: o}
	if o.Unverified {
		c.o.Output = strings.TrimSuffix(o.Output, ".onnx") + ".unverified.onnx"
	} else if err := export.Ready(o.Model.Library); err != nil {
		return nil, err
	}
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	if n := o.Rows.Len(); n == 0 || n > maxLogits/c.classes {
		return nil, fault.New(fault.Input, o.RowsName, "", "got %d rows of %d classes, expected from 1 to %d rows: --limit takes fewer", n, c.classes, maxLogits/c.classes)
	}
	prior, err := c.priorOf(ctx, o.Prior)
	if err != nil {
		return nil, err
	}
	chosen, err := c.choose(prior)
	if err != nil {
		return nil, err
	}
	of := make([]float64, len(chosen))
	for i, k := range chosen {
		of[i] = prior[k]
	}
	if err := recalibrate.CheckPrior(c.classes, chosen, of); err != nil {
		return nil, fault.New(fault.Input, "", "--prior", "%s: %w", fault.Clip(o.Prior, 200), err)
	}
	z, err := c.logits(ctx, c.st.Model())
	if err != nil {
		return nil, err
	}
	s, err := recalibrate.Solve(z, c.classes, chosen, of)
	if err != nil {
		return nil, fault.New(fault.Input, o.Model.Model, "", "%w", err)
	}
	return c.finish(ctx, s, chosen, of)
}

// open reads the model and finds out how it takes rows.
func (c *recalibrating) open(ctx context.Context) error {
	path := c.o.Model.Model
	m, err := onnx.Read(path, onnx.ReadOptions{Weights: true, Strict: true})
	if err != nil {
		return err
	}
	labels, err := labelOptions(m)
	if err != nil {
		return fault.At(path, err)
	}
	if c.st, err = student.FromModel(m, path); err != nil {
		return err
	}
	c.names, c.classes = labels.Classes, c.st.Classes()
	if labels.Task != "" && labels.Task != string(dataset.MultiClass) || c.classes < 2 {
		return fault.New(fault.Input, path, "", "is of %s with %d outputs, expected at least 2 classes: only they share a mass of 1", labels.Task, c.classes)
	}
	var pre dataset.Preprocess
	if _, c.ours = m.Meta(MetaVersion); c.ours {
		pre, err = InputOf(c.st.InputShape(), c.o.Rows.Spec())
		if err != nil {
			return fault.New(fault.Input, path, fmt.Sprintf("graph input %q", c.st.InputName()), "%w", err)
		}
	} else if pre, err = c.detect(ctx); err != nil {
		return err
	}
	c.pipe, err = pre.Compile(c.o.Rows.Spec())
	return err
}

// detect finds out what a model that kdonnx did not export wants and means.
func (c *recalibrating) detect(ctx context.Context) (dataset.Preprocess, error) {
	t := c.o.Model
	m, stop, err := OpenTeacher(ctx, &t, c.o.Cache)
	if err != nil {
		return dataset.Preprocess{}, err
	}
	defer stop()
	m.NameRows(c.o.RowsName)
	contract, err := m.Detect(ctx, c.o.Rows)
	if err != nil {
		return dataset.Preprocess{}, err
	}
	for _, line := range contract.Lines() {
		c.log("model: " + line)
	}
	kinds := []teacher.Kind{teacher.Logits, teacher.LogProbabilities, teacher.Probabilities}
	if contract.Task != dataset.MultiClass || !slices.Contains(kinds, contract.Kind) || contract.OneColumn || contract.Scale != 0 {
		return dataset.Preprocess{}, fault.New(fault.Input, t.Model, "output "+contract.Output, "gives %s, expected logits, or their softmax, of at least 2 classes", contract.Kind)
	}
	if contract.Kind != teacher.Logits && !models.EndsInSoftmax(c.st.Model()) {
		return dataset.Preprocess{}, fault.New(fault.Input, t.Model, "output "+contract.Output, "gives %s, and not by a last Softmax, expected logits to add a bias to", contract.Kind)
	}
	if contract.Columns != nil || contract.Merged != nil || contract.Classes != c.classes {
		return dataset.Preprocess{}, fault.New(fault.Input, t.Model, "output "+contract.Output, "has classes in another order or number than the rows, expected the same")
	}
	if c.names == nil {
		c.names = contract.ClassNames
	}
	if names := c.o.Rows.Spec().Classes; c.names == nil && len(names) == c.classes {
		c.names = names
	}
	return contract.Preprocess, nil
}

// logits are those that a model like st gives the rows, (N, C).
func (c *recalibrating) logits(ctx context.Context, m *onnx.Model) ([]float32, error) {
	student.DropSoftmax(m)
	st, err := student.FromModel(m, c.o.Model.Model)
	if err != nil {
		return nil, err
	}
	z := make([]float32, c.o.Rows.Len()*c.classes)
	at := 0
	err = eachBatch(ctx, &rows{src: c.o.Rows, pipe: c.pipe, classes: c.classes}, func(b *mini) error {
		lo := at
		at += b.n * c.classes
		return st.Predict(ctx, b.x, b.n, z[lo:at])
	})
	return z, err
}

// finish puts the biases into the model, proves it, writes it, and says what
// it does.
func (c *recalibrating) finish(ctx context.Context, s *recalibrate.Solution, chosen []int, prior []float64) (*Recalibration, error) {
	m := c.st.Model()
	bias := make([]float32, c.classes)
	for k, b := range s.Bias {
		bias[k] = float32(b)
	}
	if err := models.AddBias(m, bias); err != nil {
		return nil, fault.At(c.o.Model.Model, err)
	}
	metadata, err := c.describe(ctx, m, bias)
	if err != nil {
		return nil, err
	}
	st, err := student.FromModel(m, c.o.Output)
	if err != nil {
		return nil, err
	}
	z, err := c.logits(ctx, st.Model())
	if err != nil {
		return nil, err
	}
	after, err := recalibrate.Mass(z, c.classes)
	if err != nil {
		return nil, fault.New(fault.Parity, c.o.Output, "", "%w", err)
	}
	r := &Recalibration{Model: c.o.Model.Model, Output: c.o.Output, Prior: c.o.Prior, Rows: c.o.Rows.Len(), Rounds: s.Rounds}
	for k := range after {
		r.Classes = append(r.Classes, RecalibratedClass{Class: c.name(k), Before: s.Before[k], Bias: float64(bias[k]), After: after[k]})
	}
	for i, k := range chosen {
		r.Classes[k].Prior = &prior[i]
		r.Residual = math.Max(r.Residual, math.Abs(after[k]-prior[i]))
	}
	if r.Residual > masses {
		return nil, fault.New(fault.Parity, c.o.Output, "", "the mean mass is %.2g from the prior once the biases are float32, expected at most %.0g", r.Residual, masses)
	}
	return r, c.write(ctx, st, metadata, r)
}
