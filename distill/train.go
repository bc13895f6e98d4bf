package distill

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/optim"
)

// Roles that a net is trained in.
const (
	RoleTeacher  = "teacher"  // not trained here
	RoleStudent  = "student"  // taught by the teacher
	RoleBaseline = "baseline" // the same net on hard labels with the same budget
)

// EpochRecord is what one epoch of training came to.
type EpochRecord struct {
	Epoch       int           `json:"epoch"`             // counted from 1
	Loss        float64       `json:"loss"`              // mean over the steps
	Soft        float64       `json:"soft"`              // soft term without its weight
	Hard        float64       `json:"hard"`              // hard term without its weight
	SoftGrad    float64       `json:"soft_gradient"`     // of the weighted term, see loss.Terms; root mean square over the steps
	HardGrad    float64       `json:"hard_gradient"`     // as SoftGrad
	Hint        float64       `json:"hint,omitempty"`    // hint's term without its weight: 1 is knowing its means, 0 reproducing it
	LR          float64       `json:"lr"`                // at the end of the epoch
	Weights     *loss.Weights `json:"weights,omitempty"` // T, α and β at the end of the epoch, where they change
	Validated   bool          `json:"validated"`         // false where there are no validation rows
	ValAccuracy float64       `json:"val_accuracy"`      // or Metric
	Metric      string        `json:"metric,omitempty"`  // what the best epoch is chosen by where it is not accuracy
	ValLoss     float64       `json:"val_loss"`
	Seconds     float64       `json:"seconds"`
	Ended       float64       `json:"ended"` // Unix time in seconds
}

// course is one net's training: what it learns from and how long.
type course struct {
	role     string
	stage    string // said behind the role of its progress
	recipe   *Recipe
	net      *student.Student
	train    *rows
	val      *rows // nil: the last epoch is kept
	loss     loss.Loss
	weights  func(step uint64) loss.Weights // of the loss at a step; nil: they stay
	hint     *hintTerm                      // nil without
	perEpoch int                            // steps an epoch; the same for every role
	until    int                            // epoch after which training pauses; 0: never
	run      map[string]string              // what the result depends on
	files    checkpointFile
	every    time.Duration // between checkpoints
	progress Progress
	schedule optim.Schedule
	note     func(line string)              // tells what is worth knowing of the run
	busy     *busy                          // the time of the steps; nil: nobody asks
	tell     func(done []EpochRecord) error // says which epochs are done
	tuned    bool                           // the net begins as somebody's file, which counts as epoch 0
}

// outcome is what a course came to.
type outcome struct {
	Formula string // of the loss, and of the hint
	History []EpochRecord
	BestAt  int     // epoch whose weights were kept, counted from 1; 0: those of the file
	Score   float64 // of that epoch on the validation rows, see chosenBy; 0 without
	Loss    float64
	Done    bool    // false where training paused, see Trial.Until
	Steps   int     // optimiser steps of this process
	Samples int     // rows of those steps
	Seconds float64 // wall time of those steps
	Notes   []string
}

// follow trains c.net, or goes on where a checkpoint says, and leaves the
// best weights in it. A cancelled ctx saves a checkpoint and returns a fault
// of kind Interrupted.
func (c *course) follow(ctx context.Context) (*outcome, error) {
	t := c.recipe.Train
	optimizer, err := t.optimizer()
	if err != nil {
		return nil, err
	}
	trainer, err := c.trainer(optimizer)
	if err != nil {
		return nil, err
	}
	state, err := c.resume(trainer)
	if err != nil {
		return nil, err
	}
	if h := &state.Header; c.tuned && h.Epoch == 0 && h.Step == 0 {
		if err := c.judge(ctx, &EpochRecord{}, state); err != nil {
			return nil, c.interrupt(ctx, trainer, state, err)
		}
	}
	if err := c.tell(state.Header.History); err != nil {
		return nil, err
	}
	out := &outcome{}
	if !state.Header.Done {
		first := state.Header.Epoch*c.perEpoch + state.Header.Step
		last := c.lastEpoch()
		f := startFeed(ctx, c.train, t.Seed, t.Batch, first, last*c.perEpoch)
		defer f.stop()
		saved := time.Now()
		for state.Header.Epoch < last && !state.Header.Done {
			if err := c.epoch(ctx, f, trainer, state, out, &saved); err != nil {
				return nil, err
			}
		}
		if steps := int64(t.Epochs * c.perEpoch); state.Header.Done { // before its time, see Patience
			c.progress.report(c.role+c.stage, steps, steps, state.Header.last())
		}
		state.Header.Done = state.Header.Done || state.Header.Epoch == t.Epochs
		if err := c.save(trainer, state); err != nil {
			return nil, err
		}
	}
	if len(state.Best) == 0 {
		trainer.Finish()
	} else if err := setWeights(c.net, state.Best); err != nil {
		return nil, err
	}
	out.History, out.BestAt, out.Done = state.Header.History, state.Header.BestAt, state.Header.Done
	if out.BestAt >= 0 {
		out.Score, out.Loss = state.Header.BestAcc, state.Header.BestLoss
	}
	if out.BestAt == 0 {
		c.note(fmt.Sprintf("%s: no epoch did better on the validation rows than the file that it began as, whose weights are kept: try a lower --lr", c.role+c.stage))
	}
	return out, nil
}

// trainer trains c.net, and beside it the projection of its hint.
func (c *course) trainer(o optim.Optimizer) (*student.Trainer, error) {
	t := c.recipe.Train
	if c.hint != nil {
		return c.hint.projection.NewTrainer(o, t.Batch, t.Seed)
	}
	return student.NewTrainer(c.net, o, t.Batch, t.Seed)
}

// lastEpoch is the number of epochs after which training ends or pauses.
func (c *course) lastEpoch() int {
	if c.until > 0 {
		return min(c.until, c.recipe.Train.Epochs)
	}
	return c.recipe.Train.Epochs
}

// optimizer makes the optimiser that t describes, or says what is wrong.
func (t TrainRecipe) optimizer() (optim.Optimizer, error) {
	momentum := t.Momentum
	if momentum == 0 {
		momentum = -1 // none
	}
	return optim.New(t.Optimizer, optim.Settings{Momentum: momentum, Beta1: t.Beta1, Beta2: t.Beta2, WeightDecay: t.WeightDecay, Decay: t.Decay,
		ClipValue: t.ClipValue, ClipNorm: t.Clip, MaxNorm: t.MaxNorm, EMA: t.EMA, Accumulate: t.Accumulate})
}

// resume restores the trainer from the newest checkpoint, if there is one.
func (c *course) resume(trainer *student.Trainer) (*checkpoint, error) {
	ck, notes, err := c.files.load(c.run)
	for _, n := range notes {
		c.note(n)
	}
	if err != nil {
		return nil, err
	}
	if ck == nil {
		return &checkpoint{Header: loopState{Run: c.run, Role: c.role, BestAt: -1, BestLoss: math.MaxFloat64}}, nil
	}
	return ck, trainer.Restore(bytes.NewReader(ck.Trainer))
}

// interrupt saves where training stands when ctx was cancelled; any other
// error passes.
func (c *course) interrupt(ctx context.Context, trainer *student.Trainer, state *checkpoint, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if err := c.save(trainer, state); err != nil {
		return err
	}
	return fault.New(fault.Interrupted, c.files.path(), "", "interrupted in epoch %d of %d; the same command goes on from this checkpoint",
		min(state.Header.Epoch+1, c.recipe.Train.Epochs), c.recipe.Train.Epochs)
}

// diverged adds to a fault of kind Diverged where the last good checkpoint is.
func (c *course) diverged(err error) error {
	if fault.KindOf(err) != fault.Diverged {
		return err
	}
	if _, stat := os.Stat(c.files.path()); stat != nil {
		return fault.New(fault.Diverged, "", c.role+c.stage, "%w; no checkpoint had been saved; try a lower --lr", err)
	}
	return fault.New(fault.Diverged, "", c.role+c.stage, "%w; the last good checkpoint is %s; try a lower --lr with --restart", err, c.files.path())
}

func (c *course) save(trainer *student.Trainer, state *checkpoint) error {
	var b bytes.Buffer
	if err := trainer.Save(&b); err != nil {
		return err
	}
	state.Trainer = b.Bytes()
	return c.files.save(state)
}

// last is the newest finished epoch, for the progress line.
func (h *loopState) last() *EpochRecord {
	if len(h.History) == 0 {
		return nil
	}
	return &h.History[len(h.History)-1]
}

// weights are the bytes of all parameters and running statistics.
func weights(s *student.Student) []byte {
	var b []byte
	for _, p := range s.Params() {
		for _, v := range p.Data {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

// setWeights is the inverse of weights.
func setWeights(s *student.Student, b []byte) error {
	for _, p := range s.Params() {
		if len(b) < 4*len(p.Data) {
			return fault.New(fault.Integrity, "", p.Name, "the kept weights end early")
		}
		for i := range p.Data {
			p.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		b = b[4*len(p.Data):]
	}
	return nil
}
