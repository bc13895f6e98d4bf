package study

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/specialist"
)

// The steps of a seed, by the names of their folders.
const (
	generalistStep = "generalist"
	clusterStep    = "clusters"
	trainStep      = "bundle"
	judgeStep      = "evaluation"
	exportStep     = "export"
	rivalsStep     = "rivals"
	studentSteps   = "students" // of which each has a folder
	scoresStep     = "scores"   // of students and rivals
)

// seed is the state of all that one seed leads to.
type seed struct {
	*study
	number uint64
	recipe distill.Recipe // of the study, with the seed's number

	generalist string // its .onnx file
	digest     string // of that
	clusters   *specialist.Clustering
	fleet      trained
	bundle     *specialist.Bundle
	judged     judged
	exported   exported
	others     []*other         // students, then rivals
	scores     map[string]timed // of these, by name
}

func (s *study) newSeed(i int) *seed {
	one := &seed{study: s, number: s.recipe.Train.Seed + uint64(i), recipe: s.recipe}
	one.recipe.Train.Seed, one.recipe.Train.Seeds = one.number, 1
	return one
}

// follow leads the seed through all steps.
func (s *seed) follow(ctx context.Context) error {
	costs := s.costs()
	for _, one := range []struct {
		name, title string
		do          func(context.Context) error
	}{
		{generalistStep, "generalist", s.trainGeneralist},
		{clusterStep, "clusters", s.cluster},
		{trainStep, "specialists", s.trainSpecialists},
		{judgeStep, "evaluation", s.judge},
		{exportStep, "one file", s.export},
		{studentSteps, "students", s.distilBack},
		{rivalsStep, "rivals", s.rivals},
		{scoresStep, "scores", s.score},
	} {
		s.whole.begin(s.name(one.title), costs[one.name])
		if err := one.do(ctx); err != nil {
			return err
		}
		s.whole.over()
	}
	return nil
}

// name says of which seed something is, where there are several.
func (s *seed) name(what string) string {
	if s.study.recipe.Train.Seeds > 1 {
		return fmt.Sprintf("seed %d, %s", s.number, what)
	}
	return what
}

func (s *seed) log(line string) { s.study.log(s.name(line)) }

// at is a place in the folder of the seed.
func (s *seed) at(parts ...string) string {
	return s.study.at(append([]string{fmt.Sprintf("seed-%d", s.number)}, parts...)...)
}

// trainGeneralist trains the recipe's student, unless the generalist is given.
func (s *seed) trainGeneralist(ctx context.Context) (err error) {
	if s.ask.Generalist != "" {
		s.generalist = s.ask.Generalist
		s.digest, err = onnx.Digest(s.generalist)
		return err
	}
	s.generalist = s.at(generalistStep, "generalist.onnx")
	depends, err := s.learning("student", "loss", "train")
	if err != nil {
		return err
	}
	return s.run(step{name: generalistStep, title: "generalist", depends: depends, result: &s.digest,
		do: func(dir string) error {
			session, err := s.taught(ctx)
			if err != nil {
				return err
			}
			r := session.Recipe()
			r.Train.Seed, r.Train.Seeds = s.number, 1
			work := filepath.Join(dir, "work")
			net, err := session.Train(ctx, distill.Trial{Recipe: r, Role: distill.RoleStudent, Dir: work, Progress: s.whole.stage(), Log: s.log})
			if err != nil {
				return err
			}
			if err := net.Export(ctx, s.generalist, nil); err != nil {
				return err
			}
			if s.digest, err = onnx.Digest(s.generalist); err != nil {
				return err
			}
			return os.RemoveAll(work)
		},
		intact: func(string) error { return intact(s.generalist, s.digest) },
	})
}

// intact wants the model at path to have a digest.
func intact(path, digest string) error {
	got, err := onnx.Digest(path)
	if err == nil && got != digest {
		err = fault.New(fault.Integrity, path, "", "is another model than was made here")
	}
	return err
}

// asTeacher is the generalist where others learn from it. One that was trained
// here takes rows as they are and gives logits, which need not be found out.
func (s *seed) asTeacher() distill.TeacherRecipe {
	t, mine := distill.Default().Teacher, &s.recipe.Teacher
	t.Model = s.generalist
	t.Library, t.Threads, t.Timeout, t.Memory, t.Provider, t.Options, t.Doctor = mine.Library, mine.Threads, mine.Timeout, mine.Memory, mine.Provider, mine.Options, false
	if s.ask.Generalist == "" {
		t.Input, t.Kind = "raw", "logits"
	}
	return t
}

// cluster finds the sets of classes.
func (s *seed) cluster(ctx context.Context) error {
	s.clusters = &specialist.Clustering{}
	depends := map[string]string{"generalist": s.digest, transferRows: s.rows[transferRows], "version": s.env.Version, "seed": fmt.Sprint(s.number),
		"sets": fmt.Sprint(s.ask.Sets), "classes_each": fmt.Sprint(s.ask.ClassesEach), "method": s.ask.Method}
	return s.run(step{name: clusterStep, title: "clusters", depends: depends, result: s.clusters, do: func(dir string) error {
		stage := s.whole.stage()
		o := specialist.ClusterOptions{Model: s.asTeacher(), Rows: s.data.Transfer, RowsName: s.recipe.Data.Train, Names: s.data.Test.Spec().Classes,
			Method: s.ask.Method, K: s.ask.Sets, Each: s.ask.ClassesEach, Temperature: 1, Seed: s.number, Cache: s.env.Cache, Log: s.log}
		if stage != nil {
			o.Progress = func(done, total int) { stage("predictions", int64(done), int64(total), nil) }
		}
		c, err := specialist.Cluster(ctx, o)
		if err != nil {
			return err
		}
		c.Model = filepath.Base(s.generalist)
		*s.clusters = *c
		return c.Sets().Write(filepath.Join(dir, "clusters.json"))
	}})
}
