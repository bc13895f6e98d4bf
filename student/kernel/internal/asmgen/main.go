// Command asmgen writes the amd64 assembly of package kernel, one file a set:
// matrix micro kernels and packing (gemm.go, pack.go), vector loops
// (vector.go), arithmetic of the pointwise ops (arith.go), transcendental
// functions (math.go, mathloops.go). Run it by go generate in student/kernel.
package main

import (
	"flag"
	"log"

	"github.com/mmcloughlin/avo/build"
)

// sets are the files that can be asked for with -set.
var sets = map[string]func(){
	"gemm": func() {
		for _, f := range families {
			genPeak(f)
			for _, s := range f.shapes {
				genKernel(f, s.rows, s.vecs)
			}
		}
		genTranspose()
		genCopy(16)
		genCopy(4)
	},
	"vector": func() {
		for _, l := range loops {
			genLoop(l)
		}
		genDot()
	},
	"arith": func() {
		for _, l := range arith {
			genLoop(l)
		}
	},
	"math": func() {
		for _, l := range mathLoops {
			genMath(l)
		}
		genAccumulate()
		genMax()
	},
}

func main() {
	set := flag.String("set", "", "which set of functions to write")
	flag.Parse()
	gen, ok := sets[*set]
	if !ok {
		log.Fatalf("asmgen: -set is %q, expected one of the sets in main.go", *set)
	}
	gen()
	build.Generate()
}
