//go:build cgo && linux

package ort

// Available tells whether this binary was built with ONNX Runtime; whether a
// library is there is for Find to say.
func Available() error { return nil }
