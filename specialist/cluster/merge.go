package cluster

import "math"

// MergeSingles gives the only point of a cluster to another one, as long as there
// is such a point and more than two clusters.
func (c *KMeans) MergeSingles() {
	c.merge(2, func(n, m int) bool { return n == 1 || m == 1 })
}

// merge joins clusters until k are left, or none whose numbers of points may. The
// pair is first whose union adds least to the sum of squares, n·m/(n+m)·‖c−c'‖² for
// centres c and c' of n and m points (Ward 1963, Hierarchical grouping to optimize
// an objective function).
func (c *KMeans) merge(k int, may func(n, m int) bool) {
	n := c.K()
	if n <= k {
		return
	}
	cost, into, gone := make([]float64, n*n), make([]int, n), make([]bool, n)
	measure := func(i int) {
		for j := range n {
			if i == j || gone[j] {
				continue
			}
			a, b := float64(c.Count[i]), float64(c.Count[j])
			v := a * b / (a + b) * apart(c.Centre(i), c.Centre(j))
			cost[i*n+j], cost[j*n+i] = v, v
		}
	}
	for i := range n {
		into[i] = i
		measure(i)
	}
	left := n
	for ; left > k; left-- {
		to, from, least := 0, 0, math.Inf(1)
		for i := range n {
			for j := i + 1; j < n && !gone[i]; j++ {
				if !gone[j] && cost[i*n+j] < least && may(c.Count[i], c.Count[j]) {
					to, from, least = i, j, cost[i*n+j]
				}
			}
		}
		if from == to {
			break
		}
		c.Count[to] += c.Count[from]
		rate := float64(c.Count[from]) / float64(c.Count[to])
		for d, v := range c.Centre(from) {
			c.Centre(to)[d] += rate * (v - c.Centre(to)[d])
		}
		gone[from] = true
		for i, m := range into {
			if m == from {
				into[i] = to
			}
		}
		measure(to)
	}
	c.compact(into, gone, left)
}

// compact closes the gaps of clusters that are gone, whose points go where into
// says.
func (c *KMeans) compact(into []int, gone []bool, k int) {
	at, next := make([]int32, len(into)), 0
	for i := range into {
		if !gone[i] {
			at[i] = int32(next)
			copy(c.Centre(next), c.Centre(i))
			c.Count[next] = c.Count[i]
			next++
		}
	}
	for i, m := range c.Of {
		if m >= 0 {
			c.Of[i] = at[into[m]]
		}
	}
	c.Centres, c.Count, c.dist = c.Centres[:k*c.D], c.Count[:k], c.dist[:k]
}

// apart is ‖x − y‖².
func apart(x, y []float64) (sum float64) {
	for d, v := range x {
		sum += (v - y[d]) * (v - y[d])
	}
	return sum
}
