package teacher

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// endedTwice is the fault of a batch that ended the worker process before and
// after a restart.
type endedTwice struct{ fault *fault.Error }

func (e endedTwice) Error() string { return e.fault.Error() }
func (e endedTwice) Unwrap() error { return e.fault }

// revive starts the worker again when err is its death, and returns err, or
// why it could not be started.
func (t *Teacher) revive(ctx context.Context, err error) error {
	r, can := t.runner.(restarter)
	if !can || ctx.Err() != nil || !isTeacher(err) {
		return err
	}
	if again := t.restart(ctx, r); again != nil {
		return again
	}
	return err
}

// maxNamed is how many rows a death is blamed on by name.
const maxNamed = 4

// suspects looks for the rows of a batch that end the worker process.
type suspects struct {
	t       *Teacher
	c       *Contract
	in      *encoded
	raw     int
	scores  []float32 // (n, raw), of the pieces that ran
	rows    []int     // that end the process by themselves
	alone   [2]int    // a piece that ends it although none of its rows does
	deaths  int       // that may still be spent on finding more
	gaveUp  bool      // there may be more rows
	between error     // the last death
}

// isolate runs a batch of n rows that has ended the worker process twice in
// parts, down to single rows. Where the parts run their scores are appended to
// dst, and the run goes on a piece at a time; else the error names the rows.
func (t *Teacher) isolate(ctx context.Context, c *Contract, dst []float32, in *encoded, n, raw int, name func(row int) string, cause error) ([]float32, error) {
	s := &suspects{t: t, c: c, in: in, raw: raw, scores: make([]float32, n*raw), deaths: bits.Len(uint(n)) + 2*maxNamed, between: cause}
	if err := s.halve(ctx, 0, n); err != nil {
		return dst, err
	}
	if s.rows == nil && s.alone[1] > 0 { // it may have been chance: once more
		if ok, err := s.run(ctx, s.alone[0], s.alone[1]); err != nil {
			return dst, err
		} else if ok {
			s.alone = [2]int{}
		}
	}
	switch {
	case s.rows != nil:
		named := make([]string, len(s.rows))
		for i, r := range s.rows {
			named[i] = name(r)
		}
		verb := "ends"
		if len(named) > 1 {
			verb = "end"
		}
		if s.gaveUp {
			named = append(named, "and perhaps more")
		}
		return dst, fault.New(fault.Teacher, t.path, "", "%s %s the teacher process each time: %w", strings.Join(named, ", "), verb, s.between)
	case s.alone[1] > 0:
		return dst, fault.New(fault.Teacher, t.path, "", "%s to %s end the teacher process together, each alone does not: choose a smaller --teacher-batch or a larger --teacher-memory: %w",
			name(s.alone[0]), name(s.alone[1]-1), s.between)
	case s.gaveUp:
		return dst, cause
	}
	t.careful = true
	return append(dst, s.scores...), nil
}

// halve runs both halves of rows [from, to), which end the process. Parts
// larger than a piece are cut between pieces, so that what runs there counts.
func (s *suspects) halve(ctx context.Context, from, to int) error {
	n, unit := to-from, max(1, s.t.cut.piece)
	if n == 1 {
		if len(s.rows) < maxNamed {
			s.rows = append(s.rows, from)
		} else {
			s.gaveUp = true
		}
		return nil
	}
	mid := from + n/2
	if n > unit {
		mid = from + (n/2+unit-1)/unit*unit
	}
	known := len(s.rows)
	for _, half := range [][2]int{{from, mid}, {mid, to}} {
		if s.deaths <= 0 {
			s.gaveUp = true
			return nil
		}
		ok, err := s.run(ctx, half[0], half[1])
		if err != nil {
			return err
		}
		if !ok {
			if err := s.halve(ctx, half[0], half[1]); err != nil {
				return err
			}
		}
	}
	if n <= unit && len(s.rows) == known && !s.gaveUp {
		s.alone = [2]int{from, to}
	}
	return nil
}

// run runs rows [from, to) once; false when that ended the process, which is
// then there again.
func (s *suspects) run(ctx context.Context, from, to int) (bool, error) {
	values, err := s.t.once(ctx, s.c, part(s.in, from, to), to-from)
	if err == nil {
		v, err := s.t.only(values)
		if err == nil {
			_, err = s.t.read(s.c, s.scores[from*s.raw:from*s.raw], v, to-from, s.raw)
		}
		return err == nil, err
	}
	if !isTeacher(err) || ctx.Err() != nil {
		return false, err
	}
	s.deaths--
	s.between = err
	if again := s.t.revive(ctx, err); again != err {
		return false, again
	}
	return false, nil
}

// once runs n rows without asking twice.
func (t *Teacher) once(ctx context.Context, c *Contract, in *encoded, n int) ([]ort.Value, error) {
	if c.Single {
		return t.single(ctx, in, n, func(one []ort.Value) ([]ort.Value, error) { return t.runner.Run(ctx, one) })
	}
	return t.runner.Run(ctx, in.values)
}

// runWork runs the n rows of k and appends their scores, (n, raw), to dst.
// What ends the worker process twice is taken apart.
func (t *Teacher) runWork(ctx context.Context, c *Contract, dst []float32, k, next *work, raw int, name func(row int) string) ([]float32, error) {
	n, step := len(k.rows), len(k.rows)
	var then *encoded
	if next != nil {
		then = &next.in
	}
	if t.careful && !c.Single {
		step, then = t.cut.piece, nil
	}
	if n <= step {
		return t.runPart(ctx, c, dst, &k.in, then, n, raw, name)
	}
	for at := 0; at < n; at += step {
		m := min(step, n-at)
		var err error
		dst, err = t.runPart(ctx, c, dst, part(&k.in, at, at+m), nil, m, raw, func(row int) string { return name(at + row) })
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (t *Teacher) runPart(ctx context.Context, c *Contract, dst []float32, in, then *encoded, n, raw int, name func(row int) string) ([]float32, error) {
	out, err := t.callInto(ctx, c, dst, in, then, n, raw)
	var twice endedTwice
	if errors.As(err, &twice) && ctx.Err() == nil {
		out, err = t.isolate(ctx, c, dst, in, n, raw, name, twice.fault)
		if err == nil {
			t.restarts = append(t.restarts, fmt.Errorf("%w; it runs a piece at a time", twice.fault))
		}
	}
	return out, err
}
