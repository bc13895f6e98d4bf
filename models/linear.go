package models

func init() {
	register(Architecture{
		Name: "linear", Help: "one fully connected layer: softmax regression",
		Examples: []string{"linear"},
		Shown:    []int{784}, ShownClasses: 10,
		build: func(b *builder, s spec, classes int) error {
			if err := s.noSizes(); err != nil {
				return err
			}
			b.flatten()
			b.head("fc1", classes)
			return nil
		},
	})
}
