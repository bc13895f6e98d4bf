package models

import (
	"fmt"
	"net/url"
)

func init() {
	register(Architecture{
		Name: "mobilenetv2", Help: "MobileNetV2 of the given width multiplier (1 without); images below 128 pixels keep fewer of its five strides; zero=1 begins each residual block as its shortcut",
		Examples: []string{"mobilenetv2", "mobilenetv2:0.5", "mobilenetv2:0.25"},
		Options:  []string{"dropout", "zero"},
		Init:     "he-out",
		ratios:   true,
		shapes:   func(url.Values) []Shape { return []Shape{widenedMobileNetV2(spec{})} },
		widened:  widenedMobileNetV2,
		build:    buildMobileNetV2,
	})
}

// widenedMobileNetV2 are the multiples of 0.05.
func widenedMobileNetV2(s spec) Shape {
	return Shape{1, 320, func(w int) string { return s.with("mobilenetv2", fmt.Sprintf(":%g", float64(w)/20)) }}
}

// mobileStages is table 2 of Sandler et al. 2018 (arXiv 1801.04381):
// expansion, channels, blocks, stride.
var mobileStages = []struct{ expand, channels, blocks, stride int }{
	{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
}

// mobileChannels is channels·width as a multiple of 8 that is not more than a
// tenth below it, as in the reference implementation.
func mobileChannels(channels int, width float64) int {
	w := float64(channels) * width
	n := max(8, int(w+4)/8*8)
	if float64(n) < 0.9*w {
		n += 8
	}
	return n
}

// buildMobileNetV2 has the weights of the paper's net for images of any size.
// Of its five halvings (the stem and four stages) as many are kept, the last
// ones, as leave at least 4 pixels a side: all from 128×128 on, three at 32×32.
func buildMobileNetV2(b *builder, s spec, classes int) error {
	width := 1.0
	if len(s.ratios) > 1 {
		return usage(s.field(), "has %d sizes, expected one width multiplier such as mobilenetv2:0.5", len(s.ratios))
	} else if len(s.ratios) == 1 {
		width = s.ratios[0]
	}
	ratio, err := s.dropout()
	if err != nil {
		return err
	}
	zero, err := s.flag("zero")
	if err != nil {
		return err
	}
	if err := b.image("mobilenetv2"); err != nil {
		return err
	}
	skip := 5 // halvings to leave out
	for side := min(b.shape[1], b.shape[2]); side >= 8 && skip > 0; side /= 2 {
		skip--
	}
	keep := func(stride int) int {
		if stride == 2 && skip > 0 {
			skip--
			return 1
		}
		return stride
	}
	b.convNorm6("features.0", conv{out: mobileChannels(32, width), kernel: 3, stride: keep(2), pad: 1})
	layer := 1
	for _, stage := range mobileStages {
		stride := keep(stage.stride)
		for i := range stage.blocks {
			if i > 0 {
				stride = 1
			}
			b.invertedResidual(fmt.Sprintf("features.%d.conv", layer), stage.expand, mobileChannels(stage.channels, width), stride, zero)
			layer++
		}
	}
	b.convNorm6(fmt.Sprintf("features.%d", layer), conv{out: mobileChannels(1280, max(width, 1)), kernel: 1, stride: 1})
	b.averageImage()
	b.dropout(ratio)
	b.head("classifier.1", classes)
	return nil
}

// convNorm6 is convolution, normalisation and ReLU6.
func (b *builder) convNorm6(name string, c conv) {
	b.conv(name+".0", c)
	b.batchNorm(name + ".1")
	b.relu6()
}

// invertedResidual widens by 1×1, convolves each channel by itself, and
// narrows by 1×1 without activation; with its input added where sizes agree.
func (b *builder) invertedResidual(name string, expand, out, stride int, zero bool) {
	x, part := b.value(), 0
	hidden := x.shape[0] * expand
	if expand != 1 {
		b.convNorm6(fmt.Sprintf("%s.%d", name, part), conv{out: hidden, kernel: 1, stride: 1})
		part++
	}
	b.convNorm6(fmt.Sprintf("%s.%d", name, part), conv{out: hidden, kernel: 3, stride: stride, pad: 1, groups: hidden})
	b.conv1x1(fmt.Sprintf("%s.%d", name, part+1), out, 1)
	residual := stride == 1 && x.shape[0] == out
	b.lastNorm(fmt.Sprintf("%s.%d", name, part+2), zero && residual)
	if residual {
		b.add(x)
	}
}
