package dataset

func init() {
	registerAugment(AugmentKind{
		Name: "noise", Example: "noise=0.05", About: "add Gaussian noise of that deviation: of 255 for stored bytes, else of each feature's own deviation",
		want: "noise=DEVIATION with DEVIATION above 0, at most 10",
		parse: func(value string, _ bool) (augmentSettings, bool) {
			sigma, ok := decimal(value, 0, 10)
			return noise(sigma), ok && sigma > 0
		},
	})
}

// noise adds σ·unit·N(0, 1) to every value, not clipped: on average what
// weight decay of the slope does (Bishop 1995, "Training with noise is
// equivalent to Tikhonov regularization").
type noise float64

func (s noise) compile(spec Spec, unit []float32) (augmentOp, error) {
	n := spec.Size()
	if spec.Image {
		n = spec.Shape[2]
	}
	if len(unit) == 0 {
		unit = []float32{1}
	}
	sigma := make([]float32, n) // of each channel or feature
	for i, u := range spread(unit, n) {
		sigma[i] = float32(float64(s) * float64(u))
	}
	return &noiser{sigma, normals()}, nil
}

type noiser struct {
	sigma   []float32
	normals *[1 << 12]float32
}

func (s *noiser) apply(x, _ []float32, d *draws) {
	if len(s.sigma) == 1 {
		s.plain(x, s.sigma[0], d)
		return
	}
	for ; len(x) > 0; x = x[len(s.sigma):] {
		var word uint64
		for i, sigma := range s.sigma {
			if i%4 == 0 {
				word = d.pcg.Uint64()
			}
			x[i] += float32(sigma * s.normals[word&0xfff])
			word >>= 16
		}
	}
}

// plain is apply with one deviation for all.
func (s *noiser) plain(x []float32, sigma float32, d *draws) {
	t := s.normals
	for ; len(x) >= 4; x = x[4:] {
		word := d.pcg.Uint64()
		x[0] += float32(sigma * t[word&0xfff])
		x[1] += float32(sigma * t[word>>16&0xfff])
		x[2] += float32(sigma * t[word>>32&0xfff])
		x[3] += float32(sigma * t[word>>48&0xfff])
	}
	word := uint64(0)
	if len(x) > 0 {
		word = d.pcg.Uint64()
	}
	for i := range x {
		x[i] += float32(sigma * t[word&0xfff])
		word >>= 16
	}
}
