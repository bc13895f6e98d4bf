// Package report tells what a distillation run came to: as one JSON file for
// programs, and as one HTML file for people that needs nothing outside
// itself: the figures are inline SVG, there is no script and no address to
// fetch from, and its own policy forbids both.
//
// # Invariants
//
// Every string of a Report is untrusted text. A Number that is not finite is
// null in JSON, a dash in a table and a gap in a figure; a metrics.Result is
// finite by its own promise, and WriteJSON refuses one that is not. The same
// Report gives the same bytes.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Format is the version of metrics.json. A file that says none is of before
// there were any, and is read all the same.
const Format = 1

// Report is one run. Whatever a run does not have is left nil or zero.
type Report struct {
	Format      int          `json:"format"`
	Title       string       `json:"title"`
	Task        dataset.Task `json:"task,omitempty"`
	Verdict     Verdict      `json:"verdict"`
	Provenance  Provenance   `json:"provenance"`
	Teacher     *Block       `json:"teacher"`
	Baseline    *Block       `json:"baseline"`
	Student     *Block       `json:"student"`
	Seeds       *Seeds       `json:"seeds,omitempty"` // of several
	Parity      *Parity      `json:"parity"`
	Budget      *Budget      `json:"budget,omitempty"` // nil without one
	History     History      `json:"history"`
	Balance     *Balance     `json:"balance,omitempty"` // of the rows that are learned from, over the classes
	StepsPerS   Number       `json:"steps_per_s"`       // of all trainings together, see SamplesPerS
	SamplesPerS Number       `json:"samples_per_s"`     // rows that all trainings learned from, over the wall time in which at least one made steps
	WallS       Number       `json:"wall_s"`            // of the whole run
	Timings     []Timing     `json:"timings"`           // in the order of the run
	Notes       []string     `json:"notes"`
	Warnings    []string     `json:"warnings"`
	Classes     []string     `json:"classes"`           // names by label; a class without one is shown by its number
	Targets     []string     `json:"targets,omitempty"` // names of the labels or numbers that are predicted, where rows have no class

	Recipe map[string]string `json:"recipe,omitempty"` // every setting that says anything, as --set takes it: train.lr is 0.05
}

// Provenance is what went into the run.
type Provenance struct {
	Teacher      Source     `json:"teacher"`
	Data         Source     `json:"data"`
	Test         Source     `json:"test,omitzero"` // rows that the models are judged on
	Architecture string     `json:"architecture"`
	Loss         string     `json:"loss"` // the effective formula
	Temperature  Number     `json:"temperature"`
	Alpha        Number     `json:"alpha"`
	Beta         Number     `json:"beta"`
	Schedules    *Schedules `json:"schedules,omitempty"` // how these three run, where one does not stay
	Seed         uint64     `json:"seed"`
	Epochs       int        `json:"epochs"`
	Augment      string     `json:"augment,omitempty"`      // how the training rows were varied
	TeacherMode  string     `json:"teacher_mode,omitempty"` // which of them the teacher was asked about: store, online or views:N
	Version      string     `json:"version"`                // of kdonnx
}

// Schedules say how T, α and β run over training, such as "linear:1".
type Schedules struct {
	Temperature string `json:"temperature"`
	Alpha       string `json:"alpha"`
	Beta        string `json:"beta"`
}

// Source is a file or a set of rows by name and content.
type Source struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Block is one model on the rows that all three are measured on. Zero Params,
// Bytes, FLOPs and latencies are unknown.
type Block struct {
	metrics.Result
	Name      string `json:"name"`
	Params    int64  `json:"params,omitempty"`     // trainable values
	Bytes     int64  `json:"bytes,omitempty"`      // of the .onnx file, with external data
	FLOPs     int64  `json:"flops,omitempty"`      // of one row, a multiply-add as two
	LatencyMS Number `json:"latency_ms,omitempty"` // median of one row in ONNX Runtime, in milliseconds

	LatencyOneMS Number `json:"latency_one_thread_ms,omitempty"` // the same on one thread
}

// History is what training went through, epoch by epoch.
type History struct {
	Student  []Epoch `json:"student"`
	Baseline []Epoch `json:"baseline"`
}

// Epoch is one pass over the transfer set.
type Epoch struct {
	Epoch   int         `json:"epoch"` // from 1
	Train   Terms       `json:"train"`
	Val     *Validation `json:"val"`               // nil when the epoch was not validated
	LR      Number      `json:"lr"`                // learning rate at the end of the epoch
	Weights *Weights    `json:"weights,omitempty"` // at the end of the epoch; nil where they stay
}

// Terms are the means of the loss and its two terms over an epoch, and the
// norms of the gradients of the weighted terms, as loss.Terms has them, in the
// root mean square over its steps.
type Terms struct {
	Total        Number `json:"total"`
	Soft         Number `json:"soft"`
	Hard         Number `json:"hard"`
	SoftGradient Number `json:"soft_gradient"`
	HardGradient Number `json:"hard_gradient"`
	Hint         Number `json:"hint,omitempty"` // without its weight; 0 without a hint
}

// Weights are T, α and β of a loss.
type Weights struct {
	Temperature Number `json:"temperature"`
	Alpha       Number `json:"alpha"`
	Beta        Number `json:"beta"`
}

// Validation is the student on held-out rows after an epoch.
type Validation struct {
	Accuracy Number `json:"accuracy"` // or what Metric says
	Loss     Number `json:"loss"`     // mean −log softmax(z)_y, or its sum over labels, or RMSE of numbers
	Metric   string `json:"metric,omitempty"`
}

// Parity is how closely ONNX Runtime reproduces the student.
type Parity struct {
	Runtime     string `json:"runtime"` // name and version
	Passed      bool   `json:"passed"`
	Rows        int    `json:"rows"`
	MaxAbs      Number `json:"max_abs"` // largest absolute difference of an output
	MaxRel      Number `json:"max_rel"` // largest difference relative to the output
	TolAbs      Number `json:"tol_abs"`
	TolRel      Number `json:"tol_rel"`
	ArgmaxFlips int    `json:"argmax_flips"` // rows answered with another class
}

// Timing is the wall time of one part of the run.
type Timing struct {
	Name    string `json:"name"`
	Seconds Number `json:"seconds"`
}

// Significance is the McNemar P below which a difference is not put down to
// chance.
const Significance = 0.05

// Verdict answers whether the soft targets were worth it.
type Verdict struct {
	Helps    bool            `json:"helps"`
	Sentence string          `json:"sentence"`
	McNemar  *metrics.Paired `json:"mcnemar"`            // baseline is A, student is B; nil without a baseline
	Wilcoxon *metrics.Paired `json:"wilcoxon,omitempty"` // as McNemar, of numbers
	Gain     *Gain           `json:"gain,omitempty"`     // of several seeds, instead of both
}

// paired is the test that the verdict rests on, and its name; nil where there
// is none.
func (v Verdict) paired() (*metrics.Paired, string) {
	switch {
	case v.McNemar != nil:
		return v.McNemar, "McNemar"
	case v.Wilcoxon != nil:
		return v.Wilcoxon, "Wilcoxon"
	}
	return nil, ""
}

// Judge holds the student against the same student trained on hard labels
// with the same budget. paired is metrics.McNemar(baseline, student) over the
// labelled rows. Distillation helps when the student makes fewer errors and
// the difference is not put down to chance.
func Judge(baseline, student metrics.Result, paired metrics.Paired) Verdict {
	v := Verdict{McNemar: &paired}
	if none, ok := noVerdict(baseline, student); ok {
		return none
	}
	fewer := baseline.Errors - student.Errors
	of := thousands(int64(student.Labelled))
	less, more, errors := "fewer error", "more error", "errors"
	if student.Task == dataset.MultiLabel {
		less, more, errors = "fewer wrong row", "more wrong row", "wrong rows"
		of += " (one label or more)"
	}
	p := "(McNemar\u00a0p\u00a0" + pValue(paired.P) + ")"
	switch {
	case fewer > 0 && paired.P < Significance:
		v.Helps = true
		v.Sentence = fmt.Sprintf("Distillation helps: %s of %s than %s %s.", plural(fewer, less), of, same, p)
	case fewer > 0:
		v.Sentence = fmt.Sprintf("Distillation is not helping here: %s of %s than %s is within chance %s.", plural(fewer, less), of, same, p)
	case fewer == 0:
		v.Sentence = fmt.Sprintf("Distillation is not helping here: %s makes as many %s, %s of %s.", same, errors, thousands(int64(student.Errors)), of)
	default:
		v.Sentence = fmt.Sprintf("Distillation is not helping here: %s of %s than %s %s.", plural(-fewer, more), of, same, p)
	}
	return v
}

// same is what the student is held against.
const same = "the same student trained on hard labels"

// noVerdict is that of rows that nobody can be judged on.
func noVerdict(baseline, student metrics.Result) (Verdict, bool) {
	return Verdict{Sentence: fmt.Sprintf("No verdict: the baseline has %s and the student %s.", plural(baseline.Labelled, "labelled row"), plural(student.Labelled, "labelled row"))},
		student.Labelled == 0 || baseline.Labelled != student.Labelled
}

// JudgeNumbers is Judge of numbers. paired is metrics.Wilcoxon(baseline,
// student) of the rows' absolute errors. Distillation helps when the student's
// mean absolute error is smaller, its ranks say so too, and the difference is
// not put down to chance.
func JudgeNumbers(baseline, student metrics.Result, paired metrics.Paired) Verdict {
	if none, ok := noVerdict(baseline, student); ok {
		return none
	}
	v := Verdict{Wilcoxon: &paired}
	p := "(Wilcoxon\u00a0p\u00a0" + pValue(paired.P) + ")"
	errs := fmt.Sprintf("a mean absolute error of %s, against %s of %s", general(student.MAE), general(baseline.MAE), same)
	switch {
	case student.MAE < baseline.MAE && paired.RankB > paired.RankA && paired.P < Significance:
		v.Helps = true
		v.Sentence = fmt.Sprintf("Distillation helps: %s %s.", errs, p)
	case student.MAE < baseline.MAE && paired.P < Significance:
		v.Sentence = fmt.Sprintf("Distillation is not helping here: %s, is of few rows: most are nearer without %s.", errs, p)
	case student.MAE < baseline.MAE:
		v.Sentence = fmt.Sprintf("Distillation is not helping here: %s, is within chance %s.", errs, p)
	default:
		v.Sentence = fmt.Sprintf("Distillation is not helping here: %s %s.", errs, p)
	}
	return v
}

// MarshalJSON leaves out what means nothing for numbers.
func (b Block) MarshalJSON() ([]byte, error) {
	type plain Block
	if b.Task != dataset.Regression {
		return json.Marshal(plain(b))
	}
	return json.Marshal(struct {
		plain
		metrics.ClassFields
		NLL *float64 `json:"nll,omitempty"`
	}{plain: plain(b)})
}

// Write puts the report at path as one HTML file, durably.
func Write(path string, r *Report) error {
	page, err := HTML(r)
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot render: %w", err)
	}
	return durable.Write(path, page)
}

// WriteJSON puts the report at path as indented JSON with keys in a fixed
// order, durably.
func WriteJSON(path string, r *Report) error {
	data, err := encode(path, r)
	if err != nil {
		return err
	}
	return durable.Write(path, data)
}

// HTML renders the report.
func HTML(r *Report) ([]byte, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "page.tmpl", newPage(r)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
