package specialist

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

func TestAssemble(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for i := range 20 {
		b := drawn(t, rng, 2+rng.IntN(20), rng.IntN(7), 1+rng.IntN(2), []float32{0.3, 1, 3, 10, 30}[i%5])
		m, err := Assemble(b)
		if err != nil {
			t.Fatal(err)
		}
		data, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ort.OpenBytes("one.onnx", data, ort.Options{})
		if err != nil {
			t.Fatal(err)
		}
		src := normals(rng, 200, 6)
		e := open(t, b, EnsembleOptions{Rows: src})
		out, err := s.Run(context.Background(), []ort.Value{ort.Float32([]int64{200, 6}, src.x)})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := out[0].Float32s()
		most := 0.0
		c := len(b.Classes)
		e.Each(context.Background(), src, func(row int, q []float32, about Fused) error {
			for k, v := range q {
				d := math.Abs(float64(v - got[row*c+k]))
				if d > 1e-5 || d != d {
					t.Errorf("bundle %d row %d: %v\n%v\n%v", i, row, q, got[row*c:(row+1)*c], about)
					break
				}
				most = max(most, d)
			}
			return nil
		})
		t.Log(i, c, len(b.Specialists), b.Top, most)
		s.Close()
	}
}
