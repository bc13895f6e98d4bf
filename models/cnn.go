package models

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
)

func init() {
	register(Architecture{
		Name: "cnn", Help: "3×3 convolutions of the given channels, each with ReLU and 2×2 pooling, then a hidden layer (hidden=0 for none); norm=1 adds batch normalisation; without channels: pairs of 32, 64 and 128 with batch normalisation, then the mean of each plane",
		Examples: []string{"cnn", "cnn:16,32", "cnn:32,64?hidden=256&dropout=0.25", "cnn:8,16?norm=1"},
		Options:  []string{"hidden", "dropout", "norm"},
		Shown:    []int{3, 32, 32}, ShownClasses: 10,
		shapes:  shapesOfCNN,
		widened: widenedCNN,
		build:   buildCNN,
	})
}

// shapesOfCNN are one to four convolutions, each of twice the channels before
// it, without hidden layer and with one of four times the first channels, or
// with that which is given.
func shapesOfCNN(given url.Values) (list []Shape) {
	for layers := 1; layers <= 4; layers++ {
		channels := func(w int) string { return "cnn" + sizes(layers, func(i int) int { return w << i }) }
		most := maxWidth >> (layers - 1)
		if given.Has("hidden") {
			list = append(list, Shape{1, most, channels})
			continue
		}
		list = append(list, Shape{1, most, func(w int) string { return channels(w) + "?hidden=0" }},
			Shape{1, min(most, maxWidth/4), func(w int) string { return fmt.Sprintf("%s?hidden=%d", channels(w), 4*w) }})
	}
	return list
}

// widenedCNN scales channels and hidden layer.
func widenedCNN(s spec) Shape {
	hidden, err := s.hidden()
	if err != nil || hidden == 0 || len(s.sizes) == 0 {
		return inProportion(s.sizes, func(w []int) string { return s.with("cnn", listed(w)) })
	}
	return inProportion(append(slices.Clone(s.sizes), hidden), func(w []int) string {
		n := len(w) - 1
		of := s
		of.opts = maps.Clone(s.opts)
		of.opts.Set("hidden", strconv.Itoa(w[n]))
		return of.with("cnn", listed(w[:n]))
	})
}

// hidden is the width of the hidden layer; 0 without one.
func (s spec) hidden() (int, error) { return s.count("hidden", 128, 0, maxWidth) }

// buildCNN is (conv 3×3, [norm], ReLU, pool) for each size, flatten, [dense,
// ReLU, dropout], head.
func buildCNN(b *builder, s spec, classes int) error {
	if err := b.image("cnn"); err != nil {
		return err
	}
	ratio, err := s.dropout()
	if err != nil {
		return err
	}
	if len(s.sizes) == 0 {
		return buildPairs(b, s, ratio, classes)
	}
	hidden, err := s.hidden()
	if err != nil {
		return err
	}
	norm, err := s.flag("norm")
	if err != nil {
		return err
	}
	for i, channels := range s.sizes {
		b.conv(fmt.Sprintf("conv%d", i+1), conv{out: channels, kernel: 3, stride: 1, pad: 1, bias: true})
		if norm {
			b.batchNorm(fmt.Sprintf("norm%d", i+1))
		}
		b.relu()
		b.halve()
	}
	b.flatten()
	layer := 1
	if hidden >= 1 {
		b.dense("fc1", hidden)
		b.relu()
		layer++
	}
	b.dropout(ratio)
	b.head(fmt.Sprintf("fc%d", layer), classes)
	return nil
}

// buildPairs is twice (conv 3×3, norm, ReLU) of 32, 64 and 128 channels with
// pooling between, the mean of each plane, [dropout], head.
func buildPairs(b *builder, s spec, ratio float64, classes int) error {
	if s.opts.Has("hidden") || s.opts.Has("norm") {
		return usage(s.field(), "has hidden or norm but no channels, expected for example cnn:16,32?norm=1")
	}
	for i, channels := range []int{32, 32, 64, 64, 128, 128} {
		if i == 2 || i == 4 {
			b.halve()
		}
		b.conv3x3(fmt.Sprintf("conv%d", i+1), channels, 1)
		b.batchNorm(fmt.Sprintf("norm%d", i+1))
		b.relu()
	}
	b.averageImage()
	b.dropout(ratio)
	b.head("fc1", classes)
	return nil
}
