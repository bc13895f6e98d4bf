package dataset

// Crop pads an image by pad pixels on each side and cuts out a window of its
// size at one of the (2·pad+1)² places, the usual augmentation of CIFAR (He et
// al. 2016). That is a shift by up to pad pixels.
func init() {
	registerAugment(AugmentKind{
		Name: "crop", Example: "crop=4,reflect", About: "pad each side by so many pixels and cut out a window of the image's size; 0 without a fill",
		images: true, want: "crop=PIXELS or crop=PIXELS,FILL with FILL " + wantFill,
		parse: parseShift,
	})
}
