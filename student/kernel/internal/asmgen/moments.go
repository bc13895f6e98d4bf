package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A pass goes once over slices of equal length, a multiple of 16, four
// elements at a time in float64; multiplication and addition stay apart, so
// that the plain Go loop gives the same bits.
type pass struct {
	name, doc string
	sums      []string // arrays of 16 sums that the pass overwrites
	slices    []string
	scalars   []string // broadcast float64 parameters
	// body works on four elements. at is where those of a slice are, sum the
	// lanes of an array of sums.
	body func(s map[string]reg.VecVirtual, at func(slice string) Mem, sum map[string]reg.VecVirtual)
}

// widened loads four float32 as float64.
func widened(m Mem) reg.VecVirtual {
	t := YMM()
	VCVTPS2PD(m, t)
	return t
}

// narrowed stores four float64 as float32.
func narrowed(v reg.VecVirtual, m Mem) {
	t := XMM()
	VCVTPD2PSY(v, t)
	VMOVUPS(t, m)
}

var passes = []pass{
	{"sumAVX2", "m[i] = Σ x[16p+i]", []string{"m"}, []string{"x"}, nil,
		func(_ map[string]reg.VecVirtual, at func(string) Mem, sum map[string]reg.VecVirtual) {
			VADDPD(widened(at("x")), sum["m"], sum["m"])
		}},
	{"squaresAVX2", "m[i] = Σ (x[16p+i]−mean)²", []string{"m"}, []string{"x"}, []string{"mean"},
		func(s map[string]reg.VecVirtual, at func(string) Mem, sum map[string]reg.VecVirtual) {
			d := widened(at("x"))
			VSUBPD(s["mean"], d, d)
			VMULPD(d, d, d)
			VADDPD(d, sum["m"], sum["m"])
		}},
	{"projectionsAVX2", "s[i] = Σ g[16p+i] and d[i] = Σ g[16p+i]·(x[16p+i]−mean)", []string{"s", "d"}, []string{"g", "x"}, []string{"mean"},
		func(s map[string]reg.VecVirtual, at func(string) Mem, sum map[string]reg.VecVirtual) {
			g, x := widened(at("g")), widened(at("x"))
			VADDPD(g, sum["s"], sum["s"])
			VSUBPD(s["mean"], x, x)
			VMULPD(x, g, g)
			VADDPD(g, sum["d"], sum["d"])
		}},
	{"affineAVX2", "y = (x−mean)·mul + add", nil, []string{"y", "x"}, []string{"mean", "mul", "add"},
		func(s map[string]reg.VecVirtual, at func(string) Mem, _ map[string]reg.VecVirtual) {
			x := widened(at("x"))
			VSUBPD(s["mean"], x, x)
			VMULPD(s["mul"], x, x)
			VADDPD(s["add"], x, x)
			narrowed(x, at("y"))
		}},
	{"projectAVX2", "dx = k·g − a − (x−mean)·b", nil, []string{"dx", "g", "x"}, []string{"mean", "k", "a", "b"},
		func(s map[string]reg.VecVirtual, at func(string) Mem, _ map[string]reg.VecVirtual) {
			g, x := widened(at("g")), widened(at("x"))
			VMULPD(s["k"], g, g)
			VSUBPD(s["a"], g, g)
			VSUBPD(s["mean"], x, x)
			VMULPD(s["b"], x, x)
			VSUBPD(x, g, g)
			narrowed(g, at("dx"))
		}},
}

func (p pass) signature() string {
	sig := ""
	for _, list := range []struct {
		names []string
		typ   string
	}{{p.sums, "*[16]float64"}, {p.slices, "[]float32"}, {p.scalars, "float64"}} {
		for _, name := range list.names {
			if sig != "" {
				sig += ", "
			}
			sig += name + " " + list.typ
		}
	}
	return "func(" + sig + ")"
}

func genPass(p pass) {
	TEXT(p.name, NOSPLIT, p.signature())
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is %s; the slices have one length, a multiple of 16 and not 0.", p.name, p.doc))
	base := map[string]reg.Register{}
	for _, s := range p.slices {
		base[s] = Load(Param(s).Base(), GP64())
	}
	n := Load(Param(p.slices[0]).Len(), GP64())
	value := map[string]reg.VecVirtual{}
	for _, s := range p.scalars {
		addr, err := Param(s).Resolve()
		if err != nil {
			panic(err)
		}
		value[s] = YMM()
		VBROADCASTSD(addr.Addr, value[s])
	}
	var lanes [4]map[string]reg.VecVirtual
	for j := range lanes {
		lanes[j] = map[string]reg.VecVirtual{}
		for _, s := range p.sums {
			lanes[j][s] = YMM()
			VXORPD(lanes[j][s], lanes[j][s], lanes[j][s])
		}
	}
	i := GP64()
	XORQ(i, i)
	Label("loop")
	for j := range lanes {
		p.body(value, func(s string) Mem { return Mem{Base: base[s], Index: i, Scale: 4, Disp: 16 * j} }, lanes[j])
	}
	ADDQ(Imm(16), i)
	CMPQ(i, n)
	JL(LabelRef("loop"))
	for _, s := range p.sums {
		dst := Load(Param(s), GP64())
		for j := range lanes {
			VMOVUPD(lanes[j][s], Mem{Base: dst, Disp: 32 * j})
		}
	}
	VZEROUPPER()
	RET()
}
