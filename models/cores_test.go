package models

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
)

// TestBytesOnAnyCores trains on 1, 2, 3 and 8 cores and wants the same weights,
// bit by bit.
func TestBytesOnAnyCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	x, y := strokes(40, 6)
	loss := crossEntropy(y, 4)
	for spec, steps := range map[string]int{"mlp:300,300": 200, "cnn:16,32?norm=1": 200, "resnet8": 200, "mobilenetv2:0.1": 10, "transformer:16,1,2": 100} {
		var first []byte
		for _, procs := range []int{1, 2, 3, 8} {
			runtime.GOMAXPROCS(procs)
			s := build(t, spec, image, 4)
			tr := trainer(t, s, "sgd", len(y))
			for range steps {
				if _, err := tr.Step(x, len(y), loss, 1e-3); err != nil {
					t.Fatal(err)
				}
			}
			var got bytes.Buffer
			for _, p := range s.Params() {
				if err := binary.Write(&got, binary.LittleEndian, p.Data); err != nil {
					t.Fatal(err)
				}
			}
			if first == nil {
				first = got.Bytes()
			} else if !bytes.Equal(got.Bytes(), first) {
				t.Errorf("%s: %d cores give other weights than 1", spec, procs)
			}
		}
	}
}
