package loss

import (
	"math"
	"strings"
)

// Weights are the settings of a loss that may change from step to step: T, α
// and β, in the ranges of Settings.
type Weights struct {
	Temperature float64 `json:"temperature"`
	Alpha       float64 `json:"alpha"`
	Beta        float64 `json:"beta"`
}

// Schedules say in words how T, α and β run where they change over training,
// such as "8 → 1 linear over 20 epochs", for Formula; one that stays what it is
// has none.
type Schedules struct{ Temperature, Alpha, Beta string }

// weights validates s and returns α and β.
func (s Settings) weights() (alpha, beta float64, err error) {
	if err := s.checkSmoothing(); err != nil {
		return 0, 0, err
	}
	if !(s.Temperature >= MinTemperature && s.Temperature <= MaxTemperature) {
		return 0, 0, usage("--temperature", s.Temperature, "a number in [0.01, 1000]")
	}
	if s.Beta == nil {
		if !(s.Alpha >= 0 && s.Alpha <= 1) {
			return 0, 0, usage("--alpha", s.Alpha, "a number in [0, 1] (beta is 1-alpha; give --beta to weigh both freely)")
		}
		return s.Alpha, Complement(s.Alpha), nil
	}
	if !(s.Alpha >= 0 && s.Alpha <= MaxWeight) {
		return 0, 0, usage("--alpha", s.Alpha, "a number in [0, 1e6]")
	}
	if !(*s.Beta >= 0 && *s.Beta <= MaxWeight) {
		return 0, 0, usage("--beta", *s.Beta, "a number in [0, 1e6]")
	}
	if s.Alpha == 0 && *s.Beta == 0 && s.Schedules.Alpha == "" && s.Schedules.Beta == "" {
		return 0, 0, usage("--alpha and --beta", 0, "at least one above 0")
	}
	return s.Alpha, *s.Beta, nil
}

// Complement is 1 − alpha to 12 digits behind the point: 0.1 of 0.9, not
// 0.09999999999999998.
func Complement(alpha float64) float64 { return math.Round((1-alpha)*1e12) / 1e12 }

// weighting is T, α and β of a loss, whose Set and formula it makes.
type weighting struct {
	t, alpha, beta float64
	schedules      Schedules
}

// weighting makes that of valid settings.
func (s Settings) weighting() (weighting, error) {
	alpha, beta, err := s.weights()
	return weighting{t: s.Temperature, alpha: alpha, beta: beta, schedules: s.Schedules}, err
}

// Set implements Loss.
func (w *weighting) Set(to Weights) { w.t, w.alpha, w.beta = to.Temperature, to.Alpha, to.Beta }

// formula is "L = α·soft + β·hard" with the weights filled in, or how they run,
// then T where a term has one, then the notes, and last what is summed and
// averaged. A term of weight 0 is left out.
func (w *weighting) formula(soft, hard, means string, notes ...string) string {
	var terms, details []string
	for _, t := range []struct {
		weight             float64
		letter, runs, term string
	}{{w.alpha, "α", w.schedules.Alpha, soft}, {w.beta, "β", w.schedules.Beta, hard}} {
		switch {
		case t.runs != "":
			terms, details = append(terms, t.letter+"·"+t.term), append(details, t.letter+": "+t.runs)
		case t.weight == 1:
			terms = append(terms, t.term)
		case t.weight != 0:
			terms = append(terms, number(t.weight)+"·"+t.term)
		}
	}
	sum := strings.Join(terms, " + ")
	if strings.Contains(sum, "T") {
		temperature := "T = " + number(w.t)
		if w.schedules.Temperature != "" {
			temperature = "T: " + w.schedules.Temperature
		}
		details = append([]string{temperature}, details...)
	}
	for _, n := range notes {
		if n != "" {
			details = append(details, n)
		}
	}
	return strings.Join(append([]string{"L = " + sum}, details...), ", ") + "; " + means
}

// rootMean is the root of the mean of n numbers whose sum is given; 0 of none.
func rootMean(sum float64, n int) float64 {
	if n == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(n))
}

// addSquares is sum and the squares of g.
func addSquares(sum float64, g []float64) float64 {
	for _, x := range g {
		sum += float64(x * x)
	}
	return sum
}
