package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A family is the set of micro kernels of one vector width.
type family struct {
	name   string
	bytes  int // of a vector register
	regs   []reg.VecPhysical
	shapes []shape
}

// A shape is a tile of rows × vecs vectors.
type shape struct{ rows, vecs int }

var families = []family{
	{"AVX2", 32, []reg.VecPhysical{
		reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
	}, []shape{{6, 2}, {6, 1}, {4, 2}, {4, 1}, {2, 2}, {2, 1}, {1, 2}, {1, 1}, {1, 8}}},
	{"AVX512", 64, []reg.VecPhysical{
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
		reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
		reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
	}, []shape{{12, 2}, {12, 1}, {8, 2}, {8, 1}, {4, 2}, {4, 1}, {2, 2}, {2, 1}, {1, 2}, {1, 1}, {1, 8}}},
}

// A tile is the state of one micro kernel while it is written.
type tile struct {
	family
	rows, vecs int
	acc        []reg.VecPhysical // rows × vecs sums, row by row
	b          []reg.VecPhysical // one row of B
	bcast      []reg.VecPhysical // elements of A, used in turn
	ap, bp, cp reg.GPVirtual
	bstride    reg.GPVirtual
	ldc        reg.GPVirtual
	turn       int
}

// genKernel writes C = beta·C + A·B for a tile of rows × vecs vectors. A is
// packed, k columns of rows elements; B has k rows, bstride elements apart;
// each element of C is one chain of fused multiply-adds in the order of k.
func genKernel(f family, rows, vecs int) {
	t := &tile{family: f, rows: rows, vecs: vecs}
	cols := vecs * f.bytes / 4
	name := fmt.Sprintf("kernel%dx%d%s", rows, cols, f.name)
	TEXT(name, NOSPLIT, "func(k int, a, b []float32, bstride int, c []float32, ldc int, beta float32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is C = beta·C + A·B for C (%d,%d); C is not read when beta is 0.", name, rows, cols))

	n := rows * vecs
	t.acc, t.b = f.regs[:n], f.regs[n:min(n+vecs, len(f.regs)-1)]
	rest := n + len(t.b)
	t.bcast = f.regs[rest:min(len(f.regs), rest+4)]
	k := Load(Param("k"), GP64()).(reg.GPVirtual)
	t.ap = Load(Param("a").Base(), GP64()).(reg.GPVirtual)
	t.bp = Load(Param("b").Base(), GP64()).(reg.GPVirtual)
	t.cp = Load(Param("c").Base(), GP64()).(reg.GPVirtual)
	t.bstride = Load(Param("bstride"), GP64()).(reg.GPVirtual)
	t.ldc = Load(Param("ldc"), GP64()).(reg.GPVirtual)
	SHLQ(Imm(2), t.bstride)
	SHLQ(Imm(2), t.ldc)
	t.prefetch()
	for _, r := range t.acc {
		t.zero(r)
	}

	const unroll = 4
	Label("blocks")
	SUBQ(Imm(unroll), k)
	JL(LabelRef("rest"))
	Label("block")
	for u := range unroll {
		t.step(u)
	}
	ADDQ(Imm(uint64(4*rows*unroll)), t.ap)
	SUBQ(Imm(unroll), k)
	JGE(LabelRef("block"))
	Label("rest")
	ADDQ(Imm(unroll), k)
	JZ(LabelRef("store"))
	Label("single")
	t.step(0)
	ADDQ(Imm(uint64(4*rows)), t.ap)
	DECQ(k)
	JNZ(LabelRef("single"))

	Label("store")
	t.store()
	VZEROUPPER()
	RET()
}

func (t *tile) zero(r reg.VecPhysical) {
	if t.bytes == 64 {
		VPXORD(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
}

// prefetch asks for the rows of C, which are needed after the loop.
func (t *tile) prefetch() {
	row := GP64()
	MOVQ(t.cp, row)
	for i := range t.rows {
		if i > 0 {
			ADDQ(t.ldc, row)
		}
		PREFETCHT0(Mem{Base: row})
		if t.vecs*t.bytes > 64 {
			PREFETCHT0(Mem{Base: row, Disp: t.vecs*t.bytes - 4})
		}
	}
}

// step adds the product of one column of A and one row of B.
func (t *tile) step(u int) {
	if t.rows == 1 {
		VBROADCASTSS(Mem{Base: t.ap, Disp: 4 * u}, t.bcast[0])
		for j, sum := range t.acc {
			VFMADD231PS(Mem{Base: t.bp, Disp: j * t.bytes}, t.bcast[0], sum)
		}
		ADDQ(t.bstride, t.bp)
		return
	}
	for j, b := range t.b {
		VMOVUPS(Mem{Base: t.bp, Disp: j * t.bytes}, b)
	}
	ADDQ(t.bstride, t.bp)
	for i := range t.rows {
		a := t.bcast[t.turn%len(t.bcast)]
		t.turn++
		VBROADCASTSS(Mem{Base: t.ap, Disp: 4 * (u*t.rows + i)}, a)
		for j, b := range t.b {
			VFMADD231PS(b, a, t.acc[i*t.vecs+j])
		}
	}
}

// store writes the sums, after adding beta·C to them unless beta is ±0.
func (t *tile) store() {
	param, err := Param("beta").Resolve()
	if err != nil {
		panic(err)
	}
	bits := GP32()
	MOVL(param.Addr, bits)
	MOVQ(t.cp, t.ap)
	SHLL(Imm(1), bits)
	JZ(LabelRef("write"))
	beta, old := t.bcast[0], t.b[0]
	VBROADCASTSS(param.Addr, beta)
	t.eachRow(t.cp, func(i int) {
		for j := range t.vecs {
			VMULPS(Mem{Base: t.cp, Disp: j * t.bytes}, beta, old)
			VADDPS(old, t.acc[i*t.vecs+j], t.acc[i*t.vecs+j])
		}
	})
	Label("write")
	t.eachRow(t.ap, func(i int) {
		for j := range t.vecs {
			VMOVUPS(t.acc[i*t.vecs+j], Mem{Base: t.ap, Disp: j * t.bytes})
		}
	})
}

func (t *tile) eachRow(p reg.GPVirtual, f func(i int)) {
	for i := range t.rows {
		if i > 0 {
			ADDQ(t.ldc, p)
		}
		f(i)
	}
}

// genPeak writes a loop of fused multiply-adds on registers alone, the measure
// that benchmarks compare with.
func genPeak(f family) {
	sums := f.regs[:len(f.regs)-4]
	name := "peak" + f.name
	TEXT(name, NOSPLIT, "func(n int)")
	Doc(fmt.Sprintf("%s does %d·n fused multiply-adds.", name, len(sums)*f.bytes/4))
	n := Load(Param("n"), GP64())
	t := &tile{family: f}
	for _, r := range f.regs {
		t.zero(r)
	}
	Label("loop")
	x := f.regs[len(f.regs)-1]
	for _, r := range sums {
		VFMADD231PS(x, x, r)
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
