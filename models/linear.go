package models

func init() {
	register(Architecture{
		Name: "linear", Help: "one fully connected layer: softmax regression",
		Examples: []string{"linear"},
		build: func(b *builder, s spec, classes int) error {
			if err := s.noSizes(); err != nil {
				return err
			}
			b.flatten()
			b.dense("fc1", classes, true)
			return nil
		},
	})
}
