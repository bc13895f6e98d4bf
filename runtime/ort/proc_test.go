package ort

import (
	"os"
	"path/filepath"
	"testing"
)

// TestGroupFree reads control groups of both versions: the tightest of a group
// and those above it counts, and file pages that can go are free.
func TestGroupFree(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"memory.max": "max\n", "a/memory.max": "1000\n", "a/memory.current": "700\n", "a/memory.stat": "anon 5\ninactive_file 50\n",
		"a/b/memory.max": "900\n", "a/b/memory.current": "100\n",
		"memory/x/memory.limit_in_bytes": "500\n", "memory/x/memory.usage_in_bytes": "490\n", "memory/x/memory.stat": "total_inactive_file 7\n",
		"memory/y/memory.limit_in_bytes": "500\n", "memory/y/memory.usage_in_bytes": "600\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for groups, want := range map[string]int64{
		"0::/a/b\n": 350, "0::/a\n": 350, "5:cpu:/\n4:memory:/x\n0::/\n": 17, "4:memory:/y\n": 0, "0::/../../a\n": 350,
	} {
		if got := groupFree(root, groups); got != want {
			t.Errorf("%q: got %d, want %d", groups, got, want)
		}
	}
	if got := groupFree(root, "0::/\nnonsense\n"); got < 1<<62 {
		t.Errorf("without a limit: %d", got)
	}
	if free := FreeMemory(); free <= 0 || free > 1<<50 {
		t.Errorf("got %d bytes free here", free)
	}
}
