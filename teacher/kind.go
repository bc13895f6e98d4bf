package teacher

import (
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
)

// sumTolerance is how far the sum of a row of probabilities may be from 1: a
// float16 softmax of many classes is.
const sumTolerance = 5e-3

// kindOf tells what rows of c scores mean by their values alone. tolerance is
// how far a sum may be from 1.
func kindOf(x []float32, c int, tolerance float64) (Kind, string) {
	if c < 2 || len(x) == 0 {
		return Logits, "one column"
	}
	probs, logs := true, true
	low, high := math.Inf(1), math.Inf(-1)
	for ; len(x) >= c; x = x[c:] {
		sum, sumExp := 0.0, 0.0
		for _, v := range x[:c] {
			f := float64(v)
			sum, sumExp = sum+f, sumExp+math.Exp(f)
			probs = probs && f >= -1e-6
			logs = logs && f <= 1e-6
			low, high = min(low, f), max(high, f)
			if f != f {
				low, high = math.Inf(-1), math.Inf(1)
			}
		}
		probs = probs && math.Abs(sum-1) <= tolerance
		logs = logs && math.Abs(sumExp-1) <= tolerance
	}
	switch {
	case probs:
		return Probabilities, "every row is ≥ 0 and sums to 1"
	case logs:
		return LogProbabilities, "every row is ≤ 0 and its exponentials sum to 1"
	case low >= 0 && high <= 1:
		return Sigmoids, "values from 0 to 1 whose rows do not sum to 1"
	}
	return Logits, "rows are neither probabilities nor their logarithms"
}

// shares tells whether rows of c numbers are shares of one whole that is not 1:
// the votes of a forest, percentages, a quantised softmax. It gives what makes
// them probabilities.
func shares(x []float32, c int) (scale float32, whole float64, ok bool) {
	if c < 2 || len(x) < 8*c {
		return 0, 0, false
	}
	differ := false
	for at := 0; at+c <= len(x); at += c {
		sum := 0.0
		for j, v := range x[at : at+c] {
			if !(v >= 0) {
				return 0, 0, false
			}
			sum += float64(v)
			differ = differ || v != x[j]
		}
		if at == 0 {
			whole = sum
		}
		if math.Abs(sum-whole) > sumTolerance*whole {
			return 0, 0, false
		}
	}
	if !differ || whole < 1.5 || math.IsInf(whole, 0) {
		return 0, 0, false
	}
	return float32(1 / whole), whole, true
}

// floorOf is what probabilities are raised to before the logarithm. A softmax
// gives meaningful values down to the smallest float32; votes and counts give
// none between 0 and the smallest share, where the logarithm of a rounding
// error of 1 stands for "none".
func floorOf(x []float32) float32 {
	for _, p := range x {
		if p > 0 && p < 1e-7 {
			return 1e-38
		}
	}
	return 1e-7
}

// tolerance is how far from 1 the raw probabilities of a row may sum. Each of
// those that were integers inside the model was rounded.
func (t *Teacher) tolerance(c *Contract, raw int) float64 {
	step := float64(c.Scale)
	if step == 0 {
		step = float64(t.graph.steps[c.Output])
	}
	return sumTolerance + float64(raw)*step/2
}

// see is the kind that rows of raw scores look like for c's task, and why.
func (t *Teacher) see(c *Contract, x []float32, raw int) (Kind, string) {
	end := t.graph.ends[c.Output]
	within := !slices.ContainsFunc(x, func(p float32) bool { return !(p >= 0 && p <= 1) })
	switch {
	case c.Task == dataset.Regression:
		return Values, "the task is regression"
	case c.OneColumn && within:
		return Probabilities, "one column from 0 to 1"
	case c.OneColumn:
		return Logits, "one column that leaves 0 to 1"
	case c.Task == dataset.MultiLabel && end == endSigmoid && within:
		return Sigmoids, "the graph ends in Sigmoid"
	case c.Task == dataset.MultiLabel && within && end != endLogits:
		return Sigmoids, "values from 0 to 1"
	case c.Task == dataset.MultiLabel:
		return Logits, "values that leave 0 to 1"
	}
	kind, ground := kindOf(x, raw, t.tolerance(c, raw))
	switch {
	case kind == Sigmoids && end == endLogits:
		return Logits, fmt.Sprintf("%s, but the graph ends in no Sigmoid", ground)
	case kind == Sigmoids && end == endSigmoid:
		return Sigmoids, "the graph ends in Sigmoid, and " + ground
	}
	return kind, ground
}

// meaning is the decoder of the raw scores: as Options say, else as they look.
func (t *Teacher) meaning(c *Contract, x []float32, raw int) decoder {
	kind := c.Kind // settled already where it takes more than a look at the scores
	if kind == "" {
		kind = t.o.Kind
	}
	if kind == "" || kind == Auto {
		kind, _ = t.see(c, x, raw)
	}
	d := c.decoder()
	d.kind = kind
	if kind == Probabilities || kind == Sigmoids {
		d.floor = floorOf(x)
	}
	return d
}
