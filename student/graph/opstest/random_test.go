//go:build cgo && linux

package opstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student/graph"
	"github.com/kdonnx/kdonnx/student/graph/randomnets"
)

// TestRandomNetsBesideONNXRuntime compares the outputs of nets drawn at random.
func TestRandomNetsBesideONNXRuntime(t *testing.T) {
	if _, err := ort.Find(""); err != nil {
		t.Fatalf("%v: this test needs ONNX Runtime: make test installs it and runs it", err)
	}
	for seed := range uint64(50) {
		if err := randomBeside(seed, 3); err != nil {
			t.Errorf("net %d: %v", seed, err)
		}
	}
}

func randomBeside(seed uint64, batch int) error {
	m := randomnets.Draw(seed)
	g, err := graph.Import(m, "random.onnx")
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(seed, 4))
	x := make([]float32, g.Inputs[0].Shape.Size(batch))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	data, err := onnx.Marshal(m)
	if err != nil {
		return err
	}
	session, err := ort.OpenBytes("random.onnx", data, ort.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer session.Close()
	var shape []int64
	for _, d := range g.Inputs[0].Shape.At(batch) {
		shape = append(shape, int64(d))
	}
	want, err := session.Run(context.Background(), []ort.Value{ort.Float32(shape, x)})
	if err != nil {
		return err
	}
	p, err := g.NewPlan(batch, nil)
	if err != nil {
		return err
	}
	p.Forward(x)
	for k, w := range want {
		values, err := w.Float32s()
		if err != nil {
			return err
		}
		exact := make([]float64, len(values))
		for i, v := range values {
			exact[i] = float64(v)
		}
		if err := compare("output "+g.Outputs[k].Name, p.Output(k), exact); err != nil {
			return fmt.Errorf("%w", err)
		}
	}
	return nil
}
