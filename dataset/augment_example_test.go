package dataset_test

import (
	"fmt"

	"github.com/kdonnx/kdonnx/dataset"
)

func ExampleParseAugment() {
	a, err := dataset.ParseAugment("flip=1 cutout=1,9")
	if err != nil {
		panic(err)
	}
	g, err := a.Compile(dataset.Spec{Shape: []int{2, 3, 1}, Image: true}, nil)
	if err != nil {
		panic(err)
	}
	x := []float32{1, 2, 3, 4, 5, 6} // row 0 of its source
	g.Apply(x, []int{0}, 1, 0)       // by seed 1, in pass 0
	fmt.Println(x[:3])
	fmt.Println(x[3:])
	// Output:
	// [3 2 1]
	// [6 9 4]
}

func ExampleAugmenter_Partners() {
	a, err := dataset.ParseAugment("mixup=0.2")
	if err != nil {
		panic(err)
	}
	g, err := a.Compile(dataset.Spec{Shape: []int{2}}, nil)
	if err != nil {
		panic(err)
	}
	rows := []int{4, 5, 6}
	partners, shares := make([]int, 3), make([]float32, 3)
	g.Partners(partners, shares, rows, 1000, 1, 0) // of 1,000 rows, by seed 1, in pass 0
	for i, row := range rows {
		fmt.Printf("row %d is mixed with row %d: %.3f of the first\n", row, partners[i], shares[i])
	}
	// Output:
	// row 4 is mixed with row 383: 1.000 of the first
	// row 5 is mixed with row 372: 0.174 of the first
	// row 6 is mixed with row 168: 0.032 of the first
}

func ExampleParseAugment_mistake() {
	_, err := dataset.ParseAugment("shift=2 flop")
	fmt.Println(err)
	// Output:
	// augment "shift=2 flop": got "flop", expected one of affine, crop, cutout, flip, mixup, noise, shift
}
