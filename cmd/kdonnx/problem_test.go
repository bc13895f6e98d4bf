package main

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/internal/clouds"
)

// rows of the tests are three clouds of four features, close enough to overlap.
var rows = clouds.Clouds{Centres: [][]float64{{5, 2, 8, 1}, {6, 4, 6, 2}, {4, 5, 7, 4}}, Spread: 1.5}

// makeProblem puts train.csv, test.csv, teacher.onnx, and some broken data
// into dir.
func makeProblem(dir string) error {
	for name, n := range map[string]int{"train.csv": 300, "test.csv": 150} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(rows.CSV(n, uint64(n))), 0o644); err != nil {
			return err
		}
	}
	if err := brokenIDX(filepath.Join(dir, "idx")); err != nil {
		return err
	}
	return rows.WriteTeacher(filepath.Join(dir, "teacher.onnx"), "flower")
}

// brokenIDX writes a pair of IDX files of 2×2 pixels whose images end early.
func brokenIDX(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	images := binary.BigEndian.AppendUint32(nil, 0x803)
	for _, d := range []uint32{100, 2, 2} {
		images = binary.BigEndian.AppendUint32(images, d)
	}
	labels := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 0x801), 100)
	for i := range 100 {
		labels = append(labels, byte(i%3))
	}
	images = append(images, make([]byte, 399)...)
	images[20] = math.MaxUint8
	if err := os.WriteFile(filepath.Join(dir, "train-images-idx3-ubyte"), images, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "train-labels-idx1-ubyte"), labels, 0o644)
}
