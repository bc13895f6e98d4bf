package metrics

import (
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// MultiLabel is what a Result adds where each of C labels is yes or no. The
// answer is yes where the logit is above 0. Of a row whose labels are known in
// part, these count.
//
// In the Result itself Accuracy is the subset accuracy: the share of labelled
// rows of which every known label is answered rightly. Agreement is the share
// of label decisions that are the teacher's, ECE the mean of the labels' own,
// NLL the mean of the sums over labels of the binary cross-entropy, and Bins
// hold the decisions of all labels by the probability of yes.
type MultiLabel struct {
	LabelScores
	PerLabel []Label `json:"per_label"`
}

// LabelScores are over all labels. A share of nothing is 0.
type LabelScores struct {
	LabelAccuracy float64  `json:"label_accuracy"` // share of the known label decisions answered rightly
	MicroF1       float64  `json:"micro_f1"`       // F1 of all label decisions together
	MacroF1       float64  `json:"macro_f1"`       // mean F1 of the labels that occur or are answered
	MAP           *float64 `json:"map"`            // mean AP of the labels that occur; nil when there is none, or above MaxRanked
}

// Label is how one label fares over the rows where it is known.
type Label struct {
	Known     int      `json:"known"`
	Support   int      `json:"support"`   // rows with the label
	Predicted int      `json:"predicted"` // rows answered with it
	Correct   int      `json:"correct"`   // rows with the label answered with it
	Precision float64  `json:"precision"`
	Recall    float64  `json:"recall"`
	F1        float64  `json:"f1"`
	AP        *float64 `json:"ap"`  // average precision; nil without support
	ECE       float64  `json:"ece"` // of the probability of yes
}

// MaxRanked is the largest number of label decisions that an average precision
// is computed of, which keeps them all: 128 MiB.
const MaxRanked = 1 << 25

// labelScorer is the Scorer of MultiLabel.
type labelScorer struct {
	n, labelled, errors, compared, agree, ranked int
	nll                                          float64
	labels                                       []labelSums
}

type labelSums struct {
	Label
	right   int
	bins    [CalibrationBins]binSums // correct: rows with the label
	yes, no []float32                // logits of rows with the label and without, up to MaxRanked of all
}

func newLabelScorer(labels int) (*labelScorer, error) {
	if labels < 1 {
		return nil, fault.New(fault.Usage, "", "labels", "got %d, want at least 1", labels)
	}
	return &labelScorer{labels: make([]labelSums, labels)}, nil
}

// Score implements Scorer. A logit may be -Inf, probability 0.
func (s *labelScorer) Score(r Rows) error {
	c := len(s.labels)
	n := r.count(c)
	for i, z := range r.Out {
		switch v := r.value(i); {
		case z != z || math.IsInf(float64(z), 1):
			return fault.New(fault.Input, "", fmt.Sprintf("row %d", s.n+i/c), "got logit %v for label %d, want a finite number or -Inf", z, i%c)
		case r.Teacher != nil && (r.Teacher[i] != r.Teacher[i] || math.IsInf(float64(r.Teacher[i]), 1)):
			return fault.New(fault.Input, "", fmt.Sprintf("row %d", s.n+i/c), "got teacher logit %v for label %d, want a finite number or -Inf", r.Teacher[i], i%c)
		case v == v && v != 0 && v != 1:
			return fault.New(fault.Input, "", fmt.Sprintf("row %d", s.n+i/c), "got label %d of %v, want 0, 1 or NaN", i%c, v)
		}
	}
	for i := range n {
		known, wrong := false, false
		for k := range c {
			z, v := r.Out[i*c+k], r.value(i*c+k)
			if r.Teacher != nil && Yes(r.Teacher[i*c+k]) == Yes(z) {
				s.agree++
			}
			if v == v {
				known = true
				wrong = wrong || Yes(z) != (v == 1)
				s.add(k, z, v == 1)
			}
		}
		if r.Teacher != nil {
			s.compared++
		}
		if known {
			s.labelled++
		}
		if wrong {
			s.errors++
		}
	}
	s.n += n
	return nil
}

// Yes is the answer of a label's logit.
func Yes(z float32) bool { return z > 0 }

// Sigmoid is the probability of yes.
func Sigmoid(z float32) float64 { return 1 / (1 + math.Exp(-float64(z))) }

// add counts one label decision.
func (s *labelScorer) add(k int, z float32, has bool) {
	l := &s.labels[k]
	p := Sigmoid(z)
	// −log σ(z) or −log σ(−z), as max(0, ∓z) + log(1 + e^−|z|)
	wrongly := float64(z)
	if has {
		wrongly = -wrongly
	}
	s.nll += min(max(0, wrongly)+math.Log1p(math.Exp(-math.Abs(float64(z)))), worst(z))
	bin := &l.bins[binOf(p)]
	bin.count++
	bin.confidence += p
	l.Known++
	if Yes(z) == has {
		l.right++
	}
	if Yes(z) {
		l.Predicted++
	}
	if has {
		bin.correct++
		l.Support++
		if Yes(z) {
			l.Correct++
		}
	}
	if s.ranked++; s.ranked > MaxRanked {
		l.yes, l.no = nil, nil
	} else if has {
		l.yes = append(l.yes, z)
	} else {
		l.no = append(l.no, z)
	}
}

// Result implements Scorer.
func (s *labelScorer) Result() Result {
	m := &MultiLabel{PerLabel: make([]Label, len(s.labels))}
	r := Result{
		Task: dataset.MultiLabel, N: s.n, Labelled: s.labelled, Errors: s.errors, Compared: s.compared,
		Accuracy: share(s.labelled-s.errors, s.labelled), Agreement: share(s.agree, s.compared*len(s.labels)),
		MultiLabel: m,
	}
	if s.labelled > 0 {
		r.NLL = s.nll / float64(s.labelled)
	}
	var all labelSums
	var occur, known, ranked int
	meanAP := 0.0
	for k := range s.labels {
		l := &s.labels[k]
		m.PerLabel[k] = l.result(s.ranked <= MaxRanked)
		p := &m.PerLabel[k]
		all.Known += l.Known
		all.right += l.right
		all.Support += l.Support
		all.Predicted += l.Predicted
		all.Correct += l.Correct
		for b, bin := range l.bins {
			all.bins[b].count += bin.count
			all.bins[b].correct += bin.correct
			all.bins[b].confidence += bin.confidence
		}
		if l.Support+l.Predicted > 0 {
			occur++
			m.MacroF1 += p.F1
		}
		if l.Known > 0 {
			known++
			r.ECE += p.ECE
		}
		if p.AP != nil {
			ranked++
			meanAP += *p.AP
		}
	}
	m.LabelAccuracy, m.MicroF1 = share(all.right, all.Known), f1(all.Correct, all.Support, all.Predicted)
	m.MacroF1 /= float64(max(occur, 1))
	r.ECE /= float64(max(known, 1))
	if ranked > 0 {
		meanAP /= float64(ranked)
		m.MAP = &meanAP
	}
	r.Bins, _ = calibration(&all.bins)
	return r
}

// f1 is 2·TP/(support + predicted), the harmonic mean of precision and recall.
func f1(correct, support, predicted int) float64 { return share(2*correct, support+predicted) }

func (l *labelSums) result(rank bool) Label {
	r := l.Label
	r.Precision, r.Recall, r.F1 = share(l.Correct, l.Predicted), share(l.Correct, l.Support), f1(l.Correct, l.Support, l.Predicted)
	_, r.ECE = calibration(&l.bins)
	if rank && l.Support > 0 {
		ap := averagePrecision(l.yes, l.no)
		r.AP = &ap
	}
	return r
}

// averagePrecision is Σ (R_i − R_{i−1})·P_i over the thresholds from the
// highest logit down, equal logits being one threshold.
func averagePrecision(yes, no []float32) float64 {
	yes, no = slices.Clone(yes), slices.Clone(no)
	slices.Sort(yes)
	slices.Sort(no)
	sum, above := 0.0, 0 // of no, counted from the end
	for i := len(yes) - 1; i >= 0; {
		z, first := yes[i], i
		for i >= 0 && yes[i] == z {
			i--
		}
		for above < len(no) && no[len(no)-1-above] >= z {
			above++
		}
		found := len(yes) - 1 - i
		sum += float64(first-i) * float64(found) / float64(found+above)
	}
	return sum / float64(len(yes))
}
