package specialist

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// follow trains the specialists of the plan, or those of the shard, several at
// once, those with the most rows first, so that no long training is left alone at
// the end (Graham 1969, bounds on multiprocessing timing anomalies). The first
// fault ends the others, which save checkpoints.
func (f *fleet) follow(ctx context.Context) error {
	var work []*training
	for i, t := range f.work {
		if f.plan.Shards <= 1 || i%f.plan.Shards == f.plan.Shard {
			work = append(work, t)
		}
	}
	slices.SortStableFunc(work, func(a, b *training) int { return len(b.own) - len(a.own) })
	f.progress = f.newProgress(work)
	i, err := distill.Together(ctx, len(work), f.plan.Parallel, func(ctx context.Context, i int) error { return f.one(ctx, work[i]) })
	switch {
	case i < len(work):
		return fault.New(fault.KindOf(err), "", work[i].name(), "%w", err)
	case err == nil:
		f.progress.End()
	}
	return err
}

// one trains a specialist unless that was done.
func (f *fleet) one(ctx context.Context, t *training) error {
	file := fmt.Sprintf("specialist-%03d", t.index)
	if len(t.own) == 0 {
		t.record = f.newRecord(t)
		t.record.LeftOut = fmt.Sprintf("no row is of its classes (%s)", strings.Join(f.plan.Sets.Names(t.index), " "))
		f.log(t.name() + " is left out: " + t.record.LeftOut)
		return nil
	}
	r := f.newRecord(t)
	if err := f.once(ctx, file, t.name(), r, func(dir, path string) error { return f.learn(ctx, t, r, dir, path) }); err != nil {
		return err
	}
	t.record = r
	f.progress.Set(t, r.Steps)
	return nil
}

// learn trains, corrects and exports a specialist, and fills its record.
func (f *fleet) learn(ctx context.Context, t *training, rec *Record, dir, path string) error {
	start := filepath.Join(dir, "start.onnx")
	if err := f.start(t, start); err != nil {
		return err
	}
	part, err := f.part(t)
	if err != nil {
		return err
	}
	if part.Val == nil {
		f.log(t.name() + ": no validation row is of its classes, the last epoch is kept")
	}
	r := f.session.Recipe()
	r.Student = distill.StudentRecipe{Arch: start, Freeze: r.Student.Freeze}
	out, err := f.session.Train(ctx, distill.Trial{Recipe: r, Role: distill.RoleStudent, Dir: dir, Part: part, Progress: f.progress.Of(t),
		Log: func(line string) { f.log(t.name() + ": " + line) }})
	if err != nil {
		return err
	}
	correction := t.bias(t.correction())
	if err := out.Export(ctx, path, correction); err != nil {
		return err
	}
	*rec = *f.newRecord(t)
	rec.File, rec.Epochs, rec.BestAt = filepath.Base(path), len(out.History), out.BestAt
	rec.Visits = int64(rec.Epochs) * int64(out.Epoch)
	rec.Steps = int64(rec.Epochs) * int64((out.Epoch+r.Train.Batch-1)/r.Train.Batch)
	for _, e := range out.History {
		rec.Seconds += e.Seconds
	}
	if err := f.judge(ctx, t, out, correction, rec); err != nil {
		return err
	}
	f.log(t.name() + rec.String())
	return nil
}

// judgeGeneralist counts on the labelled validation rows what the bundle's
// generalist answers, for every specialist.
func (f *fleet) judgeGeneralist(ctx context.Context) error {
	if f.val.src == nil {
		return nil
	}
	r := f.session.Recipe()
	r.Student = distill.StudentRecipe{Arch: f.generalist}
	net, err := f.session.Begin(ctx, distill.Trial{Recipe: r, Role: distill.RoleStudent, Dir: f.at(fleetDir, workDir, generalistName)})
	if err != nil {
		return err
	}
	i := 0
	return net.Outputs(ctx, f.val.src, func(z []float32) error {
		for _, t := range f.work {
			t.before.count(t, int(f.val.given[i]), z, t.set, t.output)
		}
		i++
		return nil
	})
}

// judge counts on the same rows what a specialist answers, corrected.
func (f *fleet) judge(ctx context.Context, t *training, out *distill.Trained, correction []float32, r *Record) error {
	if f.val.src == nil {
		return nil
	}
	own := make([]int, len(t.set)) // outputs that are classes of the set
	for i, k := range t.set {
		own[i] = t.output(k)
	}
	i := 0
	return out.Outputs(ctx, f.val.src, func(z []float32) error {
		for k, c := range correction {
			z[k] += c
		}
		r.After.count(t, int(f.val.given[i]), z, own, func(best int) int { return best })
		i++
		return nil
	})
}

// count adds the answer z to a row of class y, none where that is negative.
// within are the outputs of the set's classes, and answer says which output of
// the specialist t an output is.
func (c *Tally) count(t *training, y int, z []float32, within []int, answer func(best int) int) {
	if y < 0 {
		return
	}
	c.Rows++
	if answer(metrics.Argmax(z)) == t.output(y) {
		c.Right++
	}
	if at, in := slices.BinarySearch(t.set, y); in {
		c.OwnRows++
		if among(z, within) == within[at] {
			c.OwnRight++
		}
	}
}

// newProgress counts the steps of all specialists.
func (f *fleet) newProgress(work []*training) *distill.Joint {
	r := f.session.Recipe()
	total := int64(0)
	for _, t := range work {
		total += int64(r.Train.Epochs) * int64((dataset.Halves(t.own, t.others, 0).Len()+r.Train.Batch-1)/r.Train.Batch)
	}
	return distill.NewJoint(f.env.Progress, "specialists", total)
}
