//go:build !cgo || !linux

package ort

// Available says that this binary was built without ONNX Runtime.
func Available() error { return without("") }
