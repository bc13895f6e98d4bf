package kernel

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sort"
	"strings"
	"testing"
)

// TestCPUs runs itself with CPU features switched off and wants other code to
// run and the same bytes to come out.
func TestCPUs(t *testing.T) {
	const child = "KDONNX_TEST_CPUS"
	if os.Getenv(child) != "" {
		fmt.Printf("digest %x variant %s\n", digest(), variants[0].name)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(debug string) (sum, variant string) {
		cmd := exec.Command(exe, "-test.run=^TestCPUs$", "-test.count=1")
		cmd.Env = append(os.Environ(), child+"=1", "GODEBUG="+debug)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("GODEBUG=%s: %v", debug, err)
		}
		_, found, _ := strings.Cut(string(out), "digest ")
		if _, err := fmt.Sscanf(found, "%s variant %s", &sum, &variant); err != nil {
			t.Fatalf("GODEBUG=%s: output %q: %v", debug, out, err)
		}
		return sum, variant
	}
	want, _ := run("")
	for debug, left := range map[string]string{
		"cpu.avx512=off": "AVX2 portable", "cpu.avx512f=off": "AVX2 portable",
		"cpu.avx2=off": "portable", "cpu.fma=off": "portable", "cpu.all=off": "portable",
	} {
		sum, variant := run(debug)
		if !strings.Contains(left, variant) {
			t.Errorf("GODEBUG=%s: %s runs", debug, variant)
		}
		if sum != want {
			t.Errorf("GODEBUG=%s: %s gives other bytes than %s", debug, variant, variants[0].name)
		}
	}
}

// digest is of a few products, optimiser steps and every pointwise loop.
func digest() []byte {
	rng := rand.New(rand.NewPCG(21, 22))
	h := sha256.New()
	for range 20 {
		p := random(rng)
		c := p.solve(variants[0])
		w, g, m, v := c, cloned(c), make([]float32, len(c)), make([]float32, len(c))
		for i := range g {
			if w[i] != w[i] {
				w[i], g[i] = 0, 0
			}
		}
		s := float32(dot64(w, g))
		Adam(w, g, m, v, NewAdamStep(0.1, 0.9, 0.999, 1e-8, 0.01, 1))
		SGDMomentum(w, g, m, SGDStep{Grad: 0.7, LR: 0.1, Momentum: 0.9, Decay: 0.01, Nesterov: true})
		Lion(w, g, m, LionStep{Grad: 0.7, Beta1: 0.9, Beta2: 0.99, LR: 0.01, Decay: 0.99})
		Lamb(w, g, m, v, 0.01, NewAdamStep(1, 0.9, 0.999, 1e-6, 0, 2))
		Lerp(v, w, float32(SumSquares(g))*1e-3)
		Axpy(s, g, v)
		for _, x := range [][]float32{w, m, v} {
			if err := binary.Write(h, binary.LittleEndian, x); err != nil {
				panic(err)
			}
		}
	}
	var names []string
	for name := range twinLoops {
		names = append(names, name)
	}
	sort.Strings(names)
	x := make([]float32, 1003)
	y, w := make([]float32, len(x)), make([]float32, len(x))
	for i := range x {
		x[i], y[i] = float32(3*rng.NormFloat64()), float32(rng.NormFloat64())
	}
	for _, name := range names {
		twinLoops[name](w, x, y, y)
		for i, v := range w {
			if v != v {
				w[i] = -1 // a NaN has no sign to keep
			}
		}
		if err := binary.Write(h, binary.LittleEndian, w); err != nil {
			panic(err)
		}
	}
	for _, x := range imageDigest(rng) {
		if err := binary.Write(h, binary.LittleEndian, x); err != nil {
			panic(err)
		}
	}
	return h.Sum(nil)
}

// imageDigest gives what the loops on channels-last images make of a few
// shapes, forward and backward.
func imageDigest(rng *rand.Rand) (out [][]float32) {
	like := func(x []float32) []float32 {
		y := make([]float32, len(x))
		out = append(out, y)
		return y
	}
	for _, s := range convCases {
		x, w, b, dy := normals(rng, s.N*s.C*s.H*s.W), normals(rng, s.M*s.C/s.Groups*s.KH*s.KW), normals(rng, s.M), normals(rng, s.N*s.M*s.OH*s.OW)
		c := NewConv(s, true)
		work := make([]float32, c.Work())
		c.Forward(like(dy), x, w, b, work)
		c.Backward(like(x), like(w), like(b), dy, x, w, work)
		for _, relu := range []bool{false, true} {
			n := NewBatchNorm(len(x)/s.C, s.C, 1e-5, relu)
			n.Cap = 0.75
			scale, y, z := normals(rng, s.C), like(x), normals(rng, len(x))
			n.Train(y, x, nil, scale, scale, nil)
			n.Backward(like(x), nil, like(scale), like(scale), z, x, y, scale)
			n.Train(y, x, z, scale, scale, nil)
			n.Backward(like(x), like(z), like(scale), like(scale), z, x, y, scale)
		}
		window := Window{N: s.N, C: s.C, H: s.H, W: s.W, OH: (s.H + 1) / 2, OW: (s.W + 1) / 2, KH: 3, KW: 3, SH: 2, SW: 2, PT: 1, PL: 1, PB: 1, PR: 1, DH: 1, DW: 1}
		top, mean := NewMaxPool(window), NewAveragePool(window)
		y := normals(rng, s.N*window.OH*window.OW*s.C)
		top.Forward(like(y), x)
		top.Backward(like(x), y)
		mean.Forward(like(y), x)
		mean.Backward(like(x), y)
		NewGlobalAverage(s.N, s.H*s.W, s.C).Forward(like(x[:s.N*s.C]), x)
		NewTranspose(s.N, s.H*s.W, s.C).Forward(like(x), x)
	}
	return out
}
