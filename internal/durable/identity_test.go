package durable

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// TestIdentity wants a folder to be kept by its first identity, and every other
// one refused by the first name that differs.
func TestIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "id")
	plan := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	early := Identity{Plan: plan("lr", "0.1", "seed", "1")}
	if err := early.Hold(path, "another"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("an identity was written before its rows were known")
	}
	whole := Identity{Plan: early.Plan, Rows: plan("rows", "abc")}
	for range 2 {
		if err := whole.Hold(path, "another"); err != nil {
			t.Fatal(err)
		}
	}
	if err := early.Hold(path, "another"); err != nil {
		t.Errorf("the same plan: %v", err)
	}
	for _, c := range []struct {
		id   Identity
		want string
	}{
		{Identity{Plan: plan("lr", "0.2", "seed", "1")}, "lr: the folder is of another: it has 0.1, this one 0.2"},
		{Identity{Plan: plan("seed", "1")}, "lr: the folder is of another: it has 0.1, this one none"},
		{Identity{Plan: plan("lr", "0.1", "seed", "1", "decay", "0.5")}, "decay: the folder is of another: it has none, this one 0.5"},
		{Identity{Plan: early.Plan, Rows: plan("rows", "abd")}, "rows: the folder is of another: it has abc, this one abd"},
		{Identity{Plan: early.Plan, Rows: plan()}, "rows: the folder is of another: it has abc, this one none"},
	} {
		err := c.id.Hold(path, "another")
		if fault.KindOf(err) != fault.Integrity || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("got %v, expected %s", err, c.want)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := whole.Hold(path, "another"); fault.KindOf(err) != fault.Integrity || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged file: %v", err)
	}
}
