package export

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
)

// TestZooParity holds every architecture against ONNX Runtime after training,
// and requires the same bytes of a second export.
func TestZooParity(t *testing.T) {
	seen := map[string]bool{}
	worst := Parity{}
	for _, c := range append(zoo(), zooExamples(t)...) {
		a, err := models.Find(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		seen[a.Name] = true
		st := ofZoo(t, c)
		meta := []onnx.Entry{{Key: "seed", Value: "3"}, {Key: "alpha", Value: "0.9"}}
		data := mustBytes(t, st, meta...)
		if !bytes.Equal(data, mustBytes(t, st, meta...)) {
			t.Errorf("%s: a second export gives other bytes", c.name)
		}
		most := 1000 // several pieces
		if slices.Equal(c.in.Shape, largeIn.Shape) {
			most = 20
		}
		for _, n := range []int{1, 7, most} {
			x := rows(n, size(c.in.Shape), 99)
			p, err := Check(context.Background(), c.name, data, st, x, n, Options{})
			if err != nil {
				t.Error(err)
			} else if !p.Within || p.Flips != 0 || p.Rows != n || p.Library == "" {
				t.Errorf("%s: batch %d: %+v", c.name, n, p)
			}
			if p.MaxRel > worst.MaxRel {
				worst = p
			}
		}
		sameInOneBatch(t, c, st, data, most)
	}
	t.Logf("worst: %s", worst)
	for _, a := range models.List() {
		if !seen[a.Name] {
			t.Errorf("%s has no row here", a.Name)
		}
	}
}

// sameInOneBatch feeds ONNX Runtime n rows in one call, and none, where Check
// cuts them into pieces.
func sameInOneBatch(t *testing.T, c zooCase, st *student.Student, data []byte, n int) {
	t.Helper()
	session, err := ort.OpenBytes(c.name, data, ort.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for _, n := range []int{n, 0} {
		x := rows(n, size(c.in.Shape), 42)
		native := make([]float32, n*classes)
		if err := st.Predict(context.Background(), x, n, native); err != nil {
			t.Fatal(err)
		}
		shape := []int64{int64(n)}
		for _, d := range c.in.Shape {
			shape = append(shape, int64(d))
		}
		out, err := session.Run(context.Background(), []ort.Value{ort.Float32(shape, x)})
		if err != nil {
			t.Errorf("%s: batch %d: %v", c.name, n, err)
			continue
		}
		got, err := out[0].Float32s()
		if err != nil || len(got) != len(native) {
			t.Errorf("%s: batch %d: %d values, %v", c.name, n, len(got), err)
			continue
		}
		p := Parity{Tolerance: DefaultTolerance}
		if p.compare(native, got, classes, 0); p.Outside != 0 || p.Flips != 0 {
			t.Errorf("%s: batch %d in one call: %+v", c.name, n, p)
		}
	}
}

// TestReload exports a student, loads the file, and requires the same outputs
// bit by bit, and the same bytes of its own export.
func TestReload(t *testing.T) {
	for _, c := range zoo() {
		if !strings.HasPrefix(c.spec, "mlp:33") && !strings.HasPrefix(c.spec, "cnn:5") {
			continue
		}
		st := ofZoo(t, c)
		n, d := 20, size(c.in.Shape)
		path := filepath.Join(t.TempDir(), "student.onnx")
		p, err := Write(context.Background(), st, path, rows(n, d, 8), n, Options{})
		if err != nil || !p.Within {
			t.Fatal(p, err)
		}
		again, err := student.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		x, a, b := rows(n, d, 9), make([]float32, n*classes), make([]float32, n*classes)
		if err := st.Predict(context.Background(), x, n, a); err != nil {
			t.Fatal(err)
		}
		if err := again.Predict(context.Background(), x, n, b); err != nil {
			t.Fatal(err)
		}
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("%s: value %d is %g before and %g after", c.name, i, a[i], b[i])
			}
		}
		file, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(file, mustBytes(t, again)) {
			t.Errorf("%s: the loaded student exports to other bytes (%v)", c.name, err)
		}
	}
}

var small = zooCase{"mlp", "mlp:8", models.Input{Shape: []int{6}}}

// overflowing is a student with finite weights whose logits are not.
func overflowing(t *testing.T) *student.Student {
	st := trained(t, small)
	for _, p := range st.Params() {
		for i := range p.Data {
			p.Data[i] = 1e38
		}
	}
	return st
}

// TestRefusals are the exports that must not happen, with nothing written.
func TestRefusals(t *testing.T) {
	st := trained(t, small)
	ctx, x := context.Background(), rows(3, 6, 1)
	dir := t.TempDir()
	path := filepath.Join(dir, "student.onnx")

	missing := filepath.Join(t.TempDir(), "libonnxruntime.so")
	_, err := Write(ctx, st, path, x, 3, Options{Library: missing})
	faulttest.Want(t, err, fault.Integrity, missing)
	faulttest.Want(t, Ready(missing), fault.Integrity, missing)

	broken := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(broken, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Write(ctx, st, path, x, 3, Options{Library: broken})
	faulttest.Want(t, err, fault.Integrity, broken)

	_, err = Write(ctx, st, path, nil, 0, Options{})
	faulttest.Want(t, err, fault.Usage, path, "rows")
	_, err = Write(ctx, st, path, x, 3, Options{Tolerance: Tolerance{Abs: -1}})
	faulttest.Want(t, err, fault.Usage, path, "tolerance")
	_, err = Write(ctx, st, path, x[:7], 3, Options{})
	faulttest.Want(t, err, fault.Input, "7 values")
	p, err := Write(ctx, overflowing(t), path, x, 3, Options{Tolerance: Tolerance{Abs: 1e300}})
	faulttest.Want(t, err, fault.Parity, path, "row 0", "OUTSIDE")
	if p.Within || p.Outside != 3 {
		t.Errorf("logits that overflow: %+v", p)
	}
	faulttest.Want(t, WriteUnverified(st, path, nil), fault.Usage, ".unverified.onnx")
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err = Write(stopped, st, path, x, 3, Options{}); err == nil || fault.KindOf(err) == fault.Parity {
		t.Errorf("cancelled: %v, want an error that is none of parity", err)
	}
	wantEmpty(t, dir)

	_, err = Write(ctx, st, filepath.Join(dir, "absent", "student.onnx"), x, 3, Options{})
	faulttest.Want(t, err, fault.IO, filepath.Join(dir, "absent"))
	_, err = Write(ctx, st, dir, x, 3, Options{})
	faulttest.Want(t, err, fault.IO, dir, "folder")
	wantEmpty(t, dir)
}

// TestKeepsOldFile requires that a failed export leaves the file of an earlier
// one as it was.
func TestKeepsOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "student.onnx")
	if err := os.WriteFile(path, []byte("earlier"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Write(context.Background(), overflowing(t), path, rows(3, 6, 1), 3, Options{})
	faulttest.Want(t, err, fault.Parity)
	if got, err := os.ReadFile(path); err != nil || string(got) != "earlier" {
		t.Errorf("the file is %.40q, %v", got, err)
	}
}

func TestWriteUnverified(t *testing.T) {
	st := trained(t, small)
	path := filepath.Join(t.TempDir(), "student.unverified.onnx")
	if err := WriteUnverified(st, path, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, mustBytes(t, st)) {
		t.Errorf("the file is not what Bytes gives (%v)", err)
	}
}
