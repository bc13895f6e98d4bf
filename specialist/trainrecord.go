package specialist

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// fleetDir is what a fleet leaves in the folder of its bundle, besides models and
// manifest: a record of each finished specialist, and what all depend on.
const fleetDir = "fleet"

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
	Visits     int64    `json:"visits"`             // rows that it learned from, each as often as it did
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

func (r *Record) model() (file, digest *string) { return &r.File, &r.Digest }

func (f *fleet) newRecord(t *training) *Record {
	return &Record{Index: t.index, Classes: f.plan.Sets.Names(t.index), Rows: len(t.own), Fraction: t.fraction(), Correction: t.correction(), Before: t.before}
}

// ofPlan is what a fleet depends on besides the rows, by name.
func (f *fleet) ofPlan() (map[string]string, error) {
	id, err := settings(&f.plan.Recipe)
	if err != nil {
		return nil, err
	}
	id["head"], id["classes"], id["unverified"] = string(f.plan.Head), fmt.Sprintf("%q", f.plan.Sets.Classes), fmt.Sprint(f.unverified)
	for m, set := range f.plan.Sets.Sets {
		id[fmt.Sprintf("sets[%d]", m)] = fmt.Sprint(set)
	}
	if f.plan.Labels != nil {
		id["labels"] = fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, f.plan.Labels)))
	}
	if f.distilled {
		return id, nil
	}
	delete(id, "student.arch") // the generalist's digest says which
	id["generalist"], err = onnx.Digest(f.plan.Recipe.Teacher.Model)
	return id, err
}

// sameRecipe refuses the folder of another plan before rows are opened.
func (f *fleet) sameRecipe() error {
	plan, err := f.ofPlan()
	if err != nil {
		return err
	}
	return f.hold(durable.Identity{Plan: plan}, "other specialists")
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
	return f.hold(id, "other specialists")
}
