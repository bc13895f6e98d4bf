package models

import (
	"fmt"
	"net/url"
	"regexp"
)

func init() {
	register(Architecture{
		Name: "resnetD", Help: "residual net of He et al. for small images: resnet20, resnet32, resnet56, any depth D = 6n+2; resnetDxK has K times the channels; zero=1 begins each block as its shortcut",
		Examples: []string{"resnet8", "resnet20", "resnet32", "resnet56", "resnet8x4", "resnet32x4"},
		Options:  []string{"zero"},
		Init:     "he-out",
		Family:   "resnet",
		shapes: func(url.Values) (list []Shape) {
			for _, depth := range []int{8, 14, 20, 32, 56} {
				list = append(list, Shape{1, 99, func(k int) string { return resnetName(depth, k) }})
			}
			return list
		},
		widened: func(s spec) Shape {
			return Shape{1, 99, func(k int) string { return s.with(resnetName(s.variant[0], k), "") }}
		},
		family: regexp.MustCompile(`^resnet([1-9][0-9]{0,3})(?:x([1-9][0-9]?))?$`),
		build:  buildResNet,
	})
}

// resnetName names a depth with k times the channels.
func resnetName(depth, k int) string {
	if k == 1 {
		return fmt.Sprintf("resnet%d", depth)
	}
	return fmt.Sprintf("resnet%dx%d", depth, k)
}

// maxDepth bounds the layers of a residual net.
const maxDepth = 200

// buildResNet is the net of He et al. 2016 (arXiv 1512.03385, section 4.2): a
// 3×3 stem and three stages of n blocks with 16, 32 and 64 channels, the later
// two halving the image. Where a block changes size its shortcut is a 1×1
// convolution with normalisation (option B), which is what the repositories of
// distillation took over from RepDistiller (arXiv 1910.10699), with its names
// of the weights and its stem of 32 channels where K is more than 1.
func buildResNet(b *builder, s spec, classes int) error {
	depth, wide := s.variant[0], max(s.variant[1], 1)
	if depth < 8 || depth > maxDepth || (depth-2)%6 != 0 {
		return usage(s.field(), "has depth %d, expected 6n+2 from 8 to %d, such as 8, 20, 32, 56", depth, maxDepth)
	}
	if err := s.noSizes(); err != nil {
		return err
	}
	zero, err := s.flag("zero")
	if err != nil {
		return err
	}
	if err := b.image("resnet"); err != nil {
		return err
	}
	stem := 16
	if wide > 1 {
		stem = 32
	}
	b.conv3x3("conv1", stem, 1)
	b.batchNorm("bn1")
	b.relu()
	eachBlock((depth-2)/6, func(stage, i, stride int) {
		b.basicBlock(fmt.Sprintf("layer%d.%d", stage+1, i), 16*wide<<stage, stride, zero)
	})
	b.averageImage()
	b.head("fc", classes)
	return nil
}

// eachBlock calls f for the n blocks of each of three stages; the first block
// of the later two halves the image.
func eachBlock(n int, f func(stage, i, stride int)) {
	for stage := range 3 {
		for i := range n {
			stride := 1
			if stage > 0 && i == 0 {
				stride = 2
			}
			f(stage, i, stride)
		}
	}
}

// basicBlock is ReLU(F(x) + shortcut(x)) with F = conv, norm, ReLU, conv, norm.
func (b *builder) basicBlock(name string, out, stride int, zero bool) {
	x := b.value()
	b.conv3x3(name+".conv1", out, stride)
	b.batchNorm(name + ".bn1")
	b.relu()
	b.conv3x3(name+".conv2", out, 1)
	b.lastNorm(name+".bn2", zero)
	if stride != 1 || x.shape[0] != out {
		branch := b.value()
		b.resume(x)
		b.conv1x1(name+".downsample.0", out, stride)
		b.batchNorm(name + ".downsample.1")
		x = b.value()
		b.resume(branch)
	}
	b.add(x)
	b.relu()
}
