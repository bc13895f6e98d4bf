package study

import (
	"context"
	"fmt"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/specialist"
)

// trained is what the fleet of a seed came to.
type trained struct {
	Specialists []specialist.Record `json:"specialists"` // one a set
	Distilled   bool                `json:"distilled"`   // the bundle's generalist is a student of the given one
	Notes       []string            `json:"notes"`
}

// specialistEpochs is how long each specialist is trained.
func (s *study) specialistEpochs() int {
	if s.ask.Epochs > 0 {
		return s.ask.Epochs
	}
	return s.recipe.Train.Epochs
}

// fleetRecipe is that of the specialists: the generalist teaches, at a
// temperature and with a weight of their own.
func (s *seed) fleetRecipe() distill.Recipe {
	r := s.recipe
	r.Teacher = s.asTeacher()
	if s.ask.Generalist == "" {
		r.Student.Prep = "" // it is in the generalist's graph
	}
	r.Loss = specialist.DefaultRecipe().Loss
	r.Loss.Temperature, r.Loss.Alpha = s.ask.Temperature, s.ask.Alpha
	r.Train.Epochs = s.specialistEpochs()
	if s.ask.LR > 0 {
		r.Train.LR = s.ask.LR
	}
	return r
}

// trainSpecialists trains the fleet, and makes the bundle.
func (s *seed) trainSpecialists(ctx context.Context) error {
	r, sets := s.fleetRecipe(), s.clusters.Sets()
	depends := map[string]string{"generalist": s.digest, "head": s.ask.Head, "version": s.env.Version, transferRows: s.rows[transferRows], validationRows: s.rows[validationRows]}
	if err := s.keys(depends, r, "student", "loss", "train"); err != nil {
		return err
	}
	for m, set := range sets.Sets {
		depends[fmt.Sprintf("sets[%d]", m)] = fmt.Sprint(set)
	}
	told := s.recipe.Teacher.Model != distill.NoTeacher && s.rows[transferRows] != s.rows[labelledRows]
	if told {
		teaching, err := s.teaching()
		if err != nil {
			return err
		}
		for name, value := range teaching {
			depends["labels by "+name] = value
		}
	}
	err := s.run(step{name: trainStep, title: "specialists", depends: depends, result: &s.fleet,
		do: func(dir string) error {
			env := s.env
			env.Progress, env.Log = s.whole.stage(), s.log
			p := specialist.TrainPlan{Recipe: r, Sets: sets, Head: specialist.Head(s.ask.Head), Top: s.top(), Dir: dir, Parallel: s.ask.Parallel}
			if told {
				var err error
				if p.Labels, err = s.labels(ctx); err != nil {
					return err
				}
			}
			f, err := specialist.Train(ctx, p, env)
			if err != nil {
				return err
			}
			s.fleet = trained{f.Trained, f.Distilled, f.Notes}
			return nil
		},
		intact: func(dir string) error { _, err := specialist.ReadBundle(dir); return err },
	})
	if err != nil {
		return err
	}
	if s.bundle, err = specialist.ReadBundle(s.at(trainStep)); err != nil || s.bundle.Top == s.top() {
		return err
	}
	s.bundle.Top = s.top() // which changes no specialist
	return s.bundle.Write(s.at(trainStep))
}

// top is how many of the generalist's classes say who is heard: at most all.
func (s *seed) top() int { return min(s.ask.Top, max(1, len(s.clusters.Classes))) }

// labels are the classes of the training rows, by the teacher's word where they
// have no label: it knows more than the generalist, which would only be told
// its own opinion.
func (s *seed) labels(ctx context.Context) ([]int32, error) {
	session, err := s.taught(ctx)
	if err != nil {
		return nil, err
	}
	var said []int32
	err = session.Answers(ctx, s.data.Transfer, func(z []float32) error {
		said = append(said, int32(metrics.Argmax(z)))
		return nil
	})
	if err != nil || len(said) == 0 { // of an online teacher, which is asked about views alone
		return nil, err
	}
	labels, err := dataset.Labels(ctx, s.data.Transfer)
	for i, y := range labels {
		if y == dataset.Unlabelled {
			labels[i] = said[i]
		}
	}
	return labels, err
}
