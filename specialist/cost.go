package specialist

import (
	"context"
	"math"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Cost is what answering takes.
type Cost struct {
	Params int64   `json:"params"`          // values that were trained
	FLOPs  float64 `json:"flops"`           // of one row on average, a multiply-add as two
	Speed  *Speed  `json:"speed,omitempty"` // nil: not measured
}

// costOf counts the .onnx file at path.
func costOf(path string) (c Cost, err error) {
	m, err := onnx.Read(path, onnx.ReadOptions{Weights: true})
	if err != nil {
		return c, err
	}
	flops, err := models.FLOPs(m)
	if err != nil {
		return c, fault.At(path, err)
	}
	c.FLOPs = float64(flops)
	c.Params, err = models.Count(m)
	return c, fault.At(path, err)
}

// Costs are those of the generalist, and of it with its specialists where each
// is asked as often as in v. What cannot be counted, such as a forest, is an
// error.
func (b *Bundle) Costs(v *Evaluation) (generalist, together Cost, err error) {
	if generalist, err = costOf(b.Path(b.Generalist)); err != nil {
		return generalist, together, err
	}
	together = generalist
	rows := 0
	for _, n := range v.Asked {
		rows += n
	}
	for m, x := range b.Specialists {
		c, err := costOf(b.Path(x.Member))
		if err != nil {
			return generalist, together, err
		}
		together.Params += c.Params
		together.FLOPs += c.FLOPs * float64(v.AskedOf[m]) / math.Max(1, float64(rows))
	}
	return generalist, together, nil
}

// Params are the trained parameters of the generalist and all its specialists.
func (b *Bundle) Params() (n int64, err error) {
	for _, m := range b.members() {
		c, err := costOf(b.Path(*m))
		if err != nil {
			return 0, err
		}
		n += c.Params
	}
	return n, nil
}

// Visits are the rows that the specialists learned from, each as often as one did,
// as the records of their fleet say; 0 where these are not there.
func (b *Bundle) Visits() (n int64, err error) {
	f := folder{dir: b.dir, records: fleetDir}
	for _, x := range b.Specialists {
		r := &Record{}
		if ok, err := f.load(strings.TrimSuffix(strings.TrimSuffix(x.File, ".onnx"), ".unverified"), b.Path(x.Member), r); !ok || err != nil {
			return 0, err
		}
		n += r.Visits
	}
	return n, nil
}

// Rival is what an ensemble of specialists is compared with: one model, or
// several whose probabilities are averaged.
type Rival struct {
	Name   string
	Files  []string
	Models []Model
}

// RivalResult is what a rival came to on the same rows.
type RivalResult struct {
	Name string `json:"name"`
	Cost
	metrics.Result
	Right []bool `json:"-"` // of the labelled rows, in their order
}

// EvaluateRival scores r on the rows of src, which are of so many classes.
func EvaluateRival(ctx context.Context, r Rival, src dataset.Source, classes int) (*RivalResult, error) {
	out := &RivalResult{Name: r.Name}
	for _, path := range r.Files {
		c, err := costOf(path)
		if err != nil {
			return nil, err
		}
		out.Params, out.FLOPs = out.Params+c.Params, out.FLOPs+c.FLOPs
	}
	acc, err := metrics.NewAccumulator(classes)
	if err != nil {
		return nil, err
	}
	var z, sum []float32
	p := make([]float32, classes)
	err = batches(ctx, src, func(b *dataset.Batch, _ int) error {
		z, sum = grow(z, b.N*classes), grow(sum, b.N*classes)
		clear(sum)
		for _, m := range r.Models {
			if err := m.PredictRows(ctx, b, z); err != nil {
				return err
			}
			for i := range b.N {
				softmax(p, z[i*classes:(i+1)*classes])
				for k, v := range p {
					sum[i*classes+k] += v
				}
			}
		}
		for i, v := range sum {
			sum[i] = float32(math.Log(float64(v)))
		}
		if out.Right, err = metrics.Correct(out.Right, sum, b.Y, classes); err != nil {
			return err
		}
		return acc.Add(sum, b.Y, nil)
	})
	out.Result = acc.Result()
	return out, err
}
