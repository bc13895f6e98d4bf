package teacher

import (
	"context"
	"path/filepath"

	"github.com/kdonnx/kdonnx/dataset"
)

// Diagnose looks at every member on its own, and at how often they are right
// together.
func (e *Ensemble) Diagnose(ctx context.Context, src dataset.Source, o DoctorOptions) (*Diagnosis, error) {
	d := &Diagnosis{Teacher: e.Name()}
	known := true
	for _, m := range e.members {
		one, err := m.Diagnose(ctx, src, o)
		if err != nil {
			return nil, err
		}
		d.join(one)
		known = known && one.Contract != nil && m.Contract() != nil
	}
	if known && !d.has("finite") {
		if _, err := e.Detect(ctx, src); err != nil {
			return nil, err
		}
		d.together(e.contract)
	}
	d.sort()
	return d, nil
}

// Glance is the short form of Diagnose, for once after Detect.
func (e *Ensemble) Glance(ctx context.Context, o DoctorOptions) (*Diagnosis, error) {
	d := &Diagnosis{Teacher: e.Name()}
	for _, m := range e.members {
		one, err := m.Glance(ctx, o)
		if err != nil {
			return nil, err
		}
		d.join(one)
	}
	d.together(e.contract)
	d.sort()
	return d, nil
}

// join adds what a member's diagnosis found.
func (d *Diagnosis) join(one *Diagnosis) {
	if d.Members = append(d.Members, one); len(d.Members) == 1 {
		d.Rows, d.Labelled, d.Guessing, d.NearestMean = one.Rows, one.Labelled, one.Guessing, one.NearestMean
	}
	for _, f := range one.Findings {
		f.Says = filepath.Base(one.Teacher) + ": " + f.Says
		d.Findings = append(d.Findings, f)
	}
}

// together adds what the members are worth as one.
func (d *Diagnosis) together(c *Contract) {
	if d.Contract = c; c == nil || c.Accuracy == nil {
		return
	}
	d.Accuracy = c.Accuracy
	best := 0.0
	for _, m := range c.Members {
		if m.Accuracy != nil {
			best = max(best, *m.Accuracy)
		}
	}
	level, advice := Fine, ""
	if *c.Accuracy < best-gainful {
		level, advice = Note, "leave out the weakest, or give it less of the --weights"
	}
	d.add(level, "together", advice, "right on %s of the rows, the best of them alone on %s", share(*c.Accuracy), share(best))
}
