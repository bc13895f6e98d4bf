package teacher

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// Ensemble is several teachers as one: its targets are the weighted mean of
// theirs (see Mean). Each member has a contract of its own and keeps a target
// store of its own, from which the ensemble's is computed, so that other
// weights ask no model again.
type Ensemble struct {
	members      []*Teacher
	mean         Mean
	weights      []float64 // nil: all alike
	temperatures []float64 // nil: all 1
	mix          *mixer
	contract     *Contract
	keeper
	stats Stats
	parts [][]float32 // of each member, what it says of a batch
}

// EnsembleOptions say how members become one. Nil weights are all alike, nil
// temperatures all 1.
type EnsembleOptions struct {
	Mean         Mean
	Weights      []float64
	Temperatures []float64
	DType        string // how the ensemble's store keeps targets, as store.ParseDType reads it
	Scratch      string // folder for temporary files; empty: the system's
}

// NewEnsemble joins members, which it closes with itself. Settings that do not
// fit are a fault.Usage.
func NewEnsemble(members []*Teacher, o EnsembleOptions) (*Ensemble, error) {
	e := &Ensemble{members: members, weights: o.Weights, temperatures: o.Temperatures, parts: make([][]float32, len(members))}
	if len(members) < 2 {
		return nil, fault.New(fault.Usage, "", "teachers", "got %d, expected at least 2 for an ensemble", len(members))
	}
	for _, l := range []struct {
		flag string
		got  []float64
	}{{"--weights", o.Weights}, {"--temperatures", o.Temperatures}} {
		if l.got != nil && len(l.got) != len(members) {
			return nil, fault.New(fault.Usage, "", l.flag, "got %d numbers, expected one for each of %d teachers", len(l.got), len(members))
		}
	}
	var err error
	if e.mean, err = ParseMean(string(o.Mean)); err != nil {
		return nil, err
	}
	if _, err := newMixer(e.mean, dataset.MultiClass, len(members), o.Weights, o.Temperatures); err != nil {
		return nil, err
	}
	e.scratch = o.Scratch
	e.dtype, err = store.ParseDType(o.DType)
	return e, err
}

// Name tells how many members there are.
func (e *Ensemble) Name() string { return fmt.Sprintf("%d teachers", len(e.members)) }

// NameRows says what faults call the rows.
func (e *Ensemble) NameRows(name string) {
	for _, m := range e.members {
		m.NameRows(name)
	}
}

// Contract is what Detect found, or nil before.
func (e *Ensemble) Contract() *Contract { return e.contract }

// Detect finds the contract of every member. They must teach the same task and
// the same number of classes. What the ensemble's input is said to be is that of
// its first member.
func (e *Ensemble) Detect(ctx context.Context, src dataset.Source) (*Contract, error) {
	e.contract = nil
	var first *Contract
	var lines, warnings []string
	var all []*Contract
	for k, m := range e.members {
		c, err := m.Detect(ctx, src)
		if err != nil {
			return nil, err
		}
		if k == 0 {
			first = c
		}
		if c.Classes != first.Classes || c.Task != first.Task {
			return nil, fault.New(fault.Input, m.path, "output "+c.Output, "%s of %d classes, but %s has %s of %d: expected the same of all members (see --class-map)",
				taskName(c.Task, c.Classes), c.Classes, e.members[0].path, taskName(first.Task, first.Classes), first.Classes)
		}
		if len(wantedNames(c.Task, src.Spec())) == 0 {
			if at := otherName(first.ClassNames, c.ClassNames); at >= 0 {
				return nil, fault.New(fault.Input, m.path, "output "+c.Output, "class %d is %q, but %q in %s, and no row says which order counts: expected the same (see --class-map)",
					at, clip(c.ClassNames[at]), clip(first.ClassNames[at]), e.members[0].path)
			}
		}
		all = append(all, c)
		name := filepath.Base(m.path)
		for _, line := range c.plain() {
			lines = append(lines, name+": "+line)
		}
		for _, w := range c.Warnings {
			warnings = append(warnings, name+": "+w)
		}
	}
	var err error
	if e.mix, err = newMixer(e.mean, first.Task, len(e.members), e.weights, e.temperatures); err != nil {
		return nil, err
	}
	c := *first
	c.Kind, c.Members, c.Warnings, c.Accuracy, c.R2 = Logits, all, warnings, nil, nil
	if c.Task == dataset.Regression {
		c.Kind = Values
	}
	for _, m := range all {
		c.Batch = min(c.Batch, m.Batch)
		if c.ClassNames == nil {
			c.ClassNames = m.ClassNames
		}
	}
	c.Why = append([]string{fmt.Sprintf("%s: %s", e.Name(), e.mix)}, lines...)
	e.contract = &c
	if err := e.judge(ctx, src); err != nil {
		e.contract = nil
		return nil, err
	}
	return &c, nil
}

// otherName is the first place where two lists of class names differ, or -1.
// Numbers are no names.
func otherName(a, b []string) int {
	if len(a) != len(b) || numbersOnly(a) || numbersOnly(b) {
		return -1
	}
	for i := range a {
		if fold(a[i]) != fold(b[i]) {
			return i
		}
	}
	return -1
}

// judge looks how good the members are together.
func (e *Ensemble) judge(ctx context.Context, src dataset.Source) error {
	l, err := e.members[0].lookAt(ctx, src, 1)
	if err != nil || l.labelled() == 0 || e.contract.Task == dataset.Regression {
		return err
	}
	z := make([]float32, l.n*e.contract.Classes)
	if err := e.Logits(ctx, &l.b, z); err != nil {
		return err
	}
	v := e.contract.judgeRows(z, l)
	e.contract.Accuracy = &v.accuracy
	apart := make([]string, len(e.members))
	for k, m := range e.contract.Members {
		apart[k] = "?"
		if m.Accuracy != nil {
			apart[k] = share(*m.Accuracy)
		}
	}
	e.contract.why("together: %s of %d labelled rows right, alone %v", share(v.accuracy), l.labelled(), apart)
	return nil
}

func (e *Ensemble) detected() error {
	if e.contract == nil {
		return fault.New(fault.Usage, "", "", "not known yet what the teachers want: detect it first")
	}
	return nil
}

// Logits asks every member about the rows in b, and puts what they say together
// into out, (N, Classes).
func (e *Ensemble) Logits(ctx context.Context, b *dataset.Batch, out []float32) error {
	if err := e.detected(); err != nil {
		return err
	}
	for k, m := range e.members {
		e.parts[k] = slices.Grow(e.parts[k][:0], len(out))[:len(out)]
		if err := m.Logits(ctx, b, e.parts[k]); err != nil {
			return err
		}
	}
	e.mix.mix(out, e.parts, b.N, e.contract.Classes)
	return nil
}

// Close closes the members.
func (e *Ensemble) Close() error {
	e.known.close()
	e.known = nil
	var all []error
	for _, m := range e.members {
		all = append(all, m.Close())
	}
	return errors.Join(all...)
}
