package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// Sampler says which rows of a source the epochs of a training read, where that
// is not each row once. It is the rows of one epoch after the other and nothing
// else, so that a training may be resumed at any step.
type Sampler interface {
	// Len is the number of rows of an epoch, the same for all.
	Len() int
	// Epoch gives the positions of the rows of epoch e, from 0, in the order in
	// which they are read. It depends on e alone.
	Epoch(e int) []int
	// String tells samplers apart: two with the same one give the same rows.
	String() string
}

// Halves samples each epoch half and half: every row of one once, and as many of
// others, redrawn for each epoch. These go through seeded shuffles of others,
// one behind the other, so that all of them are read as often, give or take
// one, whatever the number of epochs; where others are the fewer, several times
// an epoch. Without others an epoch is one alone.
func Halves(one, others []int, seed uint64) Sampler {
	return &halves{slices.Clone(one), slices.Clone(others), seed}
}

type halves struct {
	one, others []int
	seed        uint64
}

// othersSeed is added to the seed for the shuffles of the other half, whose
// order else would be that in which both are mixed.
const othersSeed = 0x68616c76

func (h *halves) Len() int {
	if len(h.others) == 0 {
		return len(h.one)
	}
	return 2 * len(h.one)
}

func (h *halves) Epoch(e int) []int {
	all := make([]int, 0, h.Len())
	all = append(all, h.one...)
	if n := len(h.others); n > 0 {
		pass, order := -1, []int(nil)
		for at := e * len(h.one); at < (e+1)*len(h.one); at++ {
			if p := at / n; p != pass {
				pass, order = p, Order(n, h.seed+othersSeed, p)
			}
			all = append(all, h.others[order[at%n]])
		}
	}
	mixed := make([]int, len(all))
	for i, at := range Order(len(all), h.seed, e) {
		mixed[i] = all[at]
	}
	return mixed
}

func (h *halves) String() string {
	sum := sha256.New()
	for _, list := range [][]int{h.one, h.others} {
		for _, v := range append([]int{len(list)}, list...) {
			sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(v)))
		}
	}
	return fmt.Sprintf("half of %d rows, half of %d others, seed %d, %x", len(h.one), len(h.others), h.seed, sum.Sum(nil)[:8])
}
