package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx/onnxtest"
)

// hostile is a file that must be refused, made by onnxtest's builders.
type hostile = onnxtest.Case

var (
	changed      = onnxtest.Changed
	graphChanged = onnxtest.GraphChanged
	weight       = onnxtest.Weight
	outside      = onnxtest.Outside
)

// refuse runs one case through read and checks the promise.
func refuse(t *testing.T, size int, want string, read func() error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := read()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Fatalf("accepted, want %q", want)
	}
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Input || e.Path == "" {
		t.Errorf("error %q is no Input error with a path", err)
	}
	if !regexp.MustCompile(want).MatchString(err.Error()) {
		t.Errorf("got  %q\nwant %q", err, want)
	}
	if strings.ContainsRune(err.Error(), '\n') || len(err.Error()) > 4096 {
		t.Errorf("error is not one short line: %d bytes", len(err.Error()))
	}
	if took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(2*size)+64<<20 {
		t.Errorf("allocated %d MiB for a file of %d bytes", grown>>20, size)
	}
}

// TestHostile feeds every case to Parse and, through a file, to Read.
func TestHostile(t *testing.T) {
	dir := t.TempDir()
	all := onnxtest.Cases()
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			refuse(t, len(c.Data), c.Want, func() error {
				_, err := Parse("m.onnx", c.Data, ReadOptions{})
				return err
			})
			path := filepath.Join(dir, "m.onnx")
			if err := os.WriteFile(path, c.Data, 0o644); err != nil {
				t.Fatal(err)
			}
			refuse(t, len(c.Data), c.Want, func() error {
				_, err := Read(path, ReadOptions{Weights: true})
				return err
			})
		})
	}
	t.Logf("%d hostile files", len(all))
}
