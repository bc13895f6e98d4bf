package dataset

func init() {
	registerAugment(AugmentKind{
		Name: "mixup", Example: "mixup=0.2", About: "mix each row and its targets with another row's, in shares drawn from Beta(α, α)",
		want: "mixup=ALPHA with ALPHA from 0.01 to 100",
		parse: func(value string, _ bool) (augmentSettings, bool) {
			alpha, ok := decimal(value, 0.01, 100)
			return mixup(alpha), ok
		},
	})
}

// mixup trains on λ·x_i + (1−λ)·x_j and λ·y_i + (1−λ)·y_j with λ from
// Beta(α, α) (Zhang et al. 2018, arXiv 1710.09412). The partner j
// is any row of the source, drawn for i and not from its batch, whose cut
// would show.
type mixup float64

// compile makes no step of the row's own: targets are mixed too, see Partners.
func (mixup) compile(Spec, []float32) (augmentOp, error) { return nil, nil }

// Partners draws, for the rows at positions rows of a source of n, which row
// each is mixed with and the share λ in [0, 1] that it keeps. partners and
// shares are as long as rows.
func (g *Augmenter) Partners(partners []int, shares []float32, rows []int, n int, seed uint64, pass int) {
	var d draws
	for i, row := range rows {
		d.start(seed, pass, row, 1)
		partners[i] = d.below(n)
		shares[i] = float32(d.beta(g.alpha))
	}
}

// Mix sets each row of x to λ·x + (1−λ)·y, λ being its share.
func (g *Augmenter) Mix(x, y, shares []float32) {
	for i, share := range shares {
		a, b := x[i*g.size:(i+1)*g.size], y[i*g.size:(i+1)*g.size]
		for j, v := range b {
			a[j] = float32(share*a[j]) + float32((1-share)*v)
		}
	}
}
