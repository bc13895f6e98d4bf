package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Summary describes a store without reading its rows.
type Summary struct {
	Dir     string `json:"dir"`
	Key     Key    `json:"key"`
	Rows    int    `json:"rows"`    // distinct rows
	Shards  int    `json:"shards"`  // that make it complete
	Missing []int  `json:"missing"` // shards that are not there yet, ascending
	Bytes   int64  `json:"bytes"`   // of all its files
}

// Describe reads what the store in dir is of, and which shards are there. It
// verifies no digest.
func Describe(dir string) (Summary, error) {
	p, err := openPlan(dir)
	if err != nil {
		return Summary{Dir: dir}, err
	}
	s := Summary{Dir: dir, Key: p.Key, Rows: p.Rows, Missing: []int{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return s, fault.New(fault.IO, dir, "", "cannot list: %w", reason(err))
	}
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Name()] = true
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			s.Bytes += info.Size()
		}
	}
	// A plan may claim any number of shards: only as many are looked for as
	// the folder could hold, and one more.
	s.Shards = p.shards()
	for i := 0; i < s.Shards && len(s.Missing) <= maxListed; i++ {
		if !names[filepath.Base(sidecarPath("", i))] {
			s.Missing = append(s.Missing, i)
		}
	}
	return s, nil
}

// maxListed bounds the missing shards that Describe lists.
const maxListed = 1 << 16

// Verify checks every file of the store in dir and calls report with each
// fault, in the order of the shards. It goes on after a fault, so that all
// damaged shards are named. Missing shards are faults that match
// fs.ErrNotExist; a missing index is none. The error is one that leaves nothing
// to check.
func Verify(dir string, report func(error)) error {
	p, err := openPlan(dir)
	if err != nil {
		return err
	}
	var c checker
	h := sha256.New()
	whole, gap := true, false
	for i := range p.shards() {
		if !p.has(dir, i) { // say once of a run of missing shards where it begins
			if whole = false; !gap {
				report(fault.New(fault.Integrity, sidecarPath(dir, i), "", "shard %d of %d is missing: %w", i, p.shards(), fs.ErrNotExist))
			}
			gap = true
			if i >= maxListed {
				break
			}
			continue
		}
		gap = false
		if _, err := c.shard(dir, p, i, func(ids []byte) error { h.Write(ids); return nil }, nil); err != nil {
			whole = false
			report(err)
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); whole && got != p.Key.Dataset {
		report(fault.New(fault.Integrity, dir, "dataset", "its row ids have digest %.16s…, expected %.16s…", got, p.Key.Dataset))
	}
	x, err := openIndex(dir, p, false)
	switch {
	case err == nil:
		return x.Close()
	case !errors.Is(err, fs.ErrNotExist):
		report(err)
	}
	return nil
}
