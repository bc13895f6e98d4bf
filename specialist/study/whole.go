package study

import (
	"sync"

	"github.com/kdonnx/kdonnx/distill"
)

// whole is the progress of all steps of all seeds, in rows that a net of the
// generalist's size learns from: what a step takes is known before only about,
// and what it has done of it in parts of that.
type whole struct {
	report distill.Progress // may be nil
	total  float64

	mu    sync.Mutex
	done  float64 // of steps that are over
	now   float64 // what the step under way takes
	most  float64 // that was reported: it never goes back
	title string
}

// overall is what the progress of all steps is called.
const overall = "all steps"

// assumedSets is how many sets are expected where they are chosen later.
const assumedSets = 16

// costs are what the steps of a seed take, by their names.
func (s *study) costs() map[string]float64 {
	rows := float64(s.data.Transfer.Len())
	sets := float64(s.ask.Sets)
	classes := float64(len(s.data.Test.Spec().Classes))
	if sets == 0 {
		sets = min(assumedSets, max(1, classes/2))
	}
	covered := 1.0 // times that a class is in a set, about
	if s.ask.ClassesEach > 0 {
		covered = sets * min(1, float64(s.ask.ClassesEach)/max(1, classes))
	}
	epochs := float64(s.recipe.Train.Epochs)
	cost := map[string]float64{
		clusterStep: rows / 4,
		trainStep:   float64(s.specialistEpochs()) * 2 * rows * covered,
		judgeStep:   float64(s.data.Test.Len()) / 2,
		exportStep:  float64(s.data.Test.Len()) / 2,
	}
	cost[studentSteps] = float64(2*len(s.ask.Students)) * epochs * rows // each has a control
	if s.ask.Rivals {
		cost[rivalsStep] = 2 * (sets + 1) * epochs * rows
	}
	if s.ask.Generalist == "" {
		cost[generalistStep] = epochs * rows
	}
	return cost
}

func (s *study) newWhole() *whole {
	w := &whole{report: s.env.Progress}
	for _, c := range s.costs() {
		w.total += c * float64(s.recipe.Train.Seeds)
	}
	return w
}

// begin is told of a step that takes so much.
func (w *whole) begin(title string, cost float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.title, w.now = title, cost
}

// over is told that the step under way is done, by this call or by one before.
func (w *whole) over() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done, w.now = w.done+w.now, 0
	w.most = max(w.most, w.done)
}

// stage is the progress of the step under way, of one stage; what the teacher is
// asked on the way counts for nothing of the whole.
func (w *whole) stage() distill.Progress {
	return w.stages(func(name string, share float64) float64 { return share })
}

// stages is the progress of a step of several stages; of says how much of the
// step is done when such a share of a stage is.
func (w *whole) stages(of func(name string, share float64) float64) distill.Progress {
	if w.report == nil {
		return nil
	}
	return func(name string, done, total int64, last *distill.EpochRecord) {
		w.mu.Lock()
		if name != distill.RoleTeacher && total > 0 {
			w.most = max(w.most, w.done+w.now*of(name, float64(done)/float64(total)))
		}
		title, at, all := w.title, int64(w.most), int64(max(1, w.total))
		w.mu.Unlock()
		w.report(title+": "+name, done, total, last)
		w.report(overall, min(at, all-1), all, nil)
	}
}

// end says that all steps are done.
func (w *whole) end() {
	if all := int64(max(1, w.total)); w.report != nil {
		w.report(overall, all, all, nil)
	}
}
