package models

import (
	"fmt"
	"net/url"
	"regexp"
)

func init() {
	register(Architecture{
		Name: "wrn-D-K", Help: "wide residual net of Zagoruyko and Komodakis, pre-activation: depth D = 6n+4, K times the channels; dropout is inside the blocks",
		Examples: []string{"wrn-16-1", "wrn-16-2", "wrn-40-1", "wrn-40-2"},
		Options:  []string{"dropout"},
		Init:     "he-out",
		Family:   "wrn",
		shapes: func(url.Values) (list []Shape) {
			for _, depth := range []int{10, 16, 22, 28, 40} {
				list = append(list, Shape{1, 99, func(k int) string { return fmt.Sprintf("wrn-%d-%d", depth, k) }})
			}
			return list
		},
		widened: func(s spec) Shape {
			return Shape{1, 99, func(k int) string { return s.with(fmt.Sprintf("wrn-%d-%d", s.variant[0], k), "") }}
		},
		family: regexp.MustCompile(`^wrn-([1-9][0-9]{0,3})-([1-9][0-9]?)$`),
		build:  buildWRN,
	})
}

// buildWRN follows Zagoruyko and Komodakis 2016 (arXiv 1605.07146, table 1),
// with the names of the weights in RepDistiller.
func buildWRN(b *builder, s spec, classes int) error {
	depth, wide := s.variant[0], s.variant[1]
	if depth < 10 || depth > maxDepth || (depth-4)%6 != 0 {
		return usage(s.field(), "has depth %d, expected 6n+4 from 10 to %d, such as 10, 16, 28, 40", depth, maxDepth)
	}
	if err := s.noSizes(); err != nil {
		return err
	}
	ratio, err := s.dropout()
	if err != nil {
		return err
	}
	if err := b.image("wrn"); err != nil {
		return err
	}
	b.conv3x3("conv1", 16, 1)
	eachBlock((depth-4)/6, func(stage, i, stride int) {
		b.wideBlock(fmt.Sprintf("block%d.layer.%d", stage+1, i), 16*wide<<stage, stride, ratio)
	})
	b.batchNorm("bn1")
	b.relu()
	b.averageImage()
	b.head("fc", classes)
	return nil
}

// wideBlock is x + F(a) with a = ReLU(norm(x)) and F = conv, norm, ReLU,
// [dropout], conv. Where the channels change, the shortcut is a 1×1
// convolution of a.
func (b *builder) wideBlock(name string, out, stride int, ratio float64) {
	x := b.value()
	b.batchNorm(name + ".bn1")
	b.relu()
	a := b.value()
	b.conv3x3(name+".conv1", out, stride)
	b.batchNorm(name + ".bn2")
	b.relu()
	b.dropout(ratio)
	b.conv3x3(name+".conv2", out, 1)
	if x.shape[0] != out {
		branch := b.value()
		b.resume(a)
		b.conv1x1(name+".convShortcut", out, stride)
		x = b.value()
		b.resume(branch)
	}
	b.add(x)
}
