package sweep

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// What a sweep leaves in its folder.
const (
	cellsDir     = "cells"          // a file for each finished training, and each rung that one was judged at
	workDir      = "work"           // checkpoints
	identityFile = "sweep.id"       // what all of it depends on
	csvFile      = "sweep.csv"      // the table
	jsonFile     = report.SweepFile // all of it
	htmlFile     = "sweep.html"     // for people
	bestFile     = "best.yaml"      // recipe of the best cell
)

// record is what one training came to after so many epochs.
type record struct {
	Settings Cell    `json:"settings"`
	Role     string  `json:"role"`
	Seed     uint64  `json:"seed"`
	Until    int     `json:"until"`    // epochs after which it was judged
	Epochs   int     `json:"epochs"`   // that it trained, fewer where it was out of patience
	BestAt   int     `json:"best_at"`  // epoch that was judged: the best on validation rows
	Value    float64 `json:"value"`    // see distill.Score
	Loss     float64 `json:"loss"`     // likewise
	Rows     string  `json:"rows"`     // Score.Rows as float32, little-endian, in base64
	Params   int64   `json:"params"`   // of the net
	FLOPs    int64   `json:"flops"`    // of one row
	Seconds  float64 `json:"seconds"`  // of all its epochs
	Formula  string  `json:"formula"`  // of its loss
	Diverged string  `json:"diverged"` // why there is no score

	rows []float32
}

func (s *sweeper) recordPath(t *training, until int) string {
	return filepath.Join(s.plan.Dir, cellsDir, fmt.Sprintf("%s-%d.json", t.key, until))
}

func (s *sweeper) workPath(t *training) string { return filepath.Join(s.plan.Dir, workDir, t.key) }

// load reads what t came to after so many epochs; nil when that is not known.
// What cannot be read is computed again.
func (s *sweeper) load(t *training, until int) (*record, error) {
	path := s.recordPath(t, until)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", err)
	}
	r := &record{}
	if err := r.parse(text); err != nil || r.Until != until || r.Role != t.of.role || r.Seed != t.recipe.Train.Seed {
		s.log(path + ": not a result of this training, which is done again")
		return nil, nil
	}
	return r, nil
}

func (r *record) parse(text []byte) error {
	if err := json.Unmarshal(text, r); err != nil {
		return err
	}
	data, err := base64.StdEncoding.DecodeString(r.Rows)
	if err != nil || len(data)%4 != 0 {
		return errors.New("rows")
	}
	for ; len(data) > 0; data = data[4:] {
		r.rows = append(r.rows, math.Float32frombits(binary.LittleEndian.Uint32(data)))
	}
	return nil
}

func (s *sweeper) save(t *training, r *record) error {
	var data []byte
	for _, v := range r.rows {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	r.Rows = base64.StdEncoding.EncodeToString(data)
	text, err := json.Marshal(r)
	if err != nil {
		return fault.New(fault.IO, s.recordPath(t, r.Until), "", "cannot encode: %w", err)
	}
	return durable.Write(s.recordPath(t, r.Until), append(text, '\n'))
}

// sameSweep refuses a folder of another sweep, by the name of the first thing
// that differs, and marks a new one as this one's.
func (s *sweeper) sameSweep(ctx context.Context) (err error) {
	var id durable.Identity
	if id.Plan, err = s.keyed(); err != nil {
		return err
	}
	if id.Rows, err = s.session.Identity(ctx); err != nil {
		return err
	}
	return id.Hold(filepath.Join(s.plan.Dir, identityFile), "another sweep")
}

// sameRecipe is the part of sameSweep that needs no rows.
func (s *sweeper) sameRecipe() error {
	plan, err := s.keyed()
	if err != nil {
		return err
	}
	return durable.Identity{Plan: plan}.Hold(filepath.Join(s.plan.Dir, identityFile), "another sweep")
}

// judge makes the record of a training that is done with so many epochs.
func judge(ctx context.Context, t *training, until int, out *distill.Trained) (*record, error) {
	r := t.record(until)
	r.Epochs, r.BestAt, r.Params, r.FLOPs, r.Formula = len(out.History), out.BestAt, out.Params, out.FLOPs, out.Formula
	for _, e := range out.History {
		r.Seconds += e.Seconds
	}
	score, err := out.Judge(ctx)
	if err != nil {
		return nil, err
	}
	r.Value, r.Loss = score.Value, score.Loss
	for _, v := range score.Rows {
		r.rows = append(r.rows, float32(v))
	}
	return r, nil
}

func (t *training) record(until int) *record {
	return &record{Settings: t.of.cell, Role: t.of.role, Seed: t.recipe.Train.Seed, Until: until}
}
