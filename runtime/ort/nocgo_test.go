//go:build !cgo && linux

package ort

import (
	"context"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// TestWithoutCgo requires a clear refusal; the look-up and the installer are
// tested as in any build.
func TestWithoutCgo(t *testing.T) {
	_, err := Open("m.onnx", Options{})
	faulttest.Want(t, err, fault.IO, "m.onnx", "built without cgo", "CGO_ENABLED=1")
	_, err = OpenBytes("m.onnx", nil, Options{})
	faulttest.Want(t, err, fault.IO, "built without cgo")
	_, err = StartWorker(context.Background(), "m.onnx", Options{}, WorkerOptions{})
	faulttest.Want(t, err, fault.IO, "built without cgo")
	MaybeServeWorker() // returns: this is no worker
}
