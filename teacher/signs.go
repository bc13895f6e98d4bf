package teacher

import (
	"fmt"
	"math"
	"slices"
)

// signs are what the logits of labelled rows show of a classifier.
type signs struct {
	rows, labelled, classes int
	accuracy                float64 // share of the labelled rows whose label it gives
	majority                float64 // share of the most frequent label: what guessing gives
	sure                    float64 // mean of the largest probability at T = 1
	saturated               float64 // share of rows whose largest probability is above 0.999
	ece                     float64 // expected calibration error, 15 bins (Guo et al. 2017)
	constant                bool    // whether every row gets the same, but for rounding
	distinct                int     // different numbers among the logits, manyNumbers or more count as that
	never                   []int   // classes of at least enoughRows labels that no row is given
	smooth                  float64 // the ε of label smoothing that it looks trained with; 0: none
	temperature             float64 // at which its targets say something beside the class; 0: none does
	tops                    []top
	right                   []bool // whether each row gets its label
	confused                []confusion
}

// confusion is how often rows of one class are taken for another.
type confusion struct{ label, given, rows int }

const (
	sureOfOne     = 0.999 // a probability that leaves nothing to learn beside the class
	softEnough    = 0.8   // mean largest probability at the temperature that is proposed
	topConfusions = 5
	enoughRows    = 10  // of a class, to miss it
	manyNumbers   = 257 // more than 8 bits tell apart
)

// readSigns looks at n rows of logits z, (n, classes).
func readSigns(z []float32, n, classes int, labels []int32) *signs {
	tops := make([]top, n)
	s := &signs{rows: n, classes: classes, constant: true, tops: tops, right: make([]bool, n)}
	numbers := map[float32]bool{}
	counts, given := make([]int, classes), make([]int, classes)
	wrong := map[[2]int]int{}
	for r := range n {
		row := z[r*classes : (r+1)*classes]
		tops[r] = topOf(row, 1)
		given[tops[r].class]++
		s.sure += tops[r].p / float64(n)
		if tops[r].p > sureOfOne {
			s.saturated += 1 / float64(n)
		}
		if s.constant {
			_, apart := differ(row, z[:classes])
			s.constant = !apart
		}
		for _, v := range row {
			if len(numbers) < manyNumbers {
				numbers[v] = true
			}
		}
		if y := labels[r]; y >= 0 && int(y) < classes {
			s.labelled++
			counts[y]++
			if s.right[r] = tops[r].class == int(y); s.right[r] {
				s.accuracy++
			} else {
				wrong[[2]int{int(y), tops[r].class}]++
			}
		}
	}
	if s.labelled > 0 {
		s.accuracy /= float64(s.labelled)
		s.majority = float64(slices.Max(counts)) / float64(s.labelled)
	}
	for c, count := range counts {
		if count >= enoughRows && given[c] == 0 {
			s.never = append(s.never, c)
		}
	}
	for k, rows := range wrong {
		s.confused = append(s.confused, confusion{k[0], k[1], rows})
	}
	slices.SortFunc(s.confused, func(a, b confusion) int {
		if a.rows != b.rows {
			return b.rows - a.rows
		}
		return a.label*classes + a.given - b.label*classes - b.given
	})
	s.confused = s.confused[:min(topConfusions, len(s.confused))]
	s.distinct = len(numbers)
	s.ece = calibration(tops, labels)
	s.smooth = smoothing(z, tops, n, classes)
	s.temperature = softening(z, n, classes)
	return s
}

// top is the largest probability of a row and its class.
type top struct {
	class int
	p     float64
}

// topOf is the top of softmax(row/t).
func topOf(row []float32, t float64) top {
	best := 0
	for j, v := range row {
		if v > row[best] {
			best = j
		}
	}
	sum := 0.0
	for _, v := range row {
		sum += math.Exp((float64(v) - float64(row[best])) / t)
	}
	return top{best, 1 / sum}
}

// calibration is the mean gap between how sure it is and how often it is right,
// over 15 bins of the largest probability, of the labelled rows.
func calibration(tops []top, labels []int32) float64 {
	const bins = 15
	var sure, right, count [bins]float64
	total := 0.0
	for r, t := range tops {
		if labels[r] < 0 {
			continue
		}
		b := min(bins-1, int(t.p*bins))
		sure[b], count[b], total = sure[b]+t.p, count[b]+1, total+1
		if t.class == int(labels[r]) {
			right[b]++
		}
	}
	gap := 0.0
	for b := range bins {
		gap += math.Abs(sure[b] - right[b])
	}
	return gap / max(1, total)
}

// smoothing is the ε of label smoothing (Szegedy et al. 2016) that rows look
// trained with: most rows are about equally sure, and what they leave is shared
// almost evenly among the other classes. Such a teacher has unlearned what the
// classes have in common (Müller, Kornblith and Hinton 2019). 0 when they do
// not look so.
func smoothing(z []float32, tops []top, n, classes int) float64 {
	if classes < 3 || n < 32 {
		return 0
	}
	sure := make([]float64, n)
	even := make([]float64, n)
	for r := range n {
		sure[r] = tops[r].p
		row := z[r*classes : (r+1)*classes]
		h := 0.0
		for j, v := range row {
			if j == tops[r].class {
				continue
			}
			q := tops[r].p * math.Exp(float64(v)-float64(row[tops[r].class])) / max(1-tops[r].p, 1e-300) // share of what is left
			if q > 0 {
				h -= q * math.Log(q)
			}
		}
		even[r] = h / math.Log(float64(classes-1))
	}
	slices.Sort(sure)
	slices.Sort(even)
	low, mid, high := sure[n/4], sure[n/2], sure[3*n/4]
	if mid > 0.99 || mid < 0.5 || high-low > 0.05 || even[n/2] < 0.9 {
		return 0
	}
	return (1 - mid) * float64(classes) / float64(classes-1)
}

// temperatures are those that are proposed.
var temperatures = []float64{1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20}

// softening is the lowest of the temperatures at which the mean largest
// probability is at most softEnough: below it the targets are hardly more than
// labels. It is 0 where that takes more than the highest.
func softening(z []float32, n, classes int) float64 {
	for _, t := range temperatures {
		mean := 0.0
		for r := range n {
			mean += topOf(z[r*classes:(r+1)*classes], t).p / float64(n)
		}
		if mean <= softEnough {
			return t
		}
	}
	return 0
}

// share writes a part of rows as "97.3 %".
func share(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
