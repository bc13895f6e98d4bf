package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// listed is a line of `targets ls --json`.
type listed struct {
	store.Summary
	Error string `json:"error,omitempty"`
}

func newTargetsLs(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls [DIR…]",
		Short: "List target stores: teacher, rows, classes, dtype, size, what is missing",
		Long: `Lists the stores DIR, or those in the folder DIR; without DIR, those in the cache. No
digest is verified: see kdonnx targets verify.`,
		Example: `  kdonnx targets ls
  kdonnx targets ls store/ --json`,
		RunE: func(_ *cobra.Command, dirs []string) error {
			if len(dirs) == 0 {
				cache, err := cacheDir()
				if err != nil {
					return err
				}
				dirs = []string{filepath.Join(cache, "targets")}
				if _, err := os.Stat(dirs[0]); errors.Is(err, fs.ErrNotExist) {
					dirs = nil // nothing was cached yet
				}
			}
			stores := []listed{}
			for _, dir := range dirs {
				found, err := storesIn(dir)
				if err != nil {
					return err
				}
				for _, d := range found {
					s, err := store.Describe(d)
					l := listed{Summary: s}
					if err != nil {
						l.Error = err.Error()
					}
					stores = append(stores, l)
				}
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(stores)
			}
			return printStores(a, stores)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array on stdout")
	return cmd
}

// storesIn is dir when it is a store, else the stores in it.
func storesIn(dir string) ([]string, error) {
	isStore := func(d string) bool {
		_, err := os.Lstat(filepath.Join(d, "store.json"))
		return err == nil
	}
	if isStore(dir) {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.New(fault.IO, dir, "", "cannot list: %w", errors.Unwrap(err))
	}
	var found []string
	for _, e := range entries {
		if d := filepath.Join(dir, e.Name()); e.IsDir() && isStore(d) {
			found = append(found, d)
		}
	}
	return found, nil
}

func printStores(a *app, stores []listed) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "store\tteacher\trows\tclasses\tdtype\tsize\tstate")
	for _, s := range stores {
		if s.Error != "" {
			fmt.Fprintf(w, "%s\t-\t-\t-\t-\t-\t%s\n", s.Dir, strings.TrimPrefix(s.Error, s.Dir+": "))
			continue
		}
		k := s.Key
		fmt.Fprintf(w, "%s\t%.12s\t%d\t%d\t%s\t%s\t%s\n", s.Dir, k.Teacher, s.Rows, k.Classes, k.DType, sizeText(s.Bytes), stateText(s.Summary))
	}
	return w.Flush()
}

// stateText is "complete", or the missing shards.
func stateText(s store.Summary) string {
	if len(s.Missing) == 0 {
		return "complete"
	}
	const show = 8
	var names []string
	for _, i := range s.Missing[:min(show, len(s.Missing))] {
		names = append(names, fmt.Sprint(i))
	}
	if len(s.Missing) > show {
		names = append(names, "…")
	}
	return fmt.Sprintf("%d of %d shards are missing: %s", len(s.Missing), s.Shards, strings.Join(names, ", "))
}

// sizeText is a number of bytes for people.
func sizeText(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 1000 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	if u == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[u])
}

func newTargetsVerify(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify DIR",
		Short: "Check every digest of a target store and name every bad file",
		Example: `  kdonnx targets verify store/
  kdonnx targets --teacher mnist.onnx --data mnist/ -o store/ --repair    # computes them anew`,
		Args: exactly("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := args[0]
			n := 0
			err := store.Verify(dir, func(err error) {
				n++
				fmt.Fprintln(a.out, err)
			})
			if err != nil {
				return err
			}
			if n > 0 {
				return fault.New(fault.Integrity, dir, "", "%d of its files are damaged or missing", n)
			}
			s, err := store.Describe(dir)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s: %d rows of %d logits as %s, complete and verified\n", dir, s.Rows, s.Key.Classes, s.Key.DType)
			return nil
		},
	}
}

func newTargetsMerge(a *app) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "merge DIR… -o DIR",
		Short: "Make one target store of shards made elsewhere, or of stores of different rows",
		Long: `Folders with shards of one store, such as those of a job array whose machines share no
disk, are joined. Stores of different rows by the same teacher with the same settings
become one store of all their rows. Every digest is verified.`,
		Example: `  kdonnx targets merge part-0/ part-1/ part-2/ -o store/
  kdonnx targets merge monday/ tuesday/ -o both/`,
		RunE: func(cmd *cobra.Command, dirs []string) error {
			if len(dirs) == 0 || out == "" {
				return usage("targets merge needs folders and -o (see --help)")
			}
			bars := newProgress(a.err)
			defer bars.stop()
			s, err := store.Merge(cmd.Context(), out, dirs, func(done, total int) {
				bars.report(distill.RoleTeacher, int64(done), int64(total), nil)
			})
			bars.stop()
			if err != nil {
				return err
			}
			defer s.Close()
			fmt.Fprintf(a.out, "%s: %d rows of %d logits, complete and verified\n", out, s.Len(), s.Classes())
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "folder of the merged store")
	return cmd
}

func newTargetsExport(a *app) *cobra.Command {
	var (
		data dataFlags
		out  string
	)
	cmd := &cobra.Command{
		Use:   "export DIR -o FILE.npy|FILE.npz|FOLDER",
		Short: "Write the logits of a target store for programs that read NumPy's arrays",
		Long: `With --data, the logits of those rows in their order; without, those of the store in
its own. FILE.npy has the logits alone, (rows, classes) float32; FILE.npz and FOLDER
have ids and labels beside them.`,
		Example: `  kdonnx targets export store/ --data mnist/ -o train_logits.npy
  kdonnx targets export store/ --data mnist/ -o train.npz    # numpy.load("train.npz")["logits"]`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usage("targets export needs -o (see --help)")
			}
			var src dataset.Source
			if data.path != "" {
				var err error
				if src, err = data.open(cmd.Context(), "train"); err != nil {
					return err
				}
				defer src.Close()
			}
			s, err := store.Open(args[0])
			if err != nil {
				return err
			}
			defer s.Close()
			if err := s.Export(cmd.Context(), src, out); err != nil {
				return err
			}
			n := s.Len()
			if src != nil {
				n = src.Len()
			}
			fmt.Fprintf(a.out, "%s: %d rows of %d logits\n", out, n, s.Classes())
			return nil
		},
	}
	data.bind(cmd.Flags())
	cmd.Flags().StringVarP(&out, "output", "o", "", "what to write")
	return cmd
}
