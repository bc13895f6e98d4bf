package specialist

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// What a fleet leaves in the folder of its bundle, besides models and manifest.
const (
	fleetDir     = "fleet"    // a record of each finished specialist, and what all depend on
	workDir      = "work"     // in it: checkpoints
	identityFile = "fleet.id" // in it: what all of it depends on
)

// Record is what the training of one specialist came to.
type Record struct {
	Index      int      `json:"index"`   // of the set
	Classes    []string `json:"classes"` // of the set
	File       string   `json:"file"`
	Digest     string   `json:"digest"`     // of the file
	Rows       int      `json:"rows"`       // of the training rows that are of its classes
	Fraction   float64  `json:"fraction"`   // of all training rows
	Correction float64  `json:"correction"` // of the dustbin's logit
	Before     Tally    `json:"before"`     // the bundle's generalist on the validation rows
	After      Tally    `json:"after"`      // the specialist, corrected, on the same
	Epochs     int      `json:"epochs"`
	BestAt     int      `json:"best_at"` // epoch that was kept, from 1; 0: the generalist's weights; −1: there was no row to choose by
	Steps      int64    `json:"steps"`
	Seconds    float64  `json:"seconds"`            // of all epochs
	LeftOut    string   `json:"left_out,omitempty"` // why there is no such specialist
}

// Tally counts answers on labelled validation rows.
type Tally struct {
	Rows     int `json:"rows"`
	Right    int `json:"right"`     // where a set's class is answered for a row of it, and none of them for another
	OwnRows  int `json:"own_rows"`  // rows of the set's classes
	OwnRight int `json:"own_right"` // where the likeliest of these classes is the row's
}

// Own is the accuracy among the set's classes; 0 without rows.
func (t Tally) Own() float64 { return float64(t.OwnRight) / float64(max(1, t.OwnRows)) }

// Whole is the accuracy with the dustbin as one more class; 0 without rows.
func (t Tally) Whole() float64 { return float64(t.Right) / float64(max(1, t.Rows)) }

// String is a record for people, behind the specialist's name.
func (r *Record) String() string {
	text := fmt.Sprintf(" (%s): %.1f %% of the rows", names(r.Classes), 100*r.Fraction)
	if r.Before.OwnRows > 0 {
		text += fmt.Sprintf(", right among its classes on %.2f %% (generalist %.2f %%) of %d validation rows, with the dustbin on %.2f %% (%.2f %%) of %d",
			100*r.After.Own(), 100*r.Before.Own(), r.Before.OwnRows, 100*r.After.Whole(), 100*r.Before.Whole(), r.Before.Rows)
	}
	return text + fmt.Sprintf(", %d epochs in %.1f s", r.Epochs, r.Seconds)
}

// names is a list of names, cut when it is long.
func names(list []string) string {
	const most = 12
	if len(list) <= most {
		return strings.Join(list, " ")
	}
	return fmt.Sprintf("%s and %d more", names(list[:most]), len(list)-most)
}

func (f *fleet) newRecord(t *training) *Record {
	return &Record{Index: t.index, Classes: f.plan.Sets.Names(t.index), Rows: len(t.own), Fraction: t.fraction(), Correction: t.correction(), Before: t.before}
}

// load reads the record of what is at path; nil when there is none. A model that
// is missing or another than its record says is made again.
func (f *fleet) load(name, path string) (*Record, error) {
	file := f.at(fleetDir, name+".json")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.IO, file, "", "cannot read: %w", err)
	}
	r := &Record{}
	if err := json.Unmarshal(text, r); err != nil || r.File != filepath.Base(path) {
		f.log(file + ": not a record of this model, which is made again")
		return nil, nil
	}
	if digest, err := onnx.Digest(path); err != nil || digest != r.Digest {
		f.log(path + ": missing, or not the model that was made here, which is made again")
		return nil, nil
	}
	return r, nil
}

// finished tells whether load has something.
func (f *fleet) finished(name, path string) (bool, error) {
	r, err := f.load(name, path)
	return r != nil, err
}

// finish writes the record of a model that is in its place.
func (f *fleet) finish(name string, r *Record) (err error) {
	if r.Digest, err = onnx.Digest(f.at(r.File)); err != nil {
		return err
	}
	return durable.WriteJSON(f.at(fleetDir, name+".json"), r)
}

// ofPlan is what a fleet depends on besides the rows, by name.
func (f *fleet) ofPlan() (map[string]string, error) {
	id := map[string]string{"head": string(f.plan.Head), "classes": fmt.Sprintf("%q", f.plan.Sets.Classes), "unverified": fmt.Sprint(f.plan.Recipe.Output.Unverified)}
	for m, set := range f.plan.Sets.Sets {
		id[fmt.Sprintf("sets[%d]", m)] = fmt.Sprint(set)
	}
	if f.plan.Labels != nil {
		id["labels"] = fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, f.plan.Labels)))
	}
	for _, section := range []string{"student", "loss", "train"} {
		for _, field := range distill.Fields(section) {
			if field.Key == "train.no_baseline" || field.Key == "student.arch" && !f.distilled {
				continue // the generalist's digest says which
			}
			text, err := f.plan.Recipe.Get(field.Key)
			if err != nil {
				return nil, err
			}
			id[field.Key] = text
		}
	}
	if !f.distilled {
		digest, err := onnx.Digest(f.plan.Recipe.Teacher.Model)
		if err != nil {
			return nil, err
		}
		id["generalist"] = digest
	}
	return id, nil
}

// sameRecipe refuses the folder of another plan before rows are opened.
func (f *fleet) sameRecipe() error {
	plan, err := f.ofPlan()
	if err != nil {
		return err
	}
	return durable.Identity{Plan: plan}.Hold(f.at(fleetDir, identityFile), "other specialists")
}

// sameRows refuses the folder of other rows or answers of the generalist, and
// marks a new one as this fleet's.
func (f *fleet) sameRows(ctx context.Context) (err error) {
	var id durable.Identity
	if id.Plan, err = f.ofPlan(); err != nil {
		return err
	}
	if id.Rows, err = f.session.Identity(ctx); err != nil {
		return err
	}
	delete(id.Rows, "held-out rows") // nobody is judged on them here
	return id.Hold(f.at(fleetDir, identityFile), "other specialists")
}
