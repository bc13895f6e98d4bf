package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets in bytes of the fields of kernel.correlateArgs.
const (
	argA = 8 * iota
	argB
	argC
	argAOff
	argBOff
	argSegments
	argCount
	argRS
	argKS
	argBS
	argLDC
	argAdd
)

// correlateShapes are the tiles of each family: as many rows as registers
// allow, and enough smaller ones to cut a row of pixels without waste.
func correlateShapes(f family) []shape {
	var out []shape
	tall := map[string][2][]int{
		"AVX2":   {{1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 6, 8, 10}},
		"AVX512": {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14}, {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16}},
	}[f.name]
	for _, r := range tall[1] {
		out = append(out, shape{r, 1})
	}
	for _, r := range tall[0] {
		out = append(out, shape{r, 2})
	}
	return out
}

// depthwiseShapes are the tiles in which each lane has its own channel.
func depthwiseShapes(family) []shape {
	return []shape{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {8, 1}}
}

// genCorrelate writes a tile of rows × vecs vectors of a correlation: sums
// over the rows of segments of A and B that lists of offsets name,
//
//	C[i] = Σ over segments s and k < count of A[aoff[s] + i·rs + k·ks] · B[boff[s] + k·bs]
//
// plus C when add is set. A's element is one for all lanes, or for depthwise
// tiles a vector like B's. Each element of C is one chain of fused
// multiply-adds in the order of the segments, then of k.
func genCorrelate(f family, rows, vecs int, depthwise bool) {
	lanes := f.bytes / 4
	kind := "correlate"
	if depthwise {
		kind = "depthwise"
	}
	name := fmt.Sprintf("%s%dx%d%s", kind, rows, vecs*lanes, f.name)
	TEXT(name, NOSPLIT, "func(args *[12]int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the tile of (%d,%d) that args describe.", name, rows, vecs*lanes))

	n := rows * vecs
	acc, b := f.regs[:n], f.regs[n:n+vecs]
	spare := f.regs[n+vecs:]
	spare = spare[:min(len(spare), 4)]
	args := Load(Param("args"), GP64()).(reg.GPVirtual)
	field := func(off int) Mem { return Mem{Base: args, Disp: off} }
	rs, rs3, ks, bs := GP64(), GP64(), GP64(), GP64()
	MOVQ(field(argRS), rs)
	MOVQ(field(argKS), ks)
	MOVQ(field(argBS), bs)
	LEAQ(Mem{Base: rs, Index: rs, Scale: 2}, rs3)
	ap := make([]reg.GPVirtual, (rows+3)/4)
	for i := range ap {
		ap[i] = GP64()
	}
	row := func(i int) Mem {
		p := ap[i/4]
		switch i % 4 {
		case 1:
			return Mem{Base: p, Index: rs, Scale: 1}
		case 2:
			return Mem{Base: p, Index: rs, Scale: 2}
		case 3:
			return Mem{Base: p, Index: rs3, Scale: 1}
		}
		return Mem{Base: p}
	}
	t := &tile{family: f}
	for _, r := range acc {
		t.zero(r)
	}
	seg, bp, k := GP64(), GP64(), GP64()
	XORQ(seg, seg)
	CMPQ(field(argSegments), Imm(0))
	JLE(LabelRef("store"))
	CMPQ(field(argCount), Imm(0))
	JLE(LabelRef("store"))

	Label("segment")
	MOVQ(field(argAOff), k)
	MOVQ(Mem{Base: k, Index: seg, Scale: 8}, ap[0])
	ADDQ(field(argA), ap[0])
	for i := 1; i < len(ap); i++ {
		LEAQ(Mem{Base: ap[i-1], Index: rs, Scale: 4}, ap[i])
	}
	MOVQ(field(argBOff), k)
	MOVQ(Mem{Base: k, Index: seg, Scale: 8}, bp)
	ADDQ(field(argB), bp)
	MOVQ(field(argCount), k)
	Label("k")
	for j := range vecs {
		VMOVUPS(Mem{Base: bp, Disp: j * f.bytes}, b[j])
	}
	ADDQ(bs, bp)
	multiplyRows(f, rows, vecs, depthwise, row, acc, b, spare)
	for _, p := range ap {
		ADDQ(ks, p)
	}
	DECQ(k)
	JNZ(LabelRef("k"))
	INCQ(seg)
	CMPQ(seg, field(argSegments))
	JLT(LabelRef("segment"))

	Label("store")
	cp, ldc := bp, bs
	MOVQ(field(argC), cp)
	MOVQ(field(argLDC), ldc)
	storeRows(f, rows, vecs, field(argAdd), acc, cp, ldc, k)
	VZEROUPPER()
	RET()
}

// multiplyRows adds one k to the sums: b, which is loaded, times A's element of
// each row.
func multiplyRows(f family, rows, vecs int, depthwise bool, row func(i int) Mem, acc, b, spare []reg.VecPhysical) {
	for i := range rows {
		switch {
		case depthwise:
			VFMADD231PS(row(i), b[0], acc[i])
		case vecs == 1 && f.name == "AVX512":
			VFMADD231PS_BCST(row(i), b[0], acc[i])
		default:
			a := spare[i%len(spare)]
			VBROADCASTSS(row(i), a)
			for j := range vecs {
				VFMADD231PS(b[j], a, acc[i*vecs+j])
			}
		}
	}
}

// storeRows writes the sums to C at c, plus what is there when add is not 0; at
// is a register to spare.
func storeRows(f family, rows, vecs int, add Mem, acc []reg.VecPhysical, c, ldc, at reg.GPVirtual) {
	CMPQ(add, Imm(0))
	JE(LabelRef("write"))
	MOVQ(c, at)
	for i := range rows {
		for j := range vecs {
			VADDPS(Mem{Base: at, Disp: j * f.bytes}, acc[i*vecs+j], acc[i*vecs+j])
		}
		if i+1 < rows {
			ADDQ(ldc, at)
		}
	}
	Label("write")
	for i := range rows {
		for j := range vecs {
			VMOVUPS(acc[i*vecs+j], Mem{Base: c, Disp: j * f.bytes})
		}
		if i+1 < rows {
			ADDQ(ldc, c)
		}
	}
}
