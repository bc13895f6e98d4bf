package distill

import (
	"context"
	"fmt"
	"runtime"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// HeldOut says which rows judge the trainings of a session in place of the
// test rows, which stay closed, so that a choice between trainings cannot be a
// choice by the test rows. They are no validation rows either: those have
// chosen the epoch, and flatter a training whose epochs differ much.
type HeldOut struct {
	// Share of the training rows, stratified. 0: where validation rows are
	// given, half of them, else DefaultShare of the training rows.
	Share float64
}

// DefaultShare of the training rows judges.
const DefaultShare = 0.15

// judgeSeed is added to the seed for the split of the rows that judge; 1 is
// that of the test rows.
const judgeSeed = 2

// OpenHeldOut is Open of a session whose trainings are judged on held-out
// rows. A share outside 0 to below 1 is a fault.Usage.
func OpenHeldOut(ctx context.Context, r Recipe, h HeldOut, env Env) (*Session, error) {
	if !(h.Share >= 0 && h.Share < 1) {
		return nil, fault.New(fault.Usage, "", "--hold-out", "got %v, expected a number from 0 (the default), below 1", h.Share)
	}
	return openJudged(ctx, r, &h, env)
}

// ofValidation tells whether the rows that judge are half of those that are
// given for validation.
func (h HeldOut) ofValidation(r *Recipe) bool {
	return h.Share == 0 && (r.Data.Val != "" || r.Data.Train == Embedded)
}

// holdOutJudges sets the rows that judge aside, unless they are validation
// rows, and returns what is left of train.
func (d *Data) holdOutJudges(ctx context.Context, r *Recipe, train dataset.Source, h HeldOut) (dataset.Source, error) {
	if h.ofValidation(r) {
		return train, nil
	}
	if h.Share == 0 {
		h.Share = DefaultShare
	}
	kept, held, err := dataset.Split(ctx, train, h.Share, r.splitSeed()+judgeSeed)
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 || len(held) == 0 {
		return nil, fault.New(fault.Input, r.Data.Train, "", "%d rows cannot be split by --hold-out %v", train.Len(), h.Share)
	}
	d.Test = dataset.Subset(train, held)
	d.TestIs = fmt.Sprintf("%d training rows that were held out", len(held))
	d.Notes = append(d.Notes, fmt.Sprintf("%d of %d training rows are held out to choose by", len(held), train.Len()))
	return dataset.Subset(train, kept), nil
}

// halveValidation makes half of the validation rows those that judge.
func (d *Data) halveValidation(ctx context.Context, r *Recipe) error {
	kept, held, err := dataset.Split(ctx, d.Val, 0.5, r.splitSeed()+judgeSeed)
	if err != nil {
		return err
	}
	if len(kept) == 0 || len(held) == 0 {
		return fault.New(fault.Input, r.Data.Val, "", "%d rows cannot be halved: name more validation rows, or a share of the training rows by --hold-out", d.Val.Len())
	}
	d.TestIs = fmt.Sprintf("%d of the %d validation rows", len(held), d.Val.Len())
	d.Notes = append(d.Notes, fmt.Sprintf("%d of the %d validation rows are set aside to choose by; the others choose each training's epoch", len(held), d.Val.Len()))
	d.Test, d.Val = dataset.Subset(d.Val, held), dataset.Subset(d.Val, kept)
	return nil
}

// Score is what a net is judged by.
type Score struct {
	Value float64   // accuracy, micro-F1 or R², or the agreement with the teacher where no row has a label: the more the better
	Loss  float64   // decides between equals, the less the better: negative log-likelihood, or RMSE of numbers
	Rows  []float64 // one a row that counts, in order: Value is their mean, see metrics.RowScores; may be nil
}

// Judge scores the trained net on the rows of the session that judge: the
// held-out ones, or the test rows of a session without.
func (t *Trained) Judge(ctx context.Context) (Score, error) {
	var z []float32
	return judged(ctx, t.ran.test, func(m *mini) ([]float32, error) {
		z = grow(z, m.n*t.ran.test.classes)
		return z, answer(ctx, t.Net, m, z)
	})
}

// JudgeTeacher scores the teacher on the rows that judge; ok is false where
// nobody asked it about them.
func (s *Session) JudgeTeacher(ctx context.Context) (score Score, ok bool, err error) {
	d := s.opened
	if d.teacher.test == nil {
		return Score{}, false, nil
	}
	r, err := openRows(ctx, d.data.Test, nil, d.teacher.test, d.task, d.teacher.classes)
	if err != nil {
		return Score{}, false, err
	}
	score, err = judged(ctx, r, func(m *mini) ([]float32, error) { return m.teacher, nil })
	return score, err == nil, err
}

// judged measures what answer says of every row of r, row by row too.
func judged(ctx context.Context, r *rows, answer func(m *mini) ([]float32, error)) (Score, error) {
	each := metrics.NewRowScores(r.task, r.classes)
	result, err := score(ctx, r, func(m *mini) ([]float32, error) {
		out, err := answer(m)
		if err == nil {
			each.Add(m.scored(out))
		}
		return out, err
	})
	if err != nil {
		return Score{}, err
	}
	s := Score{Rows: each.Values(result)}
	if s.Value, s.Loss, err = chosenBy(result); err != nil {
		return Score{}, fault.New(fault.Diverged, "", "", "%w", err)
	}
	return s, nil
}

// Measure is what Score.Value is, in words.
func (s *Session) Measure() string {
	if name := chosenName(s.opened.task); name != "" {
		return name
	}
	return "accuracy"
}

// Task is what the session's nets learn.
func (s *Session) Task() dataset.Task { return s.opened.task }

// StepsPerEpoch of trainings with batches of that size.
func (s *Session) StepsPerEpoch(batch int) int { return ceilDiv(s.opened.learned().Len(), batch) }

// Targets is the folder of the store of what the teacher said; empty without
// a teacher.
func (s *Session) Targets() string {
	if t := s.opened.teacher.targets; t != nil {
		return t.Dir()
	}
	return ""
}

// Identity is what the trainings of a session depend on besides their recipe,
// by name: as in a checkpoint, and the rows that judge.
func (s *Session) Identity(ctx context.Context) (map[string]string, error) {
	d := s.opened
	id := map[string]string{"version": d.env.Version, "machine": runtime.GOARCH, "task": d.task.String()}
	if d.teacher.targets != nil {
		id["targets"] = d.teacher.targets.Content()
	}
	if v := d.variation; v != nil && !v.mode.stored() {
		id["teacher mode"], id["augment"], id["teacher"] = v.mode.String(), v.text, d.teacher.key().Teacher
	}
	if h := d.teacher.hint; h != nil {
		id["hint"] = h.targets.Content()
	}
	for _, rows := range []struct {
		name string
		src  dataset.Source
	}{{"transfer rows", d.data.Transfer}, {"labelled rows", d.data.Labelled}, {"validation rows", d.data.Val}, {"held-out rows", d.data.Test}} {
		if rows.src == nil {
			continue
		}
		digest, err := dataset.Digest(ctx, rows.src)
		if err != nil {
			return nil, err
		}
		id[rows.name] = digest
	}
	return id, nil
}
