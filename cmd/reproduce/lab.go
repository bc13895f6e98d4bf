package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// lab is where the experiments run: every trained net's figures are kept in a
// file, so that what is done stays done.
type lab struct {
	recipes  string // folder of the recipes
	mnist    string // folders of the data; empty: not there
	letter   string
	iris     string
	out      string // folder of models and figures
	cache    string // folder of target stores
	students int    // seeds of a student
	log      io.Writer
	began    time.Time

	opening sync.Mutex
	open    map[string]*distill.Session
	saying  sync.Mutex
}

// cell is what one training came to on the test rows.
type cell struct {
	Recipe  json.RawMessage `json:"recipe"`
	Teacher string          `json:"teacher"` // digests of its files
	Role    string          `json:"role"`
	Errors  int             `json:"errors"`
	Rows    int             `json:"rows"`
	NLL     float64         `json:"nll"`
	Val     float64         `json:"val"` // accuracy on the validation rows, where there are some
	Epochs  int             `json:"epochs"`
	Seconds float64         `json:"seconds"`
	Classes []metrics.Class `json:"classes"`
	Model   string          `json:"model,omitempty"` // file of the net, where one is kept
}

// accuracy is the share of the rows answered rightly.
func (c cell) accuracy() float64 { return 1 - float64(c.Errors)/float64(c.Rows) }

// recipe reads NAME.yaml. Rows and teacher are the experiment's to name; without
// one the student learns from labels alone.
func (l *lab) recipe(name string, sets ...string) (distill.Recipe, error) {
	r := distill.Default()
	if err := r.Merge(filepath.Join(l.recipes, name+".yaml")); err != nil {
		return r, err
	}
	r.Teacher.Model, r.Train.NoBaseline = distill.NoTeacher, true
	for _, s := range sets {
		if err := r.Set(s); err != nil {
			return r, err
		}
	}
	return r, nil
}

// seeds trains r with seeds 1 to n in a role, as many at once as there are cores.
func (l *lab) seeds(ctx context.Context, name string, r distill.Recipe, role string, n int) ([]cell, error) {
	cells := make([]cell, n)
	_, err := distill.Together(ctx, n, runtime.GOMAXPROCS(0), func(ctx context.Context, i int) (err error) {
		one := r
		one.Train.Seed = uint64(i + 1)
		cells[i], err = l.train(ctx, fmt.Sprintf("%s-%s-%d", name, role, i+1), one, role)
		return err
	})
	return cells, err
}

// train follows r once, unless its figures are there already, under whatever name.
func (l *lab) train(ctx context.Context, name string, r distill.Recipe, role string) (cell, error) {
	want, err := wanted(r, role)
	if err != nil {
		return cell{}, err
	}
	path := l.path(name, want)
	same, err := filepath.Glob(l.path("*", want))
	if err != nil {
		return cell{}, err
	}
	for _, path := range same {
		if have, ok := readCell(path); ok {
			return have, nil
		}
	}
	s, err := l.session(ctx, r, want.Teacher)
	if err != nil {
		return cell{}, err
	}
	work := filepath.Join(l.out, "work", name+"-"+want.digest())
	t, err := s.Train(ctx, distill.Trial{Recipe: r, Role: role, Dir: work, Progress: l.progress(name)})
	if err != nil {
		return cell{}, fault.At(name, err)
	}
	block, err := t.Test(ctx)
	if err != nil {
		return cell{}, err
	}
	want.Errors, want.Rows, want.NLL, want.Classes = block.Errors, block.Labelled, block.NLL, block.PerClass
	want.Val, want.Epochs, want.Seconds = t.Best().ValAccuracy, len(t.History), t.Seconds
	l.say("%s: %d errors of %d", name, want.Errors, want.Rows)
	if err := l.keepCell(path, want); err != nil {
		return cell{}, err
	}
	return want, os.RemoveAll(work)
}

// session is rows and teacher of r, opened once.
func (l *lab) session(ctx context.Context, r distill.Recipe, teacher string) (*distill.Session, error) {
	key, err := json.Marshal([]any{r.Teacher, r.Data, teacher})
	if err != nil {
		return nil, err
	}
	l.opening.Lock()
	defer l.opening.Unlock()
	if s := l.open[string(key)]; s != nil {
		return s, nil
	}
	r.Train.Seed = 1 // of the splits, the same for all seeds
	s, err := distill.Open(ctx, r, distill.Env{Cache: l.cache, Version: "reproduce", Log: func(line string) { l.say("  %s", line) }})
	if err != nil {
		return nil, err
	}
	for _, other := range l.open { // one at a time: rows are large
		other.Close()
	}
	clear(l.open)
	l.open[string(key)] = s
	return s, nil
}

// model runs r whole and leaves NAME.onnx, unless it is there already with the
// recipe that made it.
func (l *lab) model(ctx context.Context, name string, r distill.Recipe) (cell, error) {
	want, err := wanted(r, distill.RoleStudent)
	if err != nil {
		return cell{}, err
	}
	path := l.path(name, want)
	r.Output.Model = filepath.Join(l.out, "models", name+"-"+want.digest(), name+".onnx")
	want.Model = r.Output.Model
	have, ok := readCell(path)
	if _, err := os.Stat(r.Output.Model); err == nil && ok {
		return have, nil
	}
	result, err := distill.Run(ctx, r, distill.Env{Cache: l.cache, Version: "reproduce", Progress: l.progress(name), Log: func(line string) { l.say("  %s", line) }})
	if err != nil {
		return cell{}, fault.At(name, err)
	}
	want.Errors, want.Rows, want.NLL, want.Classes = result.Student.Errors, result.Student.Labelled, result.Student.NLL, result.Student.PerClass
	want.Epochs, want.Seconds = r.Train.Epochs, float64(result.WallS)
	l.say("%s: %d errors of %d", name, want.Errors, want.Rows)
	return want, l.keepCell(path, want)
}

// teacherErrors are those of the teacher of r on the test rows.
func (l *lab) teacherErrors(ctx context.Context, name string, r distill.Recipe) (float64, error) {
	want, err := wanted(r, distill.RoleTeacher)
	if err != nil {
		return 0, err
	}
	path := l.path(name, want)
	if have, ok := readCell(path); ok {
		return float64(have.Errors), nil
	}
	s, err := l.session(ctx, r, want.Teacher)
	if err != nil {
		return 0, err
	}
	block, err := s.Teacher(ctx)
	if err != nil {
		return 0, err
	}
	want.Errors, want.Rows, want.NLL, want.Classes = block.Errors, block.Labelled, block.NLL, block.PerClass
	return float64(want.Errors), l.keepCell(path, want)
}

// wanted is a cell whose figures are not known yet.
func wanted(r distill.Recipe, role string) (c cell, err error) {
	c.Role = role
	r.Specialist = distill.SpecialistRecipe{} // no net of a cell depends on it
	if c.Recipe, err = json.Marshal(r); err != nil {
		return c, err
	}
	c.Teacher, err = digests(r)
	return c, err
}

// digest names what is wanted: another recipe or teacher is another cell, and
// work begun on it is not gone on from.
func (c cell) digest() string {
	return fmt.Sprintf("%x", sha256.Sum256(slices.Concat(c.Recipe, []byte(c.Teacher+c.Role))))[:12]
}

// path is the file of a cell.
func (l *lab) path(name string, want cell) string {
	return filepath.Join(l.out, "cells", name+"-"+want.digest()+".json")
}

func (l *lab) keepCell(path string, c cell) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return durable.Write(path, data)
}

// digests are those of the teacher's files, so that another teacher makes
// other figures.
func digests(r distill.Recipe) (string, error) {
	var all string
	for _, m := range append([]distill.MemberRecipe{{ModelRecipe: r.Teacher.ModelRecipe}}, r.Teacher.Ensemble...) {
		if m.Model == "" || m.Model == distill.NoTeacher {
			continue
		}
		d, err := onnx.Digest(m.Model)
		if err != nil {
			return "", err
		}
		all += d[:12]
	}
	return all, nil
}

func readCell(path string) (c cell, ok bool) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return cell{}, false
	}
	return c, err == nil && json.Unmarshal(data, &c) == nil
}

// say prints a line with the time since the start.
func (l *lab) say(format string, args ...any) {
	l.saying.Lock()
	defer l.saying.Unlock()
	fmt.Fprintf(l.log, "%8s  %s\n", time.Since(l.began).Round(time.Second), fault.Printable(fmt.Sprintf(format, args...)))
}

// progress tells now and then how far a training is, and each of its stages.
func (l *lab) progress(name string) distill.Progress {
	type start struct {
		done int64
		at   time.Time
	}
	last, stages := time.Now(), map[string]start{}
	return func(stage string, done, total int64, _ *distill.EpochRecord) {
		from, begun := stages[stage]
		if !begun || done < from.done { // or the same stage of another net
			from = start{done, time.Now()}
			stages[stage] = from
		}
		if time.Since(last) < 20*time.Second || done == from.done {
			return
		}
		last = time.Now()
		left := time.Duration(float64(time.Since(from.at)) / float64(done-from.done) * float64(total-done))
		l.say("  %s: %s %d of %d, %s left", name, stage, done, total, left.Round(time.Second))
	}
}
