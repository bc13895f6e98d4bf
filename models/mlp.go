package models

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

func init() {
	register(Architecture{
		Name: "mlp", Help: "fully connected ReLU layers of the given widths; norm=1 adds batch normalisation",
		Examples: []string{"mlp:800,800", "mlp:1200,1200?dropout=0.5", "mlp:256?norm=1"},
		Options:  []string{"dropout", "norm"},
		Shown:    []int{784}, ShownClasses: 10,
		shapes: shapesOfMLP,
		widened: func(s spec) Shape {
			return inProportion(s.sizes, func(w []int) string { return s.with("mlp", listed(w)) })
		},
		build: buildMLP,
	})
}

// shapesOfMLP are one to four layers, all of one width or each of half the
// width before it.
func shapesOfMLP(url.Values) (list []Shape) {
	for layers := 1; layers <= 4; layers++ {
		list = append(list, Shape{1, maxWidth, func(w int) string {
			return "mlp" + sizes(layers, func(int) int { return w })
		}})
		if layers > 1 {
			list = append(list, Shape{1, maxWidth, func(w int) string {
				return "mlp" + sizes(layers, func(i int) int { return max(1, w>>i) })
			}})
		}
	}
	return list
}

// sizes writes ":f(0),f(1),…" of n sizes.
func sizes(n int, f func(i int) int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = strconv.Itoa(f(i))
	}
	return ":" + strings.Join(list, ",")
}

// listed writes sizes behind a colon.
func listed(list []int) string { return sizes(len(list), func(i int) int { return list[i] }) }

// buildMLP is (dense, [norm], ReLU, [dropout]) for each width, then the head.
func buildMLP(b *builder, s spec, classes int) error {
	ratio, err := s.dropout()
	if err != nil {
		return err
	}
	norm, err := s.flag("norm")
	if err != nil {
		return err
	}
	if len(s.sizes) == 0 {
		return usage(s.field(), "has no widths, expected for example mlp:800,800")
	}
	b.flatten()
	for i, width := range s.sizes {
		b.dense(fmt.Sprintf("fc%d", i+1), width)
		if norm {
			b.batchNorm(fmt.Sprintf("norm%d", i+1))
		}
		b.relu()
		b.dropout(ratio)
	}
	b.head(fmt.Sprintf("fc%d", len(s.sizes)+1), classes)
	return nil
}
