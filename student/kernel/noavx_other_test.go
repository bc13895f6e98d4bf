//go:build !amd64

package kernel

// withoutAVX2 runs f: there is no assembly.
func withoutAVX2(f func()) { f() }
