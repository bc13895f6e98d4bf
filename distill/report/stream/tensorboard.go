package stream

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// EventFile is the name of a course's event file, in DIR/ROLE, or of several
// seeds DIR/ROLE-seed-SEED.
const EventFile = "events.out.tfevents.0.kdonnx"

// tensorboard is a folder of TensorBoard's: a run a course, an event an epoch.
type tensorboard struct {
	dir     string
	courses map[Course]*eventFile
	order   []Course
}

type eventFile struct {
	file *durable.Journal
	done int     // epochs in it
	step int     // the last epoch
	wall float64 // when that ended
}

// TensorBoard writes event files in a folder, which it makes.
func TensorBoard(dir string) (Sink, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fault.New(fault.IO, dir, "", "cannot create: %w", err)
	}
	return &tensorboard{dir: dir, courses: map[Course]*eventFile{}}, nil
}

// folder is where the events of c are.
func (c Course) folder() string {
	if !c.Several {
		return c.Role
	}
	return fmt.Sprintf("%s-seed-%d", c.Role, c.Seed)
}

// Epochs implements Sink.
func (t *tensorboard) Epochs(of Course, done []Epoch) error {
	f := t.courses[of]
	if f == nil {
		dir := filepath.Join(t.dir, of.folder())
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fault.New(fault.IO, dir, "", "cannot create: %w", err)
		}
		j, err := durable.OpenJournal(filepath.Join(dir, EventFile))
		if err != nil {
			return err
		}
		f = &eventFile{file: j, done: -1}
		t.courses[of] = f
		t.order = append(t.order, of)
	}
	from := 0
	if f.done == len(done)-1 && f.done >= 0 {
		from = f.done
	}
	var b []byte
	for i, e := range done[from:] {
		if from+i == 0 {
			b = tfrecord(b, versionEvent(e.Ended-e.Seconds))
		}
		b = tfrecord(b, event(e.Ended, e.Epoch.Epoch, "", e.Scalars()))
		f.step, f.wall = e.Epoch.Epoch, e.Ended
	}
	add := f.file.Append
	if from == 0 {
		add = f.file.Set
	}
	f.done = len(done)
	return add(b)
}

// End adds what the exported student and its baseline score on the test rows, at
// the last epoch.
func (t *tensorboard) End(r *report.Report) error {
	for _, m := range []struct {
		role  string
		block *report.Block
	}{{"student", r.Student}, {"baseline", r.Baseline}} {
		of := Course{Role: m.role}
		if s := r.Seeds; s != nil {
			of.Seed, of.Several = s.Exported, true
		}
		f := t.courses[of]
		if m.block == nil || f == nil || f.done < 1 {
			continue
		}
		if err := f.file.Append(tfrecord(nil, event(f.wall, f.step, "test/", m.block.Scores()))); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Sink.
func (t *tensorboard) Close() error {
	var all []error
	for _, of := range t.order {
		all = append(all, t.courses[of].file.Close())
	}
	return errors.Join(all...)
}

// event is a scalar event of what is finite.
func event(wall float64, step int, prefix string, scalars []report.Scalar) []byte {
	var tags []string
	var values []float32
	for _, s := range scalars {
		if v := float32(s.Value); !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) {
			tags, values = append(tags, prefix+s.Name), append(values, v)
		}
	}
	return scalarEvent(wall, step, tags, values)
}
