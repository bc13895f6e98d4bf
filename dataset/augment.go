package dataset

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Augment says how training varies the rows that it learns from. The zero
// value leaves them as they are. Each augmentation is one file of this package
// that registers itself.
type Augment struct {
	text  string
	parts []augmentPart
}

// AugmentKind is one registered augmentation.
type AugmentKind struct {
	Name    string
	Example string // one word of the text that ParseAugment reads
	About   string // one line for lists

	images bool                                                   // rows that are no images are refused
	want   string                                                 // what a word looks like
	parse  func(value string, given bool) (augmentSettings, bool) // given: there was a "="
}

// augmentSettings are what one word says, before the rows are known.
type augmentSettings interface {
	// compile makes the augmentation for rows of spec, whose unit is unit, or
	// says what does not fit.
	compile(spec Spec, unit []float32) (augmentOp, error)
}

// augmentOp varies one row.
type augmentOp interface {
	// apply changes x, one row, drawing from d. tmp is as long as x and holds
	// nothing of worth.
	apply(x, tmp []float32, d *draws)
}

type augmentPart struct {
	kind     AugmentKind
	word     string
	settings augmentSettings
}

var augmentKinds []AugmentKind

// registerAugment makes a kind known. Call it from init.
func registerAugment(k AugmentKind) {
	if slices.ContainsFunc(augmentKinds, func(o AugmentKind) bool { return o.Name == k.Name }) {
		panic("dataset: augmentation " + k.Name + " registered twice")
	}
	augmentKinds = append(augmentKinds, k)
	slices.SortFunc(augmentKinds, func(a, b AugmentKind) int { return cmp.Compare(a.Name, b.Name) })
}

// Augmentations lists the kinds by name.
func Augmentations() []AugmentKind { return slices.Clone(augmentKinds) }

// ParseAugment reads an Augment from text such as
//
//	shift=2 flip cutout=8 noise=0.05
//
// They are applied in the order of the text, mixup after the others wherever
// it stands; each may be named once.
func ParseAugment(text string) (Augment, error) {
	kinds := make([]wordKind, len(augmentKinds))
	for i, k := range augmentKinds {
		kinds[i] = wordKind{k.Name, k.want}
	}
	var a Augment
	form, err := eachWord("augment", text, kinds, func(i int, word, value string, given bool) bool {
		settings, ok := augmentKinds[i].parse(value, given)
		a.parts = append(a.parts, augmentPart{augmentKinds[i], word, settings})
		return ok
	})
	if err != nil {
		return Augment{}, err
	}
	a.text = form
	return a, nil
}

// String is the text of a in its one form, which ParseAugment reads.
func (a Augment) String() string { return a.text }

// Mixes tells whether rows are mixed with one another, so that their targets
// must be too.
func (a Augment) Mixes() bool { return a.alpha() > 0 }

// alpha is that of mixup, 0 without.
func (a Augment) alpha() float64 {
	for _, p := range a.parts {
		if m, ok := p.settings.(mixup); ok {
			return float64(m)
		}
	}
	return 0
}

// Units is what 1 is in the values of src as a net sees them: 255 for the
// bytes of images, the standard deviation of each channel or feature for
// others. It is nil, and no row is read, where a has no use for it.
func (a Augment) Units(ctx context.Context, src Source) ([]float32, error) {
	if !slices.ContainsFunc(a.parts, func(p augmentPart) bool { _, ok := p.settings.(noise); return ok }) {
		return nil, nil
	}
	if spec := src.Spec(); spec.Image && spec.DType == Uint8 {
		return []float32{255}, nil
	}
	_, std, err := Stats(ctx, src)
	return std, err
}

// Compile checks a against the rows that it will be applied to. unit is one
// value, one a channel of images or feature of a table, or nil for 1.
func (a Augment) Compile(spec Spec, unit []float32) (*Augmenter, error) {
	g := &Augmenter{size: spec.Size(), alpha: a.alpha()}
	for _, p := range a.parts {
		field := "augment " + strconv.Quote(a.text)
		if p.kind.images && !spec.Image {
			return nil, fault.New(fault.Usage, "", field, "%q is for images, but the rows are a table of %d features", p.word, spec.Size())
		}
		op, err := p.settings.compile(spec, unit)
		if err != nil {
			return nil, fault.New(fault.Usage, "", field, "%q: %w", p.word, err)
		}
		if op != nil {
			g.ops = append(g.ops, op)
		}
	}
	g.scratch.New = func() any { return &augmentScratch{tmp: make([]float32, g.size)} }
	return g, nil
}

// Augmenter is an Augment made ready for the rows of one Spec. It is safe for
// concurrent use, and allocates nothing but scratch memory once a goroutine.
//
// What happens to a row depends on the seed, the pass and the row's position
// in its source alone: not on the batch that it comes in, nor on what was
// augmented before.
type Augmenter struct {
	size  int
	ops   []augmentOp
	alpha float64 // of mixup; 0: none

	scratch sync.Pool // *augmentScratch
}

// augmentScratch is the memory of one goroutine.
type augmentScratch struct {
	tmp   []float32
	draws draws
}

// Apply varies the rows of x, (len(rows), Size) raw values in (H, W, C), that
// lie at positions rows of their source. It does not mix them: see Partners.
func (g *Augmenter) Apply(x []float32, rows []int, seed uint64, pass int) {
	if len(x) != len(rows)*g.size {
		panic(fmt.Sprintf("dataset: %d values of %d augmented rows of %d", len(x), len(rows), g.size))
	}
	s := g.scratch.Get().(*augmentScratch)
	defer g.scratch.Put(s)
	for i, row := range rows {
		s.draws.start(seed, pass, row, 0)
		for _, op := range g.ops {
			op.apply(x[i*g.size:(i+1)*g.size], s.tmp, &s.draws)
		}
	}
}

// decimal reads a finite number in [lo, hi].
func decimal(s string, lo, hi float64) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && v >= lo && v <= hi // false for NaN
}

// pixels reads a number of pixels.
func pixels(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= maxSide
}
