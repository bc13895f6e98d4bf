package metrics

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// TestRowScores requires of each task that the mean of the rows' scores is the
// measure, and that their standard error is that of drawing the rows anew:
// the deviation of the measure over 600 bootstrap samples (Efron 1979).
func TestRowScores(t *testing.T) {
	const n, c, draws = 200, 3, 600
	rng := rand.New(rand.NewPCG(4, 2))
	for _, kind := range []struct {
		name    string
		task    dataset.Task
		measure func(Result) float64
		fill    func(r *Rows)
	}{
		{"classes", dataset.MultiClass, func(r Result) float64 { return r.Accuracy }, func(r *Rows) {
			for i := range n {
				y := int32(rng.IntN(c))
				for k := range c {
					r.Out = append(r.Out, float32(rng.NormFloat64()))
					if int32(k) == y {
						r.Out[len(r.Out)-1]++
					}
				}
				if i%10 == 0 {
					y = Unlabelled
				}
				r.Labels = append(r.Labels, y)
			}
		}},
		{"agreement", dataset.MultiClass, func(r Result) float64 { return r.Agreement }, func(r *Rows) {
			for range n * c {
				v := rng.NormFloat64()
				r.Out, r.Teacher = append(r.Out, float32(v+rng.NormFloat64())), append(r.Teacher, float32(v))
			}
		}},
		{"labels", dataset.MultiLabel, func(r Result) float64 { return r.MicroF1 }, func(r *Rows) {
			for i := range n * c {
				v := float32(rng.IntN(2))
				r.Out = append(r.Out, float32(rng.NormFloat64())+v-0.5)
				if i%17 == 0 {
					v = nan
				}
				r.Values = append(r.Values, v)
			}
		}},
		{"numbers", dataset.Regression, func(r Result) float64 { return r.R2 }, func(r *Rows) {
			for i := range n * c {
				v := rng.NormFloat64() * float64(1+i%c)
				r.Out = append(r.Out, float32(0.8*v+rng.NormFloat64()*0.6))
				r.Values = append(r.Values, float32(v))
			}
		}},
	} {
		var all Rows
		kind.fill(&all)
		measure := func(rows Rows) (Result, []float64) {
			s, err := NewScorer(kind.task, c)
			if err == nil {
				err = s.Score(rows)
			}
			if err != nil {
				t.Fatal(err)
			}
			each := NewRowScores(kind.task, c)
			each.Add(rows)
			return s.Result(), each.Values(s.Result())
		}
		result, values := measure(all)
		mean, se := MeanSE(values)
		if want := kind.measure(result); math.Abs(mean-want) > 1e-9 {
			t.Errorf("%s: the mean of the rows is %v, the measure %v", kind.name, mean, want)
		}
		var boot []float64
		for range draws {
			var rows Rows
			for range n {
				i := rng.IntN(n)
				rows.Out = append(rows.Out, all.Out[i*c:(i+1)*c]...)
				if all.Labels != nil {
					rows.Labels = append(rows.Labels, all.Labels[i])
				}
				if all.Values != nil {
					rows.Values = append(rows.Values, all.Values[i*c:(i+1)*c]...)
				}
				if all.Teacher != nil {
					rows.Teacher = append(rows.Teacher, all.Teacher[i*c:(i+1)*c]...)
				}
			}
			r, _ := measure(rows)
			boot = append(boot, kind.measure(r))
		}
		_, sem := MeanSE(boot)
		deviation := sem * math.Sqrt(draws)
		if math.Abs(se/deviation-1) > 0.12 { // a deviation of 600 draws is known to 3 %
			t.Errorf("%s: standard error %v, by bootstrap %v", kind.name, se, deviation)
		}
		t.Logf("%s: standard error %.5f, by bootstrap %.5f", kind.name, se, deviation)
	}
	if v := NewRowScores(dataset.MultiLabel, c).Values(Result{}); len(v) != 0 {
		t.Errorf("of no rows: %v", v)
	}
}

// TestRowScoresByHand: the score of a row is the more the better it is answered.
func TestRowScoresByHand(t *testing.T) {
	s := NewRowScores(dataset.MultiLabel, 2)
	s.Add(Rows{Out: []float32{1, -1, 1, 1}, Values: []float32{1, 0, 1, 0}}) // 2·TP of 2·TP + FP + FN: 2 of 2, 2 of 3
	v := s.Values(Result{})
	if len(v) != 2 {
		t.Fatalf("got %v, expected two rows", v)
	}
	equals(t, "the right row", v[0], 0.8+(2-0.8*2)/2.5)
	equals(t, "the wrong row", v[1], 0.8+(2-0.8*3)/2.5)
}

func TestMeanSE(t *testing.T) {
	mean, se := MeanSE([]float64{1, 2, 3, 6})
	equals(t, "mean", mean, 3)
	equals(t, "standard error", se, math.Sqrt(14./3/4)) // squares 4, 1, 0 and 9
	if mean, se := MeanSE([]float64{7}); mean != 7 || se != 0 {
		t.Errorf("of one: %v ± %v, expected 7 ± 0", mean, se)
	}
}
