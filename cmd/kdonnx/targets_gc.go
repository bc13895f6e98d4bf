package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/teacher/store"
)

func newTargetsGC(a *app) *cobra.Command {
	var (
		older time.Duration
		most  int64
		dry   bool
	)
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove target stores from the cache that are old, too many, or of another version",
		Long: `Removes from the cache the stores that this version cannot read, with --older-than those
that were begun longer ago, and with --max-size the oldest until the rest is no larger.
A store that is being filled stays.`,
		Example: `  kdonnx targets gc --older-than 720h --max-size 20000 --dry-run`,
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			if older < 0 || most < 0 {
				return usage("--older-than and --max-size: expected at least 0")
			}
			cache, err := cacheDir()
			if err != nil {
				return err
			}
			root := filepath.Join(cache, "targets")
			if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
				fmt.Fprintln(a.out, "the cache holds no target stores")
				return nil
			}
			dirs, err := storesIn(root)
			if err != nil {
				return err
			}
			doomed, kept := choose(dirs, time.Now().Add(-older), older > 0, most*1_000_000)
			verb := "removed"
			if dry {
				verb = "would be removed"
			}
			for _, dir := range doomed {
				if !dry {
					if err := store.Remove(dir); err != nil {
						return err
					}
				}
				fmt.Fprintf(a.out, "%s: %s\n", verb, dir)
			}
			fmt.Fprintf(a.out, "%d %s, %d kept\n", len(doomed), verb, kept)
			return nil
		},
	}
	f := cmd.Flags()
	f.DurationVar(&older, "older-than", 0, "remove stores that were begun longer ago, such as 720h (0: none for their age)")
	f.Int64Var(&most, "max-size", 0, "remove the oldest until the rest has so many MB (0: any size)")
	f.BoolVar(&dry, "dry-run", false, "only say what would be removed")
	return cmd
}

// choose parts stores into those to remove and the number of those to keep.
func choose(dirs []string, before time.Time, byAge bool, most int64) (doomed []string, kept int) {
	type candidate struct {
		dir   string
		begun time.Time
		bytes int64
	}
	var good []candidate
	total := int64(0)
	for _, dir := range dirs {
		info, err := os.Stat(filepath.Join(dir, "store.json"))
		s, bad := store.Describe(dir)
		if err != nil || bad != nil || byAge && info.ModTime().Before(before) {
			doomed = append(doomed, dir)
			continue
		}
		good = append(good, candidate{dir, info.ModTime(), s.Bytes})
		total += s.Bytes
	}
	slices.SortFunc(good, func(a, b candidate) int { return cmp.Or(a.begun.Compare(b.begun), cmp.Compare(a.dir, b.dir)) })
	for len(good) > 0 && most > 0 && total > most {
		doomed = append(doomed, good[0].dir)
		total -= good[0].bytes
		good = good[1:]
	}
	return doomed, len(good)
}
