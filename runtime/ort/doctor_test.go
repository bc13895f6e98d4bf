//go:build cgo && linux

package ort

import (
	"context"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// TestBrokenLibraries requires that a library that crashes, exits or is no
// ONNX Runtime costs a worker process and an error that names it.
func TestBrokenLibraries(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		kind fault.Kind
		want string
	}{
		"crashes": {crashStub, fault.Teacher, "teacher process died: signal 11 (segmentation fault) while loading "},
		"exits":   {exitStub, fault.Teacher, "teacher process died: exit status 0 while loading "},
		"is none": {nullStub, fault.Integrity, "cannot be loaded as ONNX Runtime 1.24.0 or newer"},
	} {
		t.Run(name, func(t *testing.T) {
			so := stub(t, "1.29.0", c.body)
			_, err := StartWorker(context.Background(), "testdata/mlp.onnx", Options{Library: so}, WorkerOptions{})
			faulttest.Want(t, err, c.kind, c.want, so)
			report := Doctor(context.Background(), so)
			last := report[len(report)-2] // before CUDA
			if last.OK || !strings.Contains(last.Detail, so) || last.Fix == "" {
				t.Errorf("doctor says %+v", last)
			}
		})
	}
}

func TestDoctor(t *testing.T) {
	lib, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range Doctor(context.Background(), "") {
		names = append(names, c.Name)
		if !c.OK && c.Name != "cuda provider" {
			t.Errorf("%+v", c)
		}
		if c.OK != (c.Fix == "") {
			t.Errorf("%s: ok %v with the fix %q", c.Name, c.OK, c.Fix)
		}
		if c.Name == "cuda provider" && !c.OK && !strings.Contains(c.Detail, "not found") {
			t.Errorf("%+v", c)
		}
		if c.Name == "digest" && !strings.Contains(c.Detail, lib.Digest) {
			t.Errorf("%+v", c)
		}
	}
	if got := strings.Join(names, ", "); got != "look-up, library, architecture, version, digest, loads, cpu provider, cuda provider" {
		t.Errorf("checks: %s", got)
	}
	bad := Doctor(context.Background(), "/nowhere/libonnxruntime.so")
	if last := bad[len(bad)-1]; last.OK || !strings.Contains(last.Detail, "/nowhere") || !strings.Contains(last.Fix, "kdonnx runtime install") {
		t.Errorf("%+v", last)
	}
}

// TestDoctorModel requires that the model made by hand is one, in both ways to
// run it.
func TestDoctorModel(t *testing.T) {
	s, err := OpenBytes("doubling", doubling(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := runDoubling(context.Background(), s); err != nil {
		t.Error(err)
	}
}
