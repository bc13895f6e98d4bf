package specialist

import (
	"context"
	"math"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist/cluster"
)

// Evaluation is what specialists change on labelled rows, as section 5.5 of the
// paper tells it.
type Evaluation struct {
	Generalist metrics.Result `json:"generalist"` // alone
	Ensemble   metrics.Result `json:"ensemble"`   // with its specialists
	Paired     metrics.Paired `json:"paired"`     // the ensemble (A) against the generalist (B), row by row

	Covering    []Covered     `json:"covering"`    // by how many specialists have the row's class in their sets, from 0
	Conditional []Conditional `json:"conditional"` // the union of all sets first, then each set
	Curve       []int         `json:"curve"`       // rows answered rightly with the first j specialists, from none to all
	Asked       []int         `json:"asked"`       // rows by how many specialists were asked, from 0
	AskedOf     []int         `json:"asked_of"`    // by specialist: rows that it was asked about
	Residual    float64       `json:"residual"`    // the largest KKT residual, see package fuse

	Mended   []Confused `json:"mended"`             // pairs that are confused less with specialists, the most mended first
	Broken   []Confused `json:"broken"`             // pairs that are confused more
	Undercut int        `json:"undercut,omitempty"` // by so much a count of these may be too low: there were too many pairs

	Coverage  cluster.Covered `json:"coverage"` // by the sets, of what the generalist says of the rows
	Confusion []float64       `json:"-"`        // (C, C) of the generalist, as in a Clustering; nil of more than 128 classes

	GeneralistRight []bool `json:"-"` // of the labelled rows, in their order
	EnsembleRight   []bool `json:"-"` // likewise
}

// Covered are the rows whose class lies in so many specialists' sets (table 4 of
// the paper).
type Covered struct {
	Specialists int `json:"specialists"`
	Rows        int `json:"rows"`
	Before      int `json:"before"` // answered rightly by the generalist
	After       int `json:"after"`  // answered rightly with the specialists
}

// Conditional is the accuracy on the rows of some classes when the answer must
// be one of these (table 3 of the paper).
type Conditional struct {
	Set    int `json:"set"` // number of the specialist; −1: the classes of all of them
	Rows   int `json:"rows"`
	Before int `json:"before"`
	After  int `json:"after"`
}

// RelativeGain is what part more of rows is answered rightly, NaN where nothing was
// before.
func RelativeGain(before, after int) float64 {
	if before == 0 {
		return math.NaN()
	}
	return float64(after)/float64(before) - 1
}

// Relative is the relative gain in top-1 accuracy.
func (v *Evaluation) Relative() float64 {
	return RelativeGain(v.Generalist.Labelled-v.Generalist.Errors, v.Ensemble.Labelled-v.Ensemble.Errors)
}

// evaluating is one call of Evaluate.
type evaluating struct {
	e        *Ensemble
	v        *Evaluation
	sets     [][]int // as Conditional
	in       [][]int // by class: the places in sets that hold it
	g, q     *metrics.Accumulator
	gOK, qOK []bool
	pairs    *pairCounts
	coverage *cluster.Coverage
	moments  *cluster.Moments // nil of many classes
}

// Evaluate asks e about the labelled rows of src, whose classes are the
// bundle's in their order; others count for nothing.
func Evaluate(ctx context.Context, e *Ensemble, src dataset.Source) (*Evaluation, error) {
	c := e.Classes()
	switch spec := src.Spec(); {
	case !spec.Labelled():
		return nil, fault.New(fault.Input, "", "labels", "there are none, expected rows with labels")
	case len(spec.Classes) != c:
		return nil, fault.New(fault.Input, "", "rows", "have labels of %d classes, expected the %d of the bundle", len(spec.Classes), c)
	}
	t := &evaluating{e: e, v: &Evaluation{Curve: make([]int, len(e.experts)+1), AskedOf: make([]int, len(e.experts))}, in: make([][]int, c)}
	t.place()
	var err error
	if c <= maxDrawn {
		if t.moments, err = cluster.NewMoments(c, 0, 0); err != nil {
			return nil, err
		}
	}
	if t.g, err = metrics.NewAccumulator(c); err != nil {
		return nil, err
	}
	if t.q, err = metrics.NewAccumulator(c); err != nil {
		return nil, err
	}
	if err := batches(ctx, src, func(b *dataset.Batch, first int) error { return t.add(ctx, b, first) }); err != nil {
		return nil, err
	}
	t.v.Generalist, t.v.Ensemble, t.v.Paired = t.g.Result(), t.q.Result(), metrics.McNemar(t.qOK, t.gOK)
	t.v.Mended, t.v.Broken, t.v.Undercut = t.pairs.most(shownPairs)
	t.v.Coverage = t.coverage.Result()
	if t.moments != nil {
		t.v.Confusion = t.moments.Confusion()
	}
	t.v.GeneralistRight, t.v.EnsembleRight = t.gOK, t.qOK
	return t.v, nil
}

// place says which rows count where.
func (t *evaluating) place() {
	var union []int
	for k, covers := range t.e.covers {
		if len(covers) > 0 {
			union = append(union, k)
		}
		for len(t.v.Covering) <= len(covers) {
			t.v.Covering = append(t.v.Covering, Covered{Specialists: len(t.v.Covering)})
		}
	}
	t.sets = append(t.sets, union)
	for _, x := range t.e.experts {
		t.sets = append(t.sets, x.Classes)
	}
	t.pairs, t.coverage = newPairCounts(maxPairs), cluster.NewCoverage(t.sets[1:], t.e.Classes())
	for i, set := range t.sets {
		t.v.Conditional = append(t.v.Conditional, Conditional{Set: i - 1})
		for _, k := range set {
			t.in[k] = append(t.in[k], i)
		}
	}
}

// add counts a batch.
func (t *evaluating) add(ctx context.Context, b *dataset.Batch, first int) error {
	e, c := t.e, t.e.Classes()
	about := make([]Fused, b.N)
	said, err := e.hear(ctx, b, first, about)
	if err != nil {
		return err
	}
	q := make([]float32, b.N*c)
	answers := make([][]int, b.N) // by row: that of the first 0, 1, … of its active specialists
	err = e.each(b.N, first, func(j *joiner, i int) error {
		row := q[i*c : (i+1)*c]
		for n := range len(said[i]) + 1 {
			r, err := j.join(row, e.z[i*c:(i+1)*c], about[i].Active[:n], said[i][:n])
			if err != nil {
				return err
			}
			about[i].Residual = r
			answers[i] = append(answers[i], metrics.Argmax(row))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range b.N {
		for len(t.v.Asked) <= len(about[i].Active) {
			t.v.Asked = append(t.v.Asked, 0)
		}
		t.v.Asked[len(about[i].Active)]++
		for _, m := range about[i].Active {
			t.v.AskedOf[m]++
		}
		t.v.Residual = max(t.v.Residual, about[i].Residual)
		if b.Y[i] != dataset.Unlabelled {
			t.count(int(b.Y[i]), e.z[i*c:(i+1)*c], q[i*c:(i+1)*c], about[i].Active, answers[i])
		}
	}
	if err := t.g.Add(e.z, b.Y, nil); err != nil {
		return err
	}
	if err := t.expect(e.z[:b.N*c], b.Y); err != nil {
		return err
	}
	for i, p := range q {
		q[i] = float32(math.Log(float64(p)))
	}
	return t.q.Add(q, b.Y, e.z)
}

// expect measures what the generalist's logits, (N, C), confuse.
func (t *evaluating) expect(z []float32, y []int32) error {
	c := t.e.Classes()
	p := make([]float32, len(z))
	for i := 0; i < len(z); i += c {
		softmax(p[i:i+c], z[i:i+c])
	}
	t.coverage.Add(p, y)
	if t.moments == nil {
		return nil
	}
	return t.moments.Add(p)
}

// count counts a row of class y.
func (t *evaluating) count(y int, z, q []float32, active, answers []int) {
	before, after := answers[0] == y, answers[len(answers)-1] == y
	t.gOK, t.qOK = append(t.gOK, before), append(t.qOK, after)
	t.pairs.add(y, answers[0], answers[len(answers)-1])
	n := 0 // of the active specialists that are among the first j
	for j := range t.v.Curve {
		if n < len(active) && active[n] < j {
			n++
		}
		t.v.Curve[j] += one(answers[n] == y)
	}
	covered := &t.v.Covering[len(t.e.covers[y])]
	covered.Rows++
	covered.Before += one(before)
	covered.After += one(after)
	for _, s := range t.in[y] {
		d := &t.v.Conditional[s]
		d.Rows++
		d.Before += one(among(z, t.sets[s]) == y)
		d.After += one(among(q, t.sets[s]) == y)
	}
}

// among is which of some classes has the largest value, of equal ones the first.
func among(x []float32, set []int) int {
	best := set[0]
	for _, k := range set {
		if x[k] > x[best] {
			best = k
		}
	}
	return best
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
