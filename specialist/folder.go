package specialist

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// What trainings leave in the folder of records, besides these.
const (
	workDir      = "work"     // in it: checkpoints
	identityFile = "fleet.id" // what all of it depends on
)

// folder is where trainings leave their models, each with a record of it in
// the folder of records, so that what is done stays done.
type folder struct {
	dir        string // of the models
	records    string // in dir
	unverified bool   // ONNX Runtime proves nothing
	env        distill.Env
}

// record says what a training came to, and of which model.
type record interface{ model() (file, digest *string) }

// make makes the folder; restart empties it of records and of file.
func (f folder) make(file string, restart bool) error {
	if restart {
		for _, path := range []string{f.at(f.records), f.at(file)} {
			if err := os.RemoveAll(path); err != nil {
				return fault.New(fault.IO, path, "", "cannot begin anew: %w", err)
			}
		}
	}
	if err := os.MkdirAll(f.at(f.records), 0o755); err != nil {
		return fault.New(fault.IO, f.dir, "", "cannot create: %w", err)
	}
	return durable.Writable(f.at(file))
}

// clean removes what trainings need no more.
func (f folder) clean() error {
	if err := durable.Clean(f.dir, nil); err != nil {
		return err
	}
	if err := os.RemoveAll(f.at(f.records, workDir)); err != nil {
		return fault.New(fault.IO, f.at(f.records, workDir), "", "cannot remove: %w", err)
	}
	return durable.Clean(f.at(f.records), nil)
}

// at is a place in the folder.
func (f folder) at(parts ...string) string {
	return filepath.Join(append([]string{f.dir}, parts...)...)
}

// file is the name of a model's file, which says where ONNX Runtime has not
// proven it.
func (f folder) file(name string) string {
	if f.unverified {
		return name + ".unverified.onnx"
	}
	return name + ".onnx"
}

func (f folder) log(line string) {
	if f.env.Log != nil {
		f.env.Log(line)
	}
}

// once calls train unless there is the model of that name with a record of it,
// which r then is. Train leaves the model in its place, with its checkpoints in
// dir meanwhile, and fills r.
func (f folder) once(ctx context.Context, name, what string, r record, train func(dir, path string) error) error {
	dir, path := f.at(f.records, workDir, name), f.at(f.file(name))
	unlock, err := f.lock(ctx, dir, what)
	if err != nil {
		return err
	}
	defer unlock()
	if done, err := f.load(name, path, r); err != nil {
		return err
	} else if !done {
		if err := train(dir, path); err != nil {
			return err
		}
		if err := f.finish(name, r); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

// load reads the record of what is at path into r; false when there is none. A
// model that is missing or another than its record says is made again.
func (f folder) load(name, path string, r record) (bool, error) {
	file := f.at(f.records, name+".json")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fault.New(fault.IO, file, "", "cannot read: %w", err)
	}
	model, had := r.model()
	if err := json.Unmarshal(text, r); err != nil || *model != filepath.Base(path) {
		f.log(file + ": not a record of this model, which is made again")
		return false, nil
	}
	if digest, err := onnx.Digest(path); err != nil || digest != *had {
		f.log(path + ": missing, or not the model that was made here, which is made again")
		return false, nil
	}
	return true, nil
}

// finish writes the record of a model that is in its place.
func (f folder) finish(name string, r record) (err error) {
	model, digest := r.model()
	if *digest, err = onnx.Digest(f.at(*model)); err != nil {
		return err
	}
	return durable.WriteJSON(f.at(f.records, name+".json"), r)
}

// hold refuses the folder of other trainings.
func (f folder) hold(id durable.Identity, what string) error {
	return id.Hold(f.at(f.records, identityFile), what)
}

// settings are all that a recipe says of student, loss and training, by key.
func settings(r *distill.Recipe) (map[string]string, error) {
	id, err := r.KeyValues("student", "loss", "train")
	delete(id, "train.no_baseline") // which nobody trains here
	return id, err
}

// lock takes the folder of one training, made if need be. One that another
// process works on at the same place is waited for, as a job array begins all at
// once.
func (f folder) lock(ctx context.Context, dir, what string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fault.New(fault.IO, dir, "", "cannot create: %w", err)
	}
	for told := false; ; {
		lock, err := durable.TryLock(filepath.Join(dir, "lock"))
		switch {
		case err == nil:
			return func() { lock.Unlock() }, nil
		case !errors.Is(err, durable.ErrInUse):
			return nil, err
		case !told:
			f.log(what + ": another process is at it, which is waited for")
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
