package models

func init() {
	register(Architecture{
		Name: "lenet", Help: "LeNet-5 with ReLU and maximum pooling: two 5×5 convolutions, layers of 120 and 84",
		Examples: []string{"lenet", "lenet?dropout=0.25"},
		Options:  []string{"dropout"},
		Shown:    []int{1, 28, 28}, ShownClasses: 10,
		build: buildLeNet,
	})
}

// buildLeNet follows LeCun et al. 1998, with what took the place of its
// trainable pooling and tanh since.
func buildLeNet(b *builder, s spec, classes int) error {
	if err := s.noSizes(); err != nil {
		return err
	}
	ratio, err := s.dropout()
	if err != nil {
		return err
	}
	if err := b.image("lenet"); err != nil {
		return err
	}
	if b.shape[1] < 12 || b.shape[2] < 12 {
		return usage("student", "lenet needs images of 12×12 or more, the input has %d×%d", b.shape[1], b.shape[2])
	}
	b.conv("conv1", conv{out: 6, kernel: 5, stride: 1, pad: 2, bias: true})
	b.relu()
	b.halve()
	b.conv("conv2", conv{out: 16, kernel: 5, stride: 1, bias: true})
	b.relu()
	b.halve()
	b.flatten()
	b.dense("fc1", 120)
	b.relu()
	b.dense("fc2", 84)
	b.relu()
	b.dropout(ratio)
	b.head("fc3", classes)
	return nil
}
