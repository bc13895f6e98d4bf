package metrics

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// TTest is Student's t test of whether the mean of differences is 0. P and the
// interval are two-sided; T itself is Mean/SE, which may be infinite.
type TTest struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"` // of one difference, with n − 1
	SE   float64 `json:"se"` // of the mean
	DF   float64 `json:"df"` // degrees of freedom
	P    float64 `json:"p"`
	Low  float64 `json:"low"` // of the 95 % confidence interval of the mean
	High float64 `json:"high"`
}

// PairedT is the paired t test (Student 1908) of differences d, each between
// two models that share all but what is compared, such as a seed:
//
//	t = mean(d)/(s/√n),  n − 1 degrees of freedom
//
// Where all differences are the same, P is 1 when they are 0, and else 0. It
// panics for fewer than 2.
func PairedT(d []float64) TTest {
	if len(d) < 2 {
		panic(fmt.Sprintf("metrics: a t test needs 2 differences, got %d", len(d)))
	}
	n := float64(len(d))
	t := TTest{N: len(d), DF: n - 1}
	t.Mean, t.SD = MeanSD(d)
	t.SE = t.SD / math.Sqrt(n)
	return t.tested()
}

// MeanSD is the mean of v and its standard deviation, with len(v) − 1; of fewer
// than 2 values the latter is 0 (Welford 1962).
func MeanSD(v []float64) (mean, sd float64) {
	around := 0.0
	for i, x := range v {
		from := x - mean
		mean += from / float64(i+1)
		around += float64(from * (x - mean))
	}
	return mean, math.Sqrt(around / float64(max(1, len(v)-1)))
}

// Crossed joins the tests of one mean over two samples that are crossed, here
// seeds and test rows, each of which was tried with each: both are random, and
// another run would have others of both. Its standard error has the variance of
// both means,
//
//	SE² = SE_a² + SE_b²,  DF = SE⁴/(SE_a⁴/DF_a + SE_b⁴/DF_b)
//
// which is Clark's min F′ (1973, "The language-as-fixed-effect fallacy")
// as a t test, with the degrees of freedom of Satterthwaite (1946). It is never
// larger than either of a and b in t, and counts what is due to neither twice:
// it errs on the safe side.
func Crossed(a, b TTest) TTest {
	u, v := a.SE*a.SE, b.SE*b.SE
	t := TTest{N: min(a.N, b.N), Mean: a.Mean, SE: math.Sqrt(u + v), DF: min(a.DF, b.DF)}
	if u+v > 0 {
		p, q := u/(u+v), v/(u+v) // so that small ones do not underflow
		t.DF = 1 / (p*p/a.DF + q*q/b.DF)
	}
	t.SD = t.SE * math.Sqrt(float64(t.N))
	return t.tested()
}

// tested adds P and the interval.
func (t TTest) tested() TTest {
	t.Low, t.High = t.Mean, t.Mean
	if t.SE == 0 {
		if t.Mean == 0 {
			t.P = 1
		}
		return t
	}
	student := distuv.StudentsT{Sigma: 1, Nu: t.DF}
	t.P = 2 * student.CDF(-math.Abs(t.Mean/t.SE))
	half := student.Quantile(0.975) * t.SE
	t.Low, t.High = t.Mean-half, t.Mean+half
	return t
}

// Scaled is t of differences that are counted in another unit.
func (t TTest) Scaled(by float64) TTest {
	t.Mean, t.SD, t.SE, t.Low, t.High = t.Mean*by, t.SD*by, t.SE*by, t.Low*by, t.High*by
	return t
}
