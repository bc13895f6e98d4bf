package graph

import "fmt"

// roworder keeps the rows of the batch apart. An axis of k·N entries is one of
// outer·N·inner entries, where an entry of the batch is the second index: a
// Reshape of (N, 2·T) to (2N, T) puts the 2 inside, one of (T, N, C), as a
// sequence first, to (T·N, C) puts T outside. A Reshape that tears the batch
// apart, as of (T, N) to (N, T), mixes rows, and so does a sum of two orders.

// outerRows is the number of entries of v's batch axis outside the batch.
func (v *Value) outerRows() int { return max(1, v.outer) }

// batchAt is the batch axis of s, k entries for each row, and the product of
// the axes before it; k is 0 without a batch.
func (s Shape) batchAt() (k, before int) {
	before = 1
	for _, d := range s {
		if d < 0 {
			return -d, before
		}
		before *= d
	}
	return 0, before
}

// orderRows settles the order of rows in the outputs of n.
func orderRows(n *Node, out []*Value) error {
	var from *Value
	for _, v := range n.In {
		if v == nil {
			continue
		}
		if k, _ := v.Shape.batchAt(); k == 0 {
			continue
		}
		if from != nil && from.outerRows() != v.outerRows() {
			return fmt.Errorf("inputs %q and %q have the rows of the batch in different orders", from.Name, v.Name)
		}
		from = v
	}
	if from == nil {
		return nil
	}
	for _, v := range out {
		k, before := v.Shape.batchAt()
		if k == 0 {
			continue
		}
		v.outer = from.outerRows()
		if n.Op.Type == "Reshape" || n.Op.Type == "Flatten" {
			_, slow := from.Shape.batchAt()
			if slow *= from.outerRows(); slow%before != 0 {
				return torn(from, v)
			}
			v.outer = slow / before
		}
		if k%v.outer != 0 {
			return torn(from, v)
		}
	}
	return nil
}

func torn(from, to *Value) error {
	return fmt.Errorf("takes %v to %v, which mixes the rows of the batch", from.Shape, to.Shape)
}
