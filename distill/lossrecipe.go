package distill

import (
	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/distill/schedule"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// LossRecipe is L = α·T²·KL(p‖q) + β·CE (Hinton, Vinyals and Dean 2015), or
// what stands for it where the task is another.
type LossRecipe struct {
	Name        string   `yaml:"name" json:"name"`                       // as loss.New reads it, such as dkd:nontarget=8; auto: loss.Default of the task
	Temperature float64  `yaml:"temperature" json:"temperature"`         // T of teacher and student in the soft term
	Alpha       float64  `yaml:"alpha" json:"alpha"`                     // weight of the soft term
	Beta        *float64 `yaml:"beta" json:"beta"`                       // weight of the hard term; absent: 1 − α
	Smoothing   float64  `yaml:"label_smoothing" json:"label_smoothing"` // ε of the hard term's labels, of the baseline's too
	Delta       float64  `yaml:"huber_delta" json:"huber_delta"`         // δ of regression-huber, in deviations of a target
	Hint        string   `yaml:"hint" json:"hint"`                       // TEACHER_VALUE=STUDENT_VALUE: places inside both whose distance, see loss.Hint, is added; empty: none
	HintWeight  float64  `yaml:"hint_weight" json:"hint_weight"`         // of that term
	HintEpochs  int      `yaml:"hint_epochs" json:"hint_epochs"`         // it is part of the loss in the first so many; 0: in all
	HintTargets string   `yaml:"hint_targets" json:"hint_targets"`       // folder of a store of the teacher's values that was filled ahead; empty: in the cache

	// How each runs over training, as schedule.Parse reads it; empty: constant.
	TemperatureSchedule string `yaml:"temperature_schedule" json:"temperature_schedule"`
	AlphaSchedule       string `yaml:"alpha_schedule" json:"alpha_schedule"`
	BetaSchedule        string `yaml:"beta_schedule" json:"beta_schedule"` // or FollowAlpha, which an empty one means where β is absent and α is scheduled
}

// FollowAlpha is the schedule of β = 1 − α at every step.
const FollowAlpha = "1-alpha"

// fill gives β its value, and its schedule, where the recipe leaves them to α.
func (l *LossRecipe) fill() {
	if l.Beta != nil {
		return
	}
	beta := loss.Complement(l.Alpha)
	l.Beta = &beta
	if alpha, err := schedule.Parse("", l.AlphaSchedule); err == nil && !alpha.Constant() && l.BetaSchedule == "" {
		l.BetaSchedule = FollowAlpha
	}
}

// schedules are how T, α and β of a recipe run.
type schedules struct {
	start                    loss.Weights // the settings
	temperature, alpha, beta schedule.Schedule
	follows                  bool // β is 1 − α
}

// schedules reads the schedules of l, and refuses those that leave the range of
// their setting at any time of a run.
func (l LossRecipe) schedules() (s schedules, err error) {
	top, free := float64(loss.MaxWeight), l.Beta != nil
	l.fill()
	s.start = loss.Weights{Temperature: l.Temperature, Alpha: l.Alpha, Beta: *l.Beta}
	if s.follows = l.BetaSchedule == FollowAlpha; s.follows {
		if s.start.Beta != loss.Complement(l.Alpha) {
			return s, fault.New(fault.Usage, "", "--beta-schedule", "got %s, and --beta %v beside it, expected no --beta", FollowAlpha, s.start.Beta)
		}
		l.BetaSchedule, free = "", false
	}
	if !free {
		top = 1
	}
	for _, c := range []struct {
		flag, text      string
		to              *schedule.Schedule
		setting, lo, hi float64
	}{
		{"--temperature-schedule", l.TemperatureSchedule, &s.temperature, s.start.Temperature, loss.MinTemperature, loss.MaxTemperature},
		{"--alpha-schedule", l.AlphaSchedule, &s.alpha, s.start.Alpha, 0, top},
		{"--beta-schedule", l.BetaSchedule, &s.beta, s.start.Beta, 0, loss.MaxWeight},
	} {
		if *c.to, err = schedule.Parse(c.flag, c.text); err != nil {
			return s, err
		}
		from, to := c.to.Ends(c.setting)
		for _, end := range []float64{from, to} {
			if c.setting == c.setting && end != c.setting && !within(end, c.lo, c.hi) { // of the setting itself loss.New complains
				return s, fault.New(fault.Usage, "", c.flag, "got %s, which runs from %v to %v, expected numbers in [%v, %v] all the way", c.text, from, to, c.lo, c.hi)
			}
		}
	}
	_, alpha := s.alpha.Ends(s.start.Alpha)
	_, beta := s.beta.Ends(s.start.Beta)
	if alpha == 0 && beta == 0 && !s.follows && !(s.alpha.Constant() && s.beta.Constant()) {
		return s, fault.New(fault.Usage, "", "--alpha-schedule and --beta-schedule", "both weights end at 0, expected at least one above it")
	}
	return s, nil
}

// constant tells whether nothing changes.
func (s *schedules) constant() bool {
	return s.temperature.Constant() && s.alpha.Constant() && s.beta.Constant()
}

// over is T, α and β at each step of a run; nil where nothing changes.
func (s *schedules) over(r schedule.Run) func(step uint64) loss.Weights {
	if s.constant() {
		return nil
	}
	temperature, alpha, beta := s.temperature.Over(s.start.Temperature, r), s.alpha.Over(s.start.Alpha, r), s.beta.Over(s.start.Beta, r)
	return func(step uint64) loss.Weights {
		w := loss.Weights{Temperature: temperature(step), Alpha: alpha(step), Beta: beta(step)}
		if s.follows {
			w.Beta = loss.Complement(w.Alpha)
		}
		return w
	}
}

// words say how T, α and β run over so many epochs.
func (s *schedules) words(epochs int) loss.Schedules {
	w := loss.Schedules{Temperature: s.temperature.Words(s.start.Temperature, epochs), Alpha: s.alpha.Words(s.start.Alpha, epochs), Beta: s.beta.Words(s.start.Beta, epochs)}
	if s.follows && w.Alpha != "" {
		w.Beta = "1 − α at every step"
	}
	return w
}

// text is a schedule in its one form, for what names it.
func (s *schedules) text() (temperature, alpha, beta string) {
	beta = s.beta.String()
	if s.follows && !s.alpha.Constant() {
		beta = FollowAlpha
	}
	return s.temperature.String(), s.alpha.String(), beta
}

// teaches tells whether the soft term has a weight at any time.
func (l LossRecipe) teaches() bool {
	s, err := l.schedules()
	from, to := s.alpha.Ends(l.Alpha)
	return l.Name != "hard-label" && (err != nil || from > 0 || to > 0)
}

// build makes the loss that l describes for a task and a run of so many
// epochs, or says which setting is wrong. scale is that of the numbers to
// predict.
func (l LossRecipe) build(task dataset.Task, scale []float32, epochs int) (loss.Loss, error) {
	name := l.Name
	if name == "auto" {
		name = loss.Default(task)
	}
	s, err := l.schedules()
	if err != nil {
		return nil, err
	}
	return loss.New(name, loss.Settings{Temperature: l.Temperature, Alpha: l.Alpha, Beta: l.Beta, Schedules: s.words(epochs),
		Smoothing: l.Smoothing, Delta: l.Delta, Scale: scale})
}
