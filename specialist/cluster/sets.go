package cluster

import (
	"cmp"
	"slices"
)

// Partition gives each class to the cluster of its point. Classes are those of
// p, ascending; a cluster has one at least.
func (c *KMeans) Partition(p *Points) [][]int {
	sets := make([][]int, c.K())
	for i, m := range c.Of {
		sets[m] = append(sets[m], p.Of[i])
	}
	return sets
}

// Nearest gives each cluster the n classes whose points are nearest to its
// centre, all where there are fewer. Classes may be in several sets or none.
func (c *KMeans) Nearest(p *Points, n int) [][]int {
	sets := make([][]int, c.K())
	far := make(map[int]float64, p.Len())
	for m := range sets {
		for i, k := range p.Of {
			far[k] = squared(p.At(i), c.Centre(m))
		}
		sets[m] = least(p.Of, n, func(k int) float64 { return far[k] })
	}
	return sets
}

// Holding gives each cluster of a Reservoir's predictions the classes that it
// holds: the fewest that have a share of its centre's mass, or n where n > 0. A
// class that no centre has any mass of is in none. Centres are of roots: mass is
// their square.
func (c *KMeans) Holding(share float64, n int) [][]int {
	sets := make([][]int, c.K())
	for m := range sets {
		mass, total := make([]float64, c.D), 0.0
		var classes []int
		for k, root := range c.Centre(m) {
			if mass[k] = root * root; mass[k] > 0 {
				classes = append(classes, k)
				total += mass[k]
			}
		}
		less := func(k int) float64 { return -mass[k] }
		held, sum := n, 0.0
		if n <= 0 {
			held = 0
			for _, k := range by(classes, less) {
				if sum >= share*total {
					break
				}
				sum += mass[k]
				held++
			}
		}
		sets[m] = least(classes, held, less)
	}
	return sets
}

// least are the n of classes with the least key, the first among equals; both
// lists are ascending.
func least(classes []int, n int, key func(class int) float64) []int {
	set := by(classes, key)
	set = set[:min(n, len(set))]
	slices.Sort(set)
	return set
}

// by are classes in the order of their key.
func by(classes []int, key func(class int) float64) []int {
	order := slices.Clone(classes)
	slices.SortStableFunc(order, func(j, k int) int { return cmp.Compare(key(j), key(k)) })
	return order
}
