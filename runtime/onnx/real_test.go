package onnx

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// sharedData gives a folder of real files beside the repository, or skips.
func sharedData(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("no go.mod above the test: run it in the repository")
		}
		dir = up
	}
	data := filepath.Join(dir, "..", "shared", "data", name)
	if _, err := os.Stat(data); err != nil {
		t.Skipf("../shared/data/%s is not there: real models are tried only where they are", name)
	}
	return data
}

// TestRealModels reads models from many exporters and requires that writing
// loses nothing that reading found.
func TestRealModels(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedData(t, "teachers"), "*.onnx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			m, err := Read(file, ReadOptions{Weights: true})
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, m)
			warnings, err := Validate(m)
			if err != nil {
				t.Fatal(err)
			}
			s := Summary(m)
			t.Logf("IR %d, %d nodes, %d parameters, %d bytes, %v, warnings %v", m.IRVersion, s.Nodes, s.Parameters, s.Bytes, s.Ops, warnings)
			if s.Nodes == 0 || s.Bytes == 0 {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

// roundTrip requires Parse(Marshal(m)) to equal m and Marshal to be stable.
func roundTrip(t *testing.T, m *Model) {
	t.Helper()
	data, err := Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse("round trip", data, ReadOptions{Weights: true})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m, back) {
		t.Error("the model read back differs")
	}
	again, err := Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(data) {
		t.Error("the same model gave other bytes")
	}
}
