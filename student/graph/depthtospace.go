package graph

import "fmt"

// DepthToSpace moves blocks of b² channels of x (N, C, H, W) into pixels: y is
// (N, C/b², b·H, b·W) (Shi et al. 2016, arXiv 1609.05158); dx = the inverse of dy.
func init() {
	Register(Op{Type: "DepthToSpace", MinIn: 1, MaxIn: 1, Moves: true, Infer: inferDepthToSpace, Build: buildDepthToSpace})
}

// blockSize is the attribute blocksize of a node whose input is (N, C, H, W).
func blockSize(n *Node) (int, error) {
	if x := n.In[0].Shape; len(x) != 4 || x[1] < 0 || x[2] < 0 || x[3] < 0 {
		return 0, fmt.Errorf("input is %v, expected (N, C, H, W)", x)
	}
	b := n.Int("blocksize", 0)
	if b < 1 || b > maxWindow {
		return 0, fmt.Errorf("blocksize is %d, expected 1 to %d", b, maxWindow)
	}
	return b, nil
}

// inferDepthToSpace gives (N, C/b², b·H, b·W).
func inferDepthToSpace(n *Node) ([]Shape, error) {
	b, err := blockSize(n)
	if err != nil {
		return nil, err
	}
	x := n.In[0].Shape
	if mode := n.String("mode", "DCR"); mode != "DCR" && mode != "CRD" {
		return nil, fmt.Errorf("mode is %q, expected DCR or CRD", mode)
	}
	if x[1]%(b*b) != 0 {
		return nil, fmt.Errorf("%d channels are no multiple of the blocksize squared, %d", x[1], b*b)
	}
	return []Shape{{x[0], x[1] / (b * b), x[2] * b, x[3] * b}}, nil
}

// buildDepthToSpace reads the channels as (b, b, C/b²) in the mode DCR and as
// (C/b², b, b) in CRD, and puts each b beside its axis of the image.
func buildDepthToSpace(b *Build) (Kernel, error) {
	k, err := blockSize(b.Node)
	if err != nil {
		return nil, err
	}
	x := b.In(0)
	c := x[1] / (k * k)
	if b.Node.String("mode", "DCR") == "CRD" {
		return newTranspose([]int{x[0], c, k, k, x[2], x[3]}, []int{0, 1, 4, 2, 5, 3}), nil
	}
	return newTranspose([]int{x[0], k, k, c, x[2], x[3]}, []int{0, 3, 4, 1, 5, 2}), nil
}
