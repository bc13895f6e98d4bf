package loss

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const digestMark = "digest of the losses: "

// digest hashes the bits of softmax, which float32 gradients would hide, and
// of every loss's terms and gradient.
func digest(t *testing.T) string {
	h := sha256.New()
	b := randomBatch(99, 64, 10)
	for i := range b.N {
		var d distribution
		d.set(b.Student[i*b.C:(i+1)*b.C], 0.7)
		binary.Write(h, binary.LittleEndian, d.p)
		binary.Write(h, binary.LittleEndian, d.logp)
	}
	for _, e := range Entries() {
		for _, temp := range []float64{0.01, 0.7, 4, 1000} {
			l, err := New(e.Name, Settings{Temperature: temp, Alpha: 0.9})
			if err != nil {
				t.Fatal(err)
			}
			grad := make([]float32, b.N*b.C)
			binary.Write(h, binary.LittleEndian, l.Eval(b, grad))
			binary.Write(h, binary.LittleEndian, grad)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// One build gives the same bits on one processor or many, with fused
// multiply-add or without.
func TestBitsDoNotDependOnTheMachine(t *testing.T) {
	want := digest(t)
	if os.Getenv("KDONNX_TEST_DIGEST") != "" {
		fmt.Println(digestMark + want)
		return
	}
	for _, env := range []string{"GOMAXPROCS=1", "GOMAXPROCS=8", "GODEBUG=cpu.fma=off", "GODEBUG=cpu.avx2=off"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestBitsDoNotDependOnTheMachine$")
		cmd.Env = append(os.Environ(), "KDONNX_TEST_DIGEST=1", env)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), digestMark+want) {
			t.Errorf("%s: got %s want %s", env, out, want)
		}
	}
}
