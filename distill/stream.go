package distill

import (
	"context"
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/distill/report/stream"
)

// describe puts into the report what is known of a run before it trains, and
// opens the streams that tell of its epochs.
func (d *run) describe(ctx context.Context) error {
	r := &d.result.Report
	l, t := d.recipe.Loss, d.recipe.Train
	student, err := d.lesson(RoleStudent)
	if err != nil {
		return err
	}
	test, err := dataset.Digest(ctx, d.data.Test)
	if err != nil {
		return err
	}
	r.Recipe = d.recipe.Settings()
	key := d.teacher.key()
	r.Format = report.Format
	r.Title = fmt.Sprintf("%s distilled into %s", d.teacher.name, d.recipe.Student.name())
	if !d.recipe.taught() {
		r.Title = d.recipe.Student.name() + " trained on labels alone"
	}
	r.Provenance = report.Provenance{
		Teacher:      report.Source{Name: d.teacher.name, Digest: key.Teacher},
		Data:         report.Source{Name: d.recipe.Data.Train, Digest: key.Dataset},
		Test:         report.Source{Name: d.data.TestIs, Digest: test},
		Architecture: d.recipe.Student.name(),
		Loss:         student.formula,
		Temperature:  report.Number(l.Temperature), Alpha: report.Number(l.Alpha), Beta: report.Number(*l.Beta),
		Seed: t.Seed, Epochs: t.Epochs, Augment: d.augment(), TeacherMode: d.teacherMode(), Version: d.env.Version,
	}
	if s, err := l.schedules(); err == nil && d.recipe.taught() && !s.constant() {
		t, a, b := s.text()
		r.Provenance.Schedules = &report.Schedules{Temperature: t, Alpha: a, Beta: b}
	}
	r.Task = d.task
	switch d.task {
	case dataset.MultiClass:
		r.Classes = d.classNames()
	case dataset.Regression:
		r.Targets = d.targetNames()
		r.Provenance.Temperature = report.Number(math.NaN())
	default:
		r.Targets = d.targetNames()
	}
	d.result.TestRows = d.data.TestIs
	return d.openStreams()
}

// openStreams opens what takes the epochs of a run.
func (d *run) openStreams() error {
	o := d.recipe.Output
	lines, err := stream.JSONL(o.Stream, &d.result.Report)
	if err != nil {
		return err
	}
	d.streams = stream.NewSinks(lines)
	if o.TensorBoard == "" {
		return nil
	}
	events, err := stream.TensorBoard(o.TensorBoard)
	if err != nil {
		return err
	}
	d.streams.Add(events)
	return nil
}

// tell says which epochs a role has behind it.
func (d *run) tell(role string, done []EpochRecord) error {
	list := make([]stream.Epoch, len(done))
	for i, e := range epochs(done) {
		list[i] = stream.Epoch{Epoch: e, Seconds: done[i].Seconds, Ended: done[i].Ended}
	}
	of := stream.Course{Role: role}
	if t := d.recipe.Train; t.Seeds > 1 {
		of.Seed, of.Several = t.Seed, true
	}
	return d.streams.Epochs(of, list)
}
