package specialist

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// side are rows of a session with a class for each.
type side struct {
	src    dataset.Source // nil: there are none
	given  []int32        // labels, dataset.Unlabelled where a row has none
	labels []int32        // given, and where there is none the plan's or the generalist's most likely class
}

// label finds the class of every row.
func (f *fleet) label(ctx context.Context) (err error) {
	d := f.session.Data()
	if n := len(f.plan.Labels); n > 0 && n != d.Transfer.Len() {
		return fault.New(fault.Usage, "", "labels", "got %d, expected one for each of the %d training rows", n, d.Transfer.Len())
	}
	if f.train, err = f.labelled(ctx, d.Transfer, f.plan.Labels); err == nil && d.Val != nil {
		f.val, err = f.labelled(ctx, d.Val, nil)
	}
	return err
}

// labelled are the rows of src; others are the classes of those without a
// label, nil where the generalist says them.
func (f *fleet) labelled(ctx context.Context, src dataset.Source, others []int32) (s side, err error) {
	s.src = src
	if s.given, err = dataset.Labels(ctx, src); err != nil {
		return s, err
	}
	s.labels = slices.Clone(s.given)
	for i, y := range others {
		if s.labels[i] != dataset.Unlabelled {
			continue
		}
		if classes := len(f.plan.Sets.Classes); y < 0 || int(y) >= classes {
			return s, fault.New(fault.Usage, "", fmt.Sprintf("labels[%d]", i), "got class %d, expected 0 to %d", y, classes-1)
		}
		s.labels[i] = y
	}
	if !slices.Contains(s.labels, dataset.Unlabelled) {
		return s, nil
	}
	i := 0
	err = f.session.Answers(ctx, src, func(z []float32) error {
		if s.labels[i] == dataset.Unlabelled {
			s.labels[i] = int32(slices.Index(z, slices.Max(z)))
		}
		i++
		return nil
	})
	return s, err
}

// parted are the positions of the rows of a set's classes, and of the others.
func (s side) parted(set []int) (own, others []int) {
	for i, y := range s.labels {
		if _, in := slices.BinarySearch(set, int(y)); in {
			own = append(own, i)
		} else {
			others = append(others, i)
		}
	}
	return own, others
}

// training is one specialist on its way.
type training struct {
	index       int
	set         []int
	head        Head
	groups      [][]int // classes of the generalist that are one output
	names       []string
	own, others []int // positions of the training rows
	before      Tally
	record      *Record
}

// divide makes a training of each set.
func (f *fleet) divide(context.Context) error {
	for m, set := range f.plan.Sets.Sets {
		t := &training{index: m, set: set, head: f.plan.Head}
		t.groups, t.names = groupsOf(set, f.plan.Sets.Classes, t.head)
		t.own, t.others = f.train.parted(set)
		if twin := slices.IndexFunc(f.plan.Sets.Sets[:m], func(s []int) bool { return slices.Equal(s, set) }); twin >= 0 {
			f.note(fmt.Sprintf("sets %d and %d are the same: so are their specialists, and both are heard", twin, m))
		}
		f.work = append(f.work, t)
	}
	return nil
}

// groupsOf are the classes behind each output of a specialist, and the outputs'
// names: with a dustbin those of set one by one, and last all others together.
func groupsOf(set []int, classes []string, head Head) (groups [][]int, names []string) {
	if head == Full {
		for k := range classes {
			groups = append(groups, []int{k})
		}
		return groups, classes
	}
	var others []int
	for k := range classes {
		if _, in := slices.BinarySearch(set, k); in {
			groups, names = append(groups, []int{k}), append(names, classes[k])
		} else {
			others = append(others, k)
		}
	}
	name := string(Dustbin)
	for slices.Contains(names, name) {
		name += "_"
	}
	return append(groups, others), append(names, name)
}

// output is the output of the specialist that stands for class k.
func (t *training) output(k int) int {
	if t.head == Full {
		return k
	}
	if at, in := slices.BinarySearch(t.set, k); in {
		return at
	}
	return len(t.set)
}

// name is the specialist for people.
func (t *training) name() string { return fmt.Sprintf("specialist %d", t.index) }

// fraction is f: what part of the rows is of the set's classes.
func (t *training) fraction() float64 {
	return float64(len(t.own)) / float64(len(t.own)+len(t.others))
}

// correction is what is added to the logit of the dustbin after training, and
// with a full softmax to those of all classes outside the set.
//
// Rows are sampled half and half, while a fraction f of the data is of the set.
// Within each half rows are as frequent as in the data, so in the sample a class
// k of the set has the prior π_k·½/f, where the data have π_k, and the dustbin
// (1−f)·½/(1−f). A posterior is the likelihood times the prior over a constant,
// and so a net that has learnt the sample's posterior gives the data's when
// log f/½ is added to the logits of the set and log (1−f)/½ to the dustbin's.
// The softmax takes no notice of what all logits have in common, which leaves
// log((1−f)/f) for the dustbin.
//
// The soft targets are the generalist's, which answers under the prior of the
// data: they are no different for rows that are sampled more often. Learnt as
// they are, they would pull the net to the data's prior, and half of the
// correction would come on top of what is right already. So what it says is
// moved to the sample's prior before it is learnt, by as much the other way, and
// so is the dustbin that the specialist begins with. The correction then is
// right for both halves of the loss, and a specialist that has learnt nothing
// answers as the generalist does.
//
// Where no row is outside the set nothing is sampled, and there is nothing to
// correct: 0.
func (t *training) correction() float64 {
	if len(t.own) == 0 || len(t.others) == 0 {
		return 0
	}
	return math.Log(float64(len(t.others)) / float64(len(t.own)))
}

// bias is v for the outputs that are outside the set, 0 for the others.
func (t *training) bias(v float64) []float32 {
	b := make([]float32, len(t.groups))
	for i, g := range t.groups {
		if _, in := slices.BinarySearch(t.set, g[0]); !in {
			b[i] = float32(v)
		}
	}
	return b
}

// part is what the specialist learns from.
//
// With a full softmax every row keeps its own class as the hard target, and the
// soft targets on all classes keep what the net knows of those outside the set.
// Without hard targets there, half of the loss would see rows of the set alone,
// and no correction would be right for both halves.
//
// The epoch is chosen on validation rows half and half too, all that there are
// of the set's classes and as many of the others: of rows as frequent as in the
// data most are the dustbin's, which nearly any specialist gets right.
func (f *fleet) part(t *training) (*distill.Part, error) {
	seed := f.plan.Recipe.Train.Seed
	p := &distill.Part{Groups: t.groups, Bias: t.bias(-t.correction()), Epochs: dataset.Halves(t.own, t.others, seed)}
	var err error
	if p.Train, err = f.relabel(f.train, t, nil); err != nil || f.val.src == nil {
		return p, err
	}
	own, others := f.val.parted(t.set)
	if len(own) == 0 {
		return p, nil
	}
	rows := slices.Clone(own)
	for _, at := range dataset.Order(len(others), seed, 0)[:min(len(own), len(others))] {
		rows = append(rows, others[at])
	}
	slices.Sort(rows)
	p.Val, err = f.relabel(f.val, t, rows)
	return p, err
}

// relabel is s, or the rows of it that are given, with the outputs of t as
// labels.
func (f *fleet) relabel(s side, t *training, rows []int) (dataset.Source, error) {
	labels := make([]int32, len(s.labels))
	for i, y := range s.labels {
		labels[i] = int32(t.output(int(y)))
	}
	src, err := dataset.Relabel(s.src, labels, t.names)
	if err == nil && rows != nil {
		src = dataset.Subset(src, rows)
	}
	return src, err
}
