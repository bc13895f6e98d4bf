package models

func init() {
	register(Architecture{
		Name: "lenet", Help: "LeNet-5 with ReLU and maximum pooling: two 5×5 convolutions, layers of 120 and 84",
		Examples: []string{"lenet", "lenet?dropout=0.25"},
		Options:  []string{"dropout"},
		build:    buildLeNet,
	})
}

// buildLeNet follows LeCun et al. 1998, with what took the place of its
// trainable pooling and tanh since.
func buildLeNet(b *builder, s spec, classes int) error {
	if err := s.noSizes(); err != nil {
		return err
	}
	ratio, err := s.number("dropout", 0, 0, 0.95)
	if err != nil {
		return err
	}
	if err := b.image("lenet"); err != nil {
		return err
	}
	if b.shape[1] < 12 || b.shape[2] < 12 {
		return usage("student", "lenet needs images of 12×12 or more, the input has %d×%d", b.shape[1], b.shape[2])
	}
	b.conv("conv1", 6, 5, 2)
	b.relu()
	b.halve()
	b.conv("conv2", 16, 5, 0)
	b.relu()
	b.halve()
	b.flatten()
	b.dense("fc1", 120, false)
	b.relu()
	b.dense("fc2", 84, false)
	b.relu()
	b.dropout(ratio)
	b.dense("fc3", classes, true)
	return nil
}
