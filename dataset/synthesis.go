package dataset

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Synthesis says how further rows are made of given ones, for a teacher to say
// what they are. Each way is one file of this package that registers itself.
type Synthesis struct {
	text  string
	parts []synthesisSettings
}

// SynthesisKind is one registered way.
type SynthesisKind struct {
	Name    string
	Example string // one word of the text that ParseSynthesis reads
	About   string // one line for lists

	want  string                                                   // what a word looks like
	parse func(value string, given bool) (synthesisSettings, bool) // given: there was a "="
}

// synthesisSettings are what one word says, before the rows are known.
type synthesisSettings interface {
	// compile makes the way for the rows of p.
	compile(ctx context.Context, p *parents) (synthesisOp, error)
}

// synthesisOp changes one row by what others have. It draws from d alone, and
// what donors draws apply does not draw again.
type synthesisOp interface {
	// donors appends the positions of the rows that apply needs to change a row
	// that was made of the one at position parent.
	donors(to []int, parent int, d *draws) []int
	// apply changes x by what donors gave.
	apply(x rowOf, donors []rowOf, d *draws)
}

// rowOf is one row: its values and texts.
type rowOf struct {
	x []float32
	s []string
}

// parents are the rows that others are made of.
type parents struct {
	src    Source
	fields []field
	made   []int32 // position of the parent of each row that is made
	seed   uint64
	notes  []string // what was concluded, for people
}

var synthesisKinds []SynthesisKind

// registerSynthesis makes a kind known. Call it from init.
func registerSynthesis(k SynthesisKind) {
	if slices.ContainsFunc(synthesisKinds, func(o SynthesisKind) bool { return o.Name == k.Name }) {
		panic("dataset: synthesis " + k.Name + " registered twice")
	}
	synthesisKinds = append(synthesisKinds, k)
	slices.SortFunc(synthesisKinds, func(a, b SynthesisKind) int { return cmp.Compare(a.Name, b.Name) })
}

// Syntheses lists the kinds by name.
func Syntheses() []SynthesisKind { return slices.Clone(synthesisKinds) }

// ParseSynthesis reads a Synthesis from text such as
//
//	munge=0.5,1
//	mixup noise=0.05
//
// They are applied in the order of the text; each may be named once.
func ParseSynthesis(text string) (Synthesis, error) {
	kinds := make([]wordKind, len(synthesisKinds))
	for i, k := range synthesisKinds {
		kinds[i] = wordKind{k.Name, k.want}
	}
	var s Synthesis
	form, err := eachWord("synthesis", text, kinds, func(i int, _, value string, given bool) bool {
		settings, ok := synthesisKinds[i].parse(value, given)
		s.parts = append(s.parts, settings)
		return ok
	})
	if err != nil {
		return Synthesis{}, err
	}
	s.text = form
	return s, nil
}

// String is the text of s in its one form, which ParseSynthesis reads.
func (s Synthesis) String() string { return s.text }

// MaxSynthetic is the largest number of rows that Make makes.
const MaxSynthetic = 1 << 27

// Make gives n unlabelled rows made of those of src: of each about as often as
// of any other. They are made when they are read, and depend on src, s, seed and
// their position alone.
func (s Synthesis) Make(ctx context.Context, src Source, n int, seed uint64) (Source, error) {
	switch {
	case n < 1 || n > MaxSynthetic:
		return nil, fault.New(fault.Usage, "", "synthetic", "got %d rows, expected 1 to %d", n, MaxSynthetic)
	case len(s.parts) == 0:
		return nil, fault.New(fault.Usage, "", "synthesis", "empty: name how rows are made, such as munge")
	case src.Len() < 2:
		return nil, fault.New(fault.Input, "", "synthetic", "got %d rows to make others of, expected at least 2", src.Len())
	}
	seed = mix64(seed + 0x73796e746865) // apart from what else the seed is used for
	p := &parents{src: src, seed: seed}
	var err error
	if p.fields, err = fieldsOf(ctx, src); err != nil {
		return nil, err
	}
	for pass := 0; len(p.made) < n; pass++ {
		for _, r := range Order(src.Len(), seed, pass) {
			if len(p.made) < n {
				p.made = append(p.made, int32(r))
			}
		}
	}
	out := &synthetic{parents: p, spec: src.Spec()}
	for _, part := range s.parts {
		op, err := part.compile(ctx, p)
		if err != nil {
			return nil, err
		}
		out.ops = append(out.ops, op)
	}
	out.spec.Task, out.spec.Classes, out.spec.Targets = MultiClass, nil, nil
	out.spec.Notes = append(p.notes, fmt.Sprintf("%d rows are made of the %d training rows: %s", n, src.Len(), s.text))
	return out, nil
}

// synthetic are the rows that Make makes.
type synthetic struct {
	*parents
	spec Spec
	ops  []synthesisOp
}

func (s *synthetic) Spec() Spec   { return s.spec }
func (s *synthetic) Len() int     { return len(s.made) }
func (s *synthetic) Close() error { return nil }

// Labels gives the labels without reading: there are none.
func (s *synthetic) Labels(context.Context) ([]int32, error) {
	return slices.Repeat([]int32{Unlabelled}, len(s.made)), nil
}

func (s *synthetic) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, len(s.made)); err != nil {
		return err
	}
	of := make([]int, len(rows))
	for i, r := range rows {
		of[i] = int(s.made[r])
	}
	if err := s.src.Read(ctx, of, b); err != nil {
		return err
	}
	b.V = b.V[:0]
	for i := range b.Y {
		b.Y[i] = Unlabelled
	}
	var d draws
	var others Batch
	for k, op := range s.ops {
		var at []int
		ends := make([]int, len(rows))
		for i, r := range rows {
			d.start(s.seed, 0, r, 2*k)
			at = op.donors(at, of[i], &d)
			ends[i] = len(at)
		}
		if len(at) > 0 {
			if err := s.src.Read(ctx, at, &others); err != nil {
				return err
			}
		}
		lo := 0
		var donors []rowOf
		for i, r := range rows {
			donors = donors[:0]
			for j := lo; j < ends[i]; j++ {
				donors = append(donors, others.row(j))
			}
			lo = ends[i]
			d.start(s.seed, 0, r, 2*k+1)
			op.apply(b.row(i), donors, &d)
		}
	}
	return ctx.Err()
}

// row is row i of b.
func (b *Batch) row(i int) rowOf {
	size, texts := len(b.X)/b.N, len(b.S)/b.N
	return rowOf{b.X[i*size : (i+1)*size], b.S[i*texts : (i+1)*texts]}
}
