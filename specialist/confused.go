package specialist

import (
	"cmp"
	"slices"
)

const (
	shownPairs = 20      // confused pairs that are told, of the mended and of the broken
	maxPairs   = 1 << 18 // that are counted at a time
)

// Confused is how often rows of a class are answered with another.
type Confused struct {
	Label  int `json:"label"`
	Answer int `json:"answer"`
	Before int `json:"before"` // by the generalist
	After  int `json:"after"`  // with its specialists
}

// pairCounts counts wrong answers before and after by label and answer, room
// pairs at a time. When there are more, the rarer half is forgotten, and no count
// is too low by more than floor (as lossy counting, Manku and Motwani 2002).
type pairCounts struct {
	room, floor int
	of          map[[2]int]*pairCount // by label and answer
}

type pairCount struct{ before, after, missed int } // missed: at most, before it was counted

func newPairCounts(room int) *pairCounts {
	return &pairCounts{room: room, of: map[[2]int]*pairCount{}}
}

// add counts a row of class y that is answered with before, and with after when
// the specialists have been asked.
func (c *pairCounts) add(y, before, after int) {
	if before != y {
		c.at(y, before).before++
	}
	if after != y {
		c.at(y, after).after++
	}
}

func (c *pairCounts) at(label, answer int) *pairCount {
	pair := [2]int{label, answer}
	n := c.of[pair]
	if n == nil {
		if len(c.of) >= c.room {
			c.forget()
		}
		n = &pairCount{missed: c.floor}
		c.of[pair] = n
	}
	return n
}

// forget makes room.
func (c *pairCounts) forget() {
	most := make([]int, 0, len(c.of)) // that each may have been there
	for _, n := range c.of {
		most = append(most, n.before+n.after+n.missed)
	}
	slices.Sort(most)
	c.floor = most[len(most)/2]
	for pair, n := range c.of {
		if n.before+n.after+n.missed <= c.floor {
			delete(c.of, pair)
		}
	}
}

// most are the pairs of which specialists mended and broke most rows, up to n of
// each, and by how much a count may be too low.
func (c *pairCounts) most(n int) (mended, broken []Confused, undercut int) {
	mended, broken = []Confused{}, []Confused{}
	for pair, k := range c.of {
		one := Confused{pair[0], pair[1], k.before, k.after}
		switch {
		case k.before > k.after:
			mended = append(mended, one)
		case k.before < k.after:
			broken = append(broken, one)
		}
	}
	first := func(sign int) func(a, b Confused) int {
		return func(a, b Confused) int {
			return cmp.Or(sign*cmp.Compare(b.Before-b.After, a.Before-a.After), cmp.Compare(b.Before, a.Before), cmp.Compare(a.Label, b.Label), cmp.Compare(a.Answer, b.Answer))
		}
	}
	slices.SortFunc(mended, first(1))
	slices.SortFunc(broken, first(-1))
	return mended[:min(n, len(mended))], broken[:min(n, len(broken))], c.floor
}
