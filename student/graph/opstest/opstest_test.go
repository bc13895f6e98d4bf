package opstest

import (
	"strings"
	"testing"
)

func TestOps(t *testing.T) { Run(t) }

// find is the first row of an op with that name.
func find(t *testing.T, op, name string) Case {
	for _, c := range rows[op] {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no row %s/%s", op, name)
	return Case{}
}

// TestSeesWrongGradient plants an error of 5 % in one gradient entry of every
// row and expects the suite to name it.
func TestSeesWrongGradient(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Rows() {
		spoilt := false
		err := c.Check(5, Plain, &Tamper{Grads: func(_ int, g []float32) {
			top := 0
			for i := range g {
				if g[i]*g[i] > g[top]*g[top] {
					top = i
				}
			}
			if g[top] != 0 {
				spoilt = true
				g[top] *= 1.05
			}
		}})
		if spoilt && (err == nil || !strings.Contains(err.Error(), "gradient") && !strings.Contains(err.Error(), "directional")) {
			t.Errorf("%s/%s: a gradient wrong by 5 %% was not seen: %v", c.Op, c.Name, err)
		}
		seen[c.Op] = seen[c.Op] || spoilt
	}
	for op := range rows {
		if !seen[op] && op != "IsNaN" { // which has none
			t.Errorf("%s: no row has a gradient to spoil", op)
		}
	}
}

// TestSeesTransposedWeight plants the transpose of a square weight.
func TestSeesTransposedWeight(t *testing.T) {
	c := find(t, "Gemm", "square")
	err := c.Check(5, Plain, &Tamper{Weights: func(input int, dims []int, w []float32) {
		if input != 1 {
			return
		}
		for i := range dims[0] {
			for j := range i {
				w[i*dims[1]+j], w[j*dims[1]+i] = w[j*dims[1]+i], w[i*dims[1]+j]
			}
		}
	}})
	if err == nil || !strings.Contains(err.Error(), "output") {
		t.Errorf("a transposed weight was not seen: %v", err)
	}
}

// TestSeesMissingRow takes the rows of an op away.
func TestSeesMissingRow(t *testing.T) {
	kept := rows["Relu"]
	delete(rows, "Relu")
	defer func() { rows["Relu"] = kept }()
	if got := Missing(); len(got) != 1 || got[0] != "Relu" {
		t.Errorf("Missing is %v, want Relu", got)
	}
}
