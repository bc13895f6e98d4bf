package dataset

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestRawIdentity requires the same identity whether the bytes of a row are at
// hand or not, and never that of bytes which the values no longer are.
func TestRawIdentity(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	images := []byte{0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 4}
	for i := range 20 * 12 {
		images = append(images, byte(i*37))
	}
	labels := append([]byte{0, 0, 8, 1, 0, 0, 0, 20}, make([]byte, 20)...)
	for name, data := range map[string][]byte{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	src, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var b Batch
	rows := []int{3, 1, 19}
	if err := src.Read(ctx, rows, &b); err != nil {
		t.Fatal(err)
	}
	if len(b.raw) != len(b.X) {
		t.Fatalf("%d bytes are kept for %d values", len(b.raw), len(b.X))
	}
	size := src.Spec().Size()
	for i := range rows {
		if b.ID(i) != IDOf(b.X[i*size:(i+1)*size]) {
			t.Errorf("row %d: another identity", rows[i])
		}
	}
	for _, v := range []float32{7.5, -1, 300, b.X[size] + 1} {
		old := b.X[size+2]
		b.X[size+2] = v
		if b.ID(1) != IDOf(b.X[size:2*size]) {
			t.Errorf("with a value of %v: the identity of the row before", v)
		}
		b.X[size+2] = old
	}
	b.Reset(3, size)
	if len(b.raw) != 0 {
		t.Error("bytes of other rows are kept")
	}
}
