package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// ours are the names of a store's files, as patterns.
var ours = []string{"lock", "lock-*", "store.json*", "targets-*", "ids-*", "index.bin*"}

// isOurs tells whether a file of that name may be part of a store.
func isOurs(name string) bool {
	return slices.ContainsFunc(ours, func(pattern string) bool {
		ok, _ := filepath.Match(pattern, name)
		return ok
	})
}

// Remove deletes the store in dir, of whatever format, and the folder if nothing
// else is in it. A store that a process writes to, and a folder without
// store.json, are left alone with a fault.
func Remove(dir string) error {
	if _, err := os.Lstat(planPath(dir)); err != nil {
		return fault.New(fault.Input, dir, "", "is no target store: store.json is missing")
	}
	l, err := lockWhole(dir, false)
	if err != nil {
		return err
	}
	defer l.Unlock()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fault.New(fault.IO, dir, "", "cannot list: %w", reason(err))
	}
	// The plan goes first: what is left of a removal that was cut short is no store.
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int {
		first := func(e fs.DirEntry) int {
			if e.Name() == filepath.Base(planPath("")) {
				return 0
			}
			return 1
		}
		return first(a) - first(b)
	})
	left := 0
	for _, e := range entries {
		if !isOurs(e.Name()) || e.IsDir() {
			left++
			continue
		}
		path := filepath.Join(dir, e.Name())
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.IO, path, "", "cannot remove: %w", reason(err))
		}
	}
	if left > 0 {
		return nil
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, syscall.ENOTEMPTY) {
		return fault.New(fault.IO, dir, "", "cannot remove the folder: %w", reason(err))
	}
	return nil
}
