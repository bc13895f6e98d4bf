package export_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// A student is written only once ONNX Runtime gives its outputs on the rows.
func ExampleWrite() {
	model, err := models.Build("mlp:16", models.Input{Shape: []int{4}}, 3, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	st, err := student.FromModel(model, "student")
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "export")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	rows := []float32{5.1, 3.5, 1.4, 0.2, 6.2, 2.9, 4.3, 1.3} // two of four values
	path := filepath.Join(dir, "student.onnx")
	parity, err := export.Write(context.Background(), st, path, rows, 2, export.Options{Metadata: []onnx.Entry{
		{Key: export.ClassesKey, Value: export.JoinClasses([]string{"setosa", "versicolor", "virginica"})},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("within:", parity.Within, "flips:", parity.Flips)

	written, err := onnx.Read(path, onnx.ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	names, _ := written.Meta(export.MetaPrefix + export.ClassesKey)
	fmt.Println(export.SplitClasses(names))
	// Output:
	// within: true flips: 0
	// [setosa versicolor virginica]
}
