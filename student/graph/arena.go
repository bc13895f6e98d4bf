package graph

import "sort"

// buffer is a stretch of the arena that is in use from time from to time to,
// both included.
type buffer struct {
	size, from, to int
	at             int
}

func (b *buffer) until(t int) { b.to = max(b.to, t) }

// align is the number of floats that buffers start at multiples of: a cache
// line, so that no two buffers share one.
const align = 16

// place gives each buffer an offset such that no two that live at the same
// time overlap: largest first, each at the lowest offset that is free.
func place(buffers []*buffer) {
	order := append([]*buffer{}, buffers...)
	sort.SliceStable(order, func(i, j int) bool { return order[i].size > order[j].size })
	var placed []*buffer // in order of offset
	for _, b := range order {
		b.at = 0
		for _, p := range placed {
			if p.from > b.to || b.from > p.to {
				continue
			}
			if b.at+b.size <= p.at {
				break
			}
			b.at = max(b.at, (p.at+p.size+align-1)/align*align)
		}
		i := sort.Search(len(placed), func(i int) bool { return placed[i].at > b.at })
		placed = append(placed, nil)
		copy(placed[i+1:], placed[i:])
		placed[i] = b
	}
}

// arenaSize is the number of floats that placed buffers need.
func arenaSize(buffers []*buffer) int {
	n := 0
	for _, b := range buffers {
		n = max(n, b.at+b.size)
	}
	return n
}
