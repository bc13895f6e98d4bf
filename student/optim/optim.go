// Package optim holds the optimisers that train a student, the schedules of
// their learning rate, and what goes with a step: clipping of the gradient,
// the max-norm constraint, and the moving average of the weights.
//
// # Invariants
//
// An update is a function of weights, gradients, state, step number and
// learning rate alone. Sums are taken in pieces that the sizes of the
// parameters fix, and added in order, so no bit depends on GOMAXPROCS.
// Everything an optimiser remembers is in the slices of State. A step
// allocates nothing.
package optim

import (
	"sort"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student/kernel"
)

// Param is one parameter with its gradient, both live slices.
type Param struct {
	Name  string
	Dims  []int
	Data  []float32
	Grad  []float32
	Units Units // how the weights of units lie in it; zero when it is no weight of units
}

// Slot is a named slice of an optimiser's state, live.
type Slot struct {
	Name string
	Data []float32
}

// Optimizer changes parameters by their gradients.
type Optimizer interface {
	// Name is what New knows it by.
	Name() string
	// Settings are those it was made with, defaults filled in.
	Settings() Settings
	// Bind allocates the state for params, in their order, all zero.
	Bind(params []Param)
	// Step updates the parameters by their gradients times scale; step counts
	// from 1. The gradients may be overwritten.
	Step(step uint64, lr, scale float32)
	// State lists what is to be saved; writing its slices restores it.
	State() []Slot
}

type maker struct {
	help string
	make func(Settings) Optimizer
}

var makers = map[string]maker{}

func register(name, help string, f func(Settings) Optimizer) { makers[name] = maker{help, f} }

// List gives the names of the optimisers in alphabetical order.
func List() []string {
	names := make([]string, 0, len(makers))
	for name := range makers {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Help says in one line what the optimiser of that name does.
func Help(name string) string { return makers[name].help }

// New makes the optimiser of that name.
func New(name string, s Settings) (Optimizer, error) {
	m, ok := makers[name]
	if !ok {
		return nil, fault.New(fault.Usage, "", "--optimizer", "got %q, expected one of %s", name, strings.Join(List(), ", "))
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return m.make(s), nil
}

// base is what all optimisers have in common.
type base struct {
	name     string
	settings Settings
	params   []Param
	decays   []bool // by parameter: whether weight decay acts on it
	*pieces
}

func (b *base) Name() string       { return b.name }
func (b *base) Settings() Settings { return b.settings }

// bind takes the parameters; update is called for every span of them in a
// step.
func (b *base) bind(params []Param, update func(i int)) {
	b.params, b.decays = params, make([]bool, len(params))
	for i, p := range params {
		b.decays[i] = Decays(p.Name, p.Dims, b.settings.Decay)
	}
	b.pieces = newPieces(sizesOf(params), update)
}

func sizesOf(params []Param) []int {
	sizes := make([]int, len(params))
	for i, p := range params {
		sizes[i] = len(p.Data)
	}
	return sizes
}

// at gives the weights and gradients of span i, its place, and whether they
// decay.
func (b *base) at(i int) (w, g []float32, s span, decays bool) {
	s = b.spans[i]
	p := &b.params[s.param]
	return p.Data[s.lo:s.hi], p.Grad[s.lo:s.hi], s, b.decays[s.param]
}

// of is span s of a state.
func (s span) of(state []Slot) []float32 { return state[s.param].Data[s.lo:s.hi] }

// slots names one state slice a parameter "name/kind" and allocates it.
func slots(params []Param, kind string) []Slot {
	out := make([]Slot, len(params))
	for i, p := range params {
		out[i] = Slot{p.Name + "/" + kind, make([]float32, len(p.Data))}
	}
	return out
}

// pieceSize is the number of values that are worth a task.
const pieceSize = 16384

// span is values lo to hi-1 of slice param.
type span struct{ param, lo, hi int }

// pieces runs a function over spans of slices, on all cores. How the slices
// are cut depends on their sizes alone.
type pieces struct {
	spans []span
	tasks []int // task k is spans[tasks[k]:tasks[k+1]]
	do    func(i int)
	run   func(lo, hi int)
}

// newPieces cuts slices of the given sizes; do gets the number of a span.
func newPieces(sizes []int, do func(i int)) *pieces {
	p := &pieces{do: do, tasks: []int{0}}
	filled := 0
	for param, size := range sizes {
		for lo := 0; lo < size; {
			hi := min(size, lo+pieceSize-filled)
			p.spans = append(p.spans, span{param, lo, hi})
			if filled += hi - lo; filled == pieceSize {
				p.tasks, filled = append(p.tasks, len(p.spans)), 0
			}
			lo = hi
		}
	}
	if filled > 0 {
		p.tasks = append(p.tasks, len(p.spans))
	}
	p.run = func(lo, hi int) {
		for i := p.tasks[lo]; i < p.tasks[hi]; i++ {
			p.do(i)
		}
	}
	return p
}

// each calls do for every span.
func (p *pieces) each() { kernel.Parallel(len(p.tasks)-1, 1, p.run) }
