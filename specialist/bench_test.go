package specialist

import (
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/distill"
)

// BenchmarkFleet trains the same specialists on one core and on all, one a core,
// and reports how many times as fast that is. The clock runs from the first step
// to the last: what is opened and proven before and after is the same for both.
func BenchmarkFleet(b *testing.B) {
	all := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(all)
	p := TrainPlan{Recipe: recipe(problem), Sets: &Sets{Classes: fiveClasses}}
	for range all {
		p.Sets.Sets = append(p.Sets.Sets, []int{0, 1}, []int{2, 3})
	}
	p.Recipe.Train.Epochs = 200
	took := map[int]time.Duration{}
	for b.Loop() {
		for _, cores := range []int{1, all} {
			runtime.GOMAXPROCS(cores)
			p.Parallel, p.Dir = cores, filepath.Join(b.TempDir(), "bundle")
			env := (&logged{}).env()
			var first, last time.Time
			env.Progress = func(stage string, _, _ int64, _ *distill.EpochRecord) {
				if stage == "specialists" {
					last = time.Now()
					if first.IsZero() {
						first = last
					}
				}
			}
			if _, err := Train(b.Context(), p, env); err != nil {
				b.Fatal(err)
			}
			took[cores] += last.Sub(first)
		}
	}
	b.ReportMetric(took[1].Seconds()/took[all].Seconds(), "times")
}
