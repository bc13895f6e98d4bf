package dataset

func init() {
	registerAugment(AugmentKind{
		Name: "shift", Example: "shift=2", About: "move the image by up to so many pixels each way; shift=2,edge repeats the border instead of 0",
		images: true, want: "shift=PIXELS or shift=PIXELS,FILL with FILL " + wantFill,
		parse: parseShift,
	})
}

// shift moves an image by a whole number of pixels in [−most, most], each way
// drawn for itself: the jitter of the MNIST teacher in Hinton, Vinyals and
// Dean 2015 (section 3), most being 2 there.
type shift struct {
	most int
	fill fill
}

func parseShift(value string, _ bool) (augmentSettings, bool) {
	n, f, ok := pixelsAndFill(value)
	return shift{n, f}, ok
}

func (s shift) compile(spec Spec, _ []float32) (augmentOp, error) {
	return newTranslation(spec, s.most, s.fill)
}
