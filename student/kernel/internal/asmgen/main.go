// Command asmgen writes the amd64 assembly of package kernel, one file a set:
// matrix micro kernels and packing (gemm.go, pack.go), the tiles of
// convolutions (correlate.go), sums of columns and pooling (columns.go),
// sums and passes of normalisation (moments.go), vector loops (vector.go), arithmetic of
// the pointwise ops (arith.go), transcendental functions (math.go,
// mathloops.go), optimiser updates (optim.go). Run it by go generate in
// student/kernel.
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
	"correlate": func() {
		for _, f := range families {
			for _, s := range correlateShapes(f) {
				genCorrelate(f, s.rows, s.vecs, false)
			}
			for _, s := range depthwiseShapes(f) {
				genCorrelate(f, s.rows, s.vecs, true)
			}
		}
	},
	"columns": func() {
		for _, f := range families {
			genColumns(f, "columnMoments", "adds up x and its square", false, false)
			genColumns(f, "columnDots", "adds up dy and dy·x", true, false)
			genColumns(f, "columnMaskedDots", "adds up dy and dy·x where 0 < y < limit", true, true)
		}
		genPool()
	},
	"moments": func() {
		for _, p := range passes {
			genPass(p)
		}
	},
	"vector": func() {
		for _, l := range loops {
			genLoop(l)
		}
	},
	"optim": func() {
		for _, l := range updates {
			genLoop(l)
		}
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
