// Package stream tells what a run is doing while it trains: as a file of JSON
// lines, and as TensorBoard's event files. One file a format.
//
// # Invariants
//
// What a file holds depends on what it was told alone: a run that is
// interrupted and goes on leaves the file of one that was not, but for times,
// and where trainings beside one another share a file, for the place of a
// training's lines among those of others.
// Records are whole, but for the last one of a killed run, which the run that
// goes on repairs.
package stream

import (
	"errors"
	"sync"
	"time"

	"github.com/kdonnx/kdonnx/distill/report"
)

// Epoch is one epoch, and when it was.
type Epoch struct {
	report.Epoch
	Seconds float64 // of training and validation
	Ended   float64 // Unix time in seconds
}

// ended is Ended as a time.
func (e Epoch) ended() time.Time { return time.UnixMilli(int64(e.Ended * 1e3)).UTC() }

// Course is one training of a run.
type Course struct {
	Role    string
	Seed    uint64
	Several bool // whether the run has several seeds, so that this one is said
}

// Sink takes what a run says.
type Sink interface {
	// Epochs says that of has these epochs behind it, and no more. A sink
	// keeps what it holds of them, drops what goes beyond, such as epochs that a
	// killed run had done after its last checkpoint, and adds the rest.
	Epochs(of Course, done []Epoch) error
	// End says what the run came to.
	End(r *report.Report) error
	// Close ends the writing; what was said stays.
	Close() error
}

// Sinks are several as one, told by trainings beside one another. Nil are none.
type Sinks struct {
	mu  sync.Mutex
	all []Sink
}

// NewSinks are the given ones.
func NewSinks(all ...Sink) *Sinks { return &Sinks{all: all} }

// Add adds one, before any is told something.
func (s *Sinks) Add(k Sink) { s.all = append(s.all, k) }

// Epochs implements Sink.
func (s *Sinks) Epochs(of Course, done []Epoch) error {
	return s.each(func(k Sink) error { return k.Epochs(of, done) })
}

// End implements Sink.
func (s *Sinks) End(r *report.Report) error {
	return s.each(func(k Sink) error { return k.End(r) })
}

// Close implements Sink.
func (s *Sinks) Close() error {
	var all []error
	s.each(func(k Sink) error {
		all = append(all, k.Close())
		return nil
	})
	return errors.Join(all...)
}

// each stops at the first error.
func (s *Sinks) each(f func(Sink) error) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.all {
		if err := f(k); err != nil {
			return err
		}
	}
	return nil
}
