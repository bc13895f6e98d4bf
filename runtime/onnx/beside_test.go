package onnx

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

func TestWriteBeside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.onnx")
	m := full()
	inside := len(bytesOf(t, m))
	try(t, WriteBeside(path, "m.data", m, 8))
	if !reflect.DeepEqual(m, full()) {
		t.Error("the model was changed")
	}
	st, err := os.Stat(path)
	try(t, err)
	if _, err := os.Stat(filepath.Join(dir, "m.data")); err != nil || st.Size() == int64(inside) {
		t.Errorf("nothing lies outside: %v", err)
	}
	back, err := Read(path, ReadOptions{Weights: true})
	try(t, err)
	for i, x := range back.Graph.Initializers {
		x.External = nil
		if !reflect.DeepEqual(x, m.Graph.Initializers[i]) {
			t.Errorf("%s: got %+v, expected %+v", x.Name, x, m.Graph.Initializers[i])
		}
	}
	for _, name := range []string{"", "../m.data", "sub/m.data", "/m.data"} {
		if err := WriteBeside(path, name, m, 8); fault.KindOf(err) != fault.Usage {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
