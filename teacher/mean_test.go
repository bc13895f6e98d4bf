package teacher

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// softmax64 is the distribution of logits z at temperature t.
func softmax64(z []float32, t float64) []float64 {
	p, sum := make([]float64, len(z)), 0.0
	top := math.Inf(-1)
	for _, v := range z {
		top = math.Max(top, float64(v))
	}
	for j, v := range z {
		p[j] = math.Exp((float64(v) - top) / t)
		sum += p[j]
	}
	for j := range p {
		p[j] /= sum
	}
	return p
}

// TestMeans holds the logits of the mean against the mean of the distributions.
func TestMeans(t *testing.T) {
	const n, c = 5, 4
	rng := rand.New(rand.NewPCG(1, 2))
	members := make([][]float32, 3)
	for k := range members {
		for range n * c {
			members[k] = append(members[k], float32(rng.NormFloat64()*6))
		}
	}
	weights, temps := []float64{1, 2, 5}, []float64{1, 3, 0.5}
	got := make([]float32, n*c)
	for _, mean := range []Mean{Arithmetic, Geometric} {
		for _, task := range []dataset.Task{dataset.MultiClass, dataset.MultiLabel, dataset.Regression} {
			m, err := newMixer(mean, task, 3, weights, temps)
			if err != nil {
				t.Fatal(err)
			}
			m.mix(got, members, n, c)
			for r := range n {
				want, log := make([]float64, c), make([]float64, c)
				for k, z := range members {
					p := softmax64(z[r*c:(r+1)*c], temps[k])
					for j := range p {
						v := float64(z[r*c+j])
						switch task {
						case dataset.MultiLabel:
							p[j] = 1 / (1 + math.Exp(-v/temps[k]))
							log[j] += weights[k] / 8 * v / temps[k]
						case dataset.Regression:
							p[j] = v
						default:
							log[j] += weights[k] / 8 * math.Log(p[j])
						}
						want[j] += weights[k] / 8 * p[j]
					}
				}
				row := got[r*c : (r+1)*c]
				have := softmax64(row, 1)
				for j := range want {
					switch {
					case task == dataset.Regression:
						have[j] = float64(row[j])
					case task == dataset.MultiLabel && mean == Geometric:
						have[j], want[j] = float64(row[j]), log[j]
					case task == dataset.MultiLabel:
						have[j] = 1 / (1 + math.Exp(-float64(row[j])))
					}
				}
				if task == dataset.MultiClass && mean == Geometric {
					want = softmax64([]float32{float32(log[0]), float32(log[1]), float32(log[2]), float32(log[3])}, 1)
				}
				for j := range want {
					if math.Abs(have[j]-want[j]) > 1e-6*(1+math.Abs(want[j])) {
						t.Fatalf("%s of %q, row %d: got %v, expected %v", mean, task, r, have, want)
					}
				}
			}
		}
	}
}

// TestMeanOfSureTeachers keeps every logit finite, and a sure label sure on
// both sides.
func TestMeanOfSureTeachers(t *testing.T) {
	z := [][]float32{{1e4, -1e4}, {3e38, -3e38}}
	for _, mean := range []Mean{Arithmetic, Geometric} {
		for _, task := range []dataset.Task{dataset.MultiClass, dataset.MultiLabel} {
			m, err := newMixer(mean, task, 2, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, 2)
			m.mix(got, z, 1, 2)
			if !(got[0] > got[1]+80) || math.IsInf(float64(got[0]-got[0]/2), 0) || math.IsInf(float64(got[1]), 0) {
				t.Errorf("%s of %q: got %v", mean, task, got)
			}
		}
	}
}

func TestMixerRefuses(t *testing.T) {
	if _, err := ParseMean("median"); err == nil || !strings.Contains(err.Error(), `got "median"`) {
		t.Errorf("got %v", err)
	}
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		_, err := newMixer(Arithmetic, dataset.MultiClass, 2, []float64{1, bad}, nil)
		faulttest.Want(t, err, fault.Usage, "weight of member 2")
		_, err = newMixer(Arithmetic, dataset.MultiClass, 2, nil, []float64{bad, 1})
		faulttest.Want(t, err, fault.Usage, "temperature of member 1")
	}
}

// TestMeanOfSureLabels keeps a sure yes as sure as it was: 1 − p is summed by
// itself.
func TestMeanOfSureLabels(t *testing.T) {
	m, err := newMixer(Arithmetic, dataset.MultiLabel, 2, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 2)
	m.mix(got, [][]float32{{40, -40}, {40, -40}}, 1, 2)
	if math.Abs(float64(got[0]-40)) > 1e-4 || math.Abs(float64(got[1]+40)) > 1e-4 {
		t.Errorf("got %v, expected 40 and -40", got)
	}
}
