package ort

import (
	"io"
	"time"
)

// WorkerOptions bound a worker process. The zero value bounds nothing.
type WorkerOptions struct {
	// Timeout is the longest that one Run may take; 0 is without end. Opening
	// the model may take ten times as long, a minute at least.
	Timeout time.Duration
	// MemoryLimit is the resident memory in bytes that the process may have,
	// looked at forty times a second; 0 is without limit. See FreeMemory.
	MemoryLimit int64
	// Stderr gets what native code writes to its standard output and error;
	// nil drops it. The last line is in the error either way.
	Stderr io.Writer
}
