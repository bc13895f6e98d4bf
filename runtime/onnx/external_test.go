package onnx

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// weights is what the external tiny model finds in its file, after 8 bytes of
// something else.
var weights = FloatTensor("w", []int64{2, 3}, []float32{1, 2, 3, 4, 5, 6}).Data

// externalModel writes a model whose weight lies in location, and a good file
// w.bin beside it.
func externalModel(t *testing.T, location string, kv ...string) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, "m.onnx")
	kv = append([]string{"location", location, "offset", "8", "length", "24"}, kv...)
	put(t, path, weight(func(w *pb.TensorProto) { outside(w, kv...) }))
	put(t, filepath.Join(dir, "w.bin"), append([]byte("12345678"), weights...))
	return dir, path
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestExternalLoad(t *testing.T) {
	for _, location := range []string{"w.bin", "./w.bin", "sub/deep/w.bin"} {
		dir, path := externalModel(t, location)
		try(t, os.MkdirAll(filepath.Join(dir, "sub", "deep"), 0o755))
		put(t, filepath.Join(dir, "sub", "deep", "w.bin"), append([]byte("12345678"), weights...))
		m, err := Read(path, ReadOptions{Weights: true})
		try(t, err)
		if w := m.Graph.Initializer("w"); !bytes.Equal(w.Data, weights) || w.External == nil || w.External.Offset != 8 {
			t.Errorf("%s: got %+v", location, w)
		}
		m.Graph.Initializers[0].External = nil
		roundTrip(t, m)

		m, err = Read(path, ReadOptions{})
		try(t, err)
		if w := m.Graph.Initializer("w"); w.Data != nil || *w.External != (External{location, 8, 24, ""}) {
			t.Errorf("%s without weights: got %+v", location, w)
		}
		if _, err := m.Graph.Initializer("w").Float32s(); err == nil {
			t.Error("values of a tensor that was not loaded")
		}
		target := filepath.Join(dir, "copy.onnx")
		if err := Write(target, m); err == nil || !strings.Contains(err.Error(), `graph.initializer[0] "w": its bytes are external`) {
			t.Errorf("a model without its weights was written: %v", err)
		}
		if _, err := os.Lstat(target); err == nil {
			t.Error("a refused write left a file")
		}
	}
}

// TestExternalDefaults: a missing offset is 0, a missing length is what the
// shape asks for.
func TestExternalDefaults(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.onnx")
	put(t, path, weight(func(w *pb.TensorProto) { outside(w, "location", "w.bin") }))
	put(t, filepath.Join(dir, "w.bin"), append(bytes.Clone(weights), "more"...))
	m, err := Read(path, ReadOptions{Weights: true})
	try(t, err)
	if w := m.Graph.Initializer("w"); !bytes.Equal(w.Data, weights) || w.External.Length != 24 {
		t.Errorf("got %+v", w)
	}
}

// TestExternalHostile puts something else where the weights should be.
func TestExternalHostile(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	put(t, secret, make([]byte, 64))
	for _, c := range []struct {
		name, location string
		change         func(t *testing.T, dir, path string)
		want           string
	}{
		{"missing", "none.bin", func(*testing.T, string, string) {}, `external file "none.bin" does not exist`},
		{"missing folder", "sub/w.bin", func(*testing.T, string, string) {}, `"sub/w.bin" does not exist`},
		{"link out", "l.bin", func(t *testing.T, dir, _ string) { try(t, os.Symlink(secret, filepath.Join(dir, "l.bin"))) }, `a symbolic link, device or folder`},
		{"link inside", "l.bin", func(t *testing.T, dir, _ string) { try(t, os.Symlink("w.bin", filepath.Join(dir, "l.bin"))) }, `a symbolic link, device or folder`},
		{"folder linked out", "sub/secret", func(t *testing.T, dir, _ string) {
			try(t, os.Symlink(filepath.Dir(secret), filepath.Join(dir, "sub")))
		}, `a symbolic link, device or folder`},
		{"folder linked inside", "sub/w.bin", func(t *testing.T, dir, _ string) { try(t, os.Symlink(".", filepath.Join(dir, "sub"))) }, `a symbolic link, device or folder`},
		{"fifo", "f.bin", func(t *testing.T, dir, _ string) { try(t, syscall.Mkfifo(filepath.Join(dir, "f.bin"), 0o644)) }, `a symbolic link, device or folder`},
		{"folder", "sub", func(t *testing.T, dir, _ string) { try(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755)) }, `a symbolic link, device or folder`},
		{"file as a folder", "w.bin/x", func(*testing.T, string, string) {}, `a symbolic link, device or folder`},
		{"too short", "w.bin", func(t *testing.T, dir, _ string) { put(t, filepath.Join(dir, "w.bin"), make([]byte, 31)) }, `has 31 bytes, expected offset 8 \+ length 24`},
		{"offset beyond the end", "w.bin", func(t *testing.T, dir, _ string) { put(t, filepath.Join(dir, "w.bin"), make([]byte, 4)) }, `has 4 bytes, expected offset 8`},
		{"petabyte", "w.bin", func(t *testing.T, _, path string) {
			put(t, path, weight(func(w *pb.TensorProto) { outside(w, "location", "w.bin"); w.Dims = []int64{1 << 48} }))
		}, `has 32 bytes, expected offset 0 \+ length 1125899906842624`},
		{"petabyte without an end", "w.bin", func(t *testing.T, _, path string) {
			put(t, path, weight(func(w *pb.TensorProto) {
				outside(w, "location", "w.bin", "offset", fmt.Sprint(int64(math.MaxInt64-1<<50)), "length", fmt.Sprint(int64(1)<<50))
				w.Dims = []int64{1 << 48}
			}))
		}, `has 32 bytes`},
	} {
		for _, load := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", c.name, load), func(t *testing.T) {
				dir, path := externalModel(t, c.location)
				c.change(t, dir, path)
				refuse(t, 0, `graph\.initializer\[0\] "w"\.external_data: .*`+c.want, func() error {
					_, err := Read(path, ReadOptions{Weights: load})
					return err
				})
				refuse(t, 0, c.want, func() error {
					_, err := Digest(path)
					return err
				})
			})
		}
	}
}

// TestExternalRace swaps the file for links to secrets, out of the folder and
// inside it, while it is read: no link may be followed.
func TestExternalRace(t *testing.T) {
	dir, path := externalModel(t, "sub/w.bin")
	out := t.TempDir()
	for _, secret := range []string{filepath.Join(out, "w.bin"), filepath.Join(dir, "inside.bin")} {
		put(t, secret, bytes.Repeat([]byte{0xee}, 32))
	}
	good := append([]byte("12345678"), weights...)
	stop, done := make(chan bool), make(chan error)
	go func() {
		var err error
		for i := 0; err == nil; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			sub, file := filepath.Join(dir, "sub"), filepath.Join(dir, "sub", "w.bin")
			swap := func(target string) error {
				return errors.Join(os.Symlink(target, file+".new"), os.Rename(file+".new", file))
			}
			fill := func() error {
				return errors.Join(os.WriteFile(file+".new", good, 0o644), os.Rename(file+".new", file))
			}
			switch i % 8 {
			case 0:
				err = errors.Join(os.Mkdir(sub, 0o755), fill())
			case 1, 3:
				err = swap("../inside.bin")
			case 2, 4:
				err = fill()
			case 5:
				err = swap(filepath.Join(out, "w.bin"))
			case 6:
				err = os.RemoveAll(sub)
			case 7:
				err = errors.Join(os.Symlink(out, sub), os.Remove(sub))
			}
		}
		done <- err
	}()
	read, refused := 0, 0
	for start := time.Now(); time.Since(start) < time.Second; {
		m, err := Read(path, ReadOptions{Weights: true})
		if err != nil {
			refused++
			continue
		}
		read++
		if data := m.Graph.Initializer("w").Data; bytes.Contains(data, []byte{0xee, 0xee}) {
			t.Fatal("read the secret")
		}
	}
	close(stop)
	try(t, <-done)
	t.Logf("%d reads, %d refused", read, refused)
}

// TestExternalSwap puts a link in place of each part of a path at the moment
// between looking at it and opening it.
func TestExternalSwap(t *testing.T) {
	for _, part := range []string{"sub", "w.bin"} {
		for _, outside := range []bool{false, true} {
			dir, path := externalModel(t, "sub/w.bin")
			target := t.TempDir()
			if !outside {
				target = filepath.Join(dir, "other")
			}
			for _, d := range []string{filepath.Join(dir, "sub"), filepath.Join(dir, "other"), target} {
				try(t, os.MkdirAll(d, 0o755))
				put(t, filepath.Join(d, "w.bin"), make([]byte, 32))
				put(t, filepath.Join(d, "peer.bin"), make([]byte, 32))
			}
			f, err := openFolder(path, Limits{}.withDefaults())
			try(t, err)
			defer f.close()
			f.looked = func(name string) {
				if name != part {
					return
				}
				victim, to := filepath.Join(dir, "sub"), "other"
				switch {
				case part == "w.bin" && outside:
					victim, to = filepath.Join(victim, "w.bin"), filepath.Join(target, "w.bin")
				case part == "w.bin":
					victim, to = filepath.Join(victim, "w.bin"), "peer.bin"
				case outside:
					to = target
				}
				try(t, os.Rename(victim, victim+".old"))
				try(t, os.Symlink(to, victim))
			}
			if err := f.use((&loc{}).in("w"), "sub/w.bin"); err == nil {
				t.Errorf("%s became a link (out of the folder: %v) and was followed", part, outside)
			}
		}
	}
}

func TestExternalShrinks(t *testing.T) {
	dir, path := externalModel(t, "w.bin")
	m, err := Read(path, ReadOptions{})
	try(t, err)
	f, err := openFolder(path, Limits{}.withDefaults())
	try(t, err)
	defer f.close()
	at := (&loc{}).in("w")
	try(t, f.use(at, "w.bin"))
	try(t, os.Truncate(filepath.Join(dir, "w.bin"), 20))
	err = f.load(at, m.Graph.Initializer("w"))
	if fault.KindOf(err) != fault.IO || !strings.Contains(fmt.Sprint(err), "became shorter") {
		t.Errorf("got %v", err)
	}
}

func TestExternalChecksum(t *testing.T) {
	sum := sha1.Sum(append([]byte("12345678"), weights...))
	_, path := externalModel(t, "w.bin", "checksum", strings.ToUpper(hex.EncodeToString(sum[:])))
	_, err := Read(path, ReadOptions{Weights: true})
	try(t, err)
	_, path = externalModel(t, "w.bin", "checksum", strings.Repeat("0", 40))
	_, err = Read(path, ReadOptions{Weights: true})
	if fault.KindOf(err) != fault.Integrity || !strings.Contains(err.Error(), "has SHA-1") {
		t.Errorf("got %v", err)
	}
}

// TestExternalLimit: tensors that share a region cannot multiply it.
func TestExternalLimit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.onnx")
	put(t, filepath.Join(dir, "w.bin"), make([]byte, 1000))
	put(t, path, graphChanged(func(g *pb.GraphProto) {
		for i := range 10 {
			w := &pb.TensorProto{Name: proto.String(fmt.Sprint("v", i)), DataType: proto.Int32(2), Dims: []int64{1000}}
			g.Initializer = append(g.Initializer, outside(w, "location", "w.bin"))
		}
	}))
	_, err := Read(path, ReadOptions{Weights: true, Limits: Limits{External: 9999}})
	if fault.KindOf(err) != fault.Input || !strings.Contains(fmt.Sprint(err), `"v9".external_data: external data takes more than the limit of 9999`) {
		t.Errorf("got %v", err)
	}
	_, err = Read(path, ReadOptions{Weights: true, Limits: Limits{External: 10000}})
	try(t, err)
}

// TestParseExternal: without a folder nothing is looked for.
func TestParseExternal(t *testing.T) {
	data := weight(func(w *pb.TensorProto) { outside(w, "location", "w.bin") })
	m, err := Parse("m", data, ReadOptions{})
	try(t, err)
	if m.Graph.Initializer("w").External == nil {
		t.Error("lost")
	}
	if _, err := Parse("m", data, ReadOptions{Weights: true}); fault.KindOf(err) != fault.Input {
		t.Errorf("got %v", err)
	}
}

// TestSpecialFiles gives Read what is no regular file. None may block.
func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo.onnx")
	try(t, syscall.Mkfifo(fifo, 0o644))
	large := filepath.Join(dir, "large.onnx")
	put(t, large, []byte("\x08\x08"))
	try(t, os.Truncate(large, 1<<31))
	wide := filepath.Join(dir, "wide.onnx")
	put(t, wide, nil)
	try(t, os.Truncate(wide, 1<<31-1))
	for path, want := range map[string]string{
		fifo:        `is a device or pipe`,
		dir:         `is a folder`,
		"/dev/zero": `is a device or pipe`,
		large:       `2147483648 bytes, which exceeds the 2 GiB protobuf limit; use external data`,
		wide:        `byte 0: broken field tag`,
	} {
		refuse(t, 0, want, func() error {
			_, err := Read(path, ReadOptions{})
			return err
		})
	}
	_, err := Read(filepath.Join(dir, "none.onnx"), ReadOptions{})
	if fault.KindOf(err) != fault.IO || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	small := filepath.Join(dir, "small.onnx")
	put(t, small, bytesOf(t, tiny()))
	_, err = Read(small, ReadOptions{Limits: Limits{FileSize: 100}})
	if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "limit 100") {
		t.Errorf("got %v", err)
	}
	link := filepath.Join(dir, "link.onnx")
	try(t, os.Symlink(small, link))
	_, err = Read(link, ReadOptions{})
	try(t, err) // the path that the user gave may be a link
}
