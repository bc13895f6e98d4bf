package teacher

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Mean is how the members of an ensemble become one teacher (Hinton, Vinyals
// and Dean 2015, section 2: "an arithmetic or geometric mean of their
// individual predictive distributions").
type Mean string

// The means. For a task of Regression both are the weighted mean of values.
const (
	Arithmetic Mean = "arithmetic" // p = Σ wₖ softmax(zₖ/Tₖ)
	Geometric  Mean = "geometric"  // p ∝ Π softmax(zₖ/Tₖ)^wₖ: the weighted mean of the logits
)

// ParseMean reads a mean's name; "" is Arithmetic.
func ParseMean(s string) (Mean, error) {
	switch m := Mean(s); m {
	case "":
		return Arithmetic, nil
	case Arithmetic, Geometric:
		return m, nil
	}
	return "", fault.New(fault.Usage, "", "--mean", "got %q, expected %s or %s", s, Arithmetic, Geometric)
}

// mixer joins what several teachers say of the same rows.
type mixer struct {
	mean         Mean
	task         dataset.Task
	weights      []float64 // of each member, summing to 1
	given        []float64 // the same as they were given
	temperatures []float64 // of each member
	sum, rest    []float64 // (C) of one row: what is summed, and for several labels the same of 1 − p
}

// newMixer makes weights sum to 1. A nil list is all 1.
func newMixer(mean Mean, task dataset.Task, members int, weights, temperatures []float64) (*mixer, error) {
	m := &mixer{mean: mean, task: task}
	for _, l := range []struct {
		flag string
		got  []float64
		to   *[]float64
	}{{"weight", weights, &m.weights}, {"temperature", temperatures, &m.temperatures}} {
		for k := range members {
			v := 1.0
			if l.got != nil {
				v = l.got[k]
			}
			if !(v > 0 && v <= 1e6) {
				return nil, fault.New(fault.Usage, "", fmt.Sprintf("%s of member %d", l.flag, k+1), "got %v, expected a number above 0, at most 1e+06", v)
			}
			*l.to = append(*l.to, v)
		}
	}
	m.given = slices.Clone(m.weights)
	total := 0.0
	for _, w := range m.weights {
		total += w
	}
	for k := range m.weights {
		m.weights[k] /= total
	}
	return m, nil
}

// String is everything that the result depends on beside the members.
func (m *mixer) String() string {
	list := func(v []float64) string {
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = strconv.FormatFloat(x, 'g', -1, 64)
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprintf("%s mean, weights %s, temperatures %s", m.mean, list(m.given), list(m.temperatures))
}

// mix writes to dst, (n, c), what the members together say, where members[k] is
// (n, c): logits whose softmax is the mean of the distributions, for several
// labels one of each sigmoid's, for a regression the mean of the values.
// Members are summed in order, in float64.
func (m *mixer) mix(dst []float32, members [][]float32, n, c int) {
	if len(m.sum) != c {
		m.sum, m.rest = make([]float64, c), make([]float64, c)
	}
	for r := range n {
		clear(m.sum)
		clear(m.rest)
		for k, z := range members {
			m.add(z[r*c:(r+1)*c], k)
		}
		for j := range m.sum {
			dst[r*c+j] = float32(m.logit(j))
		}
	}
}

// add adds member k's part of one row.
func (m *mixer) add(z []float32, k int) {
	w, t, sum := m.weights[k], m.temperatures[k], m.sum
	switch {
	case m.task == dataset.Regression:
		for j, v := range z {
			sum[j] += w * float64(v)
		}
	case m.mean == Geometric:
		top := float64(z[0]) // a constant a row, which no softmax sees, keeps sums of large logits small
		for _, v := range z[1:] {
			top = max(top, float64(v))
		}
		if m.task == dataset.MultiLabel {
			top = 0
		}
		for j, v := range z {
			sum[j] += w * (float64(v) - top) / t
		}
	case m.task == dataset.MultiLabel:
		for j, v := range z {
			sum[j] += w / (1 + math.Exp(-float64(v)/t))
			m.rest[j] += w / (1 + math.Exp(float64(v)/t))
		}
	default:
		top := float64(z[0])
		for _, v := range z[1:] {
			top = max(top, float64(v))
		}
		total := 0.0
		for _, v := range z {
			total += math.Exp((float64(v) - top) / t)
		}
		for j, v := range z {
			sum[j] += w * math.Exp((float64(v)-top)/t) / total
		}
	}
}

// smallest is what a mean of probabilities is raised to before its logarithm:
// that of a float32 softmax that underflows.
const smallest = 1e-38

// logit is what stands in a store for the sum of column j.
func (m *mixer) logit(j int) float64 {
	switch {
	case m.task == dataset.Regression || m.mean == Geometric:
		return m.sum[j]
	case m.task == dataset.MultiLabel:
		return math.Log(max(m.sum[j], smallest)) - math.Log(max(m.rest[j], smallest))
	}
	return math.Log(max(m.sum[j], smallest))
}
