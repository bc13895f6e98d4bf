package models

import "fmt"

func init() {
	register(Architecture{
		Name: "cnn", Help: "3×3 convolutions of the given channels, each with ReLU and 2×2 pooling, then a hidden layer (hidden=0 for none); norm=1 adds batch normalisation",
		Examples: []string{"cnn:16,32", "cnn:32,64?hidden=256&dropout=0.25", "cnn:8,16?norm=1"},
		Options:  []string{"hidden", "dropout", "norm"},
		build:    buildCNN,
	})
}

// buildCNN is (conv 3×3, [norm], ReLU, pool) for each size, flatten, [dense,
// ReLU, dropout], head.
func buildCNN(b *builder, s spec, classes int) error {
	hidden, err := s.number("hidden", 128, 0, maxWidth)
	if err != nil {
		return err
	}
	ratio, err := s.number("dropout", 0, 0, 0.95)
	if err != nil {
		return err
	}
	norm, err := s.flag("norm")
	if err != nil {
		return err
	}
	if len(s.sizes) == 0 {
		return usage("student \""+s.text+"\"", "has no channels, expected for example cnn:16,32")
	}
	if err := b.image("cnn"); err != nil {
		return err
	}
	for i, channels := range s.sizes {
		b.conv(fmt.Sprintf("conv%d", i+1), channels, 3, 1)
		if norm {
			b.batchNorm(fmt.Sprintf("norm%d", i+1))
		}
		b.relu()
		b.halve()
	}
	b.flatten()
	layer := 1
	if hidden >= 1 {
		b.dense("fc1", int(hidden), false)
		b.relu()
		layer++
	}
	b.dropout(ratio)
	b.dense(fmt.Sprintf("fc%d", layer), classes, true)
	return nil
}
