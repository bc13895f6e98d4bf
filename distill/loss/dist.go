package loss

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/dataset"
)

func init() {
	Register(Entry{
		Name: "dist", Task: dataset.MultiClass, Standardisable: true,
		Doc: "α·T²·(b·(1 − ρ by row) + c·(1 − ρ by class)) + β·CE: relations instead of values (Huang et al. 2022)",
		Own: []Own{{"inter", 1, "weight b of the correlation within a row, between classes"}, {"intra", 1, "weight c of the correlation within a class, between rows"}},
		New: func(s Settings) (Loss, error) {
			return newDistilling("dist", s, &relations{inter: s.Own["inter"], intra: s.Own["intra"]})
		},
	})
}

// relations is the soft term of DIST (Huang et al. 2022, arXiv 2205.10536,
// equations 5 to 7), ρ being Pearson's correlation of the student's and the
// teacher's probabilities at T:
//
//	S = T²·(b·(1 − mean_i ρ(q_i·, p_i·)) + c·(1 − mean_j ρ(q_·j, p_·j)))
//
// T² stands as in the authors' code. A student that ranks and spaces the
// classes as the teacher does is right whatever its scale. The second term
// needs two rows. A row or class without any spread correlates with nothing, and
// one whose spread is small beside the 1e-8 of the authors' code with little: at
// T = 1000 even equal logits of about 1 have ρ = 0.99.
type relations struct {
	inter, intra float64
	d            distribution
	p, q, gq     []float64 // (N, C)
	a, b, ga     []float64 // one row or column
}

func (r *relations) formula(z, v string) (term, letters string) {
	return fmt.Sprintf("T²·(%s·(1 − mean ρ of a row) + %s·(1 − mean ρ of a class))", number(r.inter), number(r.intra)),
		fmt.Sprintf("ρ the correlation of softmax(%s/T) and softmax(%s/T)", v, z)
}

func (r *relations) eval(z, v []float64, n, c int, _ []int32, t, w float64, g []float64) float64 {
	if size := n * c; cap(r.p) < size || cap(r.a) < max(n, c) {
		r.p, r.q, r.gq = make([]float64, size), make([]float64, size), make([]float64, size)
		r.a, r.b, r.ga = make([]float64, max(n, c)), make([]float64, max(n, c)), make([]float64, max(n, c))
	}
	p, q, gq := r.p[:n*c], r.q[:n*c], r.gq[:n*c]
	clear(gq)
	for i := range n {
		setTo(&r.d, v[i*c:(i+1)*c], t)
		copy(p[i*c:], r.d.p)
		setTo(&r.d, z[i*c:(i+1)*c], t)
		copy(q[i*c:], r.d.p)
	}
	rows, classes := 0.0, 0.0
	for i := range n {
		rows += r.correlate(p, q, gq, i*c, 1, c, r.inter/float64(n))
	}
	sum := float64(r.inter * (1 - rows/float64(n)))
	if n > 1 {
		for j := range c {
			classes += r.correlate(p, q, gq, j, c, n, r.intra/float64(c))
		}
		sum += float64(r.intra * (1 - classes/float64(c)))
	}
	for i := range n { // through q = softmax(z/T): ∂/∂z_k = q_k·(g_k − Σ g_j·q_j)/T
		row, back := q[i*c:(i+1)*c], gq[i*c:(i+1)*c]
		mean := 0.0
		for j := range row {
			mean += float64(row[j] * back[j])
		}
		for j := range row {
			g[i*c+j] += float64(w * t * row[j] * (back[j] - mean))
		}
	}
	return t * t * sum
}

// least keeps a correlation of what has no spread from dividing by 0, as in
// the authors' code.
const least = 1e-8

// correlate is Pearson's ρ of the m values of q and p that begin at first, step
// apart, and takes w times its gradient with respect to those of q off gq.
func (r *relations) correlate(p, q, gq []float64, first, step, m int, w float64) float64 {
	a, b := r.a[:m], r.b[:m]
	meanA, meanB := 0.0, 0.0
	for k := range m {
		a[k], b[k] = q[first+k*step], p[first+k*step]
		meanA, meanB = meanA+a[k]/float64(m), meanB+b[k]/float64(m)
	}
	dot, aa, bb := 0.0, 0.0, 0.0
	for k := range m {
		a[k], b[k] = a[k]-meanA, b[k]-meanB
		dot, aa, bb = dot+float64(a[k]*b[k]), aa+float64(a[k]*a[k]), bb+float64(b[k]*b[k])
	}
	na, nb := math.Sqrt(aa), math.Sqrt(bb)
	e := float64(na*nb) + least
	along := 0.0 // ∂e/∂a = nb·a/na
	if na > 0 {
		along = dot / (e * e) * nb / na
	}
	for k := range m {
		gq[first+k*step] -= float64(w * (b[k]/e - float64(along*a[k])))
	}
	return dot / e
}
