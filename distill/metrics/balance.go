package metrics

import (
	"math"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Balance is how rows are spread over classes, or over labels that are yes or
// no: by what is known of them, and by what a teacher says.
type Balance struct {
	N        int       // rows
	Labelled int       // rows of which something is known
	Known    []int     // (C) labelled rows of each class
	Answered []int     // (C) rows whose first largest logit is the class, or that the label is said to apply to; nil without a teacher
	Mass     []float64 // (C) mean of the teacher's softmax at T = 1, or of its sigmoid; nil without a teacher
}

// NewBalance starts a count over classes of the task. Numbers have none.
func NewBalance(task dataset.Task, classes int, taught bool) (*Balancer, error) {
	if task == dataset.Regression || classes < 1 {
		return nil, fault.New(fault.Usage, "", "balance", "got %s of %d, expected classes or labels", task, classes)
	}
	b := &Balancer{task: task, sum: Balance{Known: make([]int, classes)}}
	if taught {
		b.sum.Answered, b.sum.Mass = make([]int, classes), make([]float64, classes)
	}
	return b, nil
}

// Balancer counts rows.
type Balancer struct {
	task dataset.Task
	sum  Balance
}

// Add counts n rows: labels (n), or values (n, C) of labels that are yes or no,
// and what the teacher says, (n, C), or nil.
func (b *Balancer) Add(n int, labels []int32, values, teacher []float32) {
	c := len(b.sum.Known)
	b.sum.N += n
	for i := range n {
		if b.task == dataset.MultiClass {
			if y := labels[i]; y != Unlabelled {
				b.sum.Labelled++
				b.sum.Known[y]++
			}
		} else if len(values) > 0 && dataset.AnyKnown(values[i*c:(i+1)*c]) {
			b.sum.Labelled++
			for k, v := range values[i*c : (i+1)*c] {
				if v == 1 {
					b.sum.Known[k]++
				}
			}
		}
		if b.sum.Mass != nil && len(teacher) > 0 {
			b.answer(teacher[i*c : (i+1)*c])
		}
	}
}

// answer counts one row of logits.
func (b *Balancer) answer(z []float32) {
	if b.task == dataset.MultiLabel {
		for k, v := range z {
			if Yes(v) {
				b.sum.Answered[k]++
			}
			b.sum.Mass[k] += Sigmoid(v)
		}
		return
	}
	best := 0
	for k, v := range z {
		if v > z[best] {
			best = k
		}
	}
	b.sum.Answered[best]++
	total := 0.0
	for _, v := range z {
		total += math.Exp(float64(v) - float64(z[best]))
	}
	for k, v := range z {
		b.sum.Mass[k] += math.Exp(float64(v)-float64(z[best])) / total
	}
}

// Balance is the count so far.
func (b *Balancer) Balance() Balance {
	s := b.sum
	if s.Mass != nil {
		s.Mass = make([]float64, len(b.sum.Mass))
		for k, m := range b.sum.Mass {
			s.Mass[k] = m / float64(max(1, s.N))
		}
	}
	return s
}
