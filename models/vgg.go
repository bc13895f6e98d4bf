package models

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
)

func init() {
	register(Architecture{
		Name: "vggD", Help: "VGG with batch normalisation and one fully connected layer, for small images: vgg8, vgg11, vgg13, vgg16, vgg19",
		Examples: []string{"vgg8", "vgg11", "vgg13"},
		Options:  []string{"dropout"},
		Init:     "he-out",
		Family:   "vgg",
		shapes: func(url.Values) (list []Shape) {
			for _, depth := range slices.Sorted(maps.Keys(vggDepths)) {
				list = append(list, one(fmt.Sprintf("vgg%d", depth)))
			}
			return list
		},
		family: regexp.MustCompile(`^vgg([1-9][0-9]?)$`),
		build:  buildVGG,
	})
}

// vggDepths is the number of convolutions in each of the five blocks:
// configurations A, B, D and E of Simonyan and Zisserman 2015 (arXiv
// 1409.1556, table 1), and S of RepDistiller (arXiv 1910.10699).
var vggDepths = map[int][5]int{
	8: {1, 1, 1, 1, 1}, 11: {1, 1, 2, 2, 2}, 13: {2, 2, 2, 2, 2}, 16: {2, 2, 3, 3, 3}, 19: {2, 2, 4, 4, 4},
}

// buildVGG is the VGG of RepDistiller, with its names of the weights: pooling
// after the first three blocks, and after the fourth for images of 64×64 or
// more, then the mean of each plane. The convolutions have no bias, which the
// normalisation behind them would take out.
func buildVGG(b *builder, s spec, classes int) error {
	blocks, ok := vggDepths[s.variant[0]]
	if !ok {
		return usage(s.field(), "has depth %d, expected 8, 11, 13, 16 or 19", s.variant[0])
	}
	if err := s.noSizes(); err != nil {
		return err
	}
	ratio, err := s.dropout()
	if err != nil {
		return err
	}
	if err := b.image("vgg"); err != nil {
		return err
	}
	large := min(b.shape[1], b.shape[2]) >= 64
	for i, channels := range []int{64, 128, 256, 512, 512} {
		for k := range blocks[i] {
			b.conv3x3(fmt.Sprintf("block%d.%d", i, 3*k), channels, 1)
			b.batchNorm(fmt.Sprintf("block%d.%d", i, 3*k+1))
			b.relu()
		}
		if i < 3 || i == 3 && large {
			b.halve()
		}
	}
	b.averageImage()
	b.dropout(ratio)
	b.head("classifier", classes)
	return nil
}
