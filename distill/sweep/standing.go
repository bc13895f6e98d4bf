package sweep

import (
	"cmp"
	"math"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

// standing is what the trainings of an entry came to at a rung.
type standing struct {
	value, loss float64   // means over the seeds
	spread      float64   // deviation of the value over the seeds (n − 1); 0 of one
	se          float64   // standard error of value: of the choice of rows, and of seeds; NaN when neither is known
	rows        []float64 // mean over the seeds of each row's score; nil where rows have none
	seeds       int
	params      int64
	flops       int64
	epochs      int // that the longest of them trained
	seconds     float64
	why         string // it diverged
}

func (s standing) diverged() bool { return s.why != "" }

// stand sums up the records of rung k.
func (e *entry) stand(rung int) {
	s := standing{seeds: len(e.trainings)}
	n := float64(s.seeds)
	var values []float64
	for _, t := range e.trainings {
		r := t.at[rung]
		if r.Diverged != "" && s.why == "" {
			s.why = r.Diverged
		}
		values = append(values, r.Value)
		s.value += r.Value / n
		s.loss += r.Loss / n
		s.params, s.flops = max(s.params, r.Params), max(s.flops, r.FLOPs)
		s.epochs = max(s.epochs, r.Epochs)
		s.seconds += r.Seconds
		if s.rows == nil {
			s.rows = make([]float64, len(r.rows))
		}
		for i := range min(len(s.rows), len(r.rows)) {
			s.rows[i] += float64(r.rows[i]) / n
		}
	}
	if s.seeds == 1 {
		s.value, s.loss = values[0], e.trainings[0].at[rung].Loss
	}
	_, ofSeeds := metrics.MeanSE(values)
	s.spread = ofSeeds * math.Sqrt(n)
	if len(s.rows) < 2 && s.seeds < 2 {
		s.se = math.NaN()
	} else {
		_, ofRows := metrics.MeanSE(s.rows)
		s.se = math.Hypot(ofRows, ofSeeds)
	}
	e.standing = s
}

// before tells whether a ranks before b: one that got further, that did not
// diverge, by its value, then its loss, then the fewer parameters, then the
// plan's order.
func before(a, b *entry) bool { return order(a, b) < 0 }

// order is before for sorting; entries that are alike in all of it keep their
// order. They are never compared across roles.
func order(a, b *entry) int {
	x, y := a.standing, b.standing
	return cmp.Or(
		cmp.Compare(b.rung, a.rung),
		cmp.Compare(btoi(x.diverged()), btoi(y.diverged())),
		cmp.Compare(y.value, x.value),
		cmp.Compare(x.loss, y.loss),
		cmp.Compare(x.params, y.params),
		cmp.Compare(a.place, b.place),
	)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// apart is how much more a's value is than b's, and the standard error of that:
// row by row, since both were judged on the same rows, and from seed to seed.
// NaN where it is not known.
func apart(a, b standing) (more, se float64) {
	more = a.value - b.value
	if len(a.rows) != len(b.rows) || len(a.rows) < 2 {
		if a.seeds < 2 {
			return more, math.NaN()
		}
		return more, math.Sqrt((a.spread*a.spread + b.spread*b.spread) / float64(a.seeds))
	}
	d := make([]float64, len(a.rows))
	for i := range d {
		d[i] = a.rows[i] - b.rows[i]
	}
	_, ofRows := metrics.MeanSE(d)
	return more, math.Sqrt(ofRows*ofRows + (a.spread*a.spread+b.spread*b.spread)/float64(a.seeds))
}

// sure is how many standard errors a difference must have not to be put down
// to chance: 95 % of a normal distribution.
const sure = 1.96
