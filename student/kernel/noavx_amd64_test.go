package kernel

// withoutAVX2 runs f on the plain Go twins.
func withoutAVX2(f func()) {
	had := hasAVX2
	hasAVX2 = false
	defer func() { hasAVX2 = had }()
	f()
}
