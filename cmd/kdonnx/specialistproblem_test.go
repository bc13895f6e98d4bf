package main

import (
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/specialist"
)

// makeBundle puts the best generalist of the test rows and two specialists that
// know nothing into dir/bundle.
func makeBundle(dir string) error {
	dir = filepath.Join(dir, "bundle")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	b := &specialist.Bundle{Classes: []string{"x", "y", "z"}, Top: 1, Generalist: specialist.Member{File: "generalist.onnx"}, Specialists: []specialist.Expert{
		{Member: specialist.Member{File: "specialist-000.onnx"}, Classes: []int{0, 1}, Head: specialist.Dustbin, Fraction: 0.5},
		{Member: specialist.Member{File: "specialist-001.onnx"}, Classes: []int{1}, Head: specialist.Full, Fraction: 0.5},
	}}
	if err := rows.WriteTeacher(filepath.Join(dir, b.Generalist.File), "flower"); err != nil {
		return err
	}
	for i, s := range b.Specialists {
		m, err := models.Build("mlp:5", models.Input{Shape: []int{4}, Scale: []float32{0.2}}, 3, uint64(i))
		if err != nil {
			return err
		}
		if err := onnx.Write(filepath.Join(dir, s.File), m); err != nil {
			return err
		}
	}
	return b.Write(dir)
}
