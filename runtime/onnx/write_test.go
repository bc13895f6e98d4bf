package onnx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.onnx")
	m := full()
	try(t, Write(path, m))
	data, err := os.ReadFile(path)
	try(t, err)
	if !bytes.Equal(data, bytesOf(t, full())) {
		t.Error("the file differs from Marshal")
	}
	back, err := Read(path, ReadOptions{Weights: true})
	try(t, err)
	if !reflect.DeepEqual(m, back) {
		t.Error("the model read back differs")
	}
	m.Graph.Nodes[0].Inputs[0] = "nowhere"
	err = Write(path, m)
	if fault.KindOf(err) != fault.Input || !strings.Contains(fmt.Sprint(err), path+`: graph.node[0] "m": input "nowhere"`) {
		t.Errorf("got %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, data) {
		t.Error("a refused write changed the file")
	}
	link := filepath.Join(dir, "link.onnx")
	try(t, os.Symlink(path, link))
	if err := Write(link, tiny()); fault.KindOf(err) != fault.IO || err == nil {
		t.Errorf("wrote through a link: %v", err)
	}
	entries, err := os.ReadDir(dir)
	try(t, err)
	if len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

// TestMarshalTooLarge needs no 2 GiB: 40 constants share 64 MiB of zeros.
func TestMarshalTooLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 64 MiB")
	}
	m := tiny()
	zeros := make([]byte, 64<<20)
	for i := range 40 {
		m.Graph.Initializers = append(m.Graph.Initializers, &Tensor{Name: fmt.Sprint("z", i), DType: Uint8, Dims: []int64{64 << 20}, Data: zeros})
	}
	_, err := Marshal(m)
	if fault.KindOf(err) != fault.Input || !strings.Contains(fmt.Sprint(err), "2 GiB protobuf limit") {
		t.Errorf("got %v", err)
	}
}

func TestStrict(t *testing.T) {
	m := tiny()
	data := m.Graph.Initializers[0].Data
	binary.LittleEndian.PutUint32(data, math.Float32bits(float32(math.NaN())))
	binary.LittleEndian.PutUint32(data[4:], math.Float32bits(float32(math.Inf(-1))))
	binary.LittleEndian.PutUint32(data[8:], 1)
	warnings, err := Validate(m)
	try(t, err)
	if want := []string{`graph.initializer[0] "w": holds 1 NaN, 1 infinite, 1 denormal of 6 numbers`}; !reflect.DeepEqual(warnings, want) {
		t.Errorf("got %q", warnings)
	}
	bytes := bytesOf(t, m)
	_, err = Parse("m", bytes, ReadOptions{})
	try(t, err)
	if _, err = Parse("m", bytes, ReadOptions{Strict: true}); fault.KindOf(err) != fault.Input || !strings.Contains(fmt.Sprint(err), `m: graph.initializer[0] "w": holds 1 NaN, 1 infinite`) {
		t.Errorf("got %v", err)
	}
	if warnings, err := Validate(full()); err != nil || len(warnings) > 0 {
		t.Errorf("%v, %v", warnings, err)
	}
}
