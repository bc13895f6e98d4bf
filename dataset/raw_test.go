package dataset

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestRawIdentity requires the same identity of bytes as of the values they are.
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
	rows := []int{3, 1, 19}
	var b, raw Batch
	if err := src.Read(ctx, rows, &b); err != nil {
		t.Fatal(err)
	}
	if err := readForID(ctx, src, rows, &raw); err != nil {
		t.Fatal(err)
	}
	if len(raw.raw) != len(b.X) || len(raw.X) != 0 {
		t.Fatalf("%d bytes and %d values were read", len(raw.raw), len(raw.X))
	}
	for i := range rows {
		if b.ID(i) != raw.ID(i) || b.Y[i] != raw.Y[i] {
			t.Errorf("row %d: another identity or label", rows[i])
		}
	}
	// The memory serves for values again.
	if err := src.Read(ctx, rows[:2], &raw); err != nil {
		t.Fatal(err)
	}
	if raw.ID(1) != b.ID(1) {
		t.Error("the identity of other bytes")
	}
	if err := readForID(ctx, src, []int{20}, &raw); err == nil {
		t.Error("a row that is not there was read")
	}
}
