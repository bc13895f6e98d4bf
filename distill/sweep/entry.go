package sweep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// entry is a cell, or what a student of its size comes to on hard labels: one
// setting with a training a seed.
type entry struct {
	cell      Cell
	role      string
	place     int    // in the plan
	group     string // halving compares within it
	trainings []*training
	rung      int // the last that it was judged at
	standing  standing
}

// training is one net of an entry.
type training struct {
	of     *entry
	recipe distill.Recipe
	key    string // names its files: a digest of all that its weights depend on beside the session
	at     map[int]*record
}

// enter makes an entry of each cell, and checks its recipe.
func (s *sweeper) enter() error {
	seen := map[string]bool{}
	for _, c := range s.plan.Cells {
		e := &entry{cell: c, role: distill.RoleStudent, place: len(s.cells)}
		if err := s.fill(e); err != nil {
			return err
		}
		if key := e.trainings[0].key; seen[key] {
			return fault.New(fault.Usage, "", "sweep", "two cells are the same: %s", c.Name())
		} else {
			seen[key] = true
		}
		s.cells = append(s.cells, e)
	}
	return nil
}

// fill gives an entry its trainings.
func (s *sweeper) fill(e *entry) error {
	r := s.plan.Base
	for _, setting := range e.cell {
		f, err := field(setting.Key)
		if err != nil {
			return err
		}
		if setting.Key == "train.epochs" && s.plan.Halving != nil {
			return fault.New(fault.Usage, "", "--vary train.epochs", "halving is over the epochs: they cannot vary")
		}
		if err := set(&r, f, flagOf(setting.Key), setting.Value); err != nil {
			return err
		}
	}
	if err := r.Validate(); err != nil {
		return inCell(e.cell, err)
	}
	for i := range s.plan.Seeds {
		t := &training{of: e, recipe: r, at: map[int]*record{}}
		t.recipe.Train.Seed += uint64(i)
		var err error
		if t.key, err = keyOf(e.role, t.recipe); err != nil {
			return err
		}
		e.trainings = append(e.trainings, t)
	}
	return nil
}

// flagOf is what errors name a key by.
func flagOf(key string) string {
	for _, k := range short {
		if k.key == key {
			return "--" + k.flag
		}
	}
	return "--vary " + key
}

// inCell says in which cell an error arose.
func inCell(c Cell, err error) error {
	return fault.New(fault.KindOf(err), "", "cell "+c.Name(), "%w", err)
}

// keyOf names a training by what its weights depend on.
func keyOf(role string, r distill.Recipe) (string, error) {
	r.Train.Parallel = 0
	text, err := json.Marshal(struct {
		Role    string
		Student distill.StudentRecipe
		Loss    distill.LossRecipe
		Train   distill.TrainRecipe
	}{role, r.Student, r.Loss, r.Train})
	if err != nil {
		return "", fault.New(fault.Usage, "", "sweep", "%w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:10]), nil
}

// pairBaselines makes one baseline for each setting of student and training
// that the cells have, so that it is tuned as much as the students are.
func (s *sweeper) pairBaselines(context.Context) error {
	labelled := s.session.Data().Labelled.Len() > 0
	if s.plan.Base.Train.NoBaseline || !labelled {
		s.note("no baselines: distillation is compared with nothing")
	} else {
		seen := map[string]bool{}
		for _, e := range s.cells {
			var c Cell
			for _, setting := range e.cell {
				if ofBaseline(setting.Key, s.session.Task()) {
					c = append(c, setting)
				}
			}
			if seen[c.text()] {
				continue
			}
			seen[c.text()] = true
			b := &entry{cell: c, role: distill.RoleBaseline, place: len(s.baselines), group: c.Value("student.arch")}
			if err := s.fill(b); err != nil {
				return err
			}
			s.baselines = append(s.baselines, b)
		}
	}
	return nil
}

// ofBaseline tells whether a key makes a difference to a net that learns from
// labels alone.
func ofBaseline(key string, task dataset.Task) bool {
	return !strings.HasPrefix(key, "loss.") || key == "loss.label_smoothing" ||
		task == dataset.Regression && (key == "loss.name" || key == "loss.huber_delta")
}

// keyed is what a sweep depends on besides the values that vary, by name.
func (s *sweeper) keyed() (map[string]string, error) {
	id, err := s.plan.Base.KeyValues("student", "loss", "train")
	if err != nil {
		return nil, err
	}
	for _, key := range settings(s.plan.Cells) {
		id[key] = "varies"
	}
	delete(id, "train.no_baseline")
	return id, nil
}
