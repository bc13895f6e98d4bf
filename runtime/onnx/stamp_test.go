package onnx

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// TestStamp: whatever is done to a file of the model, and undone, shows.
func TestStamp(t *testing.T) {
	good := append([]byte("12345678"), weights...)
	for name, change := range map[string]func(model, data string) error{
		"nothing": func(string, string) error { return nil },
		"data replaced by the same bytes": func(_, data string) error {
			put(t, data+".new", good)
			return os.Rename(data+".new", data)
		},
		"data moved away and back": func(_, data string) error {
			try(t, os.Rename(data, data+".old"))
			try(t, os.Symlink("elsewhere", data))
			return os.Rename(data+".old", data)
		},
		"data written to": func(_, data string) error { return os.WriteFile(data, good, 0o644) },
		"folder moved and back": func(_, data string) error {
			d := filepath.Dir(data)
			try(t, os.Rename(d, d+"x"))
			return os.Rename(d+"x", d)
		},
		"model replaced":         func(model, _ string) error { try(t, os.Rename(model, model+"x")); return os.Rename(model+"x", model) },
		"data replaced by links": func(_, data string) error { try(t, os.Remove(data)); return os.Symlink("elsewhere", data) },
	} {
		_, path := externalModel(t, "sub/w.bin")
		data := filepath.Join(filepath.Dir(path), "sub", "w.bin")
		try(t, os.MkdirAll(filepath.Dir(data), 0o755))
		put(t, data, good)
		m, err := Read(path, ReadOptions{})
		try(t, err)
		stamp, err := NewStamp(path, m)
		try(t, err)
		time.Sleep(20 * time.Millisecond) // the clock of a file system may be coarse
		try(t, change(path, data))
		err = stamp.Same()
		if name == "data replaced by links" {
			if fault.KindOf(err) != fault.Input {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if name == "nothing" {
			try(t, err)
		} else if fault.KindOf(err) != fault.Integrity || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
