package distill

import (
	"context"
	"math"
	"time"

	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student"
)

// epoch trains from where state stands to the end of its epoch.
func (c *course) epoch(ctx context.Context, f *feed, trainer *student.Trainer, state *checkpoint, out *outcome, saved *time.Time) error {
	h, t := &state.Header, c.recipe.Train
	began := time.Now()
	c.busy.start()
	for ; h.Step < c.perEpoch; h.Step++ {
		if time.Since(*saved) > c.every {
			if err := c.save(trainer, state); err != nil {
				return err
			}
			*saved = time.Now()
		}
		m, err := f.next(ctx)
		if err != nil {
			return c.interrupt(ctx, trainer, state, err)
		}
		global := h.Epoch*c.perEpoch + h.Step
		lr := c.schedule.Rate(t.LR, uint64(global))
		if c.weights != nil {
			c.loss.Set(c.weights(uint64(global)))
		}
		var terms termSums
		var hint float64
		acts := c.hint.acts(h.Epoch)
		_, err = trainer.StepParts(m.x, m.n, func(lo, hi int, z, dz []float32) float64 {
			part := c.loss.Eval(m.part(lo, hi, c.train.classes, z), dz)
			share := float64(hi-lo) / float64(m.n)
			if c.hint != nil {
				value := c.hint.eval(trainer, m, lo, hi, acts)
				hint += float64(value * share)
				if acts {
					part.Total += float64(c.hint.Weight() * value)
				}
			}
			terms.add(part, share)
			return part.Total
		}, lr)
		out.Samples += m.n
		out.Steps++
		f.done(m)
		if err != nil {
			return c.diverged(err)
		}
		for i, v := range terms {
			h.Sum[i] += v
		}
		h.Hint += hint
		c.progress.report(c.role+c.stage, int64(global+1), int64(t.Epochs*c.perEpoch), h.last())
	}
	out.Seconds += time.Since(began).Seconds()
	c.busy.stop()
	rec, last := h.Sum.record(float64(c.perEpoch)), uint64((h.Epoch+1)*c.perEpoch-1)
	rec.Epoch, rec.Hint, rec.LR = h.Epoch+1, h.Hint/float64(c.perEpoch), float64(c.schedule.Rate(t.LR, last))
	if c.weights != nil {
		at := c.weights(last)
		rec.Weights = &at
	}
	if err := trainer.Averaged(func() error { return c.judge(ctx, &rec, state) }); err != nil {
		return c.interrupt(ctx, trainer, state, err)
	}
	rec.Seconds, rec.Ended = time.Since(began).Seconds(), float64(time.Now().UnixMilli())/1e3
	h.History = append(h.History, rec)
	h.Epoch, h.Step, h.Sum, h.Hint = h.Epoch+1, 0, termSums{}, 0
	if p := t.Patience; p > 0 && h.BestAt >= 0 && h.Epoch-h.BestAt >= p {
		h.Done = true
	}
	return c.tell(h.History)
}

// judge scores the net on the validation rows and keeps it if it is the best
// so far: see chosenBy.
func (c *course) judge(ctx context.Context, rec *EpochRecord, state *checkpoint) error {
	if c.val == nil {
		return nil
	}
	result, err := evaluate(ctx, c.net, c.val)
	if err != nil {
		return err
	}
	score, loss, err := chosenBy(result)
	if err != nil {
		return fault.New(fault.Diverged, "", c.role+c.stage, "epoch %d: %w", rec.Epoch, err)
	}
	rec.Validated, rec.ValAccuracy, rec.ValLoss, rec.Metric = true, score, loss, chosenName(c.val.task)
	h := &state.Header
	if h.BestAt < 0 || score > h.BestAcc || score == h.BestAcc && loss < h.BestLoss {
		h.BestAt, h.BestAcc, h.BestLoss = rec.Epoch, score, loss
		state.Best = weights(c.net)
	}
	return nil
}

// termSums are total, soft and hard loss, and the squares of the norms of the
// soft and the hard gradient, which are means over rows as the others are.
type termSums [5]float64

// add takes in the terms of a share of the rows.
func (s *termSums) add(t loss.Terms, share float64) {
	for i, v := range [...]float64{t.Total, t.Soft, t.Hard, t.SoftGradient * t.SoftGradient, t.HardGradient * t.HardGradient} {
		s[i] += float64(v * share)
	}
}

// record is what n sums come to in the mean.
func (s *termSums) record(n float64) EpochRecord {
	return EpochRecord{Loss: s[0] / n, Soft: s[1] / n, Hard: s[2] / n, SoftGrad: math.Sqrt(s[3] / n), HardGrad: math.Sqrt(s[4] / n)}
}
