package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/student"
)

// The rows of the tests are three clouds of four features around these
// centres, close enough to overlap.
var centres = [3][4]float64{{5, 2, 8, 1}, {6, 4, 6, 2}, {4, 5, 7, 4}}

const spread = 1.5

// makeProblem puts train.csv, test.csv, teacher.onnx, and some broken data
// into dir.
func makeProblem(dir string) error {
	for name, n := range map[string]int{"train.csv": 300, "test.csv": 150} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(cloudCSV(n, uint64(n))), 0o644); err != nil {
			return err
		}
	}
	if err := brokenIDX(filepath.Join(dir, "idx")); err != nil {
		return err
	}
	return makeTeacher(filepath.Join(dir, "teacher.onnx"))
}

func cloudCSV(n int, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 5))
	var b strings.Builder
	b.WriteString("a,b,c,d,label\n")
	for range n {
		k := rng.IntN(len(centres))
		for _, c := range centres[k] {
			fmt.Fprintf(&b, "%.2f,", c+spread*rng.NormFloat64())
		}
		fmt.Fprintf(&b, "%c\n", 'x'+k)
	}
	return b.String()
}

// makeTeacher writes the optimal classifier of the clouds: the logit of a
// class is (2·c·x − |c|²)/(2·spread²), c being its centre.
func makeTeacher(path string) error {
	in := models.Input{Name: "flower", Shape: []int{len(centres[0])}}
	m, err := models.Build("linear", in, len(centres), 1)
	if err != nil {
		return err
	}
	net, err := student.FromModel(m, path)
	if err != nil {
		return err
	}
	const scale = 2 * spread * spread
	for _, p := range net.Params() {
		switch {
		case !p.Trainable:
		case len(p.Dims) == 1:
			for k, c := range centres {
				p.Data[k] = 0
				for _, v := range c {
					p.Data[k] -= float32(v * v / scale)
				}
			}
		default: // (classes, features) or (features, classes)
			for k, c := range centres {
				for f, v := range c {
					at := k*len(c) + f
					if p.Dims[0] == len(c) {
						at = f*len(centres) + k
					}
					p.Data[at] = float32(2 * v / scale)
				}
			}
		}
	}
	data, err := export.Bytes(net, nil)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
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
