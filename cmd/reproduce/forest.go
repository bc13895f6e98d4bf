package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// forest is a random forest (Breiman 2001): trees grown to purity by Gini
// impurity on bootstrap samples, each split the best of √D drawn features.
type forest struct {
	classes int
	trees   [][]treeNode
}

// treeNode is a split, or where Left is 0 a leaf.
type treeNode struct {
	Feature     int
	Threshold   float32 // rows at or below it go left
	Left, Right int
	Share       []float32 // (C) of a leaf's rows
}

// grow trains a forest of so many trees on x, (N, D), with labels y below classes.
func grow(x []float32, y []int32, classes, trees int, seed uint64) *forest {
	f := &forest{classes: classes}
	n := len(y)
	for t := range trees {
		g := &grower{x: x, y: y, d: len(x) / n, classes: classes, rng: rand.New(rand.NewPCG(seed, uint64(t)))}
		rows := make([]int, n)
		for i := range rows {
			rows[i] = g.rng.IntN(n)
		}
		g.node(rows)
		f.trees = append(f.trees, g.nodes)
	}
	return f
}

// grower grows one tree.
type grower struct {
	x          []float32
	y          []int32
	d, classes int
	rng        *rand.Rand
	nodes      []treeNode
}

// node adds the node of rows and all below it, and returns its number.
func (g *grower) node(rows []int) int {
	at := len(g.nodes)
	g.nodes = append(g.nodes, treeNode{})
	counts := make([]float64, g.classes)
	for _, r := range rows {
		counts[g.y[r]]++
	}
	feature, threshold, ok := g.split(rows, counts)
	if !ok {
		share := make([]float32, g.classes)
		for c, n := range counts {
			share[c] = float32(n / float64(len(rows)))
		}
		g.nodes[at].Share = share
		return at
	}
	var left, right []int
	for _, r := range rows {
		if g.x[r*g.d+feature] <= threshold {
			left = append(left, r)
		} else {
			right = append(right, r)
		}
	}
	l := g.node(left)
	r := g.node(right)
	g.nodes[at] = treeNode{Feature: feature, Threshold: threshold, Left: l, Right: r}
	return at
}

// split is the best of √D drawn features; those drawn next are tried where none
// of these can part the rows.
func (g *grower) split(rows []int, counts []float64) (feature int, threshold float32, ok bool) {
	if slices.Max(counts) == float64(len(rows)) {
		return 0, 0, false
	}
	best := math.Inf(-1)
	tries := int(math.Round(math.Sqrt(float64(g.d))))
	for i, f := range g.rng.Perm(g.d) {
		if i >= tries && ok {
			break
		}
		sorted := slices.Clone(rows)
		slices.SortStableFunc(sorted, func(a, b int) int { return cmp.Compare(g.x[a*g.d+f], g.x[b*g.d+f]) })
		left, right := make([]float64, g.classes), slices.Clone(counts)
		squaresLeft, squaresRight := 0.0, 0.0
		for _, n := range right {
			squaresRight += n * n
		}
		for k, r := range sorted[:len(sorted)-1] {
			c := g.y[r]
			squaresLeft += 2*left[c] + 1
			squaresRight += 1 - 2*right[c]
			left[c]++
			right[c]--
			here, next := g.x[r*g.d+f], g.x[sorted[k+1]*g.d+f]
			if here == next {
				continue
			}
			// the purer, the larger: Σ n_c²/n of both sides
			if score := squaresLeft/float64(k+1) + squaresRight/float64(len(sorted)-k-1); score > best {
				best, feature, threshold, ok = score, f, here+(next-here)/2, true
			}
		}
	}
	return feature, threshold, ok
}

// write exports the forest as converters of scikit-learn do: a
// TreeEnsembleClassifier of label and probabilities.
func (f *forest) write(path string, classes []string, features int) error {
	var trees, ids, feature, yes, no, missing, classTree, classNode, classID []int64
	var values, weights []float32
	var modes [][]byte
	for t, nodes := range f.trees {
		for i, n := range nodes {
			trees, ids, feature = append(trees, int64(t)), append(ids, int64(i)), append(feature, int64(n.Feature))
			values, yes, no, missing = append(values, n.Threshold), append(yes, int64(n.Left)), append(no, int64(n.Right)), append(missing, 0)
			if n.Left > 0 {
				modes = append(modes, []byte("BRANCH_LEQ"))
				continue
			}
			modes = append(modes, []byte("LEAF"))
			for c, share := range n.Share {
				if share > 0 {
					classTree, classNode, classID = append(classTree, int64(t)), append(classNode, int64(i)), append(classID, int64(c))
					weights = append(weights, share/float32(len(f.trees)))
				}
			}
		}
	}
	floats := func(name string, v []float32) *onnx.Attr {
		return &onnx.Attr{Name: name, Type: onnx.AttrFloats, Floats: v}
	}
	strings := func(name string, v [][]byte) *onnx.Attr {
		return &onnx.Attr{Name: name, Type: onnx.AttrStrings, Strings: v}
	}
	labels := make([][]byte, len(classes))
	for i, c := range classes {
		labels[i] = []byte(c)
	}
	shaped := func(name string, t onnx.DType, shape ...onnx.Dim) *onnx.Value {
		return &onnx.Value{Name: name, DType: t, HasShape: true, Shape: shape}
	}
	rows := onnx.Dim{Value: -1, Param: "N"}
	return onnx.Write(path, &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 17}, {Domain: "ai.onnx.ml", Version: 3}},
		Graph: &onnx.Graph{Name: "forest",
			Inputs: []*onnx.Value{shaped("x", onnx.Float32, rows, onnx.Dim{Value: int64(features)})},
			Nodes: []*onnx.Node{{Name: "forest", OpType: "TreeEnsembleClassifier", Domain: "ai.onnx.ml", Inputs: []string{"x"}, Outputs: []string{"label", "probabilities"},
				Attrs: []*onnx.Attr{
					onnx.IntsAttr("nodes_treeids", trees...), onnx.IntsAttr("nodes_nodeids", ids...), onnx.IntsAttr("nodes_featureids", feature...),
					floats("nodes_values", values), strings("nodes_modes", modes), onnx.IntsAttr("nodes_truenodeids", yes...), onnx.IntsAttr("nodes_falsenodeids", no...),
					onnx.IntsAttr("nodes_missing_value_tracks_true", missing...), onnx.IntsAttr("class_treeids", classTree...), onnx.IntsAttr("class_nodeids", classNode...),
					onnx.IntsAttr("class_ids", classID...), floats("class_weights", weights), strings("classlabels_strings", labels), onnx.StringAttr("post_transform", "NONE")}}},
			Outputs: []*onnx.Value{shaped("label", onnx.String, rows), shaped("probabilities", onnx.Float32, rows, onnx.Dim{Value: int64(len(classes))})}}})
}
