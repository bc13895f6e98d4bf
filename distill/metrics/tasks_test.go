package metrics

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// scored is what the Scorer of the task makes of rows that come one by one,
// which must be what it makes of all at once.
func scored(t *testing.T, task dataset.Task, width int, all Rows) Result {
	t.Helper()
	at := func(v []float32, i int) []float32 {
		if v == nil {
			return nil
		}
		return v[i*width : (i+1)*width]
	}
	whole, err := NewScorer(task, width)
	if err != nil {
		t.Fatal(err)
	}
	if err := whole.Score(all); err != nil {
		t.Fatal(err)
	}
	single, _ := NewScorer(task, width)
	for i := range len(all.Out) / width {
		if err := single.Score(Rows{Out: at(all.Out, i), Values: at(all.Values, i), Teacher: at(all.Teacher, i)}); err != nil {
			t.Fatal(err)
		}
	}
	a, errA := json.Marshal(whole.Result())
	b, errB := json.Marshal(single.Result())
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("all at once: %s %v, one by one: %s %v", a, errA, b, errB)
	}
	return whole.Result()
}

func equals(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*math.Max(1, math.Abs(want))) {
		t.Errorf("%s: got %.12g, want %.12g", what, got, want)
	}
}

// The example of scikit-learn's f1_score, whose F1 by label is 2/3, 1, 2/3,
// with a row that is not known and one that is in part.
func TestMultiLabel(t *testing.T) {
	all := Rows{
		Out:     []float32{-1, -2, -1, 3, 1, 2, 1, 2, -0.5, 5, 5, 5, 1, -1, 1},
		Values:  []float32{0, 0, 0, 1, 1, 1, 0, 1, 1, nan, nan, nan, nan, nan, 1},
		Teacher: []float32{-1, -2, 1, 3, 1, 2, 1, 2, -0.5, 5, -5, 5, 1, -1, 1},
	}
	r := scored(t, dataset.MultiLabel, 3, all)
	if r.N != 5 || r.Labelled != 4 || r.Errors != 1 || r.Compared != 5 {
		t.Errorf("got %d rows, %d labelled, %d errors, %d compared", r.N, r.Labelled, r.Errors, r.Compared)
	}
	equals(t, "subset accuracy", r.Accuracy, 3./4)
	equals(t, "agreement", r.Agreement, 13./15)
	equals(t, "label accuracy", r.LabelAccuracy, 8./10)
	// of label 3: support 3, answered 2, right 2
	for k, want := range []float64{2. / 3, 1, 4. / 5} {
		equals(t, "F1 of a label", r.PerLabel[k].F1, want)
	}
	equals(t, "macro F1", r.MacroF1, (2./3+1+4./5)/3)
	equals(t, "micro F1", r.MicroF1, 2*5./(6+6))
	// by hand: of label 1 the yes at 3 is first; of 2 both are; of 3 at 2, 1, −½ before no at −1
	equals(t, "mAP", *r.MAP, 1)
	sum := 0.0
	for i, z := range all.Out {
		if v := float64(all.Values[i]); v == v {
			sum -= math.Log(v*Sigmoid(z) + (1-v)*Sigmoid(-z))
		}
	}
	equals(t, "NLL", r.NLL, sum/4)
	ece := (math.Abs(Sigmoid(-2)) + math.Abs(1-Sigmoid(1)) + math.Abs(1-Sigmoid(2))) / 3
	equals(t, "ECE of a label", r.PerLabel[1].ECE, ece)
	equals(t, "ECE", r.ECE, (r.PerLabel[0].ECE+r.PerLabel[1].ECE+r.PerLabel[2].ECE)/3)
	count := 0
	for _, b := range r.Bins {
		count += b.Count
	}
	if count != 10 {
		t.Errorf("%d decisions in bins, expected 10", count)
	}
	if got := CorrectLabels(nil, all, 3); len(got) != 4 || !got[0] || !got[1] || got[2] || !got[3] {
		t.Errorf("right rows: %v", got)
	}
}

// The example of scikit-learn's average_precision_score, and its rule that
// equal scores are one threshold.
func TestAveragePrecision(t *testing.T) {
	equals(t, "AP", averagePrecision([]float32{0.35, 0.8}, []float32{0.1, 0.4}), 0.5+0.5*2/3)
	equals(t, "AP of equal scores", averagePrecision([]float32{1, 1}, []float32{1, 1, 1}), 2./5)
	equals(t, "AP of the worst", averagePrecision([]float32{-1}, []float32{1, 2, 3}), 1./4)
}

// The examples of scikit-learn's r2_score and root_mean_squared_error.
func TestRegression(t *testing.T) {
	r := scored(t, dataset.Regression, 1, Rows{Out: []float32{2.5, 0, 2, 8, 100}, Values: []float32{3, -0.5, 2, 7, nan}, Teacher: []float32{2.5, 0, 2, 8, 99}})
	if r.N != 5 || r.Labelled != 4 || r.Compared != 5 {
		t.Errorf("got %d rows, %d labelled, %d compared", r.N, r.Labelled, r.Compared)
	}
	equals(t, "R²", r.R2, 0.9486081370449679)
	equals(t, "RMSE", r.RMSE, math.Sqrt(0.375))
	equals(t, "MAE", r.MAE, 0.5)
	equals(t, "RMSE to the teacher", r.TeacherRMSE, math.Sqrt(1./5))
	mean := (2.5 + 0 + 2 + 8 + 99) / 5
	around := 0.0
	for _, v := range []float64{2.5, 0, 2, 8, 99} {
		around += (v - mean) * (v - mean)
	}
	equals(t, "R² against the teacher", r.Agreement, 1-1/around)
	if p := r.PerTarget[0].Points; len(p) != 4 || p[3] != [2]float32{7, 8} {
		t.Errorf("points %v", p)
	}
	two := scored(t, dataset.Regression, 2, Rows{Out: []float32{0, 2, -1, 2, 8, -5}, Values: []float32{0.5, 1, -1, 1, 7, -6}})
	equals(t, "mean RMSE", two.RMSE, (math.Sqrt(1.25/3)+1)/2)
	equals(t, "mean MAE", two.MAE, 0.75)
	constant := scored(t, dataset.Regression, 2, Rows{Out: []float32{1, 2, 1, 3}, Values: []float32{1, 2, 1, 2}})
	if constant.PerTarget[0].R2 != 1 || constant.PerTarget[1].R2 != 0 {
		t.Errorf("R² of values that are all the same: %v and %v, expected 1 and 0", constant.PerTarget[0].R2, constant.PerTarget[1].R2)
	}
	// a mean far from 0 does not cost R² its digits
	far := Rows{}
	for i := range 1000 {
		far.Values = append(far.Values, float32(1e6+i%10))
		far.Out = append(far.Out, float32(1e6+i%10)+1)
	}
	equals(t, "R² far from 0", scored(t, dataset.Regression, 1, far).R2, 1-1/8.25)
}

// TestPoints: they are few, and from all of the rows.
func TestPoints(t *testing.T) {
	var p points
	for i := range 5000 {
		p.add(float32(i), 0)
	}
	if n := len(p.kept); n < maxPoints/2 || n > maxPoints || p.kept[n-1][0] < 4900 {
		t.Errorf("%d points, the last %v", n, p.kept[n-1])
	}
	step := p.kept[1][0]
	for i, k := range p.kept {
		if k[0] != float32(i)*step {
			t.Fatalf("point %d is row %v, expected every %v", i, k[0], step)
		}
	}
}

// The example of SciPy's wilcoxon (heights of Darwin's maize): P is
// 0.041259765625 of 2¹⁵ signs.
func TestWilcoxon(t *testing.T) {
	d := []float64{6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75}
	a, b := make([]float64, len(d)+1), make([]float64, len(d)+1)
	for i, x := range d {
		a[i], b[i] = 100+x, 100
	}
	p := Wilcoxon(a, b)
	equals(t, "P", p.P, 0.041259765625)
	if p.Rows != 16 || p.OnlyA != 2 || p.OnlyB != 13 || p.RankA != 24 || p.RankB != 96 {
		t.Errorf("got %+v", p)
	}
	if back := Wilcoxon(b, a); back.P != p.P || back.OnlyA != p.OnlyB || back.RankA != p.RankB {
		t.Errorf("the other way round: %+v", back)
	}
	if p := Wilcoxon([]float64{1, 2}, []float64{1, 2}); p.P != 1 {
		t.Errorf("equal models: P is %v", p.P)
	}
	// ties share their mean rank: of |d| = 1, 1, 2 the ranks are 1.5, 1.5, 3
	tied := Wilcoxon([]float64{1, 0, 2}, []float64{0, 1, 0})
	if tied.RankA != 1.5 || tied.RankB != 4.5 {
		t.Errorf("tied: %+v", tied)
	}
	equals(t, "P of ties", tied.P, 2*3./8) // sums of 0, 1½ and 1½ of 8 signs
}

// TestWilcoxonApproximation holds the normal approximation against the count
// of all signs, where both can be had.
func TestWilcoxonApproximation(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, shift := range []float64{0, 0.2, 0.4} {
		a, b := make([]float64, 100), make([]float64, 100)
		for i := range a {
			a[i], b[i] = 10+math.Round(10*(r.NormFloat64()+shift))/10, 10
		}
		got := Wilcoxon(a, b)
		var all []int
		for i := range a {
			if a[i] != b[i] {
				all = append(all, i)
			}
		}
		exact := countSigns(a, b)
		if math.Abs(got.P-exact) > 0.05*exact+1e-4 {
			t.Errorf("shift %v, %d pairs: P is %v, of all signs %v", shift, len(all), got.P, exact)
		}
	}
}

// TestWilcoxonCorrections holds both corrections of the approximation against
// figures by hand.
func TestWilcoxonCorrections(t *testing.T) {
	// 100 differences of one size, 40 of them for the one: each has rank 50.5, so
	// that the sum is 10 ranks off its mean, with the deviation of a binomial, 5.
	a, b := make([]float64, 100), make([]float64, 100)
	for i := range a {
		if i < 40 {
			b[i] = 1
		} else {
			a[i] = 1
		}
	}
	equals(t, "P of ties", Wilcoxon(a, b).P, math.Erfc((10*50.5-0.5)/(5*50.5)/math.Sqrt2))
	// 61 sizes, whose ranks sum to 1891: a split of 945 and 946 is as even as can be.
	a, b = make([]float64, 61), make([]float64, 61)
	for rank, rest := 61, 945; rank > 0; rank-- {
		if rank <= rest {
			b[rank-1], rest = float64(rank), rest-rank
		} else {
			a[rank-1] = float64(rank)
		}
	}
	p := Wilcoxon(a, b)
	if p.RankA != 945 || p.RankB != 946 || p.P != 1 {
		t.Errorf("the most even split: %+v, expected a P of 1", p)
	}
}

// countSigns is P of Wilcoxon by signedRanks, with ranks found plainly.
func countSigns(a, b []float64) float64 {
	var twice []int
	var up, down int
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		rank := 1
		for j := range a {
			x, y := math.Abs(a[i]-b[i]), math.Abs(a[j]-b[j])
			if y > 0 && y < x {
				rank += 2
			} else if y == x {
				rank++
			}
		}
		twice = append(twice, rank)
		if a[i] > b[i] {
			up += rank
		} else {
			down += rank
		}
	}
	return signedRanks(twice, min(up, down))
}

func TestAbsoluteErrors(t *testing.T) {
	got := AbsoluteErrors(nil, Rows{Out: []float32{1, 10, 2, 20, 3, 30}, Values: []float32{2, 20, nan, 20, nan, nan}}, []float64{1, 10})
	if len(got) != 2 || got[0] != 1 || got[1] != 0 {
		t.Errorf("got %v, expected 1 and 0", got)
	}
}

// TestScorersRefuse: what is no answer is named by row, and counts for
// nothing.
func TestScorersRefuse(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		task dataset.Task
		rows Rows
		want string
	}{
		{dataset.MultiLabel, Rows{Out: []float32{0, 1, nan, 1}}, "row 1: got logit NaN for label 0"},
		{dataset.MultiLabel, Rows{Out: []float32{0, 1, 0, inf}}, "row 1: got logit +Inf for label 1"},
		{dataset.MultiLabel, Rows{Out: []float32{0, 1}, Teacher: []float32{0, nan}}, "row 0: got teacher logit NaN for label 1"},
		{dataset.MultiLabel, Rows{Out: []float32{0, 1}, Values: []float32{0, 2}}, "row 0: got label 1 of 2, want 0, 1 or NaN"},
		{dataset.Regression, Rows{Out: []float32{0, 1, nan, 1}}, "row 1: got prediction NaN for target 0"},
		{dataset.Regression, Rows{Out: []float32{0, 1}, Values: []float32{0, inf}}, "row 0: got value +Inf for target 1"},
		{dataset.Regression, Rows{Out: []float32{0, 1}, Teacher: []float32{0, nan}}, "row 0: got teacher's number NaN for target 1"},
	} {
		s, err := NewScorer(c.task, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Score(c.rows); err == nil || !strings.Contains(err.Error(), c.want) || fault.KindOf(err) != fault.Input {
			t.Errorf("got %v, expected %q", err, c.want)
		}
		if n := s.Result().N; n != 0 {
			t.Errorf("%s: %d rows counted", c.want, n)
		}
	}
	for _, task := range []dataset.Task{dataset.MultiClass, dataset.MultiLabel, dataset.Regression} {
		if _, err := NewScorer(task, 0); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s of width 0: %v", task, err)
		}
	}
}

// TestSummaryOfTasks pins the line that programs read.
func TestSummaryOfTasks(t *testing.T) {
	for _, c := range []struct {
		task dataset.Task
		rows Rows
		want string
	}{
		{dataset.MultiLabel, Rows{Out: []float32{1, -1}, Values: []float32{1, 1}},
			`{"n":1,"errors":1,"accuracy":0,"agreement":null,"ece":0.5,"task":"multi-label","label_accuracy":0.5,"micro_f1":0.6666666666666666,"macro_f1":0.5,"map":1}`},
		{dataset.MultiLabel, Rows{Out: []float32{1, -1}}, `{"n":1,"errors":0,"accuracy":null,"agreement":null,"ece":null,"task":"multi-label"}`},
		{dataset.Regression, Rows{Out: []float32{1, 2, 3, 3}, Values: []float32{1, 2, 2, 3}, Teacher: []float32{1, 2, 3, 3}},
			`{"n":2,"errors":0,"accuracy":0,"agreement":1,"ece":0,"task":"regression","rmse":0.3535533905932738,"mae":0.25,"r2":0,"teacher_rmse":0}`},
	} {
		s, _ := NewScorer(c.task, 2)
		if err := s.Score(c.rows); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(s.Result().Summary())
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
