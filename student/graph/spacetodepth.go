package graph

import "fmt"

// SpaceToDepth moves blocks of b×b pixels of x (N, C, H, W) into channels: y is
// (N, b²·C, H/b, W/b); dx = the inverse of dy.
func init() {
	Register(Op{Type: "SpaceToDepth", MinIn: 1, MaxIn: 1, Moves: true, Infer: inferSpaceToDepth, Build: buildSpaceToDepth})
}

// inferSpaceToDepth gives (N, b²·C, H/b, W/b).
func inferSpaceToDepth(n *Node) ([]Shape, error) {
	b, err := blockSize(n)
	if err != nil {
		return nil, err
	}
	x := n.In[0].Shape
	if x[2]%b != 0 || x[3]%b != 0 {
		return nil, fmt.Errorf("image of %d by %d is no multiple of the blocksize %d", x[2], x[3], b)
	}
	return []Shape{{x[0], x[1] * b * b, x[2] / b, x[3] / b}}, nil
}

// buildSpaceToDepth reads the image as (H/b, b, W/b, b) and moves each b to
// the front of the channels.
func buildSpaceToDepth(b *Build) (Kernel, error) {
	k, err := blockSize(b.Node)
	if err != nil {
		return nil, err
	}
	x := b.In(0)
	return newTranspose([]int{x[0], x[1], x[2] / k, k, x[3] / k, k}, []int{0, 3, 5, 1, 2, 4}), nil
}
