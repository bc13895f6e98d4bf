package dataset

func init() {
	registerAugment(AugmentKind{
		Name: "flip", Example: "flip", About: "mirror the image left to right, one time in two; flip=0.1 with that probability",
		images: true, want: "flip or flip=PROBABILITY with PROBABILITY above 0, at most 1",
		parse: func(value string, given bool) (augmentSettings, bool) {
			if !given {
				return flip(0.5), true
			}
			p, ok := decimal(value, 0, 1)
			return flip(p), ok && p > 0
		},
	})
}

// flip mirrors an image left to right with its probability.
type flip float64

func (p flip) compile(spec Spec, _ []float32) (augmentOp, error) {
	return &flipper{float64(p), spec.Shape[1], spec.Shape[2]}, nil
}

type flipper struct {
	p    float64
	w, c int
}

func (f *flipper) apply(x, _ []float32, d *draws) {
	if d.unit() >= f.p {
		return
	}
	for line := f.w * f.c; len(x) > 0; x = x[line:] {
		for a, b := 0, line-f.c; a < b; a, b = a+f.c, b-f.c {
			for k := range f.c {
				x[a+k], x[b+k] = x[b+k], x[a+k]
			}
		}
	}
}
