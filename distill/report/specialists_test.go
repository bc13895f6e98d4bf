package report

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

// someSpecialists are of so many sets of as many classes each, with rivals and
// students, trained with so many seeds; every figure is another.
func someSpecialists(sets, each, classes, seeds int) *Specialists {
	residual := Number(3.2e-13)
	s := &Specialists{Title: "What specialists change", Rows: Source{Name: "test.csv"}, Labelled: 9876, Asked: []int{4321, 3210, 2100, 245}, Residual: &residual, Notes: []string{"a note"}}
	spread := func(mean, sd float64) Spread {
		v := Spread{}
		for i := range seeds {
			v.Values = append(v.Values, mean+sd*(float64(i)-float64(seeds-1)/2))
		}
		v.Mean, v.SD = metrics.MeanSD(v.Values)
		return v
	}
	for i := range seeds {
		s.Seeds = append(s.Seeds, uint64(i+1))
	}
	s.Shown = 1
	for i, m := range []struct {
		name string
		part ModelPart
		acc  float64
	}{{"generalist", GeneralistPart, 0.8412}, {fmt.Sprintf("with %d specialists", sets), EnsemblePart, 0.8733}, {"mlp:96, as many parameters", RivalPart, 0.8701}, {"4 generalists", RivalPart, 0.8655}, {"distilled, T = 2", DistilledPart, 0.8651}, {"distilled, T = 8", DistilledPart, 0.8612}} {
		s.Models = append(s.Models, SpecialistsModel{Name: m.name, Part: m.part, Params: int64(5000 * (1 + 3*(i%4))), FLOPs: Number(9000 * (1 + i)), LatencyMS: Number(0.0123 * float64(i+1)),
			Scores: map[string]Spread{"accuracy": spread(m.acc, 0.002), "errors": spread(math.Round(9876*(1-m.acc)), 17), "nll": spread(0.4-0.01*float64(i), 0.001), "ece": spread(0.031+0.001*float64(i), 0.001)}})
	}
	g, e := metrics.Result{Labelled: 9876, Errors: 1568, Accuracy: 0.8412}, metrics.Result{Labelled: 9876, Errors: 1251, Accuracy: 0.8733}
	s.Verdict = JudgeSpecialists(g, e, sets, metrics.Paired{Rows: 9876, OnlyA: 83, OnlyB: 400, P: 1e-40})
	for k := range classes {
		s.Classes = append(s.Classes, fmt.Sprintf("class %d", k))
	}
	s.Union = &SpecialistSet{Rows: 9000, Before: 7600, After: 7900}
	for m := range sets {
		share := Number(0.5 / float64(m+2))
		set := SpecialistSet{Rows: 300 + m, Before: 250 + m/2, After: 261 - m%5 + m/2, Asked: 700 + m, Seconds: Number(3.21 + float64(m)), Confusion: &share}
		for j := range each {
			set.Classes = append(set.Classes, (m*each/2+j)%classes)
		}
		s.Sets = append(s.Sets, set)
	}
	for n := range 2 * sets / 3 {
		s.Covering = append(s.Covering, CoveredRows{n, 1000 + n, 800 + n, 800 + 3*n - 1})
	}
	for j := range sets + 1 {
		s.Curve = append(s.Curve, spread(0.8412+0.0321*math.Sqrt(float64(j)/float64(sets)), 0.002))
	}
	for i := range 20 {
		s.Less = append(s.Less, ConfusedPair{i % classes, (i + 1) % classes, 50 - i, 11})
		s.More = append(s.More, ConfusedPair{(i + 1) % classes, i % classes, 7, 30 - i})
	}
	if classes <= maxHeat {
		for j := range classes {
			for k := range classes {
				v := 0.0
				if j != k {
					v = 1e-3 / float64(1+max(j-k, k-j))
				}
				s.Confusion = append(s.Confusion, Number(v))
			}
		}
	}
	return s
}
