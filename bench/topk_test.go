package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/student"
)

// The task: 1,000 classes in 40 groups, each a normal cloud around its centre.
// Clouds of one group overlap.
const (
	cloudClasses  = 1000
	cloudGroups   = 40
	cloudFeatures = 64
	cloudWithin   = 0.8 // spread of the centres of a group
	cloudNoise    = 2.0
	cloudSeeds    = 3
)

// cloudCases are the runs. The rows decide how much the rest of a row matters:
// with 20 of a class a student learns from all logits what the labels cannot
// show it.
var cloudCases = []struct {
	temperature  float64
	rows, epochs int
}{{1, 20000, 8}, {4, 20000, 8}, {4, 100000, 2}}

// BenchmarkTopKAccuracy trains the same student from stores of one teacher that
// keep all logits in float32 and the largest 16 in float16, with three seeds
// each, and reports what the latter costs in points of accuracy.
func BenchmarkTopKAccuracy(b *testing.B) {
	if os.Getenv("KDONNX_TOPK") == "" {
		b.Skip("make bench-topk runs it")
	}
	centres := cloudCentres()
	for _, c := range cloudCases {
		b.Run(fmt.Sprintf("T=%v,rows=%d", c.temperature, c.rows), func(b *testing.B) {
			dir := b.TempDir()
			if err := cloudTeacher(filepath.Join(dir, "teacher.onnx"), centres); err != nil {
				b.Fatal(err)
			}
			for name, n := range map[string]int{"train": c.rows, "val": 1000, "test": 10000} {
				if err := writeClouds(dir, name, n, centres); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				all, spread := cloudStudents(b, dir, "float32", c.temperature, c.epochs)
				few, other := cloudStudents(b, dir, "topk:16", c.temperature, c.epochs)
				b.ReportMetric(all, "float32-%")
				b.ReportMetric(few, "topk:16-%")
				b.ReportMetric(max(spread, other), "seeds-%")
			}
		})
	}
}

// cloudStudents trains a student for each seed and returns the mean of their
// accuracies in per cent, and how far they lie apart.
func cloudStudents(b *testing.B, dir, dtype string, temperature float64, epochs int) (mean, spread float64) {
	b.Helper()
	lo, hi := math.Inf(1), math.Inf(-1)
	for seed := range uint64(cloudSeeds) {
		r := distill.Default()
		r.Teacher.Model, r.Teacher.Input, r.Teacher.StoreDType = filepath.Join(dir, "teacher.onnx"), "raw", dtype
		r.Data.Train, r.Data.Val, r.Data.Test = filepath.Join(dir, "train.npy"), filepath.Join(dir, "val.npy"), filepath.Join(dir, "test.npy")
		r.Student.Arch = "mlp:256"
		r.Loss.Temperature = temperature
		r.Train.Epochs, r.Train.Seed, r.Train.NoBaseline = epochs, seed+1, true
		r.Output.Model = filepath.Join(b.TempDir(), "student.onnx")
		r.Fill()
		result, err := distill.Run(context.Background(), r, distill.Env{Cache: dir})
		if err != nil {
			b.Fatal(err)
		}
		a := 100 * result.Student.Accuracy
		b.Logf("%s, seed %d: accuracy %.2f %%, agreement %.2f %%, teacher %.2f %%", dtype, seed+1, a, 100*result.Student.Agreement, 100*result.Teacher.Accuracy)
		mean += a / cloudSeeds
		lo, hi = min(lo, a), max(hi, a)
	}
	return mean, hi - lo
}

func cloudCentres() [][]float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	groups := make([][]float64, cloudGroups)
	for g := range groups {
		groups[g] = make([]float64, cloudFeatures)
		for f := range groups[g] {
			groups[g][f] = rng.NormFloat64()
		}
	}
	centres := make([][]float64, cloudClasses)
	for c := range centres {
		centres[c] = make([]float64, cloudFeatures)
		for f := range centres[c] {
			centres[c][f] = groups[c%cloudGroups][f] + cloudWithin*rng.NormFloat64()
		}
	}
	return centres
}

// writeClouds writes NAME.npy and NAME_labels.npy with n rows.
func writeClouds(dir, name string, n int, centres [][]float64) error {
	rng := rand.New(rand.NewPCG(uint64(n), 3))
	err := writeArray(filepath.Join(dir, name+".npy"), "<f4", []int{n, cloudFeatures}, func(i int, buf []byte) []byte {
		for _, v := range centres[i%cloudClasses] {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(float32(v+cloudNoise*rng.NormFloat64())))
		}
		return buf
	})
	if err != nil {
		return err
	}
	return writeArray(filepath.Join(dir, name+"_labels.npy"), "<i8", []int{n}, func(i int, buf []byte) []byte {
		return binary.LittleEndian.AppendUint64(buf, uint64(i%cloudClasses))
	})
}

// cloudTeacher writes the optimal classifier: the logit of a class is
// (2·c·x − |c|²)/(2·noise²), c being its centre.
func cloudTeacher(path string, centres [][]float64) error {
	m, err := models.Build("linear", models.Input{Name: "x", Shape: []int{cloudFeatures}}, cloudClasses, 1)
	if err != nil {
		return err
	}
	net, err := student.FromModel(m, path)
	if err != nil {
		return err
	}
	const scale = 2 * cloudNoise * cloudNoise
	for _, p := range net.Params() {
		if !p.Trainable {
			continue
		}
		clear(p.Data)
		for k, c := range centres {
			for f, v := range c {
				switch {
				case len(p.Dims) == 1:
					p.Data[k] -= float32(v * v / scale)
				case p.Dims[0] == cloudClasses:
					p.Data[k*cloudFeatures+f] = float32(2 * v / scale)
				default:
					p.Data[f*cloudClasses+k] = float32(2 * v / scale)
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
