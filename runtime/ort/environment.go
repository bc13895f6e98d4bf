//go:build cgo && linux

package ort

import (
	"os"
	"sync"

	"github.com/kdonnx/kdonnx/internal/fault"
	ortc "github.com/yalue/onnxruntime_go"
)

// environment is ONNX Runtime's one environment a process: the native library
// keeps global state and cannot be loaded twice, so neither can this.
var environment struct {
	sync.Mutex
	lib Library // zero until loaded
}

// load opens lib and makes the environment, once a process. Another library
// afterwards is an error.
func load(lib Library) (Library, error) {
	environment.Lock()
	defer environment.Unlock()
	if have := environment.lib; have.Path != "" {
		if have.Path == lib.Path && have.Digest == lib.Digest {
			return have, nil
		}
		return Library{}, fault.New(fault.Integrity, lib.Path, "",
			"this process already runs ONNX Runtime from %s (sha256 %.12s): one library a process", have.Path, have.Digest)
	}
	// Official builds report home from the first moment, with a device id kept
	// on disk, and log into the temporary folder: said before the library is
	// there, or it is too late.
	if err := os.Setenv("ORT_DISABLE_TELEMETRY", "1"); err != nil {
		return Library{}, fault.New(fault.IO, lib.Path, "", "cannot switch its telemetry off: %w", err)
	}
	ortc.SetSharedLibraryPath(lib.Path)
	// Fatal keeps native code from writing to our stderr: what it says there
	// comes back as the error's text anyway.
	if err := ortc.InitializeEnvironment(ortc.WithLogLevelFatal()); err != nil {
		return Library{}, fault.New(fault.Integrity, lib.Path, "", "cannot be loaded as ONNX Runtime %s or newer: %s; %s",
			Oldest, cleanText(err.Error()), remedy)
	}
	version := ortc.GetVersion()
	if err := checkVersion(lib.Path, version); err != nil {
		ortc.DestroyEnvironment()
		return Library{}, err
	}
	lib.Version = version
	// Builds without telemetry have nothing to switch off and say so.
	_ = ortc.DisableTelemetry()
	environment.lib = lib
	return lib, nil
}
