package onnx

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

func TestDigest(t *testing.T) {
	dir, path := externalModel(t, "w.bin")
	digest := func(path string) string {
		t.Helper()
		d, err := Digest(path)
		try(t, err)
		return d
	}
	first := digest(path)
	model, err := os.ReadFile(path)
	try(t, err)
	bin := append([]byte("12345678"), weights...)

	// The documented form, written out by hand.
	form := "\x0e\x00\x00\x00\x00\x00\x00\x00kdonnx model 1" + strings.Repeat("\x00", 8) + string(binary.LittleEndian.AppendUint64(nil, uint64(len(model)))) + string(model) +
		"\x05\x00\x00\x00\x00\x00\x00\x00w.bin" + "\x08\x00\x00\x00\x00\x00\x00\x00" + "\x18\x00\x00\x00\x00\x00\x00\x00" + string(weights)
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(form))); first != want {
		t.Fatalf("got %q, want %q", first, want)
	}

	// The same files elsewhere under another name, with bytes that no tensor
	// takes changed: the same digest.
	other := t.TempDir()
	put(t, filepath.Join(other, "renamed.onnx"), model)
	put(t, filepath.Join(other, "w.bin"), append(append([]byte("xxxxxxxx"), weights...), "more"...))
	if digest(filepath.Join(other, "renamed.onnx")) != first {
		t.Error("the digest depends on more than the model")
	}
	// Any other byte changes it.
	for i := 8; i < len(bin); i++ {
		changed := bytes.Clone(bin)
		changed[i] ^= 1
		put(t, filepath.Join(dir, "w.bin"), changed)
		if digest(path) == first {
			t.Errorf("byte %d of the external file does not count", i)
		}
	}
	put(t, filepath.Join(dir, "w.bin"), bin)
	for i := range model {
		changed := bytes.Clone(model)
		changed[i] ^= 1
		put(t, path, changed)
		if d, err := Digest(path); err == nil && d == first {
			t.Errorf("byte %d of the model does not count", i)
		}
	}
	put(t, path, bytesOf(t, tiny()))
	if digest(path) == first {
		t.Error("the same weights inside the file give the same digest")
	}
}

// TestDigestFrames: the same bytes cut into parts differently digest
// differently, and the order of tensors in the file does not reach the parts.
func TestDigestFrames(t *testing.T) {
	seen := map[string]string{}
	for _, parts := range [][]string{{"a", "4", "b", "4"}, {"a", "8"}, {"b", "4", "a", "4"}, {"a", "4"}, {"a", "4", "a", "4"}} {
		dir := t.TempDir()
		for _, name := range []string{"a", "b"} {
			put(t, filepath.Join(dir, name), []byte("00001111"))
		}
		path := filepath.Join(dir, "m.onnx")
		put(t, path, graphChanged(func(g *pb.GraphProto) {
			for i := 0; i < len(parts); i += 2 {
				var n int64
				fmt.Sscan(parts[i+1], &n)
				w := &pb.TensorProto{Name: proto.String(fmt.Sprint("v", i)), DataType: proto.Int32(2), Dims: []int64{n}}
				g.Initializer = append(g.Initializer, outside(w, "location", parts[i]))
			}
		}))
		d, err := Digest(path)
		try(t, err)
		if was, twice := seen[d]; twice {
			t.Errorf("%v and %s have one digest", parts, was)
		}
		seen[d] = fmt.Sprint(parts)
	}
}
