package teacher

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Ranges are the names of the value ranges that an input may want: values as
// they are; 0 to 1; -1 to 1; mean 0 and deviation 1 over the rows; ImageNet's
// mean and deviation; 0 to 255 for rows that are stored as 0 to 1; and -128 to
// 127 for inputs of signed bytes.
var Ranges = []string{"raw", "unit", "symmetric", "standard", "imagenet", "bytes", "signed"}

// candidate is one value range that is tried.
type candidate struct {
	name, text string
	pre        dataset.Preprocess
	plan       inputPlan
}

// candidates lists what is tried, the plainest first.
func (t *Teacher) candidates(ctx context.Context, src dataset.Source, plan inputPlan, x []float32) ([]candidate, error) {
	base := plan.preprocess(nil)
	all := []candidate{{name: "", text: "as given", pre: plan.preprocess(t.o.Preprocess)}}
	if t.o.Preprocess == nil {
		want := t.o.Input
		if want == "" {
			want = "auto"
		}
		whole := want == "auto" && !plan.takesFractions()
		if whole {
			want = "raw"
		}
		var err error
		if all, err = listRanges(ctx, src, base, x, want); err != nil {
			return nil, err
		}
		if whole && src.Spec().Image { // one of those that are whole numbers
			all = slices.DeleteFunc(all, func(c candidate) bool {
				return c.name != "raw" && c.name != "bytes" && (c.name != "signed" || !plan.takes(onnx.Int8))
			})
			want = "auto"
		}
		if want != "auto" {
			at := slices.IndexFunc(all, func(c candidate) bool { return c.name == want })
			if at < 0 {
				return nil, fault.New(fault.Usage, t.path, "teacher input", "%s does not apply to rows of %s stored as %s", want, rowText(src.Spec()), src.Spec().DType)
			}
			all = all[at : at+1]
		}
	}
	for i := range all {
		if all[i].plan = plan; plan.guess {
			all[i].text = plan.text + ", " + all[i].text
		}
	}
	return all, nil
}

// takes tells whether an input of the type takes something of the row.
func (p *inputPlan) takes(d onnx.DType) bool {
	return slices.ContainsFunc(p.feeds, func(f feed) bool { return f.value == nil && f.info.DType == d })
}

// takesFractions tells whether an input of floats takes numbers of the row.
func (p *inputPlan) takesFractions() bool {
	return slices.ContainsFunc(p.feeds, func(f feed) bool { return f.value == nil && floating(f.info.DType) })
}

// listRanges builds the ranges that apply to the rows, of which x is a sample.
// Statistics are taken only if want may need them.
func listRanges(ctx context.Context, src dataset.Source, base dataset.Preprocess, x []float32, want string) ([]candidate, error) {
	spec := src.Spec()
	with := func(name, text string, scale float32, mean, std []float32) candidate {
		p := base
		p.Scale, p.Mean, p.Std = scale, mean, std
		return candidate{name: name, text: text, pre: p}
	}
	low, high := span(x)
	bytes := spec.DType == dataset.Uint8 || spec.Image && low >= 0 && high > 1.5
	unit := !bytes && spec.Image && low >= 0 && high <= 1
	var scale float32 = 1 // raw to 0..1
	all := []candidate{with("raw", fmt.Sprintf("raw %.4g..%.4g", low, high), 0, nil, nil)}
	switch {
	case bytes:
		scale = 1.0 / 255
		all[0].text = "raw 0..255"
		all = append(all, with("unit", "/255", scale, nil, nil), with("symmetric", "x/127.5 − 1", 1/127.5, []float32{1}, nil))
		if want != "auto" {
			all = append(all, with("signed", "x − 128", 0, []float32{128}, nil))
		}
	case unit:
		all[0].text = "raw 0..1"
		all[0].name = "raw"
		all = append(all, with("bytes", "×255", 255, nil, nil), with("symmetric", "2x − 1", 2, []float32{1}, nil))
		if want == "unit" { // the rows are already what is asked for
			all[0].name = "unit"
		}
	}
	if want == "auto" || want == "standard" {
		mean, std, err := dataset.Stats(ctx, src)
		if err != nil {
			return nil, err
		}
		if base.Channels == 1 && len(mean) == 3 {
			mean, std = []float32{dataset.Luminance(mean)}, []float32{dataset.Luminance(std)} // close, for channels go together
		}
		for i := range mean {
			mean[i], std[i] = round4(mean[i]*scale), round4(std[i]*scale)
			if !(std[i] > 0) {
				std[i] = 1
			}
		}
		if scale == 1 {
			scale = 0
		}
		text := "standardised by feature"
		if spec.Image {
			text = fmt.Sprintf("standardised (mean %s, deviation %s)", numbers(mean), numbers(std))
		}
		all = append(all, with("standard", text, scale, mean, std))
	}
	if (bytes || unit) && spec.Image && (base.Channels == 3 || base.Channels == 0 && spec.Shape[2] == 3) {
		all = append(all, with("imagenet", "ImageNet mean and deviation", scale, []float32{0.485, 0.456, 0.406}, []float32{0.229, 0.224, 0.225}))
	}
	return all, nil
}

// span is the smallest and the largest number of x; missing ones are none.
func span(x []float32) (low, high float32) {
	low, high = float32(math.Inf(1)), float32(math.Inf(-1))
	for _, v := range x {
		if v == v {
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high
}

// round4 keeps four significant digits, so that a few rows more or less do
// not make another preprocessing.
func round4(v float32) float32 {
	if v == 0 {
		return 0
	}
	unit := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(float64(v)))))
	return float32(math.Round(float64(v)*unit) / unit)
}

func numbers(v []float32) string {
	parts := make([]string, len(v))
	for i, x := range v {
		parts[i] = fmt.Sprintf("%.4g", x)
	}
	return strings.Join(parts, "/")
}

// verdict is how well a candidate's outputs make sense.
type verdict struct {
	usable   bool
	right    []bool  // whether each labelled row gets its label
	accuracy float64 // share of right; R² when fitted
	recall   float64 // share of right, the mean over the classes that there are
	fitted   bool    // of a regression
	known    bool    // fitted, and there was something to compare with
	informed float64 // H(mean p) − mean H(p): sure of each row, and not of the same class
	sure     float64 // mean of the largest probability
}

// judge scores n rows of logits z, (n, classes).
func judge(z []float32, n, classes int, labels []int32) verdict {
	v := verdict{usable: true}
	p, mean := make([]float64, classes), make([]float64, classes)
	var of tally
	for r := range n {
		row := z[r*classes : (r+1)*classes]
		best, top := 0, float64(slices.Max(row))
		sum := 0.0
		for j, x := range row {
			p[j] = math.Exp(float64(x) - top)
			sum += p[j]
			if x > row[best] {
				best = j
			}
		}
		for j := range p {
			p[j] /= sum
			mean[j] += p[j] / float64(n)
		}
		v.informed -= entropy(p) / float64(n)
		v.sure += p[best] / float64(n)
		if y := labels[r]; y >= 0 {
			v.right = append(v.right, best == int(y))
			of.add(int(y), best == int(y))
			if best == int(y) {
				v.accuracy++
			}
		}
	}
	v.informed += entropy(mean)
	v.accuracy /= float64(max(1, len(v.right)))
	v.recall = of.recall()
	return v
}

// tally counts how many of each class there are, and of them the right ones.
type tally struct{ all, right []int }

func (t *tally) add(class int, right bool) {
	for len(t.all) <= class {
		t.all, t.right = append(t.all, 0), append(t.right, 0)
	}
	t.all[class]++
	if right {
		t.right[class]++
	}
}

// recall is the share that is right, the mean over the classes that there are.
func (t *tally) recall() float64 {
	sum, classes := 0.0, 0.0
	for c, n := range t.all {
		if n > 0 {
			sum += float64(t.right[c]) / float64(n)
			classes++
		}
	}
	return sum / max(1, classes)
}

// beatsChance tells whether the labels are met clearly more often than by
// always saying the commonest: by three standard deviations.
func (v verdict) beatsChance(labels []int32, classes int) bool {
	if len(v.right) == 0 { // no classes: a share of the variance
		return v.accuracy > 0.1
	}
	count := make([]float64, classes)
	n := 0.0
	for _, y := range labels {
		if y >= 0 && int(y) < classes {
			count[y]++
			n++
		}
	}
	chance := slices.Max(count) / n
	return v.accuracy > chance+3*math.Sqrt(chance*(1-chance)/n)
}

func entropy(p []float64) float64 {
	h := 0.0
	for _, x := range p {
		if x > 0 {
			h -= x * math.Log(x)
		}
	}
	return h
}

// pick chooses among verdicts, the first of which is the plainest: a later one
// must be clearly better. It is -1 when none is usable. close tells that
// another was better, but not clearly.
func pick(v []verdict) (best int, close bool) {
	best = -1
	for i := range v {
		if v[i].usable && (best < 0 || v[i].clearlyBeats(v[best])) {
			best = i
		}
	}
	for i := range v {
		close = close || v[i].usable && v[i].accuracy > v[best].accuracy
	}
	return best, close
}

// rival is a candidate with other columns than the best that does not clearly
// lose to it, or -1: of guesses none comes before another.
func rival(tries []candidate, v []verdict, best int) int {
	for i := range v {
		if p := tries[i].plan; p.guess && v[i].usable && p.text != tries[best].plan.text && !v[best].clearlyBeats(v[i]) {
			return i
		}
	}
	return -1
}

// clearlyBeats is beats at three standard deviations.
func (v verdict) clearlyBeats(o verdict) bool { return v.beats(o, 3) }

// beats compares on the same rows. With labels the rows that only one of the
// two gets right decide, at so many standard deviations (McNemar 1947), unless
// they are bought with rare classes: always saying the commonest is often right,
// too. Without labels it is the information about the class, in nats.
func (v verdict) beats(o verdict, deviations float64) bool {
	if v.fitted {
		return v.accuracy > o.accuracy+0.02
	}
	if len(v.right) == 0 {
		return v.informed > o.informed+0.02
	}
	gained, lost := 0.0, 0.0
	for i, right := range v.right {
		switch {
		case right && !o.right[i]:
			gained++
		case !right && o.right[i]:
			lost++
		}
	}
	return gained-lost > deviations*math.Sqrt(gained+lost) && v.recall >= o.recall
}
