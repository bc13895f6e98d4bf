package graph_test

import (
	"runtime"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
	"github.com/kdonnx/kdonnx/student/graph/exporters"
	"github.com/kdonnx/kdonnx/student/graph/randomnets"
)

// fuzzMemory is what importing a file of some kilobytes may allocate in all:
// the constants of folding, some times over.
const fuzzMemory = 1 << 30

// FuzzImport imports files that are nearly models. Import must not panic, must
// say of what kind an error is, and must not take memory that the file does
// not hold; what it takes it must also give back as a model that it takes, and run.
func FuzzImport(f *testing.F) {
	for _, c := range exporters.All() {
		data, err := onnx.Marshal(c.Model)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for seed := range uint64(20) {
		data, err := onnx.Marshal(randomnets.Draw(seed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Parse("fuzz.onnx", data, onnx.ReadOptions{Weights: true})
		if err != nil {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		g, err := graph.Import(m, "fuzz.onnx")
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > fuzzMemory {
			t.Errorf("import of %d bytes allocates %d", len(data), used)
		}
		if err != nil {
			if fault.KindOf(err) != fault.Input {
				t.Errorf("%v is of kind %d", err, fault.KindOf(err))
			}
			return
		}
		if _, err := graph.Import(g.Model(), "again.onnx"); err != nil {
			t.Errorf("its own export: %v", err)
		}
		runs(t, g)
	})
}

// runs takes a training step of a small graph, which must not panic either.
func runs(t *testing.T, g *graph.Graph) {
	const batch, small = 2, 1 << 16
	for _, v := range g.Inputs {
		if v.Shape.Size(batch) > small {
			return
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Out {
			if v.Shape.Size(batch) > small {
				return
			}
		}
	}
	p, err := g.NewPlan(batch, g.NewGradients())
	if err != nil {
		if fault.KindOf(err) != fault.Input {
			t.Errorf("%v is of kind %d", err, fault.KindOf(err))
		}
		return
	}
	var x [][]float32
	for _, v := range g.Inputs {
		x = append(x, make([]float32, v.Shape.Size(batch)))
	}
	p.Forward(x...)
	p.Backward()
}
