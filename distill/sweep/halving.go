package sweep

import (
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Halving is successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943,
// figure 3; with a rate other than 2 as in Hyperband, Li et al. 2018): all
// cells train for a few epochs, the best one in Eta goes on for Eta times as
// many, and so on. The learning rate is that of the whole run at each step, so
// that a cell which reaches the end is trained as if it had never been judged
// in between.
type Halving struct {
	Eta   int // at least 2
	First int // least epochs before the first choice
}

func (h Halving) check(epochs int) error {
	if h.Eta < 2 || h.Eta > 1000 {
		return fault.New(fault.Usage, "", "--eta", "got %d, expected a number from 2 to 1000", h.Eta)
	}
	if h.First < 1 || h.First > epochs {
		return fault.New(fault.Usage, "", "--first-epochs", "got %d, expected a number from 1 to the %d epochs of the run", h.First, epochs)
	}
	return nil
}

// rungs are the epochs after which n cells are judged, the last of them all
// epochs: epochs/Eta^k, as long as that is at least First and more than one
// cell would be left.
func (h Halving) rungs(n, epochs int) []int {
	list := []int{epochs}
	for power := h.Eta; power <= n && epochs/power >= h.First; power *= h.Eta {
		list = append([]int{epochs / power}, list...)
	}
	return list
}

// keep is how many of n cells go on.
func (h Halving) keep(n int) int { return max(1, n/h.Eta) }
