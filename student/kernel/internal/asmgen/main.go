// Command asmgen writes the amd64 assembly of package kernel: matrix micro
// kernels (gemm.go), packing (pack.go) and vector loops (vector.go). Run it by
// go generate in student/kernel.
package main

import "github.com/mmcloughlin/avo/build"

func main() {
	for _, f := range families {
		genPeak(f)
		for _, s := range f.shapes {
			genKernel(f, s.rows, s.vecs)
		}
	}
	genTranspose()
	genCopy(16)
	genCopy(4)
	for _, l := range loops {
		genLoop(l)
	}
	genDot()
	build.Generate()
}
