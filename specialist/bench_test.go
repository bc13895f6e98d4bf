package specialist

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/clouds"
)

// benchClasses are those of BenchmarkFleet.
const benchClasses = 12

// benchProblem is a table of that many clouds with 16 features, and a generalist
// with a hidden layer of 64 units.
func benchProblem(b *testing.B) distill.Recipe {
	b.Helper()
	dir := b.TempDir()
	rng := rand.New(rand.NewPCG(3, 3))
	c := clouds.Clouds{Spread: 1}
	for range benchClasses {
		centre := make([]float64, 16)
		for i := range centre {
			centre[i] = rng.NormFloat64()
		}
		c.Centres = append(c.Centres, centre)
	}
	for name, rows := range map[string]int{"train.csv": 8000, "test.csv": 500} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(c.CSV(rows, uint64(rows))), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	r := recipe(dir)
	r.Teacher.Model, r.Student.Arch, r.Train.Epochs, r.Train.NoBaseline = distill.NoTeacher, "mlp:64", 2, true
	r.Output = distill.OutputRecipe{Model: filepath.Join(dir, "generalist.onnx")}
	if _, err := distill.Run(b.Context(), r, distill.Env{Version: "test", Cache: filepath.Join(dir, "cache")}); err != nil {
		b.Fatal(err)
	}
	return recipe(dir)
}

// cpu is the time that this process has been given of any core.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFleet trains 16 specialists on one core and on all, one a core, turn
// about, and reports how many times as fast that is: the median of the turns
// ("times"). The clock runs from the first step to the last: what is opened and
// proven before and after is the same for both. What else runs on the machine is
// in that figure; "cpu" is how much more time of cores the same work took on all,
// which is the fleet's own loss: without any, and with nothing that waits, the
// times are the cores over it.
func BenchmarkFleet(b *testing.B) {
	all := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(all)
	p := TrainPlan{Recipe: benchProblem(b), Sets: &Sets{}}
	for k := range benchClasses {
		p.Sets.Classes = append(p.Sets.Classes, fmt.Sprintf("%c", 'x'+k))
	}
	for m := range 16 {
		set := []int{m % benchClasses, (m + 2 + m/benchClasses) % benchClasses, (m + 5) % benchClasses}
		slices.Sort(set)
		p.Sets.Sets = append(p.Sets.Sets, set)
	}
	p.Recipe.Train.Epochs, p.Recipe.Train.Batch = 20, 128
	var times, cores []float64
	for b.Loop() {
		took, used := map[int]time.Duration{}, map[int]time.Duration{}
		for _, n := range []int{1, all} {
			runtime.GOMAXPROCS(n)
			p.Parallel, p.Dir = n, filepath.Join(b.TempDir(), "bundle")
			env := (&logged{}).env()
			env.Cache = filepath.Join(filepath.Dir(p.Recipe.Teacher.Model), "cache")
			var first, last time.Time
			var from, to time.Duration
			env.Progress = func(stage string, done, total int64, _ *distill.EpochRecord) {
				if stage != "specialists" {
					return
				}
				if first.IsZero() {
					first, from = time.Now(), cpu(b)
				}
				if done >= total-1 {
					last, to = time.Now(), cpu(b)
				}
			}
			if _, err := Train(b.Context(), p, env); err != nil {
				b.Fatal(err)
			}
			took[n], used[n] = last.Sub(first), to-from
		}
		times = append(times, took[1].Seconds()/took[all].Seconds())
		cores = append(cores, used[all].Seconds()/used[1].Seconds())
		b.Logf("one core %.2f s (%.2f s of CPU), %d cores %.2f s (%.2f s)", took[1].Seconds(), used[1].Seconds(), all, took[all].Seconds(), used[all].Seconds())
	}
	slices.Sort(times)
	slices.Sort(cores)
	b.ReportMetric(times[len(times)/2], "times")
	b.ReportMetric(cores[len(cores)/2], "cpu")
}
