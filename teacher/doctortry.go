package teacher

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Try is one preprocessing and how often the teacher is right with it.
type Try struct {
	Name       string   `json:"name"`       // for people
	Preprocess string   `json:"preprocess"` // as --teacher-preprocess takes it
	Rows       int      `json:"rows"`
	Accuracy   *float64 `json:"accuracy,omitempty"` // R² of a regression; nil: an output is not finite, or the model refuses it
	Now        bool     `json:"now,omitempty"`      // the contract's
	Better     bool     `json:"better,omitempty"`   // clearly, than the contract's
}

// order puts unusable ones last.
func (x Try) order() float64 {
	if x.Accuracy == nil {
		return math.Inf(-1)
	}
	return *x.Accuracy
}

// text is the try for people.
func (x Try) text(fitted bool) string {
	score := "not finite"
	if x.Accuracy != nil {
		score = share(*x.Accuracy)
		if fitted {
			score = fmt.Sprintf("R² %.3f", *x.Accuracy)
		}
	}
	mark := ""
	switch {
	case x.Now:
		mark = "  ← as it is now"
	case x.Better:
		mark = "  ← clearly better"
	}
	return fmt.Sprintf("%10s  %s%s", score, x.Name, mark)
}

// feeding is a preprocessing that teachers are often trained with.
type feeding struct {
	name    string
	pre     dataset.Preprocess // complete
	given   dataset.Preprocess // what a flag must say
	plan    inputPlan
	changes int // beside the value range
}

// usualOnes lists what rows of src may have to go through, the plainest first:
// value ranges, inverted, red and blue exchanged, turned, and other layouts
// that the input takes. x are values of some rows.
func (t *Teacher) usualOnes(ctx context.Context, src dataset.Source, x []float32) ([]feeding, error) {
	spec, plan := src.Spec(), t.encode.plan
	base := plan.preprocess(nil)
	base.Layout, base.Resize, base.Channels = t.contract.Preprocess.Layout, t.contract.Preprocess.Resize, t.contract.Preprocess.Channels
	ranges, err := listRanges(ctx, src, base, x, "auto")
	if err != nil {
		return nil, err
	}
	low, high := span(x)
	bytes, unit := ranges[min(1, len(ranges)-1)].name == "unit", spec.Image && low >= 0 && high <= 1
	if bytes && spec.Image {
		p := base
		p.Mean = []float32{128}
		ranges = append(ranges, candidate{name: "signed", text: "x − 128", pre: p})
	}
	channels := cmp.Or(base.Channels, 1)
	if spec.Image {
		channels = cmp.Or(base.Channels, spec.Shape[2])
	}
	if (bytes || unit) && spec.Image && channels == 1 {
		p := base
		if bytes {
			p.Scale = 1.0 / 255
		}
		p.Mean, p.Std = []float32{0.449}, []float32{0.226}
		ranges = append(ranges, candidate{name: "imagenet", text: "ImageNet mean and deviation", pre: p})
	}
	if !plan.takesFractions() {
		ranges = slices.DeleteFunc(ranges, func(c candidate) bool {
			return c.name != "raw" && (!spec.Image || c.name != "bytes" && (c.name != "signed" || !plan.takes(onnx.Int8)))
		})
	}
	top := float32(255)
	if unit {
		top = 1
	}
	bools := func(can bool) []bool {
		if can {
			return []bool{false, true}
		}
		return []bool{false}
	}
	var all []feeding
	for _, turn := range bools(spec.Image && spec.Shape[0] == spec.Shape[1]) {
		for _, bgr := range bools(spec.Image && channels == 3) {
			for _, invert := range bools(bytes && spec.Image || unit) {
				for _, r := range ranges {
					u := feeding{name: r.text, pre: r.pre, plan: plan}
					if invert {
						invertRange(&u.pre, top)
					}
					u.pre.Transpose, u.pre.BGR = turn, bgr
					u.pre.Mean, u.pre.Std = slices.Clone(u.pre.Mean), slices.Clone(u.pre.Std)
					if bgr { // blue first
						slices.Reverse(u.pre.Mean)
						slices.Reverse(u.pre.Std)
					}
					for _, more := range []struct {
						is   bool
						text string
					}{{invert, "inverted"}, {bgr, "BGR"}, {turn, "height and width exchanged"}} {
						if more.is {
							u.name += ", " + more.text
							u.changes++
						}
					}
					u.given = u.pre
					u.given.Layout, u.given.Resize, u.given.Channels = "", nil, 0
					all = append(all, u)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b feeding) int { return a.changes - b.changes })
	return append(all, t.otherLayouts(spec)...), nil
}

// invertRange makes p that of top − x.
func invertRange(p *dataset.Preprocess, top float32) {
	scale := p.Scale
	if scale == 0 {
		scale = 1
	}
	mean := slices.Clone(p.Mean)
	if len(mean) == 0 {
		mean = []float32{0}
	}
	for i := range mean {
		mean[i] = round4(mean[i] - scale*top)
	}
	p.Scale, p.Mean, p.Std = -scale, mean, slices.Clone(p.Std)
}

// otherLayouts are the present preprocessing in the other layouts that the
// input may take.
func (t *Teacher) otherLayouts(spec dataset.Spec) []feeding {
	free := *t
	free.o.Preprocess = nil
	plans, err := free.plans(spec)
	if err != nil || !spec.Image {
		return nil
	}
	var out []feeding
	now := t.encode.plan
	for _, p := range plans {
		if p.layout == now.layout || p.bare != now.bare || p.fixed != now.fixed || p.guess {
			continue
		}
		u := feeding{name: "now, as " + string(p.layout), plan: p}
		u.given = t.contract.Preprocess
		u.given.Layout, u.given.Resize, u.given.Channels = p.layout, nil, 0
		u.pre = p.preprocess(&u.given)
		out = append(out, u)
	}
	return out
}

// tryUsual tries the usual preprocessings on as many rows of s as Detect looks
// at, holds the best against the present one on all, and adds what came of it.
func (t *Teacher) tryUsual(ctx context.Context, d *Diagnosis, src dataset.Source, s *answered) error {
	c := t.contract
	all, err := t.usualOnes(ctx, src, s.l.x)
	if err != nil {
		return err
	}
	now := feeding{name: c.Preprocess.String(), pre: c.Preprocess, given: c.Preprocess, plan: t.encode.plan}
	all = slices.DeleteFunc(all, func(u feeding) bool {
		if u.pre.Text() != c.Preprocess.Text() {
			return false
		}
		now.name = u.name
		return true
	})
	all = append([]feeding{now}, all...)
	l := s.l.spread(max(minLook, min(maxLook, lookValues/s.l.spec.Size())))
	verdicts := make([]verdict, len(all))
	for i, u := range all {
		x := Try{Name: u.name, Preprocess: cmp.Or(u.given.Text(), "scale=1"), Rows: l.n, Now: i == 0}
		verdicts[i], err = t.judgeUsual(ctx, u, l)
		if err != nil {
			return err
		}
		if verdicts[i].usable {
			x.Accuracy = &verdicts[i].accuracy
		}
		d.Tries = append(d.Tries, x)
	}
	if len(all) == 1 {
		return nil
	}
	if !verdicts[0].usable {
		return nil
	}
	best, _ := pick(verdicts)
	mine := c.judgeRows(s.z, s.l)
	score := func(v verdict) string { return c.score(v) }
	topmost := 0 // right most often, clearly or not
	for i, v := range verdicts {
		if v.usable && v.accuracy > verdicts[topmost].accuracy {
			topmost = i
		}
	}
	found := false
	var its verdict
	if best > 0 {
		if its, err = t.judgeUsual(ctx, all[best], s.l); err != nil {
			return err
		}
		deviations := 3.0
		if l.n == s.l.n { // no row that it was not chosen by
			deviations = 4
		}
		found = its.usable && its.beats(mine, deviations) && its.accuracy > mine.accuracy+gainful
	}
	of := fmt.Sprintf("of %d usual preprocessings", len(all))
	switch {
	case found && !d.convinces(c, its):
		d.advise("accuracy", fmt.Sprintf("no preprocessing mends that: %s tried the best, %s, gets %s", of, all[best].name, score(its)))
	case found:
		x := &d.Tries[best]
		x.Better, d.Preprocess = true, x.Preprocess
		flag := fmt.Sprintf("--teacher-preprocess %q", x.Preprocess)
		if len(all[best].given.Mean) > 12 { // by feature of a table
			flag = "--teacher-input standard"
		}
		if d.has("accuracy") {
			d.advise("accuracy", "fed otherwise it does better, see preprocessing")
		}
		d.add(Problem, "preprocessing", flag, "fed with %s it gets %s, as it is now %s", all[best].name, score(its), score(mine))
	case d.has("accuracy") && topmost == 0:
		d.advise("accuracy", fmt.Sprintf("none of the %d usual preprocessings tried does better", len(all)))
	case d.has("accuracy"):
		d.advise("accuracy", fmt.Sprintf("no preprocessing mends that: the best %s tried, %s, gets %s", of, all[topmost].name, score(verdicts[topmost])))
	default:
		d.add(Fine, "preprocessing", "", "none %s is clearly better than the present one", of)
	}
	return nil
}

// convinces tells whether a teacher with the verdict would be a good one.
func (d *Diagnosis) convinces(c *Contract, v verdict) bool {
	switch {
	case v.fitted:
		return v.accuracy > weakFit
	case d.NearestMean != nil && v.accuracy < *d.NearestMean:
		return false
	case c.Task == dataset.MultiLabel:
		return d.Guessing == nil || v.accuracy > *d.Guessing
	}
	return v.accuracy >= useful
}

// judgeUsual asks about the rows of l, fed as u says. A model that refuses them
// gives no usable verdict.
func (t *Teacher) judgeUsual(ctx context.Context, u feeding, l *look) (verdict, error) {
	e, err := t.encoder(u.plan, u.pre, l.spec)
	if err != nil {
		return verdict{}, nil
	}
	e.batch = t.opened.Batch
	s, err := t.measure(ctx, e, l)
	switch {
	case err != nil && (ctx.Err() != nil || fault.KindOf(err) != fault.Input):
		return verdict{}, err
	case err != nil || len(s.bad) > 0:
		return verdict{}, nil
	}
	return t.contract.judgeRows(s.z, s.l), nil
}
